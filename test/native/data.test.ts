// Guest code and the data it reads: code slots, lazy functions, imports, tables, globals, memories. The code is written by hand as the
// compiler will write it, by docs/jit.md.

import assert from 'node:assert/strict'
import { type Assembler, ripLabel } from '../../src/isa/x64/assembler.ts'
import { Op } from '../../src/isa/x64/instructions.ts'
import { Cond, NO_REG, Reg, Size } from '../../src/isa/x64/registers.ts'
import { allocate, FunctionRecords, InstanceData, MemoryData, TableData } from '../../src/native/data.ts'
import {
  ExitCode,
  FunctionRecord,
  FunctionStub,
  ImportCell,
  Instance,
  instanceLayout,
  MemoryCell,
  Signal,
  TableCell,
  TableEntry,
} from '../../src/native/layout.ts'
import { FunctionStubTables } from '../../src/native/function-stubs.ts'
import type { Platform } from '../../src/native/platform.ts'
import { type Case, emitLoad, install, nativeTests, open } from './harness.ts'

const LAYOUT = instanceLayout({ importedFunctions: 1, functions: 5000, globals: 2, importedGlobals: 1 })

/** The offset of a function's code slot. */
const slot = (index: number): number => LAYOUT.codeSlots + 8 * index

interface Served {
  /** Called for a lazy function; returns the code. */
  lazy?: (index: number, instance: number) => number
}

/** Runs a function of an instance to its end; its integer result, or undefined if it trapped. */
function call(platform: Platform, instance: InstanceData, code: number, args: bigint[], served: Served = {}) {
  const { agent } = platform
  const { sp } = agent
  args.forEach((arg, i) => (agent.ints64[i] = arg))
  agent.start(code, instance.data.address)
  for (;;) {
    const reason = agent.resume()
    if (reason === ExitCode.Lazy) {
      agent.lazyTarget = served.lazy!(agent.lazyIndex, agent.instance)
      continue
    }
    agent.sp = sp
    if (reason === ExitCode.Done) return agent.ints64[0]
    assert.equal(reason, ExitCode.Trap)
    assert.equal(agent.fault().signal, Signal.Ill)
    return undefined
  }
}

/** rdi + number */
const addConstant =
  (value: number) =>
  (asm: Assembler): void => {
    asm.ri(Op.Add, Size.Q, Reg.Rdi, value)
    asm.op(Op.Ret)
  }

/** Saves r15, takes another instance's, calls, and has its own again. */
function emitCrossCall(asm: Assembler, instanceFrom: () => void, emitCall: () => void): void {
  asm.r(Op.Push, Size.Q, Reg.R15)
  instanceFrom()
  emitCall()
  asm.r(Op.Pop, Size.Q, Reg.R15)
}

/** As many as the interpreter's machine has room for. */
const MAX_FUNCTIONS = 2 ** 21

let shared: FunctionRecords | undefined

function recordsOf(platform: Platform): FunctionRecords {
  const made = shared ?? FunctionRecords.create(platform, MAX_FUNCTIONS)
  if ('reason' in made) assert.fail(made.reason)
  return (shared = made)
}

function makeInstance(
  platform: Platform,
  id: number,
  memories: MemoryData[] = [],
  tables: TableData[] = [],
  functionRefs: number[] = [],
) {
  const parts = { memories, tables, functionRefs, records: recordsOf(platform) }
  return new InstanceData(platform.ffi, LAYOUT, parts, id)
}

const cases: Record<string, Case> = {
  'a function without code is asked for once, with its arguments, and then called': (name) => {
    const platform = open(name)
    const stubs = new FunctionStubTables(platform.arena, platform.process.exit)
    const instance = makeInstance(platform, 1)
    const last = 2 * FunctionStub.Count + 7
    for (const index of [0, 1, FunctionStub.Count - 1, FunctionStub.Count, last]) {
      instance.setCode(index, stubs.lazy(index)!)
      const asked: [number, number][] = []
      const add = install(platform, (asm) => {
        for (const reg of [Reg.Rsi, Reg.R8, Reg.R9, Reg.R10, Reg.Rax, Reg.Rdx, Reg.Rcx])
          asm.rr(Op.Add, Size.Q, Reg.Rdi, reg)
        asm.op(Op.Ret)
      })
      // Calls it twice through the slot: f(f(...), ...)
      const caller = install(platform, (asm) => {
        asm.r(Op.Push, Size.Q, Reg.Rbx)
        asm.m(Op.CallIndirect, Size.Q, Reg.R15, NO_REG, 0, slot(index))
        asm.m(Op.CallIndirect, Size.Q, Reg.R15, NO_REG, 0, slot(index))
        asm.r(Op.Pop, Size.Q, Reg.Rbx)
        asm.op(Op.Ret)
      })
      const serve = {
        lazy: (found: number, of: number): number => {
          asked.push([found, of])
          instance.setCode(found, add)
          return add
        },
      }
      assert.equal(
        call(platform, instance, caller, [1n, 2n, 4n, 8n, 16n, 32n, 64n, 1n << 40n], serve),
        253n + (2n << 40n),
      )
      assert.deepEqual(asked, [[index, instance.data.address]])
    }
  },

  'a dispatch stub follows the code slot': (name) => {
    const platform = open(name)
    const stubs = new FunctionStubTables(platform.arena, platform.process.exit)
    const [a, b] = [makeInstance(platform, 1), makeInstance(platform, 2)]
    for (const index of [0, 3, FunctionStub.Count, 4999]) {
      const code = stubs.dispatch(index)!
      a.setCode(index, install(platform, addConstant(10)))
      b.setCode(index, stubs.lazy(index)!)
      assert.equal(call(platform, a, code, [1n]), 11n)
      const served = { lazy: () => install(platform, addConstant(20)) }
      assert.equal(call(platform, b, code, [1n], served), 21n)
      a.setCode(index, install(platform, addConstant(30)))
      assert.equal(call(platform, a, code, [1n]), 31n)
    }
    assert.notEqual(stubs.dispatch(1), stubs.lazy(1))
  },

  'an imported function runs in its own instance': (name) => {
    const platform = open(name)
    const [importer, exporter] = [makeInstance(platform, 1), makeInstance(platform, 2)]
    // id of the instance in r15
    const idOf = install(platform, (asm) => {
      asm.rm(Op.Mov, Size.D, Reg.Rdi, Reg.R15, NO_REG, 0, Instance.Id)
      asm.op(Op.Ret)
    })
    importer.setImport(0, idOf, exporter)
    const code = install(platform, (asm) => {
      emitCrossCall(
        asm,
        () => {
          asm.rr(Op.Mov, Size.Q, Reg.R11, Reg.R15)
          emitLoad(asm, Reg.R15, Reg.R11, LAYOUT.imports + ImportCell.Instance)
        },
        () => asm.m(Op.CallIndirect, Size.Q, Reg.R11, NO_REG, 0, LAYOUT.imports + ImportCell.Code),
      )
      asm.rm(Op.Imul, Size.D, Reg.Rdi, Reg.R15, NO_REG, 0, Instance.Id)
      asm.ri(Op.Add, Size.D, Reg.Rdi, 100)
      asm.op(Op.Ret)
    })
    assert.equal(call(platform, importer, code, []), 102n)
  },

  'an indirect call checks bounds and type, and runs in the instance of the entry': (name) => {
    const platform = open(name)
    const table = new TableData(platform.ffi, 3)
    const home = makeInstance(platform, 7, [], [table])
    const other = makeInstance(platform, 9)
    const TYPE = 5
    // f(x) = id * 1000 + x
    const code = install(platform, (asm) => {
      asm.rmi(Op.Imul, Size.D, Reg.Rax, Reg.R15, NO_REG, 0, Instance.Id, 1000)
      asm.rr(Op.Add, Size.Q, Reg.Rdi, Reg.Rax)
      asm.op(Op.Ret)
    })
    // call_indirect (type 5): rdi the argument, rsi the index
    const caller = install(platform, (asm) => {
      const trap = asm.newLabel()
      asm.rm(Op.Mov, Size.Q, Reg.Rax, Reg.R15, NO_REG, 0, Instance.Tables)
      emitLoad(asm, Reg.Rax, Reg.Rax)
      asm.rm(Op.Cmp, Size.Q, Reg.Rsi, Reg.Rax, NO_REG, 0, TableCell.Length)
      asm.jcc(Cond.AE, trap)
      asm.ri(Op.Shl, Size.Q, Reg.Rsi, Math.log2(TableEntry.Bytes))
      asm.rm(Op.Add, Size.Q, Reg.Rsi, Reg.Rax, NO_REG, 0, TableCell.Entries)
      asm.mi(Op.Cmp, Size.D, Reg.Rsi, NO_REG, 0, TableEntry.TypeId, TYPE)
      asm.jcc(Cond.NE, trap)
      emitCrossCall(
        asm,
        () => emitLoad(asm, Reg.R15, Reg.Rsi, TableEntry.Instance),
        () => asm.m(Op.CallIndirect, Size.Q, Reg.Rsi, NO_REG, 0, TableEntry.Code),
      )
      asm.op(Op.Ret)
      asm.bind(trap)
      asm.op(Op.Ud2)
    })
    const at = (index: bigint): bigint | undefined => call(platform, home, caller, [3n, index])
    table.set(0, { code, instance: home, typeId: TYPE, reference: 10 })
    table.set(1, { code, instance: other, typeId: TYPE, reference: 18 })
    table.set(2, { code, instance: other, typeId: TYPE + 1, reference: 26 })
    assert.deepEqual([0n, 1n, 2n, 3n, 0xffff_ffffn, 1n << 60n].map(at), [7003n, 9003n, ...Array(4).fill(undefined)])
    // Growing moves the entries; the new ones are null.
    table.grow(1000)
    assert.deepEqual([0n, 1n, 2n, 3n, 999n, 1000n].map(at), [7003n, 9003n, ...Array(4).fill(undefined)])
    table.set(999, { code, instance: home, typeId: TYPE, reference: 10 })
    table.set(0, undefined)
    assert.deepEqual([0n, 999n].map(at), [undefined, 7003n])
  },

  'a reference to a function is called in the instance that the function is of': (name) => {
    const platform = open(name)
    const records = recordsOf(platform)
    const indices = [0, 1, 70_000, MAX_FUNCTIONS - 1]
    const home = makeInstance(
      platform,
      7,
      [],
      [],
      indices.map((index) => (index << FunctionRecord.ReferenceShift) | 2),
    )
    const other = makeInstance(platform, 9)
    const code = install(platform, (asm) => {
      asm.rm(Op.Add, Size.D, Reg.Rdi, Reg.R15, NO_REG, 0, Instance.Id)
      asm.op(Op.Ret)
    })
    for (const [i, index] of indices.entries()) assert.ok(records.set(index, code, i % 2 === 0 ? home : other))
    // call_ref (ref.func rsi): rdi the argument
    const caller = install(platform, (asm) => {
      emitLoad(asm, Reg.Rax, Reg.R15, Instance.FunctionRefs)
      asm.rm(Op.Mov, Size.D, Reg.Rax, Reg.Rax, Reg.Rsi, 2, 0)
      asm.ri(Op.Shr, Size.D, Reg.Rax, FunctionRecord.ReferenceShift)
      asm.ri(Op.Shl, Size.Q, Reg.Rax, Math.log2(FunctionRecord.Bytes))
      asm.rm(Op.Add, Size.Q, Reg.Rax, Reg.R15, NO_REG, 0, Instance.FunctionRecords)
      emitCrossCall(
        asm,
        () => emitLoad(asm, Reg.R15, Reg.Rax, FunctionRecord.Instance),
        () => asm.m(Op.CallIndirect, Size.Q, Reg.Rax, NO_REG, 0, FunctionRecord.Code),
      )
      asm.op(Op.Ret)
    })
    assert.deepEqual(
      indices.map((_, i) => call(platform, home, caller, [100n, BigInt(i)])),
      [107n, 109n, 107n, 109n],
    )
  },

  'globals are shared with those who import them, memories with their sizes': (name) => {
    const platform = open(name)
    const memories = [new MemoryData(platform.ffi, 0x1000, 65536), new MemoryData(platform.ffi, 0x2000, 2 ** 33 + 1)]
    const [importer, owner] = [makeInstance(platform, 1, memories), makeInstance(platform, 2)]
    importer.setGlobalRef(0, owner, 1)
    // Adds the argument to the imported global, and to an own one.
    const code = install(platform, (asm) => {
      emitLoad(asm, Reg.Rax, Reg.R15, LAYOUT.globalRefs)
      asm.mr(Op.Add, Size.Q, Reg.Rax, NO_REG, 0, 0, Reg.Rdi)
      asm.mr(Op.Add, Size.Q, Reg.R15, NO_REG, 0, LAYOUT.globals + 16, Reg.Rdi)
      asm.op(Op.Ret)
    })
    owner.global(1)[0] = 5
    call(platform, importer, code, [37n])
    call(platform, importer, code, [1n << 32n])
    assert.deepEqual([...owner.global(1)], [42, 1, 0, 0])
    assert.deepEqual([...importer.global(1)], [37, 1, 0, 0])
    assert.deepEqual([...owner.global(0)], [0, 0, 0, 0])
    // (memory 0 base, bytes; memory 1 base, bytes) as sum and difference
    const sizes = install(platform, (asm) => {
      emitLoad(asm, Reg.Rdi, Reg.R15, Instance.Memory0Base)
      emitLoad(asm, Reg.Rsi, Reg.R15, Instance.Memory0Bytes)
      emitLoad(asm, Reg.Rax, Reg.R15, Instance.Memories)
      emitLoad(asm, Reg.Rax, Reg.Rax, 8)
      emitLoad(asm, Reg.R8, Reg.Rax, MemoryCell.Base)
      emitLoad(asm, Reg.R9, Reg.Rax, MemoryCell.Bytes)
      asm.op(Op.Ret)
    })
    const { ints64 } = platform.agent
    call(platform, importer, sizes, [])
    assert.deepEqual([...ints64.subarray(0, 4)], [0x1000n, 65536n, 0x2000n, 2n ** 33n + 1n])
    memories[0].setBytes(131072)
    importer.syncMemory0(memories[0])
    memories[1].setBytes(0)
    call(platform, importer, sizes, [])
    assert.deepEqual([...ints64.subarray(0, 4)], [0x1000n, 131072n, 0x2000n, 0n])
  },

  'data stays where it is while garbage is collected': (name) => {
    const platform = open(name)
    const kept = Array.from({ length: 2000 }, (_, i) => {
      const data = allocate(platform.ffi, (i * 37) % 5000)
      data.words[0] = i
      allocate(platform.ffi, 100_000)
      return data
    })
    const load = install(platform, (asm) => {
      asm.rm(Op.Mov, Size.D, Reg.Rdi, Reg.Rdi, NO_REG, 0, 0)
      asm.op(Op.Ret)
    })
    const instance = makeInstance(platform, 1)
    for (let round = 0; round < 3; round++) {
      globalThis.gc!()
      for (const [i, data] of kept.entries()) {
        assert.equal(platform.ffi.addressOf(data.words.buffer), data.address)
        assert.equal(call(platform, instance, load, [BigInt(data.address)]), BigInt(i))
      }
    }
  },

  'constants of the pool are where code expects them': (name) => {
    const platform = open(name)
    const code = install(platform, (asm) => {
      asm.rm(Op.Mov, Size.Q, Reg.Rdi, ripLabel(asm.constant64(0x12345678, 0x1abcdef0)), NO_REG, 0, 0)
      asm.rm(Op.Add, Size.D, Reg.Rdi, ripLabel(asm.constant32(1)), NO_REG, 0, 0)
      asm.op(Op.Ret)
    })
    assert.equal(call(platform, makeInstance(platform, 1), code, []), 0x12345679n)
  },
}

nativeTests(cases)
