// Timing, and measuring in fresh processes.

import { spawnSync } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Milliseconds of one call. */
export function time(action: () => unknown): number {
  const begin = performance.now()
  action()
  return performance.now() - begin
}

/**
 * Medians of two actions that take turns. Both run `warmUp` times before: interpreters and compilers need some calls until they are
 * at their best.
 */
export function interleave(
  ours: () => unknown,
  theirs: () => unknown,
  rounds: number,
  warmUp = 3,
): { ours: number; theirs: number } {
  for (let i = 0; i < warmUp; i++) {
    ours()
    theirs()
  }
  const times: [number[], number[]] = [[], []]
  for (let i = 0; i < rounds; i++) {
    times[0].push(time(ours))
    times[1].push(time(theirs))
  }
  return { ours: median(times[0]), theirs: median(times[1]) }
}

/** Likewise for what leaves garbage that is collected in other turns of the event loop: there is one after each call. */
export async function interleaveInTurns(
  ours: () => unknown,
  theirs: () => unknown,
  rounds: number,
  warmUp: number,
): Promise<{ ours: number; theirs: number }> {
  const times: [number[], number[]] = [[], []]
  for (let i = 0; i < warmUp + rounds; i++) {
    for (const [k, action] of [ours, theirs].entries()) {
      const taken = time(action)
      if (i >= warmUp) times[k].push(taken)
      await setTimeout(1)
    }
  }
  return { ours: median(times[0]), theirs: median(times[1]) }
}

/** The result of a suite's `child` in a fresh process. */
export function inProcess<T>(suite: string, job: unknown, nodeOptions: readonly string[] = []): T {
  const script = fileURLToPath(import.meta.url)
  const args = [...nodeOptions, script, '--child', suite, JSON.stringify(job)]
  const { status, stdout, signal } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  })
  if (status !== 0) throw new Error(`${suite} ${JSON.stringify(job)} ended with ${signal ?? `exit code ${status}`}`)
  return JSON.parse(stdout) as T
}

export const repeat = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)
