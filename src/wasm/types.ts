// Value types as numbers.
//
// A `ValType` is one 32-bit integer, so that columns of types are typed arrays and equality is `===`:
//
//   number and vector types    their binary code: 0x7f i32, 0x7e i64, 0x7d f32, 0x7c f64, 0x7b v128
//   packed storage types       0x78 i8, 0x77 i16 (fields and array elements only)
//   reference types            REF | NULLABLE? | abstract heap code (0x70 func, 0x6f extern, ...)
//                              REF | NULLABLE? | CONCRETE | type index (24 bits)
//   0                          bottom: the unknown type of unreachable code (validator only)
//
// The same layout is used in two index spaces. In a `Module` (module.ts) a concrete heap type holds the module's own type
// index (`ValType`). Everywhere else (validator, linking, runtime) it holds a canonical type id (`CanonType`), which is the
// same number for the same iso-recursive type in every module of the process; there equality of types is equality of numbers.

/** A value type whose concrete heap types are type indices of one module. */
export type ValType = number & { readonly __space?: 'module' }

/** A value type whose concrete heap types are canonical type ids. */
export type CanonType = number & { readonly __canon: true }

/** Codes of number, vector and packed types (their binary encodings). */
export const enum T {
  Bottom = 0,
  I32 = 0x7f,
  I64 = 0x7e,
  F32 = 0x7d,
  F64 = 0x7c,
  V128 = 0x7b,
  I8 = 0x78,
  I16 = 0x77,
}

/** Codes of abstract heap types (their binary encodings). */
export const enum Heap {
  NoExn = 0x74,
  NoFunc = 0x73,
  NoExtern = 0x72,
  None = 0x71,
  Func = 0x70,
  Extern = 0x6f,
  Any = 0x6e,
  Eq = 0x6d,
  I31 = 0x6c,
  Struct = 0x6b,
  Array = 0x6a,
  Exn = 0x69,
}

/** Bits of a reference type. */
export const enum Ref {
  Flag = 0x4000_0000,
  Nullable = 0x2000_0000,
  Concrete = 0x0100_0000,
  IndexMask = 0x00ff_ffff,
}

export const isRef = (t: number): boolean => (t & Ref.Flag) !== 0
export const isNullable = (t: number): boolean => (t & Ref.Nullable) !== 0
export const isConcrete = (t: number): boolean => (t & (Ref.Flag | Ref.Concrete)) === (Ref.Flag | Ref.Concrete)
/** The type index (or canonical id) of a concrete reference type. */
export const typeIndexOf = (t: number): number => t & Ref.IndexMask
/** The abstract heap code of a reference type that is not concrete. */
export const heapOf = (t: number): number => t & 0xff
export const refAbstract = (heap: Heap, nullable: boolean): number => Ref.Flag | (nullable ? Ref.Nullable : 0) | heap
export const refConcrete = (index: number, nullable: boolean): number =>
  Ref.Flag | (nullable ? Ref.Nullable : 0) | Ref.Concrete | index

/** Shorthands for the nullable abstract references. */
export const enum RefType {
  FuncRef = Ref.Flag | Ref.Nullable | Heap.Func,
  ExternRef = Ref.Flag | Ref.Nullable | Heap.Extern,
  AnyRef = Ref.Flag | Ref.Nullable | Heap.Any,
  EqRef = Ref.Flag | Ref.Nullable | Heap.Eq,
  I31Ref = Ref.Flag | Ref.Nullable | Heap.I31,
  StructRef = Ref.Flag | Ref.Nullable | Heap.Struct,
  ArrayRef = Ref.Flag | Ref.Nullable | Heap.Array,
  ExnRef = Ref.Flag | Ref.Nullable | Heap.Exn,
  NullRef = Ref.Flag | Ref.Nullable | Heap.None,
  NullFuncRef = Ref.Flag | Ref.Nullable | Heap.NoFunc,
  NullExternRef = Ref.Flag | Ref.Nullable | Heap.NoExtern,
  NullExnRef = Ref.Flag | Ref.Nullable | Heap.NoExn,
}

export interface FieldType<V extends number = ValType> {
  /** A value type or a packed storage type (`T.I8`, `T.I16`). */
  readonly type: V
  readonly mutable: boolean
}

/** A composite type with its place in the subtype hierarchy. `V` says in which index space its types are. */
export type SubType<V extends number = ValType> = CompositeType<V> & {
  readonly final: boolean
  /** Index (module space) or canonical id of the declared supertype; -1 without one. */
  readonly supertype: number
}

export type CompositeType<V extends number = ValType> =
  | { readonly kind: 'func'; readonly params: readonly V[]; readonly results: readonly V[] }
  | { readonly kind: 'struct'; readonly fields: readonly FieldType<V>[] }
  | { readonly kind: 'array'; readonly field: FieldType<V> }

export type FuncType<V extends number = ValType> = Extract<SubType<V>, { kind: 'func' }>
export type StructType<V extends number = ValType> = Extract<SubType<V>, { kind: 'struct' }>
export type ArrayType<V extends number = ValType> = Extract<SubType<V>, { kind: 'array' }>

export interface Limits {
  /** Pages (memory) or elements (table). Exact up to 2^53; larger declared values are clamped to `MAX_SAFE_INTEGER`. */
  readonly min: number
  /** Likewise; `undefined` if absent. */
  readonly max: number | undefined
}

export interface MemoryType extends Limits {
  readonly shared: boolean
  /** 64-bit addresses (memory64). */
  readonly address64: boolean
  /** log2 of the page size: 16 by default, 0 with custom-page-sizes. */
  readonly pageSizeLog2: number
}

export interface TableType<V extends number = ValType> extends Limits {
  readonly element: V
  /** 64-bit indices (table64). */
  readonly address64: boolean
}

export interface GlobalType<V extends number = ValType> {
  readonly type: V
  readonly mutable: boolean
}
