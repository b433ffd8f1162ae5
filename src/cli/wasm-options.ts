// `-W KEY[=VALUE],...`: limits and language features, in wasmtime's spelling.

import { features, nearestName, type VmOptions } from '../index.ts'
import { columns } from './command.ts'
import { UsageError } from './failure.ts'

/** Limits by key: option of the `Vm` and its unit in the help. */
const KEYS = {
  fuel: { limit: false, name: 'fuel', value: 'N', help: 'units of fuel the program may use' },
  timeout: { limit: false, name: 'timeout', value: 'TIME', help: 'time a call may take: 5 or 5s, 20ms, 100us, 9ns' },
  'max-memory-size': { limit: true, name: 'memory', value: 'BYTES', help: 'size of each linear memory' },
  'max-table-elements': { limit: true, name: 'table', value: 'N', help: 'elements of each table' },
  'max-gc-heap-size': { limit: true, name: 'gcHeap', value: 'BYTES', help: 'size of the garbage-collected heap' },
  'max-wasm-stack': { limit: true, name: 'stack', value: 'BYTES', help: 'size of the stack of frames' },
  'max-instances': { limit: true, name: 'instances', value: 'N', help: 'live instances' },
  'max-module-size': { limit: true, name: 'moduleSize', value: 'BYTES', help: 'size of each module' },
} as const

type Key = keyof typeof KEYS

/** Whether the help of the keys is asked for. */
export const asksForKeys = (values: readonly string[]): boolean =>
  values.includes('help') || values.includes('help-long')

/** The help of `-W help`. */
export function wasmKeysHelp(): string {
  const limits = Object.entries(KEYS).map(([key, { value, help }]) => [`${key}=${value}`, help] as const)
  const switches = features().features.map(({ name, title }) => [`${kebab(name)}[=y|n]`, title] as const)
  return `Limits:\n${columns(limits)}\n\nLanguage features:\n${columns(switches)}\n`
}

/** The options of a `Vm` from the values of `-W`. */
export function readWasmOptions(
  values: readonly string[],
): Pick<VmOptions, 'fuel' | 'timeout' | 'limits' | 'features'> {
  const control: Record<string, number> = {}
  const limits: Record<string, number> = {}
  const switches: Record<string, boolean> = {}
  const names = new Map(features().features.map(({ name }) => [kebab(name), name]))
  for (const item of values.flatMap((value) => value.split(','))) {
    const equals = item.indexOf('=')
    const key = equals < 0 ? item : item.slice(0, equals)
    const value = equals < 0 ? undefined : item.slice(equals + 1)
    const feature = names.get(key)
    if (feature !== undefined) switches[feature] = readSwitch(key, value)
    else if (Object.hasOwn(KEYS, key)) {
      const { limit, name } = KEYS[key as Key]
      ;(limit ? limits : control)[name] = key === 'timeout' ? readTime(value) : readNumber(key, value)
    } else {
      const near = nearestName(key, [...Object.keys(KEYS), ...names.keys()])
      throw new UsageError(
        `unknown -W key '${key}'`,
        near === undefined ? "tip: '-W help' lists the keys" : `tip: a similar key exists: '${near}'`,
      )
    }
  }
  return { ...control, limits, ...(Object.keys(switches).length === 0 ? {} : { features: switches }) }
}

const kebab = (name: string): string => name.replaceAll('_', '-')

function readSwitch(key: string, value: string | undefined): boolean {
  if (value === undefined || ['y', 'yes', 'true'].includes(value)) return true
  if (['n', 'no', 'false'].includes(value)) return false
  throw new UsageError(`invalid value '${value}' for '-W ${key}': y or n is needed`)
}

function readNumber(key: string, value: string | undefined): number {
  if (value === undefined || !/^\d+$/.test(value))
    throw new UsageError(`invalid value '${value ?? ''}' for '-W ${key}': a number is needed`)
  return Number(value)
}

const MILLISECONDS: Readonly<Record<string, number>> = { '': 1000, s: 1000, ms: 1, us: 1e-3, μs: 1e-3, ns: 1e-6 }

/** Milliseconds. */
function readTime(value: string | undefined): number {
  const match = /^(\d+(?:\.\d+)?)(s|ms|us|μs|ns)?$/.exec(value ?? '')
  if (match === null)
    throw new UsageError(`invalid value '${value ?? ''}' for '-W timeout': a time is needed, such as 5s or 20ms`)
  return Number(match[1]) * MILLISECONDS[match[2] ?? '']
}
