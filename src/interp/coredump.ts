// A Wasm coredump of the running activation: the format of WebAssembly/tool-conventions, Coredump.md, as wasm-tools writes it (frames
// name their instance). The file is a module: memories with their contents as active data segments, globals as constants, and the custom
// sections core, coremodules, coreinstances and corestack.
//
// A frame stands in front of its instruction: operands are still on the stack; of a caller, those below the arguments, which have become
// the callee's frame. The format has numbers only: references and vectors are written as missing. So are all values of the frames
// of outer activations (host functions that called back), whose registers are not on our stacks.

import { ByteWriter } from '../util/byte-writer.ts'
import type { Module } from '../wasm/module.ts'
import { decodeNames } from '../wasm/names.ts'
import { INSTANCES, type GlobalInstance, type Instance, type MemoryInstance } from '../runtime/instance.ts'
import { CTX, Ctx, FRAME_WORDS, Frame, FS, FUNC, FUNC_WORDS_LOG2, Func, Pc, R } from '../runtime/machine.ts'
import type { Store } from '../runtime/store.ts'
import { kindOf, translateUpTo, type Translation } from './build.ts'
import { CONSTANT, Kind } from './builder.ts'
import { codeOf, runningForm, type CodeForm } from './code.ts'

/** Memory is written in runs of blocks of this size that are not all zero. */
const BLOCK = 4096
/** fp of a frame whose registers are unknown. */
const UNKNOWN = -1
const MISSING = 0x01

/** The store of the innermost Wasm frame. */
export function runningStore(): Store | undefined {
  for (let fsp = CTX[Ctx.Fsp]; fsp >= 0; fsp -= FRAME_WORDS) {
    const id = FUNC[(FS[fsp + Frame.Fid] << FUNC_WORDS_LOG2) + Func.Instance]
    if (id >= 0) return INSTANCES[id].store
  }
  return undefined
}

/** The coredump of what runs now in the store, as it stands: from the registers in CTX. */
export function captureCoredump(store: Store, executable: string): Uint8Array<ArrayBuffer> {
  const instances = INSTANCES.filter((i) => i !== undefined && i.store === store)
  const modules = [...new Set(instances.map((i) => i.module))]
  const memories = [...new Set(instances.flatMap((i) => i.memories))]
  const globals = [...new Set(instances.flatMap((i) => i.globals))]
  const w = new ByteWriter(1 << 16)
  w.u32le(0x6d73_6100)
  w.u32le(1)
  section(w, 0, () => {
    w.name('core')
    w.u8(0)
    w.name(executable)
  })
  section(w, 0, () => {
    w.name('coremodules')
    w.u32(modules.length)
    for (const module of modules) {
      w.u8(0)
      w.name(decodeNames(module)?.module ?? '')
    }
  })
  section(w, 0, () => {
    w.name('coreinstances')
    w.u32(instances.length)
    for (const instance of instances) {
      w.u8(0)
      w.u32(modules.indexOf(instance.module))
      indices(w, instance.memories, memories)
      indices(w, instance.globals, globals)
    }
  })
  if (memories.length > 0) section(w, 5, () => list(w, memories, writeMemoryType))
  if (globals.length > 0) {
    const kinds = new Map(instances.flatMap((i) => i.globals.map((g, k) => [g, kindOf(i.module.globals[k].type)])))
    section(w, 6, () => list(w, globals, (_, global) => writeGlobal(w, global, kinds.get(global)!)))
  }
  const runs = memories.flatMap((memory, i) => nonZeroRuns(memory).map((run) => ({ memory, i, ...run })))
  if (runs.length > 0) {
    section(w, 11, () =>
      list(w, runs, (_, { memory, i, start, end }) => {
        w.u8(2)
        w.u32(i)
        w.u8(memory.type.address64 ? 0x42 : 0x41)
        if (memory.type.address64) w.s64(BigInt(start))
        else w.s32(start | 0)
        w.u8(0x0b)
        w.u32(end - start)
        w.copy(memory.u8, start, end)
      }),
    )
  }
  section(w, 0, () => {
    w.name('corestack')
    w.u8(0)
    w.name('main')
    writeFrames(w, instances)
  })
  return w.finish()
}

function section(w: ByteWriter, id: number, write: () => void): void {
  w.u8(id)
  const mark = w.beginSized()
  write()
  w.endSized(mark)
}

function list<E>(w: ByteWriter, items: readonly E[], write: (w: ByteWriter, item: E) => void): void {
  w.u32(items.length)
  for (const item of items) write(w, item)
}

const indices = <E>(w: ByteWriter, items: readonly E[], all: readonly E[]): void =>
  list(w, items, (_, item) => w.u32(all.indexOf(item)))

function writeMemoryType(w: ByteWriter, { type, byteLength }: MemoryInstance): void {
  const customPages = type.pageSizeLog2 !== 16
  w.u8((type.max === undefined ? 0 : 1) | (type.shared ? 2 : 0) | (type.address64 ? 4 : 0) | (customPages ? 8 : 0))
  w.u64(byteLength / 2 ** type.pageSizeLog2)
  if (type.max !== undefined) w.u64(type.max)
  if (customPages) w.u32(type.pageSizeLog2)
}

/** A constant. The format has none for the objects that references lead to: they become null, an externref whatever they were. */
function writeGlobal(w: ByteWriter, { cells, at }: GlobalInstance, kind: Kind): void {
  const type = [0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x6f][kind]
  w.u8(type)
  w.u8(0)
  switch (kind) {
    case Kind.I32:
      w.u8(0x41)
      w.s32(cells[at])
      break
    case Kind.I64:
      w.u8(0x42)
      w.s64Parts(cells[at], cells[at + 1])
      break
    case Kind.F32:
      w.u8(0x43)
      w.u32le(cells[at])
      break
    case Kind.F64:
      w.u8(0x44)
      w.u64le(cells[at], cells[at + 1])
      break
    case Kind.V128:
      w.u8(0xfd)
      w.u8(0x0c)
      for (let i = 0; i < 4; i++) w.u32le(cells[at + i])
      break
    default:
      w.u8(0xd0)
      w.u8(0x6f)
  }
  w.u8(0x0b)
}

function nonZeroRuns({ u8, byteLength }: MemoryInstance): { start: number; end: number }[] {
  const runs: { start: number; end: number }[] = []
  for (let start = 0; start < byteLength; start += BLOCK) {
    const end = Math.min(start + BLOCK, byteLength)
    if (u8.subarray(start, end).every((byte) => byte === 0)) continue
    const last = runs.at(-1)
    if (last !== undefined && last.end === start) last.end = end
    else runs.push({ start, end })
  }
  return runs
}

/** Innermost first. */
function writeFrames(w: ByteWriter, instances: readonly Instance[]): void {
  const frames = new ByteWriter(1 << 12)
  last = undefined
  let count = 0
  let pc = CTX[Ctx.Pc]
  let fp = CTX[Ctx.Fp]
  // Slots from here on belong to the frames above.
  let limit = Infinity
  for (let fsp = CTX[Ctx.Fsp]; fsp >= 0; fsp -= FRAME_WORDS) {
    const record = FS[fsp + Frame.Fid] << FUNC_WORDS_LOG2
    const id = FUNC[record + Func.Instance]
    if (id >= 0) {
      const instance = INSTANCES[id]
      frames.u8(0)
      frames.u32(Math.max(0, instances.indexOf(instance)))
      writeFrame(frames, instance, FUNC[record + Func.Index], pc, fp, limit)
      count++
    }
    limit = fp
    pc = FS[fsp + Frame.ReturnPc] - 1
    fp = pc + 1 === Pc.Done || fp === UNKNOWN ? UNKNOWN : fp - FS[fsp + Frame.Delta]
  }
  last = undefined
  w.u32(count)
  w.copy(frames.bytes, 0, frames.pos)
}

let last: { module: Module; index: number; at: number; t: Translation } | undefined

/** `translateUpTo`, but what it left is used again for the next frame of a recursion. */
function stateAt(module: Module, index: number, form: CodeForm, at: number): Translation {
  if (last === undefined || last.module !== module || last.index !== index || last.at !== at)
    last = { module, index, at, t: translateUpTo(module, index, form, at) }
  return last.t
}

function writeFrame(w: ByteWriter, { module, store }: Instance, index: number, pc: number, fp: number, limit: number) {
  w.u32(index)
  const form = runningForm(store)
  const code = pc < Pc.First ? undefined : codeOf(module, index, form)
  // A function that was called but not built yet has no state; its arguments are on the caller's stack.
  const t = stateAt(module, index, form, code === undefined ? 0 : pc - code.start)
  const b = t.builder
  const known = code !== undefined && fp !== UNKNOWN
  w.u32(code !== undefined ? b.offset - module.codeStart[index - module.importedFuncs] : 0)
  w.u32(t.localCount)
  for (let i = 0; i < t.localCount; i++)
    if (known) writeSlot(w, t.localKinds[i], fp + t.localSlots[i])
    else w.u8(MISSING)
  let depth = known ? b.depth : 0
  while (depth > 0 && fp + b.home[depth - 1] >= limit) depth--
  w.u32(depth)
  for (let i = 0; i < depth; i++) {
    if (b.loc[i] === CONSTANT) writeValue(w, b.kind[i], b.low[i], b.high[i])
    else writeSlot(w, b.kind[i], fp + b.loc[i])
  }
}

const writeSlot = (w: ByteWriter, kind: Kind, slot: number): void =>
  writeValue(w, kind, R[slot << 1], R[(slot << 1) + 1])

function writeValue(w: ByteWriter, kind: Kind, low: number, high: number): void {
  switch (kind) {
    case Kind.I32:
      w.u8(0x7f)
      return w.s32(low)
    case Kind.I64:
      w.u8(0x7e)
      return w.s64Parts(low, high)
    case Kind.F32:
      w.u8(0x7d)
      return w.u32le(low)
    case Kind.F64:
      w.u8(0x7c)
      return w.u64le(low, high)
    default:
      return w.u8(MISSING)
  }
}
