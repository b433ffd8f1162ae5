// The options of `run` that give a guest something: nothing but the standard streams by default.

import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { type ImportType, OverlayFileSystem, type Vm, WASI, wasiVersion } from '../index.ts'
import { type CommandLine, type Option, valueOf, valuesOf } from './args.ts'
import { Failure, UsageError } from './failure.ts'
import { systemText } from './io.ts'

export const WASI_OPTIONS: readonly Option[] = [
  {
    name: 'dir',
    value: 'HOST[::GUEST][::ro|::overlay]',
    repeat: true,
    help: 'Give the guest a directory, under the same name or as GUEST; `ro` lets it change nothing, `overlay` keeps its changes in memory',
    group: 'WASI',
  },
  {
    name: 'env',
    value: 'NAME[=VALUE]',
    repeat: true,
    help: "Set a variable of the guest's environment; without a value, to that of this process",
    group: 'WASI',
  },
  { name: 'argv0', value: 'NAME', help: "The guest's name of itself; by default that of FILE", group: 'WASI' },
]

/** A directory of the host, and what the guest's changes do. */
interface Directory {
  readonly host: string
  readonly changes: 'rw' | 'ro' | 'overlay'
}

/** What the command line gives to the guest. */
export interface WasiSettings {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly directories: Readonly<Record<string, Directory>>
  /** Receives each call. */
  readonly trace: ((text: string) => void) | undefined
}

export function wasiSettings(
  line: CommandLine,
  file: string,
  args: readonly string[],
  trace: WasiSettings['trace'],
): WasiSettings {
  return {
    args: [valueOf(line, 'argv0') ?? (file === '-' ? '-' : basename(file)), ...args],
    env: Object.fromEntries(valuesOf(line, 'env').flatMap(variable)),
    directories: Object.fromEntries(valuesOf(line, 'dir').map(directory)),
    trace,
  }
}

function variable(text: string): [string, string][] {
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  if (name === '') throw new UsageError(`invalid value '${text}' for '--env <NAME[=VALUE]>': the name is empty`)
  const value = equals < 0 ? process.env[name] : text.slice(equals + 1)
  return value === undefined ? [] : [[name, value]]
}

function directory(text: string): [string, Directory] {
  const [host, ...rest] = text.split('::')
  const last = rest.at(-1)
  const changes = last === 'ro' || last === 'overlay' ? last : 'rw'
  if (changes !== 'rw') rest.pop()
  const [guest = host] = rest
  if (host === '' || guest === '' || rest.length > 1)
    throw new UsageError(`invalid value '${text}' for '--dir <HOST[::GUEST][::ro|::overlay]>'`)
  return [guest, { host, changes }]
}

export const isWasiModule = (name: string): boolean => name === 'wasi_snapshot_preview1' || name === 'wasi_unstable'

/** @throws Failure for a directory that cannot be opened. */
export function createWasi(settings: WasiSettings, vm: Vm, imports: readonly ImportType[]): WASI {
  const { args, env, directories, trace } = settings
  for (const { host } of Object.values(directories)) checkDirectory(host)
  return new WASI({
    version: wasiVersion(imports),
    args,
    env,
    preopens: Object.fromEntries(Object.entries(directories).map(([guest, given]) => [guest, preopen(given)])),
    checkpoint: () => vm.checkpoint(),
    ...(trace === undefined ? {} : { trace }),
  })
}

const preopen = ({ host, changes }: Directory) =>
  changes === 'overlay' ? new OverlayFileSystem(host) : { host, readonly: changes === 'ro' }

function checkDirectory(host: string): void {
  try {
    if (!statSync(host).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
  } catch (error) {
    throw new Failure(`failed to open directory \`${host}\``, [systemText(error)])
  }
}
