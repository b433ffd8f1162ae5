// Native code is tested in child processes: a crash is a failed test, with the signal's name, and not the end of the test run. A test file
// is run again as the child, with the name of one case.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { isMainThread } from 'node:worker_threads'
import { Assembler, type Label } from '../../src/isa/x64/assembler.ts'
import { Op } from '../../src/isa/x64/instructions.ts'
import { NO_REG, Reg, Size } from '../../src/isa/x64/registers.ts'
import { linkCode } from '../../src/native/code-arena.ts'
import type { FfiName } from '../../src/native/load.ts'
import { openPlatform, type Platform, type PlatformOptions } from '../../src/native/platform.ts'

export type Case = (ffi: FfiName) => unknown

/** What this Node has: koffi always (a development dependency), node:ffi from 26.1 on. */
export const INTERFACES: readonly FfiName[] =
  Number(process.versions.node.split('.')[0]) >= 26 ? ['koffi', 'node:ffi'] : ['koffi']

const NAME = process.env['ZWASM_NATIVE_CASE']

export interface Finished {
  readonly status: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly flags?: readonly string[]
  /** Kilobytes of address space: ulimit -v. */
  readonly addressSpace?: number
}

/** Runs a case of this file in a process of its own. */
export function runCase(name: string, ffi: FfiName, options: RunOptions = {}): Finished {
  const args = ['--expose-gc', ...(options.flags ?? []), process.argv[1]]
  const command = options.addressSpace === undefined ? process.execPath : 'sh'
  const limited = ['-c', `ulimit -v ${options.addressSpace}; exec "$0" "$@"`, process.execPath, ...args]
  const { status, signal, stdout, stderr } = spawnSync(command, command === 'sh' ? limited : args, {
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, ZWASM_NATIVE_CASE: name, ZWASM_NATIVE_FFI: ffi, NODE_TEST_CONTEXT: undefined },
  })
  return { status, signal, stdout, stderr }
}

/**
 * Runs the cases: as tests that each start a child, or, in the child, the one that is named. A case passes if it returns; `dies` are
 * cases that must end by a signal instead.
 */
export function nativeTests(
  cases: Readonly<Record<string, Case>>,
  options: Readonly<Record<string, RunOptions>> = {},
  dies: Readonly<Record<string, string>> = {},
): void {
  if (NAME !== undefined) {
    if (isMainThread) void Promise.resolve(cases[NAME](process.env['ZWASM_NATIVE_FFI'] as FfiName))
    return
  }
  for (const name of Object.keys(cases)) {
    for (const ffi of INTERFACES) {
      test(`${name} (${ffi})`, () => {
        const { status, signal, stdout, stderr } = runCase(name, ffi, options[name])
        const expected = name in dies ? { status: null, signal: dies[name] } : { status: 0, signal: null }
        assert.deepEqual({ status, signal }, expected, `${stdout}${stderr}`)
      })
    }
  }
}

/** Whether this process is a child that runs a case. */
export const inChild = NAME !== undefined

/** The platform, or a failure with the reason. */
export function open(ffi: FfiName, options: PlatformOptions = {}): Platform {
  const platform = openPlatform({ ffi: [ffi], ...options })
  if ('reason' in platform) assert.fail(platform.reason)
  assert.equal(platform.ffi.name, ffi)
  return platform
}

/** Symbols of test code. */
export const EXIT_SYMBOL = 0

/** Installs code; `exit` is the label of the exit stub. Returns its address. */
export function install(platform: Platform, emit: (asm: Assembler, exit: Label) => void): number {
  const asm = new Assembler()
  emit(asm, asm.symbolLabel(EXIT_SYMBOL))
  asm.finish()
  const chunk = platform.arena.install(asm.bytes.slice(0, asm.pos), (code, address) =>
    linkCode(code, address, asm.relocations(), (symbol) => {
      assert.equal(symbol, EXIT_SYMBOL)
      return platform.process.exit
    }),
  )
  assert.ok(chunk !== undefined)
  return chunk.address
}

/** Leaves with an exit code. */
export function emitExit(asm: Assembler, exit: Label, code: number): void {
  asm.ri(Op.MovImm32, Size.D, Reg.R11, code)
  asm.call(exit)
}

/** mov dst, [base + disp] of 64 bits */
export const emitLoad = (asm: Assembler, dst: Reg, base: Reg, disp = 0): void =>
  asm.rm(Op.Mov, Size.Q, dst, base, NO_REG, 0, disp)
