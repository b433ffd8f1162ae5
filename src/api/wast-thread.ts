// Agents for `(thread ...)` commands of WAST scripts: worker threads that parse the script again and run their part of it. Only the
// shared memories of the modules named in `(shared ...)` cross over.

import { parentPort, Worker, workerData } from 'node:worker_threads'
import type { WastCommand } from '../text/wast-types.ts'
import type { WastShared } from './wast-engine.ts'
import type { WastOptions, WastVerdict } from './wast-runner.ts'

/** What an agent has to do. Structured-cloneable. */
export interface ThreadTask {
  readonly source: Uint8Array
  /** Place of its `thread` command: an index for each level. */
  readonly path: readonly number[]
  /** By module name. */
  readonly shared: Readonly<Record<string, WastShared>>
  readonly options: WastOptions
}

export interface Thread {
  readonly finished: Promise<readonly WastVerdict[]>
  readonly commands?: readonly WastCommand[]
}

const KEY = 'zwasm wast thread'

/** The task of this agent, if it was started for one. */
export const threadTask: ThreadTask | undefined = (workerData as Record<string, ThreadTask> | null | undefined)?.[KEY]

/** Starts an agent; resolves when it runs. */
export async function spawnThread(script: string | URL | undefined, task: ThreadTask): Promise<Thread> {
  const worker = new Worker(script === undefined ? new URL(import.meta.url) : new URL(script), {
    workerData: { [KEY]: task },
  })
  const finished = new Promise<readonly WastVerdict[]>((resolve, reject) => {
    worker.once('message', (answer: { verdicts: WastVerdict[] } | { error: string }) => {
      if ('verdicts' in answer) resolve(answer.verdicts)
      else reject(new Error(answer.error))
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`exit code ${code} without an answer`)))
  })
  // A thread may end before anybody waits for it.
  finished.catch(() => {})
  await new Promise<void>((resolve) => {
    worker.once('online', resolve)
    worker.once('exit', () => resolve())
  })
  return { finished }
}

/** Sends the verdicts of this agent to the one that started it. */
export function answerParent(verdicts: Promise<WastVerdict[]>): void {
  const port = parentPort!
  verdicts.then(
    (list) => port.postMessage({ verdicts: list }),
    (error: unknown) =>
      port.postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
}
