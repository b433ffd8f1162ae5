// Clocks and waiting.

/** Preview 1's `clockid`. */
export const enum ClockId {
  Realtime = 0,
  Monotonic = 1,
  ProcessCputime = 2,
  ThreadCputime = 3,
}

/** What a guest knows of time. Give another one to make a run deterministic. */
export interface Clock {
  /** Nanoseconds; undefined for a clock that is not supported. */
  now(id: number): bigint | undefined
  /** Nanoseconds between two ticks. */
  resolution(id: number): bigint | undefined
  /** Returns after so many nanoseconds, or before. */
  sleep(nanoseconds: bigint): void
}

const cell = new Int32Array(new SharedArrayBuffer(4))

/** Blocks the thread. */
export const sleepMilliseconds = (milliseconds: number): void => void Atomics.wait(cell, 0, 0, milliseconds)

/** The host's clocks. */
export const systemClock: Clock = {
  now(id) {
    switch (id) {
      case ClockId.Realtime:
        return BigInt(Math.trunc((performance.timeOrigin + performance.now()) * 1000)) * 1000n
      case ClockId.Monotonic:
        return process.hrtime.bigint()
      case ClockId.ProcessCputime:
        return cpuTime(process.cpuUsage())
      case ClockId.ThreadCputime:
        return threadCpuUsage === undefined ? undefined : cpuTime(threadCpuUsage())
      default:
        return undefined
    }
  },
  resolution(id) {
    if (id === ClockId.Monotonic) return 1n
    return this.now(id) === undefined ? undefined : 1000n
  },
  sleep(nanoseconds) {
    sleepMilliseconds(Number(nanoseconds) / 1e6)
  },
}

type CpuUsage = ReturnType<typeof process.cpuUsage>

/** Since Node 23.9. */
const threadCpuUsage = (process as { threadCpuUsage?: () => CpuUsage }).threadCpuUsage?.bind(process)

const cpuTime = ({ user, system }: CpuUsage): bigint => BigInt(user + system) * 1000n
