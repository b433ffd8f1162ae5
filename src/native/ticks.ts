// Ticks: a timer of this thread whose signal makes guest code leave at its next look at the stack limit, so that the driver can see whether
// a deadline has passed, or somebody wants it to stop. Running code pays nothing for it but that look, which it does anyway.
//
// The signal is one of the real-time signals nobody has a handler for. Its handler is machine code (`emitTick` in the ISA's stubs).

import { type Ffi, MapFlag, PAGE_BYTES, Prot, type Unavailable } from './ffi.ts'
import { getAddress, setAddress, wordsAt } from './pages.ts'
import { type Process, SA_ONSTACK, SA_SIGINFO, Sigaction } from './process-block.ts'

/** Milliseconds between ticks: how late a stop may be. A tick takes 2 microseconds of the thread it interrupts. */
const PERIOD_MS = 4

/** Linux's real-time signals are 32 to 64; C libraries keep the first few for themselves, debuggers and profilers take the next ones. */
const FIRST_SIGNAL = 44
const LAST_SIGNAL = 63

const CLOCK_MONOTONIC = 1
const SIGEV_THREAD_ID = 4
const SA_RESTART = 0x10000000

/** struct sigevent, with the thread's id. */
const enum Sigevent {
  Signal = 8,
  Notify = 12,
  Thread = 16,
  Bytes = 64,
}

/** struct itimerspec: interval and first time, each seconds and nanoseconds. */
const enum Itimerspec {
  IntervalNs = 8,
  ValueNs = 24,
  Bytes = 32,
}

export class Ticks {
  private running = false

  private constructor(
    private readonly ffi: Ffi,
    private readonly timer: number,
    /** A page with two `itimerspec`: of a timer that ticks, and of one that does not. */
    private readonly page: number,
  ) {}

  /** Makes the timer of this thread, or says what was refused. */
  static create(ffi: Ffi, process: Process): Ticks | Unavailable {
    const page = ffi.mmap(0, PAGE_BYTES, Prot.ReadWrite, MapFlag.Private | MapFlag.Anonymous, -1, 0)
    if (page < 0) return { reason: 'mmap of a page was refused' }
    const words = wordsAt(ffi, page, PAGE_BYTES)
    const signal = installTick(ffi, process, page, words)
    if (signal === undefined) {
      ffi.munmap(page, PAGE_BYTES)
      return { reason: 'there is no free real-time signal for deadlines' }
    }
    const timerAt = Sigevent.Bytes
    words.fill(0)
    words[Sigevent.Signal >> 2] = signal
    words[Sigevent.Notify >> 2] = SIGEV_THREAD_ID
    words[Sigevent.Thread >> 2] = ffi.gettid()
    if (ffi.timerCreate(CLOCK_MONOTONIC, page, page + timerAt) < 0) {
      ffi.munmap(page, PAGE_BYTES)
      return { reason: 'timer_create was refused' }
    }
    const timer = getAddress(words, timerAt)
    words.fill(0)
    words[Itimerspec.IntervalNs >> 2] = words[Itimerspec.ValueNs >> 2] = PERIOD_MS * 1e6
    return new Ticks(ffi, timer, page)
  }

  /** Makes it tick. */
  start(): void {
    if (this.running) return
    this.running = true
    this.ffi.timerSettime(this.timer, 0, this.page, 0)
  }

  stop(): void {
    if (!this.running) return
    this.running = false
    this.ffi.timerSettime(this.timer, 0, this.page + Itimerspec.Bytes, 0)
  }

  close(): void {
    this.ffi.timerDelete(this.timer)
    this.ffi.munmap(this.page, PAGE_BYTES)
  }
}

/** The number of the signal that our handler is installed for; undefined if all have others. */
function installTick(ffi: Ffi, process: Process, page: number, words: Int32Array): number | undefined {
  for (let signal = FIRST_SIGNAL; signal <= LAST_SIGNAL; signal++) {
    if (ffi.sigaction(signal, 0, page) < 0) continue
    const handler = getAddress(words, Sigaction.Handler)
    if (handler === process.tick) return signal
    if (handler !== 0) continue
    words.fill(0, 0, Sigaction.Bytes >> 2)
    setAddress(words, Sigaction.Handler, process.tick)
    words[Sigaction.Flags >> 2] = SA_SIGINFO | SA_ONSTACK | SA_RESTART
    if (ffi.sigaction(signal, page, 0) >= 0) return signal
  }
  return undefined
}
