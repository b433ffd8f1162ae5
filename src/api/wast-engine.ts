// What a WAST script needs of an engine. Two implementations: `wast-zwasm.ts` goes beneath the JS API (bits of NaNs, v128 and
// references travel exactly), `wast-js.ts` runs on any namespace shaped like `WebAssembly` and carries less.

import type { Heap } from '../wasm/types.ts'
import type { WastValue } from '../text/wast-types.ts'

/**
 * Classes of errors that a script tells apart. `rejected`: the engine does not say whether a module is malformed or invalid.
 * `other` is nothing that a script may expect.
 */
export type WastErrorClass =
  | 'malformed'
  | 'invalid'
  | 'rejected'
  | 'malformed-custom'
  | 'invalid-custom'
  | 'limit'
  | 'unlinkable'
  | 'trap'
  | 'exhaustion'
  | 'exception'
  | 'not-carried'
  | 'other'

export interface WastError {
  readonly class: WastErrorClass
  /** The texts by which the official suite may name it: one of them has to start with what a script expects. */
  readonly texts: readonly string[]
}

/** A result as the engine gave it. */
export type WastActual =
  | { readonly type: 'i32'; readonly value: number }
  | { readonly type: 'i64'; readonly value: bigint }
  | { readonly type: 'f32'; readonly bits: number }
  | { readonly type: 'f64'; readonly bits: bigint }
  | { readonly type: 'v128'; readonly bytes: Uint8Array }
  /** `top`: the hierarchy that its static type belongs to (func, extern, any, exn). */
  | { readonly type: 'null'; readonly top: Heap }
  /** `heap`: what it is (func, i31, struct, array, exn, extern for a host value). */
  | { readonly type: 'ref'; readonly top: Heap; readonly heap: Heap; readonly host: number | undefined }
  /** A JavaScript value; its Wasm type is not known. */
  | { readonly type: 'js'; readonly value: unknown }

declare const brand: unique symbol
/** Engine's own. */
export interface WastModuleHandle {
  readonly [brand]?: 'module'
}
export interface WastInstanceHandle {
  readonly [brand]?: 'instance'
}
export interface WastExternHandle {
  readonly [brand]?: 'extern'
}

/** Shared memories of an instance, by export name: what another agent may have of it. Structured-cloneable. */
export type WastShared = Readonly<Record<string, unknown>>

export interface WastEngine {
  /** Decodes and validates. */
  compile(bytes: Uint8Array): WastModuleHandle
  /** `resolve` gives the extern of an import; undefined makes the module unlinkable. */
  instantiate(
    module: WastModuleHandle,
    resolve: (module: string, name: string) => WastExternHandle | undefined,
  ): WastInstanceHandle
  exported(instance: WastInstanceHandle, name: string): WastExternHandle | undefined
  /** The host module that the official suite imports as `spectest`. */
  spectest(): WastInstanceHandle
  invoke(instance: WastInstanceHandle, name: string, args: readonly WastValue[]): readonly WastActual[]
  get(instance: WastInstanceHandle, name: string): WastActual
  /** Reports malformed or invalid content of known custom sections. */
  checkCustomSections(bytes: Uint8Array): void
  shareable(instance: WastInstanceHandle): WastShared
  /** An instance with those exports. */
  adopt(shared: WastShared): WastInstanceHandle
  classify(error: unknown): WastError
  /** Ends the use of the engine. */
  dispose(): void
}

/** Thrown by an engine for a value that it cannot carry: the command is counted as skipped. */
export class NotCarried extends Error {
  override name = 'NotCarried'
}
