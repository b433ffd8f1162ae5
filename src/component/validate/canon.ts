// Validation of canonical definitions (CanonicalABI.md, "Canonical Definitions").

import { T } from '../../wasm/types.ts'
import { typeDef, typeText } from '../../wasm/canonical.ts'
import type { CanonType } from '../../wasm/types.ts'
import type { CoreKind } from '../abi/layout.ts'
import { flatten, flattenFunc, MAX_FLAT_PARAMS } from '../abi/layout.ts'
import type { BuiltIn, Canon, CanonOption } from '../binary/model.ts'
import { Sort } from '../binary/model.ts'
import { coreFuncType, funcText } from './core-types.ts'
import type { CoreExtern } from './core-types.ts'
import type { Scope } from './scope.ts'
import { invalid } from './scope.ts'
import type { ValType } from './types.ts'
import { containsBorrow, containsPointer } from './types.ts'
import type { TypeReader } from './validate-types.ts'

const CORE_TYPES: Readonly<Record<CoreKind, T>> = { i32: T.I32, i64: T.I64, f32: T.F32, f64: T.F64 }
const coreType = (params: readonly CoreKind[], results: readonly CoreKind[]): number =>
  coreFuncType(
    params.map((k) => CORE_TYPES[k]),
    results.map((k) => CORE_TYPES[k]),
  )

interface Options {
  readonly memory: boolean
  readonly realloc: boolean
  readonly postReturn: number | undefined
  readonly callback: number | undefined
  readonly async: boolean
}

const ENCODING_NAMES = { utf8: 'utf8', utf16: 'utf16', 'latin1+utf16': 'latin1-utf16' } as const

/** Whether an extern is a memory that canonical options may name. */
export function checkMemory(extern: CoreExtern, at: number): void {
  if (extern.kind !== 'memory') invalid('expected a memory', at)
  const { type } = extern as CoreExtern & { kind: 'memory' }
  if (type.address64) invalid('64-bit memories require the `cm64` feature to be enabled', at)
  if (type.shared) invalid('canonical option `memory`: mismatch in the shared flag for memories', at)
}

function checkSignature(name: string, extern: CoreExtern, expected: number, at: number): void {
  if (extern.kind !== 'func' || extern.type !== expected)
    invalid(
      `canonical option \`${name}\` uses a core function with an incorrect signature: expected ${funcText(expected)}`,
      at,
    )
}

function readOptions(scope: Scope, list: readonly CanonOption[], at: number): Options {
  let encoding: keyof typeof ENCODING_NAMES | undefined
  let memory = false
  let realloc: number | undefined
  let postReturn: number | undefined
  let callback: number | undefined
  let isAsync = false
  const once = (name: string, seen: boolean): void => {
    if (seen) invalid(`canonical option \`${name}\` is specified more than once`, at)
  }
  for (const option of list) {
    switch (option.kind) {
      case 'string-encoding':
        if (encoding !== undefined)
          invalid(
            `canonical encoding option \`${ENCODING_NAMES[encoding]}\` conflicts with option \`${ENCODING_NAMES[option.encoding]}\``,
            at,
          )
        encoding = option.encoding
        break
      case 'memory':
        once('memory', memory)
        checkMemory(scope.coreItem(Sort.CoreMemory, option.index, at), at)
        memory = true
        break
      case 'realloc':
        once('realloc', realloc !== undefined)
        realloc = option.index
        checkSignature('realloc', scope.coreItem(Sort.CoreFunc, realloc, at), REALLOC(), at)
        break
      case 'post-return':
        once('post-return', postReturn !== undefined)
        postReturn = option.index
        break
      case 'callback':
        once('callback', callback !== undefined)
        callback = option.index
        checkSignature('callback', scope.coreItem(Sort.CoreFunc, callback, at), CALLBACK(), at)
        break
      case 'async':
        once('async', isAsync)
        isAsync = true
    }
  }
  if (realloc !== undefined && !memory) invalid('canonical option `realloc` requires `memory` to also be specified', at)
  if (callback !== undefined && !isAsync) invalid('cannot specify callback without async', at)
  if (isAsync && postReturn !== undefined) invalid('cannot specify `post-return` with `async`', at)
  return { memory, realloc: realloc !== undefined, postReturn, callback, async: isAsync }
}

const REALLOC = (): number => coreType(['i32', 'i32', 'i32', 'i32'], ['i32'])
const CALLBACK = (): number => coreType(['i32', 'i32', 'i32'], ['i32'])

/** Whether values of types must be in memory: for pointers in them, or because there are too many of them. */
const usesPointers = (types: readonly (ValType | undefined)[]): boolean =>
  types.some((t) => t !== undefined && containsPointer(t))

function requireOptions(options: Options, memory: boolean, realloc: boolean, at: number): void {
  if (memory && !options.memory) invalid('canonical option `memory` is required', at)
  if (realloc && !options.realloc) invalid('canonical option `realloc` is required', at)
}

/** Validates a canonical definition and adds what it defines to its index space. */
export function validateCanon(scope: Scope, types: TypeReader, canon: Canon, at: number): void {
  switch (canon.op) {
    case 'lift':
      return lift(scope, canon as Extract<Canon, { op: 'lift' }>, at)
    case 'lower':
      return lower(scope, canon as Extract<Canon, { op: 'lower' }>, at)
    default: {
      const [params, results] = builtIn(scope, types, canon as BuiltIn, at)
      scope.coreItems[Sort.CoreFunc].push({ kind: 'func', type: coreType(params, results) })
    }
  }
}

function lift(scope: Scope, canon: Extract<Canon, { op: 'lift' }>, at: number): void {
  const type = scope.funcType(canon.type, at)
  const callee = scope.coreItem(Sort.CoreFunc, canon.func, at)
  const options = readOptions(scope, canon.options, at)
  if (options.async && !type.async) invalid('the `async` canonical option requires an async function type', at)
  const flat = flattenFunc(type, 'lift', { async: options.async, callback: options.callback !== undefined })
  const params = type.params.map((p) => p.type)
  const needsParams = usesPointers(params) || flat.paramsSpilled
  const manyResults =
    options.async && type.result !== undefined && flatten([type.result], MAX_FLAT_PARAMS) === undefined
  requireOptions(
    options,
    needsParams || usesPointers([type.result]) || flat.resultSpilled || manyResults,
    needsParams,
    at,
  )
  checkCoreType(callee, flat.params, flat.results, at)
  if (options.postReturn !== undefined) {
    const expected = coreType(flat.results, [])
    checkSignature('post-return', scope.coreItem(Sort.CoreFunc, options.postReturn, at), expected, at)
  }
  scope.funcs.push(type)
}

/** Compares a core function with what its component function type flattens to. */
function checkCoreType(
  callee: CoreExtern,
  params: readonly CoreKind[],
  results: readonly CoreKind[],
  at: number,
): void {
  if (callee.kind !== 'func') return invalid('expected a core function', at)
  if (callee.type === coreType(params, results)) return
  const def = typeDef(callee.type)
  if (def.kind !== 'func') return invalid('expected a core function', at)
  const words = (list: readonly string[]): string => `[${list.map((t) => t.toUpperCase()).join(', ')}]`
  const found = (list: readonly CanonType[]): string => words(list.map((t) => typeText(t)))
  if (words(params) !== found(def.params))
    invalid(`lowered parameter types \`${words(params)}\` do not match parameter types \`${found(def.params)}\``, at)
  if (words(results) !== found(def.results))
    invalid(`lowered result types \`${words(results)}\` do not match result types \`${found(def.results)}\``, at)
  // The same signature, declared as a type that is not final or has a supertype.
}

function lower(scope: Scope, canon: Extract<Canon, { op: 'lower' }>, at: number): void {
  const type = scope.func(canon.func, at)
  const options = readOptions(scope, canon.options, at)
  if (options.postReturn !== undefined) invalid('canonical option `post-return` cannot be specified for lowerings', at)
  if (options.callback !== undefined) invalid('canonical option `callback` cannot be specified for lowerings', at)
  if (options.async && !type.async) invalid('the `async` canonical option requires an async function type', at)
  const flat = flattenFunc(type, 'lower', { async: options.async, callback: false })
  const needsResult = usesPointers([type.result])
  requireOptions(
    options,
    usesPointers(type.params.map((p) => p.type)) || flat.paramsSpilled || needsResult || flat.resultSpilled,
    needsResult,
    at,
  )
  scope.coreItems[Sort.CoreFunc].push({ kind: 'func', type: coreType(flat.params, flat.results) })
}

type Signature = readonly [params: readonly CoreKind[], results: readonly CoreKind[]]

/** Built-ins whose signature is always the same. */
const SIGNATURES: Readonly<Record<string, Signature>> = {
  'task.cancel': [[], []],
  'subtask.cancel': [['i32'], ['i32']],
  'subtask.drop': [['i32'], []],
  'error-context.drop': [['i32'], []],
  'waitable-set.new': [[], ['i32']],
  'waitable-set.drop': [['i32'], []],
  'waitable.join': [['i32', 'i32'], []],
  'backpressure.inc': [[], []],
  'backpressure.dec': [[], []],
  'thread.index': [[], ['i32']],
  'thread.resume-later': [['i32'], []],
  'thread.suspend': [[], ['i32']],
  'thread.yield': [[], ['i32']],
  'thread.suspend-then-resume': [['i32'], ['i32']],
  'thread.yield-then-resume': [['i32'], ['i32']],
  'thread.suspend-then-promote': [['i32'], ['i32']],
  'thread.yield-then-promote': [['i32'], ['i32']],
}

/** Number of slots of `context.get` and `context.set`. */
const CONTEXT_SLOTS = 2

function builtIn(scope: Scope, types: TypeReader, canon: BuiltIn, at: number): Signature {
  const { op } = canon
  const fixed = SIGNATURES[op]
  if (fixed !== undefined) return fixed
  switch (op) {
    case 'resource.new':
    case 'resource.rep':
    case 'resource.drop': {
      const resource = scope.resource(canon.type!, at)
      if (op !== 'resource.drop' && !scope.localResources.has(resource.id))
        invalid(`type index ${canon.type} is not a local resource`, at)
      return [['i32'], op === 'resource.drop' ? [] : ['i32']]
    }
    case 'task.return': {
      const result = canon.result === undefined ? undefined : types.valType(canon.result, at)
      if (result !== undefined && containsBorrow(result)) invalid('function result cannot contain a `borrow` type', at)
      for (const option of canon.options!) {
        if (option.kind !== 'memory' && option.kind !== 'string-encoding')
          invalid(`cannot specify \`${option.kind}\` option on \`task.return\``, at)
      }
      const options = readOptions(scope, canon.options!, at)
      const flat = flatten(result === undefined ? [] : [result], MAX_FLAT_PARAMS)
      requireOptions(options, usesPointers([result]) || flat === undefined, false, at)
      return [flat ?? ['i32'], []]
    }
    case 'context.get':
    case 'context.set': {
      if (canon.slotType !== T.I32) {
        if (canon.slotType === T.I64) invalid(`64-bit \`${op}\` requires the component model 64-bit feature`, at)
        invalid(`\`${op}\` only supports \`i32\` or \`i64\``, at)
      }
      if (canon.slot! >= CONTEXT_SLOTS) invalid(`\`${op}\` immediate must be zero or one: ${canon.slot}`, at)
      return op === 'context.get' ? [[], ['i32']] : [['i32'], []]
    }
    case 'error-context.new':
    case 'error-context.debug-message': {
      const options = readOptions(scope, canon.options!, at)
      if (options.async) invalid(`cannot specify \`async\` option on \`${op}\``, at)
      requireOptions(options, true, op === 'error-context.debug-message', at)
      return op === 'error-context.new' ? [['i32', 'i32'], ['i32']] : [['i32', 'i32'], []]
    }
    case 'waitable-set.wait':
    case 'waitable-set.poll':
      checkMemory(scope.coreItem(Sort.CoreMemory, canon.memory!, at), at)
      return [['i32', 'i32'], ['i32']]
    case 'thread.new-indirect': {
      const start = scope.coreTypes.func(canon.coreType!, at)
      if (start !== coreType(['i32'], []))
        invalid('start function must take a single `i32` argument: spawn type must take a single i32 parameter', at)
      const table = scope.coreItem(Sort.CoreTable, canon.table!, at)
      if (table.kind !== 'table' || typeText(table.element) !== 'funcref')
        invalid('expected a table of functions: table element type must be `funcref`', at)
      return [['i32', 'i32'], ['i32']]
    }
    default:
      return streamOrFuture(scope, canon, at)
  }
}

function streamOrFuture(scope: Scope, canon: BuiltIn, at: number): Signature {
  const [kind, action] = canon.op.split('.')
  const type = scope.type(canon.type!, at)
  if (type.kind !== kind) return invalid(`\`${canon.op}\` requires a ${kind} type`, at)
  const element = (type as { readonly type?: ValType | undefined }).type
  switch (action) {
    case 'new':
      return [[], ['i64']]
    case 'read':
    case 'write': {
      const options = readOptions(scope, canon.options!, at)
      if (options.postReturn !== undefined) invalid(`cannot specify \`post-return\` option on \`${canon.op}\``, at)
      const needsRealloc = action === 'read' && usesPointers([element])
      requireOptions(options, element !== undefined, needsRealloc, at)
      return [kind === 'stream' ? ['i32', 'i32', 'i32'] : ['i32', 'i32'], ['i32']]
    }
    case 'cancel-read':
    case 'cancel-write':
      return [['i32'], ['i32']]
    default:
      return [['i32'], []]
  }
}

/** Whether a function's signature flattens to that of a core function: for destructors. */
export function isCoreType(extern: CoreExtern, params: readonly CoreKind[], results: readonly CoreKind[]): boolean {
  return extern.kind === 'func' && extern.type === coreType(params, results)
}
