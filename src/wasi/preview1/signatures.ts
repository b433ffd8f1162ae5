// The 46 functions of WASI preview 1 (wasi_snapshot_preview1.witx): one row each. The imports, the trace and the tests derive from
// these rows.

/**
 * What a parameter is. Most are one WebAssembly i32; the kinds of `WIDE` are an i64; those of `PAIRS` are two i32, an address and a length.
 * `>x` is the address where a result of kind x is written.
 */
export type Kind =
  | 'fd'
  | 'size'
  | 'u64'
  | 'i64'
  | 'ptr'
  | 'buf'
  | 'path'
  | 'iovs'
  | 'ciovs'
  | 'subscriptions'
  | 'clockid'
  | 'timestamp'
  | 'rights'
  | 'fdflags'
  | 'oflags'
  | 'lookupflags'
  | 'fstflags'
  | 'advice'
  | 'whence'
  | 'exitcode'
  | 'signal'
  | 'riflags'
  | 'siflags'
  | 'sdflags'
  | 'fdstat'
  | 'filestat'
  | 'prestat'
  | 'roflags'

type Row = readonly string[]

const rows = {
  args_get: ['argv:ptr', 'argv_buf:ptr'],
  args_sizes_get: ['argc:>size', 'argv_buf_size:>size'],
  environ_get: ['environ:ptr', 'environ_buf:ptr'],
  environ_sizes_get: ['environc:>size', 'environ_buf_size:>size'],
  clock_res_get: ['id:clockid', 'resolution:>timestamp'],
  clock_time_get: ['id:clockid', 'precision:timestamp', 'time:>timestamp'],
  fd_advise: ['fd:fd', 'offset:u64', 'len:u64', 'advice:advice'],
  fd_allocate: ['fd:fd', 'offset:u64', 'len:u64'],
  fd_close: ['fd:fd'],
  fd_datasync: ['fd:fd'],
  fd_fdstat_get: ['fd:fd', 'stat:>fdstat'],
  fd_fdstat_set_flags: ['fd:fd', 'flags:fdflags'],
  fd_fdstat_set_rights: ['fd:fd', 'base:rights', 'inheriting:rights'],
  fd_filestat_get: ['fd:fd', 'stat:>filestat'],
  fd_filestat_set_size: ['fd:fd', 'size:u64'],
  fd_filestat_set_times: ['fd:fd', 'atim:timestamp', 'mtim:timestamp', 'flags:fstflags'],
  fd_pread: ['fd:fd', 'iovs:iovs', 'offset:u64', 'nread:>size'],
  fd_prestat_get: ['fd:fd', 'prestat:>prestat'],
  fd_prestat_dir_name: ['fd:fd', 'path:buf'],
  fd_pwrite: ['fd:fd', 'iovs:ciovs', 'offset:u64', 'nwritten:>size'],
  fd_read: ['fd:fd', 'iovs:iovs', 'nread:>size'],
  fd_readdir: ['fd:fd', 'buf:buf', 'cookie:u64', 'bufused:>size'],
  fd_renumber: ['fd:fd', 'to:fd'],
  fd_seek: ['fd:fd', 'offset:i64', 'whence:whence', 'position:>u64'],
  fd_sync: ['fd:fd'],
  fd_tell: ['fd:fd', 'position:>u64'],
  fd_write: ['fd:fd', 'iovs:ciovs', 'nwritten:>size'],
  path_create_directory: ['fd:fd', 'path:path'],
  path_filestat_get: ['fd:fd', 'lookup:lookupflags', 'path:path', 'stat:>filestat'],
  path_filestat_set_times: [
    'fd:fd',
    'lookup:lookupflags',
    'path:path',
    'atim:timestamp',
    'mtim:timestamp',
    'flags:fstflags',
  ],
  path_link: ['fd:fd', 'lookup:lookupflags', 'old_path:path', 'new_fd:fd', 'new_path:path'],
  path_open: [
    'fd:fd',
    'lookup:lookupflags',
    'path:path',
    'oflags:oflags',
    'base:rights',
    'inheriting:rights',
    'fdflags:fdflags',
    'opened:>fd',
  ],
  path_readlink: ['fd:fd', 'path:path', 'buf:buf', 'bufused:>size'],
  path_remove_directory: ['fd:fd', 'path:path'],
  path_rename: ['fd:fd', 'old_path:path', 'new_fd:fd', 'new_path:path'],
  path_symlink: ['old_path:path', 'fd:fd', 'new_path:path'],
  path_unlink_file: ['fd:fd', 'path:path'],
  poll_oneoff: ['in:ptr', 'out:ptr', 'nsubscriptions:size', 'nevents:>size'],
  proc_exit: ['rval:exitcode'],
  proc_raise: ['sig:signal'],
  sched_yield: [],
  random_get: ['buf:buf'],
  sock_accept: ['fd:fd', 'flags:fdflags', 'accepted:>fd'],
  sock_recv: ['fd:fd', 'ri_data:iovs', 'ri_flags:riflags', 'nread:>size', 'ro_flags:>roflags'],
  sock_send: ['fd:fd', 'si_data:ciovs', 'si_flags:siflags', 'nwritten:>size'],
  sock_shutdown: ['fd:fd', 'how:sdflags'],
} as const satisfies Record<string, Row>

/** The name of a function of preview 1. */
export type FunctionName = keyof typeof rows

export interface Parameter {
  readonly name: string
  readonly kind: Kind
  /** The parameter is an address, and a value of the kind is written there. */
  readonly out: boolean
  /** Index of its first WebAssembly parameter. */
  readonly index: number
}

const WIDE: readonly Kind[] = ['u64', 'i64', 'timestamp', 'rights']
const PAIRS: readonly Kind[] = ['buf', 'path', 'iovs', 'ciovs']

export const FUNCTION_NAMES = Object.keys(rows) as FunctionName[]

/** The parameters of a function, by its row. */
export function parametersOf(name: FunctionName): Parameter[] {
  let index = 0
  return rows[name].map((text) => {
    const [parameter, type] = text.split(':')
    const out = type.startsWith('>')
    const kind = (out ? type.slice(1) : type) as Kind
    const at = index
    index += !out && PAIRS.includes(kind) ? 2 : 1
    return { name: parameter, kind, out, index: at }
  })
}

/** The WebAssembly types of its parameters. The result is an i32, the errno; `proc_exit` has none. */
export function wasmParametersOf(name: FunctionName): ('i32' | 'i64')[] {
  return parametersOf(name).flatMap(({ kind, out }) =>
    out ? ['i32'] : WIDE.includes(kind) ? ['i64'] : PAIRS.includes(kind) ? ['i32', 'i32'] : ['i32'],
  )
}
