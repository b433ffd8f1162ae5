// What the functions of preview 1 work on.

import type { Clock } from '../clocks.ts'
import type { DescriptorTable } from '../descriptors.ts'
import type { GuestMemory } from './guest.ts'
import type { StringList } from './process.ts'

export interface Context {
  readonly descriptors: DescriptorTable
  readonly args: StringList
  readonly env: StringList
  readonly clock: Clock
  /** Fills with random bytes. */
  readonly random: (bytes: Uint8Array) => void
  /** Names that the guest may still make; undefined without a cap. */
  readonly names: { left: number } | undefined
  /** Called while a function waits, about a hundred times a second: throws what is to stop the run. */
  readonly checkpoint: (() => void) | undefined
  /** Set when the instance is known. Each function's wrapper has renewed its views. */
  guest: GuestMemory
}
