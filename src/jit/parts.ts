// What the native tier uses of the engine that it belongs to. The shipped package has the tier in a bundle of its own (dist/jit.cjs), which
// is loaded when a program is worth it; what has state, or identity, must be the engine's and not a copy. So it comes in by `bind`.

import type { loopsOf as loops } from '../interp/build.ts'
import type { codeOf as code } from '../interp/code.ts'
import type { cold as coldOp } from '../interp/cold/index.ts'
import type { Instance } from '../runtime/instance.ts'
import type { paramSlotsOf as slots } from '../runtime/layout.ts'
import type { onModuleDropped as moduleDropped, ownersOf as owners } from '../runtime/registry.ts'
import type { LimitError as Limit } from '../runtime/store.ts'
import type { nativeRunner as runner, registerNativeRunner as register } from '../runtime/tier.ts'
import type { isSubtypeId as isSubtype, typeDef as type } from '../wasm/canonical.ts'

export interface EngineParts {
  readonly CODE: Int32Array
  readonly CTX: Int32Array
  readonly FS: Int32Array
  readonly FUNC: Int32Array
  readonly R: Int32Array
  readonly INSTANCES: Instance[]
  readonly LimitError: typeof Limit
  readonly codeOf: typeof code
  readonly cold: typeof coldOp
  readonly isSubtypeId: typeof isSubtype
  readonly loopsOf: typeof loops
  readonly nativeRunner: typeof runner
  readonly onModuleDropped: typeof moduleDropped
  readonly ownersOf: typeof owners
  readonly paramSlotsOf: typeof slots
  readonly registerNativeRunner: typeof register
  readonly resultSlotsOf: typeof slots
  readonly typeDef: typeof type
}

export let CODE: Int32Array
export let CTX: Int32Array
export let FS: Int32Array
export let FUNC: Int32Array
export let R: Int32Array
export let INSTANCES: Instance[]
export let LimitError: typeof Limit
export let codeOf: typeof code
export let cold: typeof coldOp
export let isSubtypeId: typeof isSubtype
export let loopsOf: typeof loops
export let nativeRunner: typeof runner
export let onModuleDropped: typeof moduleDropped
export let ownersOf: typeof owners
export let paramSlotsOf: typeof slots
export let registerNativeRunner: typeof register
export let resultSlotsOf: typeof slots
export let typeDef: typeof type

/** Before anything else. */
export function bind(parts: EngineParts): void {
  ;({ CODE, CTX, FS, FUNC, R, INSTANCES, LimitError } = parts)
  ;({ codeOf, cold, isSubtypeId, loopsOf, nativeRunner, onModuleDropped, ownersOf } = parts)
  ;({ paramSlotsOf, registerNativeRunner, resultSlotsOf, typeDef } = parts)
}
