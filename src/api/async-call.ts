// Calls that the event loop drives: promises of imports are awaited, long runs let others run.

import { AbortedError, DeadlineExceededError } from './limit-errors.ts'
import type { Call, RunOptions } from './call.ts'

/**
 * Runs a call to its end. It waits for promises that imports return, and if told to lets the event loop run in between.
 *
 * The timeout counts from here to the end; fuel is for the whole call.
 *
 * @returns the result as `invoke` gives it.
 * @throws what the call throws, or the error of the limit that stopped it.
 */
export async function runAsync(call: Call, options: RunOptions = {}): Promise<unknown> {
  const { timeout, signal } = options
  const deadline = timeout === undefined ? Infinity : performance.now() + timeout
  let { fuel } = options
  for (;;) {
    const left = deadline - performance.now()
    const limits = timeout === undefined ? {} : { timeout: Math.max(0, left) }
    const state = call.run({ ...options, ...limits, ...(fuel === undefined ? {} : { fuel }) })
    if (fuel !== undefined) fuel -= call.lastFuel
    if (state === 'done' || state === 'failed') return call.value
    if (state === 'waiting') {
      const failure = await waitFor(call.settle(), deadline - performance.now(), timeout, signal)
      if (failure !== undefined) {
        call.drop(failure)
        throw failure
      }
    } else if (call.reason === 'yield') await nextTurn()
    else {
      const failure = call.stopError
      call.drop(failure)
      throw failure
    }
  }
}

/** Waits for a promise that does not reject; the error if the time is over or the signal is aborted before. */
function waitFor(
  settled: Promise<void>,
  left: number,
  timeout: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Error | undefined> {
  return new Promise((done) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const finish = (failure?: Error): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      done(failure)
    }
    const onAbort = (): void => finish(aborted(signal!))
    if (signal?.aborted === true) return onAbort()
    signal?.addEventListener('abort', onAbort)
    if (left !== Infinity) timer = setTimeout(() => finish(timedOut(timeout!)), Math.max(0, left))
    void settled.then(() => finish())
  })
}

export const timedOut = (timeout: number): Error =>
  new DeadlineExceededError(`interrupt: the call took longer than ${timeout} ms`, timeout)

export const aborted = (signal: { readonly reason: unknown }): Error =>
  Object.assign(new AbortedError('interrupt: the call was aborted'), { cause: signal.reason })

/** Timers and input get their turn: a microtask would not let them. */
const nextTurn = (): Promise<void> =>
  new Promise((done) => (typeof setImmediate === 'function' ? setImmediate(done) : setTimeout(done)))
