// The import object of preview 1.

import { Errno, errnoOf, WasiError } from '../errors.ts'
import type { Context } from './context.ts'
import { fdFunctions } from './fd.ts'
import { VALUES } from './names.ts'
import { pathFunctions } from './path.ts'
import { pollOneoff } from './poll.ts'
import { ExitStatus } from './process.ts'
import { FUNCTION_NAMES, type FunctionName } from './signatures.ts'
import { traced, type Tracer } from './trace.ts'

/** As a guest imports it: i32 are numbers, i64 bigints; the result is the errno (`proc_exit` does not return). */
export type ImportFunction = (...args: any[]) => number
type Implementation = (...args: any[]) => void

/** Signals whose default action is to go on. */
const IGNORED_SIGNALS = ['none', 'chld', 'cont', 'urg', 'winch']
/** Signals that stop a process until another one lets it go on, which nobody could do here. */
const STOP_SIGNALS = ['stop', 'tstp', 'ttin', 'ttou']
/** A process that a signal ends has this plus the signal's number as its exit code, for a shell. */
const SIGNAL_EXIT_CODE = 128

/** The 46 functions over a context. `tracer` receives each call. */
export function createImports(
  c: Context,
  exit: (status: ExitStatus) => never,
  tracer: Tracer | undefined,
): Record<FunctionName, ImportFunction> {
  const functions: Record<FunctionName, Implementation> = {
    ...processFunctions(c, exit),
    ...fdFunctions(c),
    ...pathFunctions(c),
    ...socketFunctions(c),
  }
  const imports = {} as Record<FunctionName, ImportFunction>
  for (const name of FUNCTION_NAMES) {
    const call = withErrno(c, functions[name])
    imports[name] = tracer === undefined ? call : (traced(name, call, () => c.guest, tracer) as ImportFunction)
    Object.defineProperty(imports[name], 'name', { value: name })
  }
  return imports
}

/** What a function throws as the errno that it returns. Nine parameters, because rest parameters cost an array. */
function withErrno(c: Context, implementation: Implementation): ImportFunction {
  return (a, b, d, e, f, g, h, i, j) => {
    try {
      c.guest.refresh()
      implementation(a, b, d, e, f, g, h, i, j)
      return Errno.Success
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === undefined) throw error
      return errno
    }
  }
}

function processFunctions(c: Context, exit: (status: ExitStatus) => never) {
  const { args, env, clock } = c
  const known = (time: bigint | undefined): bigint => {
    if (time === undefined) throw new WasiError(Errno.Inval)
    return time
  }
  return {
    args_get(pointers: number, buffer: number): void {
      args.write(c.guest, pointers, buffer)
    },
    args_sizes_get(count: number, size: number): void {
      args.writeSizes(c.guest, count, size)
    },
    environ_get(pointers: number, buffer: number): void {
      env.write(c.guest, pointers, buffer)
    },
    environ_sizes_get(count: number, size: number): void {
      env.writeSizes(c.guest, count, size)
    },
    clock_res_get(id: number, address: number): void {
      c.guest.setU64(address, known(clock.resolution(id)))
    },
    clock_time_get(id: number, _precision: bigint, address: number): void {
      c.guest.setU64(address, known(clock.now(id)))
    },
    poll_oneoff(input: number, output: number, count: number, nevents: number): void {
      pollOneoff(c, input, output, count, nevents)
    },
    proc_exit(code: number): void {
      exit(new ExitStatus(code >>> 0))
    },
    proc_raise(signal: number): void {
      const name = VALUES.signal![signal]
      if (name === undefined) throw new WasiError(Errno.Inval)
      if (STOP_SIGNALS.includes(name)) throw new WasiError(Errno.NotSup)
      if (!IGNORED_SIGNALS.includes(name)) exit(new ExitStatus(SIGNAL_EXIT_CODE + signal))
    },
    sched_yield(): void {},
    random_get(address: number, length: number): void {
      c.random(c.guest.bytes(address, length))
    },
  }
}

/** A guest has no sockets: none is preopened, and preview 1 makes none. So every descriptor is `notsock`. */
function socketFunctions({ descriptors }: Context) {
  const notSocket = (fd: number): void => {
    descriptors.get(fd)
    throw new WasiError(Errno.NotSock)
  }
  return { sock_accept: notSocket, sock_recv: notSocket, sock_send: notSocket, sock_shutdown: notSocket }
}
