// What one namespace is made of: a store, the classes over it and the conversions between them. The classes are made anew for
// each namespace, so an object of one is no Memory (Table, ...) of another: their stores are apart.

import '../interp/index.ts'
import { Store } from '../runtime/store.ts'
import { DEFAULT_FEATURES, type Features } from '../wasm/features.ts'
import { enableCoredumps } from './coredump.ts'
import { defineException, defineTag, type ExceptionInterface, type TagInterface } from './exception-class.ts'
import { Functions } from './functions.ts'
import { defineGlobal, type GlobalInterface } from './global-class.ts'
import { defineInstance, type InstanceInterface } from './instance-class.ts'
import { defineMemory, type MemoryInterface } from './memory-class.ts'
import { defineModule, type ModuleInterface } from './module-class.ts'
import type { RealmOptions } from './options.ts'
import { References } from './references.ts'
import { defineTable, type TableInterface } from './table-class.ts'
import { toJsError } from './run-error.ts'

/**
 * First argument of a constructor of the namespace when the engine makes the object: it takes over something that exists. Nobody
 * outside can make one.
 */
export class Adopted {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

export class Realm {
  readonly store: Store
  readonly features: Features
  /** Whether its classes have what type-reflection.ts adds. */
  readonly typeReflection: boolean
  readonly references: References
  readonly functions: Functions
  readonly module: ModuleInterface
  readonly instance: InstanceInterface
  readonly memory: MemoryInterface
  readonly table: TableInterface
  readonly global: GlobalInterface
  readonly tag: TagInterface
  readonly exceptions: ExceptionInterface

  /** Bytes that a module may have. */
  readonly maxModuleSize: number

  constructor({ store, features, control, moduleSize, typeReflection, coredump }: Partial<RealmOptions> = {}) {
    this.store = new Store(store)
    this.store.control.timeout = control?.timeout ?? Infinity
    this.store.control.signal = control?.signal
    if (coredump === true) enableCoredumps(this.store)
    this.maxModuleSize = moduleSize ?? Infinity
    this.features = features ?? DEFAULT_FEATURES
    this.typeReflection = typeReflection ?? false
    this.references = new References(this)
    this.functions = new Functions(this)
    this.module = defineModule(this)
    this.instance = defineInstance(this)
    this.memory = defineMemory(this)
    this.table = defineTable(this)
    this.global = defineGlobal(this)
    this.tag = defineTag(this)
    this.exceptions = defineException(this, this.tag)
  }

  /**
   * What JavaScript sees of something that the runtime threw. The JavaScript part of a stack starts above `self`; `what` is the
   * call that failed, for errors that name it.
   */
  toJsError(error: unknown, self: Function | undefined, what = ''): unknown {
    return toJsError(this, error, self, what)
  }
}
