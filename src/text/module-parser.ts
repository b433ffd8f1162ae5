// What the parser knows about the module it reads: index spaces, types, the parts of the module so far, and the buffer that
// bodies, constant expressions and data are written to.

import { ByteWriter } from '../util/byte-writer.ts'
import type { BranchHint } from '../wasm/branch-hints.ts'
import type { Features } from '../wasm/features.ts'
import type { DataSegment, ElemSegment, Export, GlobalDef, Import, TableDef } from '../wasm/module.ts'
import type { GlobalType, MemoryType, SubType, TableType } from '../wasm/types.ts'
import type { Annotations, CustomText } from './annotations.ts'
import type { Cursor } from './cursor.ts'
import { InstructionState } from './instruction-state.ts'
import { ModuleNames } from './module-names.ts'
import type { IndexSpaces } from './spaces.ts'

/** A parameter or local with a name of its own. */
export interface NamedLocal {
  readonly index: number
  /** 0 if only an annotation names it. */
  readonly symbol: number
  /** Token of the identifier. */
  readonly pos: number
}

/** The function type that a type use spells out; filled again by each `parseSignature`. */
export class Signature {
  /** Type index of `(type …)`, or -1. */
  typeIndex = -1
  /** Token to report errors at. */
  pos = 0
  readonly params: number[] = []
  readonly results: number[] = []
  /** Parameters with identifiers, where those are allowed. */
  readonly named: NamedLocal[] = []
}

export class ModuleParser {
  readonly cursor: Cursor
  readonly annotations: Annotations
  readonly features: Features

  readonly spaces: IndexSpaces

  types: SubType[] = []
  recGroups: number[] = []
  /** Symbol of each field (0: none) by type index; undefined for types without named fields. */
  fieldSymbols: (Int32Array | undefined)[] = []
  /** Type indices of final function types without supertype that are a rec group of their own, by hash. */
  readonly plainFuncTypes = new Map<number, number[]>()
  readonly signature = new Signature()

  imports: Import[] = []
  exports: Export[] = []
  funcs: number[] = []
  importedFuncs = 0
  tables: TableType[] = []
  tableDefs: TableDef[] = []
  memories: MemoryType[] = []
  importedMemories = 0
  globals: GlobalType[] = []
  globalDefs: GlobalDef[] = []
  tags: number[] = []
  importedTags = 0
  start = -1
  elems: ElemSegment[] = []
  datas: DataSegment[] = []
  /** An instruction names a data segment, so the binary needs a data count section. */
  usesDataCount = false
  codeStart: number[] = []
  codeEnd: number[] = []
  customs: CustomText[] = []
  names = new ModuleNames()
  /** By function index. */
  hints = new Map<number, readonly BranchHint[]>()

  /** Becomes `Module.bytes`. */
  out = new ByteWriter(1024)
  readonly code: InstructionState

  constructor(cursor: Cursor, annotations: Annotations, spaces: IndexSpaces, features: Features, sourceMap: boolean) {
    this.cursor = cursor
    this.annotations = annotations
    this.spaces = spaces
    this.features = features
    this.code = new InstructionState(sourceMap)
    spaces.clear()
  }
}
