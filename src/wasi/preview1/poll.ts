// poll_oneoff: waits for the first of several clocks and descriptors.

import type { Clock } from '../clocks.ts'
import { Errno, errnoOf, WasiError } from '../errors.ts'
import { FileType } from '../fs/file-system.ts'
import { Right } from '../rights.ts'
import { isReadyStream } from '../stdio.ts'
import type { Context } from './context.ts'

const enum EventType {
  Clock = 0,
  FdRead = 1,
  FdWrite = 2,
}

const SUBSCRIPTION_BYTES = 48
const EVENT_BYTES = 32
/** `subclockflags`: the timeout is a time, not a duration. */
const ABSTIME = 1
/** `eventrwflags`: the other end is closed. */
const HANGUP = 1

/** A guest cannot have more descriptors open, and hardly needs more clocks. */
const MAX_SUBSCRIPTIONS = 4096

/** Nanoseconds between two looks at the descriptors: first a short time, then up to ten times as long. */
const FIRST_WAIT = 500_000n
const LONGEST_WAIT = 5_000_000n
/** A longer sleep is cut into pieces, between which others may stop the run. */
const LONGEST_SLEEP = 10_000_000n

interface Subscription {
  readonly userdata: bigint
  readonly type: number
  readonly fd: number
  readonly clock: number
  /** Time of that clock at which it is ready. */
  readonly deadline: bigint
  /** What is wrong with it: then it is ready at once. */
  readonly errno: number
}

interface Event {
  readonly subscription: Subscription
  readonly errno: number
  readonly bytes: bigint
  readonly flags: number
}

export function pollOneoff(c: Context, input: number, output: number, count: number, nevents: number): void {
  const n = count >>> 0
  if (n === 0 || n > MAX_SUBSCRIPTIONS) throw new WasiError(Errno.Inval)
  const { guest } = c
  const from = guest.array(input, n, SUBSCRIPTION_BYTES)
  guest.array(output, n, EVENT_BYTES)
  guest.range(nevents, 4)
  const subscriptions: Subscription[] = []
  for (let i = 0; i < n; i++) subscriptions.push(readSubscription(c, from + i * SUBSCRIPTION_BYTES))
  const events = wait(c, subscriptions)
  let to = output >>> 0
  for (const { subscription, errno, bytes, flags } of events) {
    guest.bytes(to, EVENT_BYTES).fill(0)
    guest.setU64(to, subscription.userdata)
    guest.setU16(to + 8, errno)
    guest.setU8(to + 10, subscription.type)
    guest.setU64(to + 16, bytes)
    guest.setU16(to + 24, flags)
    to += EVENT_BYTES
  }
  guest.setU32(nevents, events.length)
}

function readSubscription({ guest, clock }: Context, at: number): Subscription {
  const userdata = guest.getU64(at)
  const type = guest.getU8(at + 8)
  if (type > EventType.FdWrite) throw new WasiError(Errno.Inval)
  const id = guest.getU32(at + 16)
  if (type !== EventType.Clock) return { userdata, type, fd: id, clock: 0, deadline: 0n, errno: 0 }
  const flags = guest.getU16(at + 40)
  const now = flags > ABSTIME ? undefined : clock.now(id)
  const timeout = guest.getU64(at + 24)
  const deadline = flags === ABSTIME ? timeout : (now ?? 0n) + timeout
  return { userdata, type, fd: -1, clock: id, deadline, errno: now === undefined ? Errno.Inval : 0 }
}

function wait(c: Context, subscriptions: readonly Subscription[]): Event[] {
  const descriptors = subscriptions.some((s) => s.type !== EventType.Clock)
  for (let pause = FIRST_WAIT; ; pause = pause * 2n > LONGEST_WAIT ? LONGEST_WAIT : pause * 2n) {
    const events: Event[] = []
    for (const subscription of subscriptions) {
      const event = look(c, subscription)
      if (event !== undefined) events.push(event)
    }
    if (events.length > 0) return events
    let sleep = descriptors ? pause : LONGEST_SLEEP
    for (const s of subscriptions) {
      if (s.type !== EventType.Clock) continue
      const left = s.deadline - c.clock.now(s.clock)!
      if (left < sleep) sleep = left
    }
    if (sleep > 0n) c.clock.sleep(sleep)
    c.checkpoint?.()
  }
}

/** The event of a subscription that is ready. */
function look(c: Context, subscription: Subscription): Event | undefined {
  const { type, errno, fd } = subscription
  if (errno !== 0) return { subscription, errno, bytes: 0n, flags: 0 }
  if (type === EventType.Clock)
    return passed(c.clock, subscription) ? { subscription, errno: 0, bytes: 0n, flags: 0 } : undefined
  try {
    return lookAtDescriptor(c, subscription, fd)
  } catch (error) {
    const code = errnoOf(error)
    if (code === undefined) throw error
    return { subscription, errno: code, bytes: 0n, flags: 0 }
  }
}

const passed = (clock: Clock, { clock: id, deadline }: Subscription): boolean => clock.now(id)! >= deadline

function lookAtDescriptor(c: Context, subscription: Subscription, fd: number): Event | undefined {
  const reads = subscription.type === EventType.FdRead
  const { handle, position } = c.descriptors.get(fd, Right.PollFdReadwrite | (reads ? Right.FdRead : Right.FdWrite))
  if (handle.kind === 'directory') throw new WasiError(Errno.IsDir)
  if (!reads) return { subscription, errno: 0, bytes: 1n, flags: 0 }
  if (handle.type === FileType.RegularFile && position !== null) {
    const left = handle.stat().size - BigInt(position)
    return { subscription, errno: 0, bytes: left > 0n ? left : 0n, flags: 0 }
  }
  if (!isReadyStream(handle)) throw new WasiError(Errno.NotSup)
  const bytes = handle.ready()
  return bytes === undefined
    ? undefined
    : { subscription, errno: 0, bytes: BigInt(bytes), flags: bytes === 0 ? HANGUP : 0 }
}
