// The order of the passes, and why.

import { Cfg } from '../cfg.ts'
import type { Graph } from '../graph.ts'
import { mergeBlocks, simplifyBranches } from './branches.ts'
import { sweep } from './dead-code.ts'
import { hoist } from './hoist.ts'
import { layOut } from './layout.ts'
import { removeTrivialParameters } from './parameters.ts'
import { forwardMemory } from './redundancy.ts'

/** Names of the passes, in order of their first run. */
export const PASSES = ['parameters', 'branches', 'merge', 'redundancy', 'sweep', 'hoist', 'layout'] as const
export type PassName = (typeof PASSES)[number]

/** Told of each pass when it has run: verifiers, timers, dumps. */
export type AfterPass = (pass: PassName, graph: Graph) => void

/**
 * Improves a graph in place. Passes run until `fuel` of them have run, to find the one that makes a difference; the graph is right after
 * each.
 */
export function optimize(graph: Graph, after?: AfterPass, fuel = Infinity): void {
  let cfg = new Cfg(graph)
  const run = (pass: PassName, work: () => void): void => {
    if (fuel-- <= 0) return
    work()
    after?.(pass, graph)
  }
  // First, because most parameters of the front end are trivial and hide that values are equal.
  run('parameters', () => void removeTrivialParameters(graph, cfg))
  run('sweep', () => sweep(graph, cfg))
  // Empty else branches and constant conditions: then more blocks have one predecessor.
  run('branches', () => simplifyBranches(graph, cfg))
  cfg = new Cfg(graph)
  run('parameters', () => void removeTrivialParameters(graph, cfg))
  run('merge', () => mergeBlocks(graph, cfg))
  cfg = new Cfg(graph)
  // Long blocks are what it works on.
  run('redundancy', () => forwardMemory(graph, cfg))
  run('sweep', () => sweep(graph, cfg))
  // Behind everything that shortens loops.
  run('hoist', () => void hoist(graph, cfg))
  run('layout', () => void layOut(graph, cfg))
}
