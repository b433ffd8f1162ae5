// Entering, leaving and resuming guest code; faults as traps; what several threads and V8's own traps have to do with it.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Worker, workerData, isMainThread, parentPort } from 'node:worker_threads'
import type { Assembler } from '../../src/isa/x64/assembler.ts'
import { Op } from '../../src/isa/x64/instructions.ts'
import { Cond, NO_REG, Reg, Size, Xmm } from '../../src/isa/x64/registers.ts'
import { MapFlag, Prot } from '../../src/native/ffi.ts'
import { CodeSpace, ExitCode, Mapping, ProcessBlock, Signal, StackRegion } from '../../src/native/layout.ts'
import type { FfiName } from '../../src/native/load.ts'
import { closePlatform, openPlatform, type Platform } from '../../src/native/platform.ts'
import { GUARDED_32, Reservation } from '../../src/native/reservation.ts'
import { type Case, emitExit, emitLoad, install, nativeTests, open } from './harness.ts'

/** An exit code of the tests. */
const PING = 7

const SPANS = ProcessBlock.Spans >> 2

/** V8's WebAssembly, which @types/node does not declare. */
interface HostWebAssembly {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { exports: Record<string, unknown> }
  RuntimeError: new () => Error
}

const host = (globalThis as unknown as { WebAssembly: HostWebAssembly }).WebAssembly

/** Bytes of a module that exports `load`: i32.load of its argument, from a memory of one page. */
const V8_MODULE = new host.Module(
  new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 8, 1, 4, 0x6c, 0x6f,
    0x61, 0x64, 0, 0, 0x0a, 9, 1, 7, 0, 0x20, 0, 0x28, 2, 0, 0x0b,
  ]),
)

/** A function that makes V8's own Wasm fault, outside of its memory, and checks that V8 handles it. */
function v8Trap(): () => void {
  const { load } = new host.Instance(V8_MODULE).exports as { load: (address: number) => number }
  return () => {
    assert.equal(load(65532), 0)
    assert.throws(() => load(65533), host.RuntimeError)
    assert.throws(() => load(-4), host.RuntimeError)
  }
}

/** Calls code that must fault; the stack pointer is as before afterwards. */
function trap(platform: Platform, code: number, argument = 0): ReturnType<Platform['agent']['fault']> {
  const { agent } = platform
  const { sp } = agent
  agent.ints64[0] = BigInt(argument)
  agent.start(code)
  assert.equal(agent.resume(), ExitCode.Trap)
  agent.sp = sp
  return agent.fault()
}

/** Code that faults at its first instruction, for each signal; the argument is an address without access. */
const FAULTS: readonly [signal: Signal, emit: (asm: Assembler) => void][] = [
  [Signal.Ill, (asm) => asm.op(Op.Ud2)],
  [Signal.Segv, (asm) => emitLoad(asm, Reg.Rax, Reg.Rdi)],
  [Signal.Fpe, (asm) => asm.r(Op.Div, Size.D, Reg.R8)],
]

/** Counts rdi down to 0 with rbp = rsi: 20 million take some 10 ms. */
function emitSpin(asm: Assembler): void {
  const loop = asm.newLabel()
  asm.r(Op.Push, Size.Q, Reg.Rbp)
  asm.rr(Op.Mov, Size.Q, Reg.Rbp, Reg.Rsi)
  asm.bind(loop)
  asm.ri(Op.Sub, Size.Q, Reg.Rdi, 1)
  asm.jcc(Cond.NE, loop)
  asm.r(Op.Pop, Size.Q, Reg.Rbp)
  asm.op(Op.Ret)
}

function memory(ffi: Platform['ffi'], protection: Prot): number {
  return ffi.mmap(0, 65536, protection, MapFlag.Private | MapFlag.Anonymous, -1, 0)
}

/** All faults, `rounds` times. */
function trapAll(platform: Platform, rounds: number): void {
  const forbidden = memory(platform.ffi, Prot.None)
  const codes = FAULTS.map(([signal, emit]) => ({ signal, code: install(platform, emit) }))
  platform.agent.ints64.fill(0n)
  for (let i = 0; i < rounds; i++) {
    for (const { signal, code } of codes) {
      const fault = trap(platform, code, forbidden)
      assert.equal(fault.signal, signal)
      assert.equal(fault.pc, code)
      assert.equal(fault.address, signal === Signal.Segv ? forbidden : code)
      assert.equal(fault.stackOverflow, false)
      assert.equal(fault.sp % 16, 8)
    }
  }
}

/** Resident bytes that are no file's. */
function resident(): number {
  const kilobytes = /RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]
  return Number(kilobytes) * 1024
}

/** Runs the body, then again and again; it must not grow. */
function withoutGrowth(body: () => void): void {
  body()
  body()
  globalThis.gc!()
  const before = resident()
  for (let i = 0; i < 4; i++) body()
  globalThis.gc!()
  const grown = resident() - before
  assert.ok(grown < 4_000_000, `grew by ${grown} bytes`)
}

const cases: Record<string, Case> = {
  'arguments, results and everything that a call preserves': (ffi) => {
    const platform = open(ffi)
    const { agent } = platform
    // Exchanges neighbours among the argument registers, exits between, and hands the preserved registers out.
    const code = install(platform, (asm, exit) => {
      const pairs = [Reg.Rdi, Reg.Rsi, Reg.R8, Reg.R9, Reg.R10, Reg.Rax, Reg.Rdx, Reg.Rcx]
      for (let i = 0; i < 8; i += 2) {
        asm.rr(Op.Mov, Size.Q, Reg.R11, pairs[i])
        asm.rr(Op.Mov, Size.Q, pairs[i], pairs[i + 1])
        asm.rr(Op.Mov, Size.Q, pairs[i + 1], Reg.R11)
      }
      for (const [i, reg] of [Reg.Rbx, Reg.Rbp, Reg.R12, Reg.R13].entries())
        asm.ri(Op.MovImm32, Size.D, reg, 0x1000 + i)
      for (let x = Xmm.X0; x <= Xmm.X7; x++) asm.rr(Op.Addsd, Size.D, x, x)
      emitExit(asm, exit, PING)
      for (const reg of [Reg.Rbx, Reg.Rbp, Reg.R12, Reg.R13, Reg.R14, Reg.R15]) asm.rr(Op.Add, Size.Q, Reg.Rdi, reg)
      asm.op(Op.Ret)
    })
    const { sp } = agent
    for (let i = 0; i < 8; i++) {
      agent.ints64[i] = BigInt(i) << 40n
      agent.floats64[2 * i] = i + 0.25
    }
    agent.start(code, 0x5000, 0x6000)
    assert.equal(agent.resume(), PING)
    assert.deepEqual(
      [...agent.ints64],
      [1, 0, 3, 2, 5, 4, 7, 6].map((i) => BigInt(i) << 40n),
    )
    assert.deepEqual(
      [...agent.floats64].filter((_, i) => i % 2 === 0),
      [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5],
    )
    // The host function's results.
    for (let i = 0; i < 8; i++) agent.ints64[i] = BigInt(100 + i)
    agent.floats64.fill(-1)
    assert.equal(agent.resume(), ExitCode.Done)
    const preserved = 0x1000 + 0x1001 + 0x1002 + 0x1003 + 0x5000 + 0x6000
    assert.deepEqual([...agent.ints64], [100 + preserved, 101, 102, 103, 104, 105, 106, 107].map(BigInt))
    assert.deepEqual([...new Set(agent.floats64)], [-1])
    agent.sp = sp
  },

  'activations nest: an exit is served by running other guest code': (ffi) => {
    const platform = open(ffi)
    const { agent } = platform
    // f(n) = n == 0 ? 0 : n + exit(n - 1)
    const code = install(platform, (asm, exit) => {
      const end = asm.newLabel()
      asm.r(Op.Push, Size.Q, Reg.Rbx)
      asm.rr(Op.Mov, Size.Q, Reg.Rbx, Reg.Rdi)
      asm.rr(Op.Test, Size.Q, Reg.Rdi, Reg.Rdi)
      asm.jcc(Cond.E, end)
      asm.ri(Op.Sub, Size.Q, Reg.Rdi, 1)
      emitExit(asm, exit, PING)
      asm.rr(Op.Add, Size.Q, Reg.Rdi, Reg.Rbx)
      asm.bind(end)
      asm.r(Op.Pop, Size.Q, Reg.Rbx)
      asm.op(Op.Ret)
    })
    const run = (n: bigint): bigint => {
      const { sp } = agent
      agent.ints64[0] = n
      agent.start(code)
      for (;;) {
        const reason = agent.resume()
        if (reason === ExitCode.Done) break
        assert.equal(reason, PING)
        const outer = agent.sp
        const inner = run(agent.ints64[0])
        agent.sp = outer
        agent.ints64[0] = inner
      }
      agent.sp = sp
      return agent.ints64[0]
    }
    assert.equal(run(200n), 20100n)
    assert.equal(run(3n), 6n)
  },

  'faults are traps, again and again, and name what happened': (ffi) => trapAll(open(ffi), 2000),

  'a fault with pages that change their protection': (ffi) => trapAll(open(ffi, { pages: 'mprotect' }), 100),

  'an access behind the end of a mapped file is SIGBUS': (ffi) => {
    const platform = open(ffi)
    const { ffi: f } = platform
    const fd = f.memfdCreate('empty', 0)
    const address = f.mmap(0, 4096, Prot.ReadWrite, MapFlag.Shared, fd, 0)
    const code = install(platform, FAULTS[1][1])
    for (let i = 0; i < 100; i++) {
      const fault = trap(platform, code, address + 8)
      assert.deepEqual([fault.signal, fault.address, fault.pc], [Signal.Bus, address + 8, code])
    }
  },

  'exhausting the stack is a trap, at any depth of nested activations': (ffi) => {
    const platform = open(ffi)
    const { agent } = platform
    const recurse = install(platform, (asm) => {
      const self = asm.newLabel()
      asm.bind(self)
      asm.ri(Op.Sub, Size.Q, Reg.Rsp, 72)
      asm.ri(Op.Add, Size.Q, Reg.Rdi, 1)
      asm.call(self)
    })
    const exitOnce = install(platform, (asm, exit) => {
      emitExit(asm, exit, PING)
      asm.op(Op.Ret)
    })
    const { sp } = agent
    const left: number[] = []
    for (let depth = 0; depth < 100; depth++) {
      const fault = trap(platform, recurse)
      assert.ok(fault.stackOverflow && fault.signal === Signal.Segv)
      assert.ok(fault.sp >= agent.region + StackRegion.GuardBytes - 80)
      assert.equal(fault.address, fault.sp - 8)
      agent.start(exitOnce)
      assert.equal(agent.resume(), PING)
      left.push(agent.sp)
    }
    while (left.length > 0) {
      agent.sp = left.pop()!
      assert.equal(agent.resume(), ExitCode.Done)
    }
    agent.sp = sp
    assert.ok(trap(platform, recurse).stackOverflow)
  },

  'the push of an exit stub that runs into the guard is a trap': (ffi) => {
    const platform = open(ffi)
    // Recurses through exits in all distances from the guard.
    for (const frame of [8, 16, 24, 32, 40, 48, 56, 64]) {
      const code = install(platform, (asm, exit) => {
        const loop = asm.newLabel()
        asm.rr(Op.Mov, Size.Q, Reg.Rsp, Reg.Rdi)
        asm.bind(loop)
        asm.ri(Op.Sub, Size.Q, Reg.Rsp, frame)
        emitExit(asm, exit, PING)
        asm.jmp(loop)
      })
      const { agent } = platform
      const { sp } = agent
      agent.ints64[0] = BigInt(agent.region + StackRegion.GuardBytes + 512)
      agent.start(code)
      let exits = 0
      let reason = agent.resume()
      for (; reason === PING; reason = agent.resume()) exits++
      assert.equal(reason, ExitCode.Trap)
      assert.ok(exits >= (512 - 64) / frame - 1 && exits <= 512 / frame)
      assert.ok(agent.fault().stackOverflow)
      agent.sp = sp
    }
  },

  "V8's own traps work before, after and between ours": (ffi) => {
    const v8 = v8Trap()
    v8()
    const platform = open(ffi)
    v8()
    for (let i = 0; i < 300; i++) {
      trapAll(platform, 1)
      v8()
    }
    closePlatform(platform)
    for (let i = 0; i < 10; i++) v8()
  },

  'worker threads trap at the same time, in one arena, V8 beside them': async (ffi) => {
    const platform = open(ffi)
    const v8 = v8Trap()
    const work = (): Promise<number> =>
      new Promise((done, fail) => {
        const worker = new Worker(process.argv[1], { workerData: { ffi } })
        let start = -1
        worker.on('message', (codeStart: number) => (start = codeStart))
        worker.on('error', fail)
        worker.on('exit', (code) => (code === 0 ? done(start) : fail(new Error(`worker ended with ${code}`))))
      })
    for (let round = 0; round < 2; round++) {
      const workers = Promise.all([work(), work(), work()])
      for (let i = 0; i < 50; i++) {
        trapAll(platform, 10)
        v8()
        await new Promise(setImmediate)
      }
      for (const start of await workers) assert.equal(start, platform.process.codeStart, 'one arena for all threads')
    }
    trapAll(platform, 10)
  },

  'what a terminated worker had is freed, and the others are left alone': async (ffi) => {
    const platform = open(ffi)
    const { words } = platform.process
    const spans = (): number => words.subarray(SPANS, SPANS + CodeSpace.Spans).filter((owner) => owner !== 0).length
    const mappings = (): number =>
      Array.from({ length: Mapping.Rows }, (_, i) => words[(ProcessBlock.Mappings + i * Mapping.RowBytes) >> 2]).filter(
        (thread) => thread !== 0,
      ).length
    trapAll(platform, 1)
    const before = [spans(), mappings()]
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(process.argv[1], { workerData: { ffi, forever: true } })
      await new Promise((done) => worker.once('message', done))
      while (spans() === before[0]) await new Promise((done) => setTimeout(done, 1))
      assert.deepEqual([spans(), mappings()], [before[0] + 1, before[1] + 3])
      await worker.terminate()
      trapAll(platform, 20)
      // The next agent of any thread frees it.
      closePlatform(open(ffi))
      assert.deepEqual([spans(), mappings()], before)
      trapAll(platform, 20)
    }
  },

  'opening and closing many times does not grow': (ffi) => {
    withoutGrowth(() => {
      for (let i = 0; i < 20; i++) {
        const platform = open(ffi)
        trapAll(platform, 2)
        closePlatform(platform)
      }
    })
  },

  'traps and exits in a row do not grow': (ffi) => {
    const platform = open(ffi)
    const { agent } = platform
    const forever = install(platform, (asm, exit) => {
      const loop = asm.newLabel()
      asm.bind(loop)
      emitExit(asm, exit, PING)
      asm.jmp(loop)
    })
    const ud2 = install(platform, (asm) => asm.op(Op.Ud2))
    withoutGrowth(() => {
      const { sp } = agent
      agent.start(forever)
      for (let i = 0; i < 20_000; i++) assert.ok(agent.resume() === PING)
      agent.sp = sp
      for (let i = 0; i < 5000; i++) {
        agent.start(ud2)
        assert.ok(agent.resume() === ExitCode.Trap)
        agent.sp = sp
      }
    })
  },

  "V8's profiler samples while guest code runs, whatever is in its registers": (ffi) => {
    const platform = open(ffi)
    const spin = install(platform, emitSpin)
    const { agent } = platform
    // rbp is what a profiler walks by: nothing, memory without access, and the middle of the guest's stack.
    for (const rbp of [0, memory(platform.ffi, Prot.None), agent.region + StackRegion.Bytes / 2]) {
      for (let i = 0; i < 20; i++) {
        const { sp } = agent
        agent.ints64[0] = 20_000_000n
        agent.ints64[1] = BigInt(rbp)
        agent.start(spin)
        assert.equal(agent.resume(), ExitCode.Done)
        agent.sp = sp
        trapAll(platform, 1)
      }
    }
  },

  'a signal that finds no room on the stack is an exhausted stack': async (ffi) => {
    const platform = open(ffi)
    const { agent } = platform
    let signals = 0
    process.on('SIGUSR2', () => signals++)
    // Spins with the stack pointer so near to the guard that the kernel cannot lay its frame there, and with room.
    const spin = install(platform, (asm) => {
      const loop = asm.newLabel()
      asm.rr(Op.Mov, Size.Q, Reg.Rax, Reg.Rsp)
      asm.rr(Op.Mov, Size.Q, Reg.Rsp, Reg.Rsi)
      asm.bind(loop)
      asm.ri(Op.Sub, Size.Q, Reg.Rdi, 1)
      asm.jcc(Cond.NE, loop)
      asm.rr(Op.Mov, Size.Q, Reg.Rsp, Reg.Rax)
      asm.op(Op.Ret)
    })
    const end = agent.region + StackRegion.GuardBytes
    const run = (room: number): number => {
      const { sp } = agent
      agent.ints64[0] = 50_000_000n
      agent.ints64[1] = BigInt(end + room)
      agent.start(spin)
      const reason = agent.resume()
      agent.sp = sp
      return reason
    }
    const sender = spawn('sh', ['-c', 'while kill -USR2 $0; do sleep 0.02; done', String(process.pid)])
    // Until one hits; the test's time limit ends what never happens.
    while (run(256) !== ExitCode.Trap);
    assert.ok(agent.fault().stackOverflow)
    for (let i = 0; i < 8; i++) assert.equal(run(StackRegion.SignalBytes), ExitCode.Done)
    // The signals that found room arrive.
    while (signals === 0) await new Promise((done) => setTimeout(done, 10))
    sender.kill()
  },

  'a fault of somebody else ends the process as before': (ffi) => {
    const platform = open(ffi)
    trapAll(platform, 1)
    // JavaScript reads a page without access.
    const words = new Int32Array(platform.ffi.view(memory(platform.ffi, Prot.None), 4096))
    console.log(words[0])
  },

  "the same without V8's handler": (ffi) => cases['a fault of somebody else ends the process as before'](ffi),

  'SIGSEGV that is sent ends the process': (ffi) => sendAfterTraps(ffi, 'SIGSEGV'),
  'SIGILL that is sent ends the process': (ffi) => sendAfterTraps(ffi, 'SIGILL'),
  'SIGFPE that is sent ends the process': (ffi) => sendAfterTraps(ffi, 'SIGFPE'),
  'SIGBUS that is sent ends the process': (ffi) => sendAfterTraps(ffi, 'SIGBUS'),

  'SIGFPE that is sent while guest code runs ends the process': (ffi) => spinUntilSent(ffi, 'FPE'),
  'SIGSEGV that is sent while guest code runs ends the process': (ffi) => spinUntilSent(ffi, 'SEGV'),

  'the processor has what this machine says it has': (ffi) => {
    const { cpu } = open(ffi)
    const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))![1].trim().split(' '))
    assert.deepEqual(
      { ...cpu },
      {
        lzcnt: flags.has('abm'),
        popcnt: flags.has('popcnt'),
        bmi1: flags.has('bmi1'),
        bmi2: flags.has('bmi2'),
        avx: flags.has('avx'),
        avx2: flags.has('avx2'),
        fma: flags.has('fma'),
      },
    )
  },

  'the stack is where the context says, and floats go both ways': (ffi) => {
    const platform = open(ffi)
    const { agent } = platform
    assert.equal(agent.region % StackRegion.Bytes, 0)
    const code = install(platform, (asm) => {
      asm.rr(Op.Mov, Size.Q, Reg.Rdi, Reg.Rsp)
      asm.rr(Op.Cvtss2sd, Size.D, Xmm.X1, Xmm.X0)
      asm.rm(Op.Addss, Size.D, Xmm.X0, ~asm.constant32(0x3f800000), NO_REG, 0, 0)
      asm.op(Op.Ret)
    })
    const { sp } = agent
    agent.floats32[0] = 1.5
    agent.start(code)
    assert.equal(agent.resume(), ExitCode.Done)
    assert.deepEqual([agent.floats32[0], agent.floats64[2]], [2.5, 1.5])
    const inside = Number(agent.ints64[0])
    assert.equal(inside % 16, 8)
    assert.ok(inside < sp && inside > sp - 128)
  },
}

/** One activation that spins for a minute: the signal comes while guest code runs. */
function spinUntilSent(ffi: FfiName, signal: string): void {
  const platform = open(ffi)
  const { agent } = platform
  spawn('sh', ['-c', `sleep 0.4; kill -${signal} $0`, String(process.pid)])
  agent.ints64[0] = 1n << 37n
  agent.ints64[1] = 0n
  agent.start(install(platform, emitSpin))
  assert.fail(`left with ${agent.resume()}`)
}

function sendAfterTraps(ffi: FfiName, signal: NodeJS.Signals): Promise<void> {
  trapAll(open(ffi), 1)
  process.kill(process.pid, signal)
  return new Promise((_, fail) => setTimeout(() => fail(new Error('still alive')), 5000))
}

if (isMainThread)
  nativeTests(
    cases,
    {
      "the same without V8's handler": { flags: ['--disable-wasm-trap-handler'] },
      "V8's profiler samples while guest code runs, whatever is in its registers": {
        flags: ['--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-dir', 'build/test/profiles'],
      },
    },
    {
      'a fault of somebody else ends the process as before': 'SIGSEGV',
      "the same without V8's handler": 'SIGSEGV',
      'SIGSEGV that is sent ends the process': 'SIGSEGV',
      'SIGFPE that is sent while guest code runs ends the process': 'SIGFPE',
      'SIGSEGV that is sent while guest code runs ends the process': 'SIGSEGV',
      'SIGILL that is sent ends the process': 'SIGILL',
      'SIGFPE that is sent ends the process': 'SIGFPE',
      'SIGBUS that is sent ends the process': 'SIGBUS',
    },
  )
else {
  const { ffi, forever } = workerData as { ffi: FfiName; forever?: boolean }
  const platform = openPlatform({ ffi: [ffi] })
  if ('reason' in platform) throw new Error(platform.reason)
  const v8 = v8Trap()
  const memory = Reservation.create(platform, GUARDED_32)
  if ('reason' in memory || !memory.open(65536)) throw new Error('no memory')
  parentPort!.postMessage(platform.process.codeStart)
  for (let i = 0; i < 50 || forever === true; i++) {
    trapAll(platform, 10)
    v8()
    // koffi throws C++ exceptions in a thread that is being terminated, and the process aborts (docs/jit.md): it is terminated here.
    if (forever === true && ffi === 'koffi') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }
  memory.release()
  closePlatform(platform)
}
