// What is known of a module while it is decoded: the index spaces so far, in the form that validation looks them up.

import type { Features } from './features.ts'
import type { CustomSection, DataSegment, ElemSegment, Export, GlobalDef, Import, TableDef } from './module.ts'
import type { CanonType, GlobalType, MemoryType, SubType, TableType, ValType } from './types.ts'
import { isConcrete, Ref, typeIndexOf } from './types.ts'
import { growInt32, growUint32, growUint8 } from '../util/grow.ts'

/** A growing list of 32-bit words. */
export class WordList {
  words = new Uint32Array(16)
  length = 0

  push(word: number): void {
    if (this.length === this.words.length) this.words = growUint32(this.words, this.length + 1)
    this.words[this.length++] = word
  }

  finish(): Uint32Array {
    return this.words.slice(0, this.length)
  }
}

export class ModuleState {
  readonly features: Features
  /** Whether the rules of validation are checked, not only the form. */
  readonly validate: boolean

  readonly types: SubType[] = []
  readonly recGroups = new WordList()
  canon = new Int32Array(16)
  /** Signatures of the function types: [parameter count, result count, parameters, results], canonical. */
  signatures = new Int32Array(64)
  signaturesEnd = 0
  /** By type index: where its signature is in `signatures`; -1 if it is no function type. */
  signatureAt = new Int32Array(16)

  readonly imports: Import[] = []
  readonly exports: Export[] = []
  readonly funcs = new WordList()
  importedFuncs = 0
  readonly tables: TableType[] = []
  /** Element type of each table, canonical. */
  readonly tableElements: CanonType[] = []
  readonly tableDefs: TableDef[] = []
  readonly memories: MemoryType[] = []
  importedMemories = 0
  readonly globals: GlobalType[] = []
  readonly globalDefs: GlobalDef[] = []
  /** Type of each global, canonical. */
  readonly globalTypes: CanonType[] = []
  readonly tags = new WordList()
  importedTags = 0
  start = -1
  readonly elems: ElemSegment[] = []
  /** Type of each element segment, canonical. */
  readonly elemTypes: CanonType[] = []
  readonly datas: DataSegment[] = []
  /** -1 without a data count section. */
  dataCount = -1
  readonly codeStart = new WordList()
  readonly codeEnd = new WordList()
  readonly customSections: CustomSection[] = []
  /** By function index: 1 if it occurs outside function bodies, so that `ref.func` may name it there (spec: C.REFS). */
  private declared = new Uint8Array(0)

  constructor(features: Features, validate: boolean) {
    this.features = features
    this.validate = validate
  }

  canonOf(type: ValType): CanonType {
    return (isConcrete(type) ? (type & ~Ref.IndexMask) | this.canon[typeIndexOf(type)] : type) as CanonType
  }

  declareFunc(index: number): void {
    if (index >= this.declared.length) this.declared = growUint8(this.declared, Math.max(index + 1, this.funcs.length))
    this.declared[index] = 1
  }

  isDeclared(index: number): boolean {
    return index < this.declared.length && this.declared[index] === 1
  }

  /** Enters the signatures of the types from `first` on, whose canonical ids are known. */
  addSignatures(first: number): void {
    this.signatureAt = growInt32(this.signatureAt, this.types.length)
    for (let i = first; i < this.types.length; i++) {
      const type = this.types[i]
      if (type.kind !== 'func') {
        this.signatureAt[i] = -1
        continue
      }
      const { params, results } = type
      let at = this.signaturesEnd
      this.signatures = growInt32(this.signatures, at + 2 + params.length + results.length)
      this.signatureAt[i] = at
      this.signatures[at++] = params.length
      this.signatures[at++] = results.length
      for (const t of params) this.signatures[at++] = this.canonOf(t)
      for (const t of results) this.signatures[at++] = this.canonOf(t)
      this.signaturesEnd = at
    }
  }
}
