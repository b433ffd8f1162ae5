// Whether the types that something uses have a name outside (Explainer.md, "External Visibility of Types").

import type { AnyType, ExternType, ValType } from './types.ts'
import { parts } from './types.ts'

/**
 * Whether all types within a type are visible. The type itself need not be: it is what gets a name. A component type stands for
 * itself: it was checked where it was written.
 */
export function isNamed(type: AnyType, visible: ReadonlySet<object>): boolean {
  switch (type.kind) {
    case 'resource':
    case 'component':
      return true
    case 'func':
      return (
        type.params.every((p) => isVisible(p.type, visible)) &&
        (type.result === undefined || isVisible(type.result, visible))
      )
    case 'instance': {
      // What the instance type itself names is visible with it.
      const inner = new Set(visible)
      return externsNamed(type.exports, inner)
    }
    case 'own':
    case 'borrow':
      return visible.has(type.resource)
    default:
      return parts(type).every((t) => t === undefined || isVisible(t, visible))
  }
}

function externsNamed(exports: ReadonlyMap<string, ExternType>, visible: Set<object>): boolean {
  for (const extern of exports.values()) {
    if (extern.kind === 'type') {
      if (!isNamed(extern.type, visible)) return false
      visible.add(extern.type)
    } else if (extern.kind === 'instance') {
      if (!externsNamed(extern.type.exports, visible)) return false
    } else if ((extern.kind === 'func' || extern.kind === 'value') && !isNamed(extern.type, visible)) return false
  }
  return true
}

/** Whether a type may be written without a name or has one, and so its parts. */
function isVisible(type: ValType, visible: ReadonlySet<object>): boolean {
  switch (type.kind) {
    case 'record':
    case 'variant':
    case 'flags':
    case 'enum':
      return visible.has(type)
    case 'own':
    case 'borrow':
      return visible.has(type.resource)
    default:
      return parts(type).every((t) => t === undefined || isVisible(t, visible))
  }
}
