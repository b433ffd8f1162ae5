// The native platform: what leaving and entering guest code costs, traps, pages. Measured on src/ itself, the package does not export
// it. Rows of both interfaces where both are there: ZWASM_NODE names a Node that has node:ffi.

import { Assembler, type Label, ripLabel } from '../src/isa/x64/assembler.ts'
import { Op } from '../src/isa/x64/instructions.ts'
import { Cond, NO_REG, Reg, Size } from '../src/isa/x64/registers.ts'
import { linkCode } from '../src/native/code-arena.ts'
import { ExitCode } from '../src/native/layout.ts'
import { type FfiName, loadFfi } from '../src/native/load.ts'
import { openPlatform, type Platform } from '../src/native/platform.ts'
import { GUARDED_32, Reservation } from '../src/native/reservation.ts'
import { readFileSync } from 'node:fs'
import { inProcess, median, repeat, time } from './measure.ts'
import type { Options, Report, Row, Suite } from './report.ts'

const PING = 2

function install(platform: Platform, emit: (asm: Assembler, exit: Label) => void): number {
  const asm = new Assembler()
  emit(asm, asm.symbolLabel(0))
  asm.finish()
  const chunk = platform.arena.install(asm.bytes.slice(0, asm.pos), (code, address) =>
    linkCode(code, address, asm.relocations(), () => platform.process.exit),
  )
  if (chunk === undefined) throw new Error('the code arena is full')
  return chunk.address
}

function expect(found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`left with ${found}, expected ${wanted}`)
}

/** Exits in a row. */
function exits(platform: Platform): (count: number) => void {
  const { agent } = platform
  const code = install(platform, (asm, exit) => {
    const loop = asm.newLabel()
    asm.bind(loop)
    asm.ri(Op.MovImm32, Size.D, Reg.R11, PING)
    asm.call(exit)
    asm.jmp(loop)
  })
  return (count) => {
    const { sp } = agent
    agent.start(code)
    for (let i = 0; i < count; i++) expect(agent.resume(), PING)
    agent.sp = sp
  }
}

/** Activations that do one thing and end so. */
function activations(platform: Platform, emit: (asm: Assembler) => void, end: ExitCode): (count: number) => void {
  const { agent } = platform
  const code = install(platform, emit)
  return (count) => {
    const { sp } = agent
    for (let i = 0; i < count; i++) {
      agent.start(code)
      expect(agent.resume(), end)
      agent.sp = sp
    }
  }
}

/** Instructions as compilers mix them: registers, memory, immediates, constants, branches. */
function assemble(): (count: number) => void {
  const asm = new Assembler()
  return (count) => {
    asm.reset()
    for (let i = 0; i < count; i += 8) {
      const next = asm.newLabel()
      asm.rm(Op.Mov, Size.D, i & 7, Reg.R14, Reg.Rcx, 0, i)
      asm.rr(Op.Add, Size.Q, i & 15, Reg.Rdi)
      asm.ri(Op.Cmp, Size.D, Reg.Rax, i)
      asm.jcc(Cond.E, next)
      asm.rm(Op.Addsd, Size.D, i & 15, ripLabel(asm.constant64(i & 31, 0)), NO_REG, 0, 0)
      asm.mr(Op.Mov, Size.Q, Reg.Rsp, NO_REG, 0, i & 255, Reg.R9)
      asm.rr(Op.Cvttsd2si, Size.Q, Reg.Rax, i & 7)
      asm.bind(next)
      asm.ri(Op.Shl, Size.D, Reg.Rdx, i & 31)
    }
    asm.finish()
  }
}

/** Name, number of operations in a round, what does them. */
type Operation = readonly [name: string, count: number, run: (count: number) => void]

function operations(platform: Platform): Operation[] {
  const code = new Uint8Array(1024).fill(0x90)
  const reservation = Reservation.create(platform, GUARDED_32)
  if ('reason' in reservation) throw new Error(reservation.reason)
  reservation.open(65536)
  return [
    ['exit and resume', 200_000, exits(platform)],
    ['call an empty function', 200_000, activations(platform, (asm) => asm.op(Op.Ret), ExitCode.Done)],
    ['call a function that traps', 10_000, activations(platform, (asm) => asm.op(Op.Ud2), ExitCode.Trap)],
    [
      'reserve 8 GiB, open a page of Wasm, release',
      500,
      (count) => {
        for (let i = 0; i < count; i++) {
          const made = Reservation.create(platform, GUARDED_32)
          if ('reason' in made || !made.open(65536)) throw new Error('refused')
          made.release()
        }
      },
    ],
    [
      'view of a memory',
      500,
      (count) => {
        for (let i = 0; i < count; i++) reservation.view(65536)
      },
    ],
    ['assemble an instruction', 200_000, assemble()],
    [
      'install and release 1 KiB of code',
      500,
      (count) => {
        for (let i = 0; i < count; i++) platform.arena.release(platform.arena.install(code)!)
      },
    ],
  ]
}

function open(ffi: FfiName): Platform {
  const platform = openPlatform({ ffi: [ffi] })
  if ('reason' in platform) throw new Error(platform.reason)
  return platform
}

const anonymousBytes = (): number =>
  1024 * Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1])

interface Job {
  readonly ffi: FfiName
  readonly rounds: number
  /** Operations in a row of which the growth in bytes is measured; else times. */
  readonly growth?: number
}

/** The row of what is measured first in each process; in milliseconds, all others are nanoseconds. */
const OPENING = 'open the platform in a process that has just started'

/** Times by operation, or bytes grown by exits and traps. */
function measure({ ffi, rounds, growth }: Job): Record<string, number> {
  let opened: Platform | undefined
  const opening = time(() => (opened = open(ffi)))
  const platform = opened!
  if (growth === undefined)
    return {
      [OPENING]: opening,
      ...Object.fromEntries(
        operations(platform).map(([name, count, run]) => {
          run(count)
          return [name, (median(repeat(rounds, () => time(() => run(count)))) * 1e6) / count]
        }),
      ),
    }
  const [[, , exit], , [, , trap]] = operations(platform)
  const grown = (run: (count: number) => void): number => {
    run(50_000)
    const before = anonymousBytes()
    run(growth)
    return anonymousBytes() - before
  }
  return { exits: grown(exit), traps: grown(trap) }
}

/** Exits and traps in a row whose growth is shown. */
const MILLION = 1_000_000

export const native: Suite = {
  name: 'native',
  async run({ processes, rounds, only }: Options): Promise<Report[]> {
    const interfaces = (['koffi', 'node:ffi'] as const).filter((name) => !('reason' in loadFfi([name])))
    const openings: Row[] = []
    const times: Row[] = []
    const growth: Row[] = []
    const wanted = ({ name }: Row): boolean => only.length === 0 || only.includes(name)
    for (const ffi of interfaces) {
      const all = repeat(processes, () => inProcess<Record<string, number>>('native', { ffi, rounds } satisfies Job))
      const rows = Object.keys(all[0]).map((name) => ({
        name: `${name} (${ffi})`,
        ours: Math.min(...all.map((one) => one[name])),
      }))
      const bytes = inProcess<Record<string, number>>('native', { ffi, rounds, growth: MILLION } satisfies Job)
      const grown = Object.entries(bytes).map(([name, count]) => ({
        name: `${MILLION.toLocaleString('en-US')} ${name} (${ffi})`,
        ours: count / 1024,
      }))
      openings.push(...rows.slice(0, 1).filter(wanted))
      times.push(...rows.slice(1).filter(wanted))
      growth.push(...grown.filter(wanted))
    }
    return [
      { title: 'start of the native platform', unit: 'ms', columns: { ours: 'minimum' }, rows: openings },
      { title: 'native platform', unit: 'ns', columns: { ours: 'median' }, rows: times },
      { title: 'growth of the process', unit: 'KiB', columns: { ours: 'grown' }, rows: growth },
    ]
  },
  child: async (job: Job) => measure(job),
}
