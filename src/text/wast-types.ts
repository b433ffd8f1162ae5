// The syntax tree of WAST scripts (the format of the official test suite): what `parseWast` gives to a script runner.
// Values travel as exact bits, modules as sources that are encoded only when asked.

import type { Heap } from '../wasm/types.ts'
import type { TextPosition } from './text-error.ts'

/** A parsed script. */
export interface WastScript {
  readonly commands: readonly WastCommand[]
}

/**
 * A module as a script writes it. Errors in it belong to the command that holds it (`assert_malformed` expects them), so
 * parsing happens in `encode`, each time it is called.
 */
export interface WastModule extends TextPosition {
  readonly form: 'text' | 'binary' | 'quote'
  /** `$name` without the dollar. */
  readonly name: string | undefined
  /**
   * The binary.
   * @throws TextError if the text (or quoted text) is malformed; a binary module is returned as it is written.
   */
  encode(): Uint8Array
}

/** What a script does with an instance. Without `module`, the most recent instance is meant. */
export type WastAction = TextPosition &
  (
    | {
        readonly kind: 'invoke'
        readonly module: string | undefined
        readonly name: string
        readonly args: readonly WastValue[]
      }
    | { readonly kind: 'get'; readonly module: string | undefined; readonly name: string }
  )

/** An argument. */
export type WastValue =
  | { readonly type: 'i32'; readonly value: number }
  | { readonly type: 'i64'; readonly value: bigint }
  /** IEEE bits; unsigned. */
  | { readonly type: 'f32'; readonly bits: number }
  /** IEEE bits; unsigned. */
  | { readonly type: 'f64'; readonly bits: bigint }
  /** 16 bytes, little-endian. */
  | { readonly type: 'v128'; readonly bytes: Uint8Array }
  | { readonly type: 'ref.null'; readonly heap: Heap }
  /** The host value `n` as an externref. */
  | { readonly type: 'ref.extern'; readonly value: number }
  /** The host value `n` as an anyref. */
  | { readonly type: 'ref.host'; readonly value: number }

export type NanPattern = 'canonical' | 'arithmetic'

export type V128Shape = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2' | 'f32x4' | 'f64x2'

/** What a result must match. */
export type WastResult =
  | { readonly type: 'i32'; readonly value: number }
  | { readonly type: 'i64'; readonly value: bigint }
  /** Exact bits, or (`nan` set, `bits` 0) any NaN of that class. */
  | { readonly type: 'f32'; readonly bits: number; readonly nan: NanPattern | undefined }
  | { readonly type: 'f64'; readonly bits: bigint; readonly nan: NanPattern | undefined }
  /**
   * Lanes as little-endian bytes. In a float shape a lane with `nan[lane]` set matches any NaN of that class (its bytes are 0);
   * `nan` is undefined if every lane is exact.
   */
  | {
      readonly type: 'v128'
      readonly shape: V128Shape
      readonly bytes: Uint8Array
      readonly nan: readonly (NanPattern | undefined)[] | undefined
    }
  /** A null; of any type if `heap` is undefined. (All nulls of a type hierarchy are alike.) */
  | { readonly type: 'ref.null'; readonly heap: Heap | undefined }
  /** A host value as an externref: any if `value` is undefined. */
  | { readonly type: 'ref.extern'; readonly value: number | undefined }
  /** The host value `n` as an anyref. */
  | { readonly type: 'ref.host'; readonly value: number }
  /** Any non-null reference below that heap type. */
  | { readonly type: 'ref.func' | 'ref.any' | 'ref.eq' | 'ref.i31' | 'ref.struct' | 'ref.array' | 'ref.exn' }
  | { readonly type: 'either'; readonly options: readonly WastResult[] }

/** The kinds of commands that expect an error of a module. */
type ModuleAssertionKind =
  'assert_malformed' | 'assert_invalid' | 'assert_unlinkable' | 'assert_malformed_custom' | 'assert_invalid_custom'

type ModuleAssertion = {
  [K in ModuleAssertionKind]: { readonly kind: K; readonly module: WastModule; readonly message: string }
}[ModuleAssertionKind]

/** A command. `message` is the text that the suite expects of an error. */
export type WastCommand = TextPosition &
  /** `definition`: declare (validate) the module without instantiating it. */
  (
    | {
        readonly kind: 'module'
        readonly name: string | undefined
        readonly definition: boolean
        readonly module: WastModule
      }
    /** Instantiate the definition `module` (the most recent one if undefined) under the name `name`. */
    | { readonly kind: 'instance'; readonly name: string | undefined; readonly module: string | undefined }
    /** Make the exports of `module` (the most recent instance if undefined) importable under the module name `as`. */
    | { readonly kind: 'register'; readonly as: string; readonly module: string | undefined }
    | { readonly kind: 'action'; readonly action: WastAction }
    | { readonly kind: 'assert_return'; readonly action: WastAction; readonly results: readonly WastResult[] }
    /** Exactly one of `action` and `module` (instantiation traps) is set. */
    | {
        readonly kind: 'assert_trap'
        readonly action: WastAction | undefined
        readonly module: WastModule | undefined
        readonly message: string
      }
    | { readonly kind: 'assert_exhaustion'; readonly action: WastAction; readonly message: string }
    | { readonly kind: 'assert_exception'; readonly action: WastAction }
    | ModuleAssertion
    /** Run `commands` in another agent that shares only the instances named in `shared`. */
    | {
        readonly kind: 'thread'
        readonly name: string
        readonly shared: readonly string[]
        readonly commands: readonly WastCommand[]
      }
    /** Join the thread `name`. */
    | { readonly kind: 'wait'; readonly name: string }
  )

export type WastCommandKind = WastCommand['kind']
