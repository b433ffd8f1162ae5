// Values between JavaScript and core code: for each type a `Codec`, built once, that loads and stores it in memory and lifts
// and lowers it as core values (CanonicalABI.md: "Loading", "Storing", "Flat Lifting", "Flat Lowering").
//
// What a value is in JavaScript depends on who is on the other side (`Side`). For the host it is what jco makes of it: objects
// with camelCase keys, tags in kebab case. Between components it is what is fastest: records are arrays, cases are numbers,
// handles are representations, strings remember their encoding.

import { bug } from '../../util/bug.ts'
import { camelCase } from '../names.ts'
import type { ResourceRef, ValType } from '../validate/types.ts'
import type { CoreKind } from './layout.ts'
import { casesOf, discriminantSize, flatten, layoutOf, MAX_FLAT_PARAMS, offsets, payload } from './layout.ts'
import type { AbiContext } from './memory.ts'
import { HOST_REALLOC } from './memory.ts'
import type { RuntimeResource } from './state.ts'
import type { GuestString } from './strings.ts'
import { GUEST_STRING, HOST_STRING, loadString, stored, storeGuestString, storeHostString } from './strings.ts'

export const MAX_LIST_BYTE_LENGTH = 2 ** 28 - 1

/** Core values: numbers, bigints for i64. */
export type Flat = unknown[]

export interface Codec {
  /** Core values of the type; undefined if there are more than any function passes. */
  readonly flat: readonly CoreKind[] | undefined
  /** Reads a value from memory. The range and alignment were checked. */
  load(ptr: number): unknown
  store(ptr: number, value: unknown): void
  /** Makes a value of the core values from `at` on. */
  lift(flat: ArrayLike<unknown>, at: number): unknown
  lower(value: unknown, flat: Flat, at: number): void
}

/** Who is on the other side of the values. */
export interface Side {
  /** The host, and not another component. */
  readonly isHost: boolean
  /** An owning handle on its way out of, or into, the instance of the context. */
  liftOwn(resource: RuntimeResource, rep: number): unknown
  lowerOwn(resource: RuntimeResource, value: unknown): number
  liftBorrow(resource: RuntimeResource, rep: number): unknown
  lowerBorrow(resource: RuntimeResource, value: unknown): number
}

/** Another component: handles are their representations. */
export const GUEST_SIDE: Side = {
  isHost: false,
  liftOwn: (_, rep) => rep,
  lowerOwn: (_, value) => value as number,
  liftBorrow: (_, rep) => rep,
  lowerBorrow: (_, value) => value as number,
}

/** What a value that does not fit its type is called. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string')
    return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  if (typeof value === 'object')
    return Array.isArray(value) ? 'an array' : `an object (${Object.prototype.toString.call(value)})`
  return `the ${typeof value} ${String(value)}`
}

function mismatch(expected: string, value: unknown): never {
  throw new TypeError(`expected ${expected}, got ${describe(value)}`)
}

const scratch = new DataView(new ArrayBuffer(8))
const CANONICAL_NAN32 = 0x7fc0_0000
const CANONICAL_NAN64 = 0x7ff8_0000_0000_0000n

/** Bits of a float as an i32 core value, and back. */
function f32Bits(value: number): number {
  if (value !== value) return CANONICAL_NAN32
  scratch.setFloat32(0, value)
  return scratch.getInt32(0)
}
function f32OfBits(bits: number): number {
  scratch.setInt32(0, bits)
  return scratch.getFloat32(0)
}
function f64Bits(value: number): bigint {
  if (value !== value) return CANONICAL_NAN64
  scratch.setFloat64(0, value)
  return scratch.getBigInt64(0)
}
function f64OfBits(bits: bigint): number {
  scratch.setBigInt64(0, BigInt.asIntN(64, bits))
  return scratch.getFloat64(0)
}

type TypedArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array
type TypedArrayConstructor = {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, offset: number, length: number): TypedArray
}

/** Lists of these are typed arrays, whose bytes are those of the list. */
const TYPED_ARRAYS: Readonly<Record<string, TypedArrayConstructor>> = {
  u8: Uint8Array,
  s8: Int8Array,
  u16: Uint16Array,
  s16: Int16Array,
  u32: Uint32Array,
  s32: Int32Array,
  u64: BigUint64Array,
  s64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
}
/** Typed arrays have the byte order of the processor, linear memory is little-endian. */
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** The codecs of one context for one side. */
export class Codecs {
  readonly #cx: AbiContext
  readonly #side: Side
  readonly #memo = new Map<ValType, Codec>()
  readonly #lenders: { lends: number }[] = []

  constructor(cx: AbiContext, side: Side) {
    this.#cx = cx
    this.#side = side
  }

  get(type: ValType): Codec {
    let codec = this.#memo.get(type)
    if (codec === undefined) this.#memo.set(type, (codec = this.#make(type)))
    return codec
  }

  /** Number of handles lent so far; `giveBack` ends the loans made since. */
  get lent(): number {
    return this.#lenders.length
  }

  giveBack(mark: number): void {
    while (this.#lenders.length > mark) this.#lenders.pop()!.lends--
  }

  #make(type: ValType): Codec {
    switch (type.kind) {
      case 'string':
        return this.#string()
      case 'char':
        return this.#char()
      case 'list':
        return type.length === undefined ? this.#list(type.element) : this.#fixedList(type.element, type.length)
      case 'map':
        return this.#map(type.key, type.value)
      case 'record':
        return this.#record(
          type.fields.map((f) => f.type),
          type.fields.map((f) => camelCase(f.label)),
        )
      case 'tuple':
        return this.#record(type.types, undefined)
      case 'flags':
        return this.#flags(type.labels)
      case 'variant':
      case 'enum':
      case 'option':
      case 'result':
        return this.#variant(type)
      case 'own':
        return this.#own(type.resource)
      case 'borrow':
        return this.#borrow(type.resource)
      case 'stream':
      case 'future':
      case 'error-context':
        return unsupported(type.kind)
      default:
        return this.#number(type.kind)
    }
  }

  // Numbers

  #number(kind: string): Codec {
    const cx = this.#cx
    switch (kind) {
      case 'bool':
        return {
          flat: ['i32'],
          load: (ptr) => cx.bytes[ptr] !== 0,
          store: (ptr, value) => (cx.bytes[ptr] = value ? 1 : 0),
          lift: (flat, at) => (flat[at] as number) !== 0,
          lower: (value, flat, at) => (flat[at] = value ? 1 : 0),
        }
      case 'u8':
        return {
          flat: ['i32'],
          load: (ptr) => cx.bytes[ptr],
          store: (ptr, value) => (cx.bytes[ptr] = value as number),
          lift: (flat, at) => (flat[at] as number) & 0xff,
          lower: (value, flat, at) => (flat[at] = (value as number) & 0xff),
        }
      case 's8':
        return {
          flat: ['i32'],
          load: (ptr) => (cx.bytes[ptr] << 24) >> 24,
          store: (ptr, value) => (cx.bytes[ptr] = value as number),
          lift: (flat, at) => ((flat[at] as number) << 24) >> 24,
          lower: (value, flat, at) => (flat[at] = ((value as number) << 24) >> 24),
        }
      case 'u16':
        return {
          flat: ['i32'],
          load: (ptr) => cx.view.getUint16(ptr, true),
          store: (ptr, value) => cx.view.setUint16(ptr, value as number, true),
          lift: (flat, at) => (flat[at] as number) & 0xffff,
          lower: (value, flat, at) => (flat[at] = (value as number) & 0xffff),
        }
      case 's16':
        return {
          flat: ['i32'],
          load: (ptr) => cx.view.getInt16(ptr, true),
          store: (ptr, value) => cx.view.setInt16(ptr, value as number, true),
          lift: (flat, at) => ((flat[at] as number) << 16) >> 16,
          lower: (value, flat, at) => (flat[at] = ((value as number) << 16) >> 16),
        }
      case 'u32':
        return {
          flat: ['i32'],
          load: (ptr) => cx.view.getUint32(ptr, true),
          store: (ptr, value) => cx.view.setUint32(ptr, value as number, true),
          lift: (flat, at) => (flat[at] as number) >>> 0,
          lower: (value, flat, at) => (flat[at] = (value as number) | 0),
        }
      case 's32':
        return {
          flat: ['i32'],
          load: (ptr) => cx.view.getInt32(ptr, true),
          store: (ptr, value) => cx.view.setInt32(ptr, value as number, true),
          lift: (flat, at) => (flat[at] as number) | 0,
          lower: (value, flat, at) => (flat[at] = (value as number) | 0),
        }
      case 'u64':
        return {
          flat: ['i64'],
          load: (ptr) => cx.view.getBigUint64(ptr, true),
          store: (ptr, value) => cx.view.setBigUint64(ptr, BigInt(value as bigint), true),
          lift: (flat, at) => BigInt.asUintN(64, flat[at] as bigint),
          lower: (value, flat, at) => (flat[at] = BigInt.asIntN(64, BigInt(value as bigint))),
        }
      case 's64':
        return {
          flat: ['i64'],
          load: (ptr) => cx.view.getBigInt64(ptr, true),
          store: (ptr, value) => cx.view.setBigInt64(ptr, BigInt(value as bigint), true),
          lift: (flat, at) => BigInt.asIntN(64, flat[at] as bigint),
          lower: (value, flat, at) => (flat[at] = BigInt.asIntN(64, BigInt(value as bigint))),
        }
      case 'f32':
        return {
          flat: ['f32'],
          load: (ptr) => cx.view.getFloat32(ptr, true),
          store: (ptr, value) => cx.view.setInt32(ptr, f32Bits(value as number), true),
          lift: (flat, at) => Math.fround(flat[at] as number),
          lower: (value, flat, at) => (flat[at] = Math.fround(value as number)),
        }
      case 'f64':
        return {
          flat: ['f64'],
          load: (ptr) => cx.view.getFloat64(ptr, true),
          store: (ptr, value) => cx.view.setBigInt64(ptr, f64Bits(value as number), true),
          lift: (flat, at) => flat[at],
          lower: (value, flat, at) => (flat[at] = Number(value)),
        }
      default:
        return bug(`codec of ${kind}`)
    }
  }

  #char(): Codec {
    const cx = this.#cx
    const { isHost } = this.#side
    const check = (code: number): unknown => {
      if (code >= 0x11_0000 || (code >= 0xd800 && code <= 0xdfff)) cx.trap('invalid `char` bit pattern')
      return isHost ? String.fromCodePoint(code) : code
    }
    const codeOf = (value: unknown): number => {
      if (!isHost) return value as number
      if (typeof value !== 'string') return mismatch('a string of one character', value)
      const code = value.codePointAt(0)
      if (code === undefined || value.length !== (code > 0xffff ? 2 : 1) || (code >= 0xd800 && code <= 0xdfff))
        return mismatch('a string of one character', value)
      return code
    }
    return {
      flat: ['i32'],
      load: (ptr) => check(cx.view.getUint32(ptr, true)),
      store: (ptr, value) => cx.view.setUint32(ptr, codeOf(value), true),
      lift: (flat, at) => check((flat[at] as number) >>> 0),
      lower: (value, flat, at) => (flat[at] = codeOf(value)),
    }
  }

  // Strings and lists

  #string(): Codec {
    const cx = this.#cx
    const { isHost } = this.#side
    const load = (ptr: number, units: number): unknown =>
      isHost ? loadString(cx, ptr, units, HOST_STRING).text : loadString(cx, ptr, units, GUEST_STRING)
    const put = (value: unknown): void => {
      if (!isHost) storeGuestString(cx, value as GuestString)
      else if (typeof value === 'string') storeHostString(cx, value)
      else mismatch('a string', value)
    }
    return pointerAndLength(cx, load, put)
  }

  #list(element: ValType): Codec {
    const cx = this.#cx
    const { isHost } = this.#side
    const { size, align } = layoutOf(element)
    const what = isHost ? HOST_REALLOC : 'list content'
    const where = isHost ? 'list pointer/length out of bounds of memory' : 'wasm trap: list content out-of-bounds'
    const check = (ptr: number, length: number): void => {
      if (length * size > MAX_LIST_BYTE_LENGTH) cx.trap(`${where}: ${length} elements of ${size} bytes`)
      if (ptr % align !== 0) cx.trap('unaligned pointer')
      if (ptr + length * size > cx.bytes.length) cx.trap(where)
    }
    const Typed = IS_LITTLE_ENDIAN ? TYPED_ARRAYS[element.kind] : undefined
    const codec = this.get(element)
    const allocate = (length: number): number => {
      if (length * size > MAX_LIST_BYTE_LENGTH)
        throw new RangeError(`list too long: ${length} elements, ${length * size} bytes`)
      return cx.allocate(align, length * size, what)
    }
    const putEach = (value: ArrayLike<unknown>): void => {
      const { length } = value
      const ptr = allocate(length)
      for (let i = 0, at = ptr; i < length; i++, at += size) codec.store(at, value[i])
      stored.ptr = ptr
      stored.units = length
    }
    if (Typed !== undefined) {
      const load = (ptr: number, length: number): unknown => {
        check(ptr, length)
        const view = new Typed(cx.bytes.buffer, ptr, length)
        // Another component copies it at once, before its own code runs.
        return isHost ? view.slice() : view
      }
      const put = (value: unknown): void => {
        if (!(value instanceof (Typed as unknown as new () => object))) return putEach(asList(value))
        const { length } = value as TypedArray
        const ptr = allocate(length)
        // A view of the memory from before `realloc` may be detached by now, if it was this memory's.
        new Typed(cx.bytes.buffer, ptr, length).set(value as never)
        stored.ptr = ptr
        stored.units = length
      }
      return pointerAndLength(cx, load, put)
    }
    const load = (ptr: number, length: number): unknown => {
      check(ptr, length)
      const list = new Array<unknown>(length)
      for (let i = 0, at = ptr; i < length; i++, at += size) list[i] = codec.load(at)
      return list
    }
    return pointerAndLength(cx, load, (value) => putEach(asList(value)))
  }

  #fixedList(element: ValType, length: number): Codec {
    const { size } = layoutOf(element)
    const codec = this.get(element)
    const checked = (value: unknown): ArrayLike<unknown> => {
      const list = asList(value)
      return list.length === length ? list : mismatch(`a list of ${length} elements`, value)
    }
    const each = <X>(f: (i: number) => X): X[] => Array.from({ length }, (_, i) => f(i))
    const width = codec.flat?.length ?? 0
    const Typed = this.#side.isHost && IS_LITTLE_ENDIAN ? TYPED_ARRAYS[element.kind] : undefined
    const shaped = (list: unknown[]): unknown =>
      Typed === undefined ? list : (Typed as unknown as { from(list: unknown[]): unknown }).from(list)
    return {
      flat: flattened({ kind: 'list', element, length }),
      load: (ptr) => shaped(each((i) => codec.load(ptr + i * size))),
      store: (ptr, value) => {
        const list = checked(value)
        for (let i = 0; i < length; i++) codec.store(ptr + i * size, list[i])
      },
      lift: (flat, at) => shaped(each((i) => codec.lift(flat, at + i * width))),
      lower: (value, flat, at) => {
        const list = checked(value)
        for (let i = 0; i < length; i++) codec.lower(list[i], flat, at + i * width)
      },
    }
  }

  #map(key: ValType, value: ValType): Codec {
    const pairs = this.get({ kind: 'list', element: { kind: 'tuple', types: [key, value] }, length: undefined })
    if (!this.#side.isHost) return pairs
    const toMap = (list: unknown): unknown => new Map(list as [unknown, unknown][])
    const toPairs = (map: unknown): unknown => (map instanceof Map ? [...(map as Map<unknown, unknown>)] : map)
    return {
      flat: pairs.flat,
      load: (ptr) => toMap(pairs.load(ptr)),
      store: (ptr, map) => pairs.store(ptr, toPairs(map)),
      lift: (flat, at) => toMap(pairs.lift(flat, at)),
      lower: (map, flat, at) => pairs.lower(toPairs(map), flat, at),
    }
  }

  // Records and flags

  /** A record, or a tuple if there are no names. */
  #record(types: readonly ValType[], names: readonly string[] | undefined): Codec {
    const codecs = types.map((t) => this.get(t))
    const at = offsets(types)
    const count = types.length
    const isArray = names === undefined || !this.#side.isHost
    const keys: readonly (string | number)[] = isArray ? types.map((_, i) => i) : names
    const isOption = types.map((t) => !isArray && t.kind === 'option')
    /** Index of the first core value of each field. */
    const flatAt: number[] = []
    let width = 0
    for (const codec of codecs) {
      flatAt.push(width)
      width += codec.flat?.length ?? 0
    }
    const flat = flattened({ kind: 'tuple', types })
    const make = (): Record<string | number, unknown> =>
      (isArray ? new Array<unknown>(count) : {}) as Record<string | number, unknown>
    const checked = (value: unknown): Record<string | number, unknown> => {
      if (typeof value !== 'object' || value === null) return mismatch(isArray ? 'a tuple' : 'an object', value)
      if (isArray && (value as unknown[]).length !== count) return mismatch(`a tuple of ${count} elements`, value)
      return value as Record<string | number, unknown>
    }
    const field = (record: Record<string | number, unknown>, i: number): unknown => {
      const value = record[keys[i]]
      if (value === undefined && !isOption[i] && !isArray)
        return mismatch(`an object with the field \`${keys[i]}\``, record)
      return value
    }
    return {
      flat,
      load: (ptr) => {
        const record = make()
        for (let i = 0; i < count; i++) record[keys[i]] = codecs[i].load(ptr + at[i])
        return record
      },
      store: (ptr, value) => {
        const record = checked(value)
        for (let i = 0; i < count; i++) codecs[i].store(ptr + at[i], field(record, i))
      },
      lift: (values, from) => {
        const record = make()
        for (let i = 0; i < count; i++) record[keys[i]] = codecs[i].lift(values, from + flatAt[i])
        return record
      },
      lower: (value, values, from) => {
        const record = checked(value)
        for (let i = 0; i < count; i++) codecs[i].lower(field(record, i), values, from + flatAt[i])
      },
    }
  }

  #flags(labels: readonly string[]): Codec {
    const cx = this.#cx
    const { size } = layoutOf({ kind: 'flags', labels })
    const mask = labels.length === 32 ? -1 : 2 ** labels.length - 1
    const names = labels.map((label) => camelCase(label))
    const { isHost } = this.#side
    const unpack = (bits: number): unknown => {
      if (!isHost) return bits & mask
      const flags: Record<string, boolean> = {}
      for (const [i, name] of names.entries()) flags[name] = (bits & (1 << i)) !== 0
      return flags
    }
    const pack = (value: unknown): number => {
      if (!isHost) return value as number
      if (typeof value !== 'object' || value === null) return mismatch('an object of flags', value)
      let bits = 0
      for (const [i, name] of names.entries()) if ((value as Record<string, unknown>)[name]) bits |= 1 << i
      return bits
    }
    return {
      flat: ['i32'],
      load: (ptr) =>
        unpack(size === 1 ? cx.bytes[ptr] : size === 2 ? cx.view.getUint16(ptr, true) : cx.view.getInt32(ptr, true)),
      store: (ptr, value) => {
        const bits = pack(value)
        if (size === 1) cx.bytes[ptr] = bits
        else if (size === 2) cx.view.setUint16(ptr, bits, true)
        else cx.view.setInt32(ptr, bits, true)
      },
      lift: (flat, at) => unpack(flat[at] as number),
      lower: (value, flat, at) => (flat[at] = pack(value)),
    }
  }

  // Variants

  #variant(type: ValType): Codec {
    const cx = this.#cx
    const cases = casesOf(type)
    const codecs = cases.map((c) => (c.type === undefined ? undefined : this.get(c.type)))
    const { offset } = payload(cases)
    const size = discriminantSize(cases.length)
    const flat = flattened(type)
    const shape = this.#side.isHost ? hostShape(type) : GUEST_SHAPE
    const lifts = codecs.map((codec) => liftPayload(codec, flat))
    const lowers = codecs.map((codec) => lowerPayload(codec, flat))
    const check = (index: number): number => {
      if (index >= cases.length) cx.trap('invalid variant discriminant')
      return index
    }
    const indexOf = (value: unknown): number => shape.indexOf(value)
    return {
      flat,
      load: (ptr) => {
        const index = check(
          size === 1 ? cx.bytes[ptr] : size === 2 ? cx.view.getUint16(ptr, true) : cx.view.getUint32(ptr, true),
        )
        return shape.make(index, codecs[index]?.load(ptr + offset))
      },
      store: (ptr, value) => {
        const index = indexOf(value)
        if (size === 1) cx.bytes[ptr] = index
        else if (size === 2) cx.view.setUint16(ptr, index, true)
        else cx.view.setUint32(ptr, index, true)
        codecs[index]?.store(ptr + offset, shape.payload(value))
      },
      lift: (values, at) => {
        const index = check((values[at] as number) >>> 0)
        return shape.make(index, lifts[index]?.(values, at + 1))
      },
      lower: (value, values, at) => {
        const index = indexOf(value)
        values[at] = index
        lowers[index](shape.payload(value), values, at + 1)
      },
    }
  }

  // Handles

  #own(ref: ResourceRef): Codec {
    const { instance } = this.#cx
    const resource = instance.resource(ref.id)
    const side = this.#side
    const lift = (index: number): unknown => {
      const { handles, store } = instance
      if (handles.get(index, resource).borrowedIn !== undefined) store.trap('cannot lift own resource from a borrow')
      return side.liftOwn(resource, handles.remove(index, resource).rep)
    }
    const lower = (value: unknown): number =>
      instance.handles.add({ resource, rep: side.lowerOwn(resource, value), borrowedIn: undefined, lends: 0 })
    return handleCodec(this.#cx, lift, lower)
  }

  #borrow(ref: ResourceRef): Codec {
    const { instance } = this.#cx
    const resource = instance.resource(ref.id)
    const side = this.#side
    const lift = (index: number): unknown => {
      const handle = instance.handles.get(index, resource)
      handle.lends++
      this.#lenders.push(handle)
      return side.liftBorrow(resource, handle.rep)
    }
    const lower = (value: unknown): number => {
      const rep = side.lowerBorrow(resource, value)
      if (resource.instance === instance) return rep
      const task = instance.task ?? bug('borrow without a task')
      task.borrows++
      return instance.handles.add({ resource, rep, borrowedIn: task, lends: 0 })
    }
    return handleCodec(this.#cx, lift, lower)
  }
}

/** Something asynchronous that a component does; it is known, and refused when it is used. */
export class UnsupportedComponentError extends Error {
  override name = 'UnsupportedComponentError'

  constructor(what: string) {
    super(`${what}: asynchronous components (WASI 0.3) are not supported`)
  }
}

function unsupported(what: string): Codec {
  const refuse = (): never => {
    throw new UnsupportedComponentError(`a value of type \`${what}\` is passed`)
  }
  return { flat: ['i32'], load: refuse, store: refuse, lift: refuse, lower: refuse }
}

function handleCodec(cx: AbiContext, lift: (index: number) => unknown, lower: (value: unknown) => number): Codec {
  return {
    flat: ['i32'],
    load: (ptr) => lift(cx.view.getUint32(ptr, true)),
    store: (ptr, value) => {
      // Lowering may run no guest code, so the views stay as they are.
      cx.view.setUint32(ptr, lower(value), true)
    },
    lift: (flat, at) => lift((flat[at] as number) >>> 0),
    lower: (value, flat, at) => (flat[at] = lower(value)),
  }
}

/** A string or list: address and length. `put` leaves both in `stored`. */
function pointerAndLength(
  cx: AbiContext,
  load: (ptr: number, length: number) => unknown,
  put: (value: unknown) => void,
): Codec {
  return {
    flat: ['i32', 'i32'],
    load: (ptr) => load(cx.view.getUint32(ptr, true), cx.view.getUint32(ptr + 4, true)),
    store: (ptr, value) => {
      put(value)
      const { ptr: begin, units } = stored
      cx.view.setUint32(ptr, begin, true)
      cx.view.setUint32(ptr + 4, units, true)
    },
    lift: (flat, at) => load((flat[at] as number) >>> 0, (flat[at + 1] as number) >>> 0),
    lower: (value, flat, at) => {
      put(value)
      flat[at] = stored.ptr | 0
      flat[at + 1] = stored.units | 0
    },
  }
}

function asList(value: unknown): ArrayLike<unknown> {
  if (Array.isArray(value)) return value as unknown[]
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return value as unknown as ArrayLike<unknown>
  return mismatch('an array', value)
}

const flattened = (type: ValType): readonly CoreKind[] | undefined => flatten([type], MAX_FLAT_PARAMS)

/** Lifts the payload of a case from core values that all cases share. */
function liftPayload(
  codec: Codec | undefined,
  flat: readonly CoreKind[] | undefined,
): ((values: ArrayLike<unknown>, at: number) => unknown) | undefined {
  if (codec === undefined) return undefined
  const want = codec.flat
  if (want === undefined || flat === undefined) return () => bug('a variant with too many core values was lifted')
  if (want.every((kind, i) => kind === flat[i + 1])) return (values, at) => codec.lift(values, at)
  return (values, at) => {
    const converted = want.map((kind, i) => narrow(values[at + i], flat[i + 1], kind))
    return codec.lift(converted, 0)
  }
}

function narrow(value: unknown, have: CoreKind, want: CoreKind): unknown {
  if (have === want) return value
  if (have === 'i32') return f32OfBits(value as number)
  if (want === 'f64') return f64OfBits(value as bigint)
  const low = Number(BigInt.asIntN(32, value as bigint))
  return want === 'i32' ? low : f32OfBits(low)
}

function lowerPayload(
  codec: Codec | undefined,
  flat: readonly CoreKind[] | undefined,
): (value: unknown, values: Flat, at: number) => void {
  if (flat === undefined) return () => bug('a variant with too many core values was lowered')
  const have = codec?.flat ?? []
  const same = have.every((kind, i) => kind === flat[i + 1])
  const zeros = flat.slice(1).map((kind) => (kind === 'i64' ? 0n : 0))
  return (value, values, at) => {
    codec?.lower(value, values, at)
    if (!same) for (let i = 0; i < have.length; i++) values[at + i] = widen(values[at + i], have[i], flat[i + 1])
    for (let i = have.length; i < zeros.length; i++) values[at + i] = zeros[i]
  }
}

function widen(value: unknown, have: CoreKind, want: CoreKind): unknown {
  if (have === want) return value
  if (have === 'f64') return f64Bits(value as number)
  const bits = have === 'f32' ? f32Bits(value as number) : (value as number)
  // i32 and f32 are zero-extended.
  return want === 'i32' ? bits : BigInt(bits >>> 0)
}

/** How a variant looks in JavaScript. */
interface Shape {
  make(index: number, payload: unknown): unknown
  indexOf(value: unknown): number
  payload(value: unknown): unknown
}

const GUEST_SHAPE: Shape = {
  make: (tag, val) => ({ tag, val }),
  indexOf: (value) => (value as { tag: number }).tag,
  payload: (value) => (value as { val: unknown }).val,
}

function hostShape(type: ValType): Shape {
  switch (type.kind) {
    case 'enum': {
      const { labels } = type
      const index = new Map(labels.map((label, i) => [label, i]))
      return {
        make: (i) => labels[i],
        indexOf: (value) => index.get(value as string) ?? mismatch(`one of ${labels.join(', ')}`, value),
        payload: () => undefined,
      }
    }
    case 'option':
      if (type.type.kind !== 'option') {
        return {
          make: (i, val) => (i === 0 ? undefined : val),
          indexOf: (value) => (value === undefined || value === null ? 0 : 1),
          payload: (value) => value,
        }
      }
  }
  const cases = casesOf(type)
  const hasPayload = cases.map((c) => c.type !== undefined)
  const index = new Map(cases.map((c, i) => [c.label, i]))
  // The absence of a value is written `val: undefined` in a result, as jco does, and left out in a variant.
  const keepsVal = type.kind === 'result'
  return {
    make: (i, val) => (hasPayload[i] || keepsVal ? { tag: cases[i].label, val } : { tag: cases[i].label }),
    indexOf: (value) => {
      const tag = typeof value === 'object' && value !== null ? (value as { tag: unknown }).tag : undefined
      const found = index.get(tag as string)
      if (found === undefined)
        return mismatch(`an object with the tag ${cases.map((c) => c.label).join(' or ')}`, value)
      return found
    },
    payload: (value) => (value as { val: unknown }).val,
  }
}
