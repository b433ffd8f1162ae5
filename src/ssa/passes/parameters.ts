// Block parameters that are always the same value are that value: all arguments are it, or the parameter itself (round a loop). The front
// end makes a parameter for every local that a loop or a join might change; most do not change.

import type { Cfg } from '../cfg.ts'
import type { Graph } from '../graph.ts'
import { NONE } from '../types.ts'

/** Sets aliases; `sweep` removes the parameters. Returns how many there were. */
export function removeTrivialParameters(graph: Graph, cfg: Cfg): number {
  let removed = 0
  for (let changed = true; changed;) {
    changed = false
    for (let i = 1; i < cfg.count; i++) {
      const block = cfg.order[i]
      for (let p = 0; p < graph.blockParams[block]; p++) {
        const param = graph.schedule[graph.blockStart[block] + p]
        if (graph.alias[param] !== NONE) continue
        const only = onlyArgument(graph, cfg, block, p, param)
        if (only === NONE) continue
        graph.alias[param] = only
        removed++
        changed = true
      }
    }
  }
  return removed
}

/** The one value besides itself that parameter p gets, or NONE. */
function onlyArgument(graph: Graph, cfg: Cfg, block: number, p: number, param: number): number {
  let only = NONE
  for (let k = cfg.predStart[block]; k < cfg.predStart[block + 1]; k++) {
    const v = graph.resolve(graph.pool[graph.edgeArgs[cfg.predEdges[k]] + p])
    if (v === param || v === only) continue
    if (only !== NONE) return NONE
    only = v
  }
  return only
}
