// WebAssembly.Tag, WebAssembly.Exception and the tag of JavaScript exceptions.

import type { TagInstance } from '../runtime/instance.ts'
import { exceptionLayout } from '../runtime/layout.ts'
import { canonicalFuncType } from '../wasm/canonical.ts'
import type { CanonType } from '../wasm/types.ts'
import { readCell, writeCell } from './cells.ts'
import { VALUE_TYPES } from './global-class.ts'
import { coerce, INCOMPATIBLE } from './marshal.ts'
import type { ExceptionConstructor, Tag as TagObject, TagConstructor } from './namespace-types.ts'
import { Adopted, type Realm } from './realm.ts'
import { PinnedWrappers } from './references.ts'
import { Kind, signatureOf } from './signature.ts'
import { finishInterface, isObject, toEnforcedU32, toText } from './web-idl.ts'

export interface TagInterface {
  readonly Tag: TagConstructor
  wrap(tag: TagInstance): TagObject
  unwrap(value: unknown): TagInstance | undefined
}

export function defineTag(realm: Realm): TagInterface {
  const wrappers = new WeakMap<TagInstance, Tag>()
  let tagOf: (value: object) => TagInstance | undefined

  class Tag {
    readonly #tag: TagInstance

    constructor(type: unknown) {
      this.#tag = type instanceof Adopted ? (type.value as TagInstance) : realm.store.createTag(readTagType(type))
      wrappers.set(this.#tag, this)
    }

    static {
      tagOf = (value) => (#tag in value ? value.#tag : undefined)
    }
  }

  finishInterface(Tag, 'Tag', [])
  return {
    Tag: Tag as unknown as TagConstructor,
    wrap: (tag) => (wrappers.get(tag) ?? new Tag(new Adopted(tag))) as unknown as TagObject,
    unwrap: (value) => (isObject(value) ? tagOf(value) : undefined),
  }
}

/** Canonical function type of a `TagType` dictionary. */
function readTagType(type: unknown): number {
  const what = 'WebAssembly.Tag(): Argument 0'
  if (!isObject(type)) throw new TypeError(`${what} must be a tag type`)
  const { parameters } = type as { parameters?: unknown }
  if (!isObject(parameters) || typeof (parameters as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function')
    throw new TypeError(`${what} must be a tag type with 'parameters'`)
  const params = [...(parameters as Iterable<unknown>)].map((name, i) => {
    const found = VALUE_TYPES.get(toText(name))
    if (found === undefined) throw new TypeError(`${what} parameter type at index #${i} must be a value type`)
    return found
  })
  return canonicalFuncType(params, [])
}

export interface ExceptionInterface {
  readonly Exception: ExceptionConstructor
  /** The JavaScript value that an uncaught exception throws: its Exception object, or the payload of a JavaScript exception. */
  wrap(word: number): unknown
  /** The exception reference of an Exception object. */
  wordOf(value: unknown): number | undefined
}

export function defineException(realm: Realm, tags: TagInterface): ExceptionInterface {
  const wrappers = new PinnedWrappers(realm.store)
  let wordOf: (value: object) => number | undefined

  class Exception {
    readonly #word: number
    readonly #stack: string | undefined

    constructor(tag: unknown, payload: unknown, ...options: [unknown?]) {
      if (tag instanceof Adopted) {
        this.#word = tag.value as number
        this.#stack = undefined
        return
      }
      const { word, trace } = allocate(realm, tags, tag, payload, options[0])
      this.#word = word
      this.#stack = trace ? currentStack(new.target) : undefined
      wrappers.add(word, this)
    }

    getArg(tag: unknown, index: unknown): unknown {
      const what = 'WebAssembly.Exception.getArg()'
      const word = requireException(this, what)
      const wanted = tags.unwrap(tag)
      if (wanted === undefined) throw new TypeError(`${what}: Argument 0 must be a WebAssembly.Tag`)
      const at = toEnforcedU32(index, `${what}: Index`)
      const { heap } = realm.store
      if (heap.tagOf(word) !== wanted.id)
        throw new TypeError(`${what}: First argument does not match the exception tag`)
      const { params } = signatureOf(wanted.typeId)
      if (at >= params.length) throw new RangeError(`${what}: Index out of range`)
      const kind = params.kinds[at]
      if (kind === Kind.V128 || kind === Kind.Exn) throw new TypeError(`${what}: ${INCOMPATIBLE}`)
      return readCell(realm, kind, heap.i32, (word + exceptionLayout(wanted.typeId).offsets[at]) >> 2)
    }

    is(tag: unknown): boolean {
      const what = 'WebAssembly.Exception.is()'
      const word = requireException(this, what)
      const wanted = tags.unwrap(tag)
      if (wanted === undefined) throw new TypeError(`${what}: Argument 0 must be a WebAssembly.Tag`)
      return realm.store.heap.tagOf(word) === wanted.id
    }

    get stack(): string | undefined {
      requireException(this, 'WebAssembly.Exception.stack')
      return this.#stack
    }

    static {
      wordOf = (value) => (#word in value ? value.#word : undefined)
    }
  }

  function requireException(value: unknown, what: string): number {
    const word = isObject(value) ? wordOf(value) : undefined
    if (word === undefined) throw new TypeError(`${what}: Receiver is not a WebAssembly.Exception`)
    return word
  }

  finishInterface(Exception, 'Exception', ['getArg', 'is', 'stack'])
  return {
    Exception: Exception as unknown as ExceptionConstructor,
    wrap(word) {
      const { heap, jsTag } = realm.store
      if (heap.tagOf(word) !== jsTag.id) return wrappers.get(word, (at) => new Exception(new Adopted(at), undefined))
      return readCell(realm, Kind.Ref, heap.i32, (word + exceptionLayout(jsTag.typeId).offsets[0]) >> 2)
    },
    wordOf: (value) => (isObject(value) ? wordOf(value) : undefined),
  }
}

function currentStack(above: Function): string | undefined {
  const holder: { stack?: string } = {}
  Error.captureStackTrace?.(holder, above)
  return holder.stack
}

/** The steps of the constructor up to the allocation. */
function allocate(
  realm: Realm,
  tags: TagInterface,
  tagObject: unknown,
  payload: unknown,
  options: unknown,
): { word: number; trace: boolean } {
  const what = 'WebAssembly.Exception()'
  const tag = tags.unwrap(tagObject)
  if (tag === undefined) throw new TypeError(`${what}: Argument 0 must be a WebAssembly tag`)
  if (!isObject(payload) || typeof (payload as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function')
    throw new TypeError(`${what}: Exception values must be an iterable object`)
  const values = [...(payload as Iterable<unknown>)]
  if (options !== undefined && !isObject(options)) throw new TypeError(`${what}: Argument 2 is not an object`)
  const trace = Boolean((options as { traceStack?: unknown } | undefined)?.traceStack)
  const { store } = realm
  if (tag === store.jsTag) throw new TypeError(`${what}: the JavaScript exception tag cannot be used`)
  const { params } = signatureOf(tag.typeId)
  if (values.length !== params.length)
    throw new TypeError(`${what}: Number of exception values does not match signature length`)
  for (let i = 0; i < values.length; i++)
    values[i] = coerce(realm, params.kinds[i], params.types[i] as CanonType, values[i])
  const word = store.heap.allocException(tag.typeId, tag.id)
  if (word === 0) throw new RangeError(`${what}: could not allocate the exception`)
  // Handles are made between here and the return: none of them collects (runtime/handles.ts).
  const { offsets } = exceptionLayout(tag.typeId)
  for (let i = 0; i < values.length; i++)
    writeCell(realm, params.kinds[i], store.heap.i32, (word + offsets[i]) >> 2, values[i])
  return { word, trace }
}
