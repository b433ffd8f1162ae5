// Web IDL conversions and argument checks, with V8's texts. `what` is the subject of a message, such as
// `WebAssembly.Memory.grow(): Argument 0`.

export const isObject = (v: unknown): v is object => (typeof v === 'object' && v !== null) || typeof v === 'function'

/** ECMAScript ToString: unlike `String(v)` it refuses a symbol. */
export const toText = (v: unknown): string => `${v as string}`

const MAX_U32 = 0xffff_ffff

/** `[EnforceRange] unsigned long`. */
export function toEnforcedU32(v: unknown, what: string): number {
  const n = Math.trunc(+(v as number))
  if (!Number.isFinite(n)) throw new TypeError(`${what} must be convertible to a valid number`)
  if (n < 0) throw new TypeError(`${what} must be non-negative`)
  if (n > MAX_U32) throw new TypeError(`${what} must be in the unsigned long range`)
  return n + 0 // -0 becomes 0
}

/** `AddressValueToU64`, as a Number: exact below 2^53, and larger values stay larger than every limit of this engine. */
export function toAddress(v: unknown, address64: boolean, what: string): number {
  if (!address64) return toEnforcedU32(v, what)
  const n = toBigInt(v)
  if (n < 0n) throw new TypeError(`${what} must be non-negative`)
  if (n > 0xffff_ffff_ffff_ffffn) throw new TypeError(`${what} must be in u64 range`)
  return Number(n)
}

/** ECMAScript ToBigInt (unlike `BigInt(v)`, it refuses a Number): asIntN begins with it, and this width changes no value. */
const toBigInt = (v: unknown): bigint => BigInt.asIntN(Number.MAX_SAFE_INTEGER, v as bigint)

/** `U64ToAddressValue`. */
export const fromAddress = (n: number, address64: boolean): number | bigint => (address64 ? BigInt(n) : n)

/** The `address` member of a descriptor: whether it is `"i64"`. */
export function readAddressType(descriptor: object, what: string): boolean {
  const value = (descriptor as { address?: unknown }).address
  if (value === undefined) return false
  const text = toText(value)
  if (text !== 'i32' && text !== 'i64')
    throw new TypeError(`${what}: Unknown address type '${text}'; pass 'i32' or 'i64'`)
  return text === 'i64'
}

export interface DescriptorLimits {
  readonly initial: number
  readonly maximum: number | undefined
}

/** The limits of a memory or table descriptor, with the largest value of each. `minimum` is type reflection's `initial`. */
export function readLimits(
  descriptor: object,
  address64: boolean,
  maxInitial: number,
  maxMaximum: number,
  what: string,
  typeReflection: boolean,
): DescriptorLimits {
  const source = descriptor as { initial?: unknown; minimum?: unknown; maximum?: unknown }
  const property = (name: string): string => `${what}: Property '${name}'`
  const alternative = typeReflection ? source.minimum : undefined
  const firstName = alternative === undefined ? 'initial' : 'minimum'
  const given = source.initial
  if (given !== undefined && alternative !== undefined)
    throw new TypeError(`${what}: The properties 'initial' and 'minimum' are not allowed at the same time`)
  const first = given === undefined ? alternative : given
  if (first === undefined) throw new TypeError(`${property('initial')} is required`)
  const initial = toAddress(first, address64, property(firstName))
  if (initial > maxInitial)
    throw new RangeError(`${property(firstName)}: value ${initial} is above the upper bound ${maxInitial}`)
  const last = source.maximum
  if (last === undefined) return { initial, maximum: undefined }
  const maximum = toAddress(last, address64, property('maximum'))
  if (maximum < initial)
    throw new RangeError(`${property('maximum')}: value ${maximum} is below the lower bound ${initial}`)
  if (maximum > maxMaximum)
    throw new RangeError(`${property('maximum')}: value ${maximum} is above the upper bound ${maxMaximum}`)
  return { initial, maximum }
}

// These getters check an internal slot, so they also know the buffers of other realms (of a `node:vm` context, say).
const arrayBufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')!.get!
const sharedBufferLength = Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, 'byteLength')!.get!

function hasSlot(getter: () => unknown, v: unknown): boolean {
  try {
    getter.call(v)
    return true
  } catch {
    return false
  }
}

/** Whether `v` is a BufferSource, shared or not. */
export const isBufferSource = (v: unknown): v is ArrayBufferLike | ArrayBufferView =>
  isObject(v) && (ArrayBuffer.isView(v) || hasSlot(arrayBufferLength, v) || hasSlot(sharedBufferLength, v))

/** The argument as a BufferSource. */
export function requireBytes(v: unknown, what: string): ArrayBufferLike | ArrayBufferView {
  if (!isBufferSource(v)) throw new TypeError(`${what} must be a buffer source`)
  return v
}

/** "Get a copy of the buffer source": the bytes at this moment, in a buffer that nobody else sees. */
export function copyBytes(v: ArrayBufferLike | ArrayBufferView): Uint8Array {
  const bytes = ArrayBuffer.isView(v) ? viewBytes(v) : bufferBytes(v)
  return bytes.slice()
}

const viewBytes = (v: ArrayBufferView): Uint8Array =>
  v.byteLength === 0 ? new Uint8Array() : new Uint8Array(v.buffer, v.byteOffset, v.byteLength)

const bufferBytes = (v: ArrayBufferLike): Uint8Array => (v.byteLength === 0 ? new Uint8Array() : new Uint8Array(v))

/** Adds properties with the attributes of Web IDL operations and attributes: enumerable, unlike those of a class body. */
export function makeEnumerable(target: object, names: readonly string[]): void {
  for (const name of names) {
    const descriptor = Object.getOwnPropertyDescriptor(target, name)!
    Object.defineProperty(target, name, { ...descriptor, enumerable: true })
  }
}

/** Name (bundlers rename classes), `Symbol.toStringTag` and the attributes of a Web IDL interface. */
export function finishInterface(
  constructor: { readonly prototype: object },
  name: string,
  members: readonly string[],
): void {
  Object.defineProperty(constructor, 'name', { value: name, configurable: true })
  makeEnumerable(constructor.prototype, members)
  Object.defineProperty(constructor.prototype, Symbol.toStringTag, { value: `WebAssembly.${name}`, configurable: true })
}
