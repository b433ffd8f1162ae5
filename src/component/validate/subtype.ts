// When one type may stand for another (Explainer.md, "Type Checking"). Functions return what is wrong, or undefined.

import { moduleMismatch } from './core-types.ts'
import type {
  AnyType,
  ComponentType,
  ExternType,
  FuncType,
  InstanceType,
  ResourceId,
  ResourceRef,
  ValType,
} from './types.ts'
import { isPrimitive, isValType, Substitution } from './types.ts'

type Mismatch = string | undefined

/** What a type is called in messages. */
function describe(type: AnyType): string {
  return isValType(type) ? (type.kind === 'tuple' ? 'tuple' : type.kind) : type.kind
}

/** Value types are equal or they do not match. */
export function valTypeMismatch(a: ValType, b: ValType): Mismatch {
  if (a === b) return undefined
  if (a.kind !== b.kind) {
    if (isPrimitive(a) && isPrimitive(b)) return `expected primitive \`${b.kind}\` found primitive \`${a.kind}\``
    return `expected ${isPrimitive(b) && !isPrimitive(a) ? `primitive, found ${a.kind}` : `${b.kind}, found ${a.kind}`}`
  }
  switch (a.kind) {
    case 'record': {
      const other = b as typeof a
      if (a.fields.length !== other.fields.length)
        return `expected ${other.fields.length} fields, found ${a.fields.length}`
      for (const [i, field] of a.fields.entries()) {
        const wanted = other.fields[i]
        if (field.label !== wanted.label) return `expected field name \`${wanted.label}\`, found \`${field.label}\``
        const problem = valTypeMismatch(field.type, wanted.type)
        if (problem !== undefined) return `type mismatch in record field \`${field.label}\`: ${problem}`
      }
      return undefined
    }
    case 'variant': {
      const other = b as typeof a
      if (a.cases.length !== other.cases.length) return `expected ${other.cases.length} cases, found ${a.cases.length}`
      for (const [i, item] of a.cases.entries()) {
        const wanted = other.cases[i]
        if (item.label !== wanted.label) return `expected case named \`${wanted.label}\`, found \`${item.label}\``
        if (item.type === undefined && wanted.type !== undefined)
          return `expected case \`${item.label}\` to have a type, found none`
        if (item.type !== undefined && wanted.type === undefined)
          return `expected case \`${item.label}\` to have no type`
        const problem = optionalMismatch(item.type, wanted.type)
        if (problem !== undefined) return `type mismatch in variant case \`${item.label}\`: ${problem}`
      }
      return undefined
    }
    case 'list': {
      const other = b as typeof a
      if (a.length !== other.length) return `expected a list of length ${other.length}, found ${a.length}`
      return valTypeMismatch(a.element, other.element)
    }
    case 'tuple': {
      const other = b as typeof a
      if (a.types.length !== other.types.length) return `expected ${other.types.length} types, found ${a.types.length}`
      for (const [i, type] of a.types.entries()) {
        const problem = valTypeMismatch(type, other.types[i])
        if (problem !== undefined) return `type mismatch in tuple field ${i}: ${problem}`
      }
      return undefined
    }
    case 'flags':
    case 'enum': {
      const other = b as typeof a
      const same = a.labels.length === other.labels.length && a.labels.every((label, i) => label === other.labels[i])
      return same ? undefined : `mismatch in ${a.kind} elements`
    }
    case 'option':
      return valTypeMismatch(a.type, (b as typeof a).type)
    case 'result': {
      const other = b as typeof a
      for (const key of ['ok', 'err'] as const) {
        if (a[key] === undefined && other[key] !== undefined) return `expected ${key} type, but found none`
        if (a[key] !== undefined && other[key] === undefined) return `expected ${key} type to not be present`
        const problem = optionalMismatch(a[key], other[key])
        if (problem !== undefined) return `type mismatch in ${key} variant: ${problem}`
      }
      return undefined
    }
    case 'own':
    case 'borrow':
      return resourceMismatch(a.resource, (b as typeof a).resource)
    case 'stream':
    case 'future': {
      const other = b as typeof a
      if ((a.type === undefined) !== (other.type === undefined)) return `mismatch in the element type of a ${a.kind}`
      return optionalMismatch(a.type, other.type)
    }
    case 'map': {
      const other = b as typeof a
      return valTypeMismatch(a.key, other.key) ?? valTypeMismatch(a.value, other.value)
    }
    default:
      return undefined
  }
}

function optionalMismatch(a: ValType | undefined, b: ValType | undefined): Mismatch {
  return a === undefined || b === undefined ? undefined : valTypeMismatch(a, b)
}

function resourceMismatch(a: ResourceRef, b: ResourceRef): Mismatch {
  return a.id === b.id ? undefined : 'resource types are not the same'
}

function funcMismatch(a: FuncType, b: FuncType): Mismatch {
  if (a.async !== b.async)
    return `expected ${b.async ? 'an async' : 'a sync'} function, found ${a.async ? 'async' : 'sync'}`
  if (a.params.length !== b.params.length) return `expected ${b.params.length} parameters, found ${a.params.length}`
  for (const [i, param] of a.params.entries()) {
    const wanted = b.params[i]
    if (param.label !== wanted.label) return `expected parameter named \`${wanted.label}\`, found \`${param.label}\``
    const problem = valTypeMismatch(param.type, wanted.type)
    if (problem !== undefined) return `type mismatch in function parameter \`${param.label}\`: ${problem}`
  }
  if (a.result === undefined && b.result !== undefined) return 'expected a result, found none'
  if (a.result !== undefined && b.result === undefined) return 'expected 0 results, found a result'
  const problem = optionalMismatch(a.result, b.result)
  return problem === undefined ? undefined : `type mismatch with result type: ${problem}`
}

/** `a` has to be an instance's type or as good as one: nothing bound. */
function instanceMismatch(a: InstanceType, b: InstanceType): Mismatch {
  const wanted = opened(b.exports, b.bound, (name) => a.exports.get(name))
  if (typeof wanted === 'string') return wanted
  return exportsMismatch(a.exports, wanted.exports)
}

function exportsMismatch(a: ReadonlyMap<string, ExternType>, b: ReadonlyMap<string, ExternType>): Mismatch {
  for (const [name, wanted] of b) {
    const found = a.get(name)
    if (found === undefined) return `missing expected export \`${name}\``
    const problem = externMismatch(found, wanted)
    if (problem !== undefined) return `type mismatch in instance export \`${name}\`: ${problem}`
  }
  return undefined
}

function componentMismatch(a: ComponentType, b: ComponentType): Mismatch {
  // What `b` gives as imports are the arguments of `a`.
  const imports = opened(a.imports, a.importBound, (name) => b.imports.get(name))
  if (typeof imports === 'string') return imports
  for (const [name, needed] of imports.exports) {
    const given = b.imports.get(name)
    if (given === undefined) return `missing expected import \`${name}\``
    const problem = externMismatch(given, needed)
    if (problem !== undefined) return `type mismatch in import \`${name}\`: ${problem}`
  }
  const found = imports.substitution.externs(a.exports)
  const wanted = opened(b.exports, b.exportBound, (name) => found.get(name))
  if (typeof wanted === 'string') return wanted
  for (const [name, extern] of wanted.exports) {
    const given = found.get(name)
    if (given === undefined) return `missing expected export \`${name}\``
    const problem = externMismatch(given, extern)
    if (problem !== undefined) return `type mismatch in export \`${name}\`: ${problem}`
  }
  return undefined
}

/**
 * Types with their bound resource types replaced by those of what is given for them: for each, the first import or export that
 * introduces it says where to look. What is missing is left as it is, to be found by the comparison.
 */
export function opened(
  externs: ReadonlyMap<string, ExternType>,
  bound: readonly ResourceId[],
  given: (name: string) => ExternType | undefined,
): { readonly exports: ReadonlyMap<string, ExternType>; readonly substitution: Substitution } | string {
  const substitution = new Substitution()
  if (bound.length === 0) return { exports: externs, substitution }
  const open = new Set(bound)
  const problem = bind(substitution, open, externs, given)
  if (problem !== undefined) return problem
  return { exports: substitution.externs(externs), substitution }
}

function bind(
  substitution: Substitution,
  open: Set<ResourceId>,
  externs: ReadonlyMap<string, ExternType>,
  given: (name: string) => ExternType | undefined,
): Mismatch {
  for (const [name, extern] of externs) {
    if (extern.kind === 'type' && extern.type.kind === 'resource' && open.has(extern.type.id)) {
      const actual = given(name)
      if (actual === undefined) continue
      if (actual.kind !== 'type') continue
      if (actual.type.kind !== 'resource') return `type mismatch for \`${name}\`: expected resource, found defined type`
      open.delete(extern.type.id)
      substitution.ids.set(extern.type.id, actual.type.id)
    } else if (extern.kind === 'instance') {
      const actual = given(name)
      if (actual?.kind !== 'instance') continue
      const problem = bind(substitution, open, extern.type.exports, (inner) => actual.type.exports.get(inner))
      if (problem !== undefined) return problem
    }
  }
  return undefined
}

function typeMismatch(a: AnyType, b: AnyType): Mismatch {
  if (a === b) return undefined
  if (a.kind === 'resource' || b.kind === 'resource') {
    if (a.kind !== b.kind)
      return b.kind === 'resource'
        ? `expected resource, found ${isValType(a) ? 'defined type' : a.kind}`
        : `expected ${isValType(b) ? 'defined type' : b.kind}, found resource`
    return resourceMismatch(a as ResourceRef, b as ResourceRef)
  }
  if (isValType(a) && isValType(b)) return valTypeMismatch(a, b)
  if (a.kind === 'func' && b.kind === 'func') return funcMismatch(a, b)
  if (a.kind === 'instance' && b.kind === 'instance') return instanceMismatch(a, b) ?? instanceMismatch(b, a)
  if (a.kind === 'component' && b.kind === 'component') return componentMismatch(a, b) ?? componentMismatch(b, a)
  return `expected ${describe(b)}, found ${describe(a)}`
}

/** Why something of type `a` cannot be used where a `b` is expected. */
export function externMismatch(a: ExternType, b: ExternType): Mismatch {
  if (a.kind !== b.kind) return `expected ${b.kind}, found ${a.kind}`
  switch (a.kind) {
    case 'module':
      return moduleMismatch(a.type, (b as typeof a).type)
    case 'func':
      return funcMismatch(a.type, (b as typeof a).type)
    case 'value':
      return valTypeMismatch(a.type, (b as typeof a).type)
    case 'type':
      return typeMismatch(a.type, (b as typeof a).type)
    case 'instance':
      return instanceMismatch(a.type, (b as typeof a).type)
    case 'component':
      return componentMismatch(a.type, (b as typeof a).type)
  }
}
