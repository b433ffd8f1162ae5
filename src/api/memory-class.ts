// WebAssembly.Memory.

import { createMemory, type LinearMemory } from '../runtime/memory.ts'
import type { MemoryInstance } from '../runtime/instance.ts'
import type { AddressValue, MemoryConstructor } from './namespace-types.ts'
import { Adopted, type Realm } from './realm.ts'
import { finishInterface, fromAddress, isObject, readAddressType, readLimits, toAddress } from './web-idl.ts'

export interface MemoryInterface {
  readonly Memory: MemoryConstructor
  wrap(memory: MemoryInstance): object
  unwrap(value: unknown): MemoryInstance | undefined
}

/** Pages a descriptor may ask for (JS API, "Implementation-defined Limits"). */
const MAX_PAGES_32 = 65536
const MAX_PAGES_64 = 2 ** 37 - 1
const PAGE_SIZE_LOG2 = 16

export function defineMemory(realm: Realm): MemoryInterface {
  const wrappers = new WeakMap<MemoryInstance, Memory>()
  let memoryOf: (value: object) => MemoryInstance | undefined

  class Memory {
    readonly #memory: MemoryInstance

    constructor(descriptor: unknown) {
      this.#memory = descriptor instanceof Adopted ? (descriptor.value as MemoryInstance) : allocate(realm, descriptor)
      wrappers.set(this.#memory, this)
    }

    grow(delta: unknown): AddressValue {
      const memory = requireMemory(this, 'grow()')
      const { address64 } = memory.type
      const pages = toAddress(delta, address64, 'WebAssembly.Memory.grow(): Argument 0')
      const limit = memory.type.max ?? (address64 ? MAX_PAGES_64 : 2 ** (32 - memory.type.pageSizeLog2))
      if (memory.pages + pages > limit) throw new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded')
      const before = memory.grow(pages)
      if (before < 0) throw new RangeError('WebAssembly.Memory.grow(): Unable to grow instance memory')
      return fromAddress(before, address64)
    }

    get buffer(): ArrayBuffer | SharedArrayBuffer {
      // Every memory is one of memory.ts; the interface is only what the interpreter needs.
      return (requireMemory(this, 'buffer') as LinearMemory).exposeBuffer()
    }

    toFixedLengthBuffer(): ArrayBuffer | SharedArrayBuffer {
      return (requireMemory(this, 'toFixedLengthBuffer()') as LinearMemory).toFixedLengthBuffer()
    }

    toResizableBuffer(): ArrayBuffer | SharedArrayBuffer {
      const memory = requireMemory(this, 'toResizableBuffer()') as LinearMemory
      if (memory.type.max === undefined) fail('WebAssembly.Memory.toResizableBuffer(): Memory must have a maximum')
      return memory.toResizableBuffer()
    }

    static {
      memoryOf = (value) => (#memory in value ? value.#memory : undefined)
    }
  }

  const unwrap = (value: unknown): MemoryInstance | undefined => (isObject(value) ? memoryOf(value) : undefined)

  function requireMemory(value: unknown, member: string): MemoryInstance {
    return unwrap(value) ?? fail(`WebAssembly.Memory.${member}: Receiver is not a WebAssembly.Memory`)
  }

  finishInterface(Memory, 'Memory', ['grow', 'toFixedLengthBuffer', 'toResizableBuffer', 'buffer'])
  return {
    Memory: Memory as unknown as MemoryConstructor,
    wrap: (memory) => wrappers.get(memory) ?? new Memory(new Adopted(memory)),
    unwrap,
  }
}

function allocate(realm: Realm, descriptor: unknown): MemoryInstance {
  const what = 'WebAssembly.Memory()'
  if (!isObject(descriptor)) throw new TypeError(`${what}: Argument 0 must be a memory descriptor`)
  const address64 = readAddressType(descriptor, what)
  const bound = address64 ? MAX_PAGES_64 : MAX_PAGES_32
  const { initial, maximum } = readLimits(descriptor, address64, bound, bound, what, realm.typeReflection)
  const shared = Boolean((descriptor as { shared?: unknown }).shared)
  if (shared && maximum === undefined)
    throw new TypeError(`${what}: If shared is true, maximum property should be defined.`)
  const type = { min: initial, max: maximum, shared, address64, pageSizeLog2: PAGE_SIZE_LOG2 }
  try {
    return createMemory(realm.store, type)
  } catch (error) {
    throw new RangeError(`${what}: could not allocate memory`, { cause: error })
  }
}

function fail(message: string): never {
  throw new TypeError(message)
}
