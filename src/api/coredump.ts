// Coredumps of traps: written when the trap arises, read by `zwasm inspect`.

import { captureCoredump, runningStore } from '../interp/coredump.ts'
import type { Store } from '../runtime/store.ts'
import { observeTraps, type Trap } from '../runtime/trap.ts'
import { decodeModule } from '../wasm/decode.ts'
import { FormatError } from '../wasm/errors.ts'
import { findCustomSection } from '../wasm/names.ts'
import { ByteReader } from '../wasm/reader.ts'
import { compileErrorOf } from './compile-error.ts'
import type { BufferSource } from './namespace-types.ts'
import { trapOf } from './run-error.ts'
import { copyBytes, requireBytes } from './web-idl.ts'

const enabled = new WeakSet<Store>()
const dumps = new WeakMap<Trap, Uint8Array<ArrayBuffer>>()

/** From now on traps in the store have a coredump. */
export function enableCoredumps(store: Store): void {
  enabled.add(store)
  observeTraps((trap) => {
    const running = runningStore()
    if (running !== undefined && enabled.has(running)) dumps.set(trap, captureCoredump(running, 'zwasm'))
  })
}

/**
 * The Wasm coredump of a trap in a `Vm` with the option `coredump`: frames with locals and operands, memories, globals, in the format of
 * WebAssembly/tool-conventions. Undefined for other errors.
 */
export function coredumpOf(error: unknown): Uint8Array<ArrayBuffer> | undefined {
  const trap = trapOf(error)
  return trap === undefined ? undefined : dumps.get(trap)
}

/** A value in a coredump; `missing` stands for references, vectors and what is not known. */
export type CoredumpValue =
  | { readonly type: 'i32' | 'f32' | 'f64'; readonly value: number }
  | { readonly type: 'i64'; readonly value: bigint }
  | { readonly type: 'missing' }

/** A frame, in front of the instruction at its offset. */
export interface CoredumpFrame {
  readonly instance: number
  readonly functionIndex: number
  /** Bytes from the start of the function's body. */
  readonly codeOffset: number
  /** Parameters first. */
  readonly locals: readonly CoredumpValue[]
  /** Operands, the top last. */
  readonly stack: readonly CoredumpValue[]
}

/** What {@link inspectCoredump} finds. */
export interface CoredumpInfo {
  readonly executable: string
  readonly threads: readonly { readonly name: string; readonly frames: readonly CoredumpFrame[] }[]
  /** Names. */
  readonly modules: readonly string[]
  /** Memories and globals are indices into those of the coredump, seen as a module. */
  readonly instances: readonly {
    readonly module: number
    readonly memories: readonly number[]
    readonly globals: readonly number[]
  }[]
}

/**
 * Reads a Wasm coredump; undefined if the module is none, that is, has no custom section `core`.
 *
 * @throws CompileError if the bytes are no valid module, or a section of the coredump is malformed.
 */
export function inspectCoredump(bytes: BufferSource): CoredumpInfo | undefined {
  const what = 'inspectCoredump()'
  const copy = copyBytes(requireBytes(bytes, `${what}: Argument 0`))
  try {
    const module = decodeModule(copy)
    const read = <E>(name: string, body: (r: ByteReader) => E): E | undefined => {
      const section = findCustomSection(module, name)
      if (section === undefined) return undefined
      const r = new ByteReader(module.bytes, section.start, section.end)
      const result = body(r)
      if (r.pos !== section.end) r.malformed(`${section.end - r.pos} bytes too many in the section ${name}`)
      return result
    }
    const executable = read('core', (r) => (zero(r), r.name()))
    if (executable === undefined) return undefined
    return {
      executable,
      threads: module.customSections
        .filter((s) => s.name === 'corestack')
        .map((s) => readThread(new ByteReader(module.bytes, s.start, s.end))),
      modules: read('coremodules', (r) => list(r, () => (zero(r), r.name()))) ?? [],
      instances:
        read('coreinstances', (r) =>
          list(r, () => {
            zero(r)
            return { module: r.u32(), memories: list(r, () => r.u32()), globals: list(r, () => r.u32()) }
          }),
        ) ?? [],
    }
  } catch (error) {
    throw error instanceof FormatError ? compileErrorOf(error, what) : error
  }
}

/** The byte in front of every record. */
function zero(r: ByteReader): void {
  const byte = r.u8()
  if (byte !== 0) r.malformed(`0 is expected in front of a record of the coredump, not ${byte}`, r.pos - 1)
}

function list<E>(r: ByteReader, read: () => E): E[] {
  const items: E[] = []
  for (let n = r.count(1, 'items of a coredump'); n > 0; n--) items.push(read())
  return items
}

function readThread(r: ByteReader): { name: string; frames: CoredumpFrame[] } {
  zero(r)
  return {
    name: r.name(),
    frames: list(r, () => {
      zero(r)
      return {
        instance: r.u32(),
        functionIndex: r.u32(),
        codeOffset: r.u32(),
        locals: list(r, () => readValue(r)),
        stack: list(r, () => readValue(r)),
      }
    }),
  }
}

function readValue(r: ByteReader): CoredumpValue {
  const type = r.u8()
  switch (type) {
    case 0x01:
      return { type: 'missing' }
    case 0x7f:
      return { type: 'i32', value: r.s32() }
    case 0x7e: {
      r.s64()
      return { type: 'i64', value: (BigInt(r.high) << 32n) | BigInt(r.low >>> 0) }
    }
    case 0x7d:
      return { type: 'f32', value: view(r, 4).getFloat32(0, true) }
    case 0x7c:
      return { type: 'f64', value: view(r, 8).getFloat64(0, true) }
    default:
      return r.malformed(`0x${type.toString(16)} is no type of a value in a coredump`, r.pos - 1)
  }
}

function view(r: ByteReader, size: number): DataView {
  const at = r.pos
  r.skipBytes(size)
  return new DataView(r.bytes.buffer, r.bytes.byteOffset + at, size)
}
