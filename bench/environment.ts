// What a figure was measured on.

import { execFileSync } from 'node:child_process'
import { cpus, loadavg, totalmem } from 'node:os'

export interface Environment {
  readonly node: string
  readonly v8: string
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  readonly memory: number
  /** Of the last minute when the run began: figures from a busy machine are worth less. */
  readonly load: number
  readonly commit: string
  readonly text: string
}

export function environment(): Environment {
  const [first] = cpus()
  const facts = {
    node: process.version,
    v8: process.versions.v8,
    platform: `${process.platform}-${process.arch}`,
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    load: loadavg()[0],
    commit: commit(),
  }
  const gib = (facts.memory / 2 ** 30).toFixed(0)
  const text = `node ${facts.node} (V8 ${facts.v8}) on ${facts.platform}, ${facts.cores} x ${facts.cpu}, ${gib} GiB, load ${facts.load.toFixed(1)}, commit ${facts.commit}`
  return { ...facts, text }
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}
