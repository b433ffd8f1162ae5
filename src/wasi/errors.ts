// The error codes of WASI, and the error that carries one.

/** In the order of preview 1's `errno`: a name's index is its number. The codes are POSIX's, without the E. */
export const ERROR_CODES = (
  'success 2big acces addrinuse addrnotavail afnosupport again already badf badmsg busy canceled child connaborted connrefused ' +
  'connreset deadlk destaddrreq dom dquot exist fault fbig hostunreach idrm ilseq inprogress intr inval io isconn isdir loop ' +
  'mfile mlink msgsize multihop nametoolong netdown netreset netunreach nfile nobufs nodev noent noexec nolck nolink ' +
  'nomem nomsg noprotoopt nospc nosys notconn notdir notempty notrecoverable notsock notsup notty nxio overflow ownerdead perm ' +
  'pipe proto protonosupport prototype range rofs spipe srch stale timedout txtbsy xdev notcapable'
).split(' ')

/** The codes that this implementation gives by itself; more come from the host's operations. */
export const enum Errno {
  Success = 0,
  TooBig = 1,
  Access = 2,
  Again = 6,
  BadF = 8,
  Exist = 20,
  Fault = 21,
  FBig = 22,
  IlSeq = 25,
  Intr = 27,
  Inval = 28,
  Io = 29,
  IsDir = 31,
  Loop = 32,
  MFile = 33,
  NameTooLong = 37,
  NoEnt = 44,
  NoSpc = 51,
  NotConn = 53,
  NotDir = 54,
  NotEmpty = 55,
  NotSock = 57,
  NotSup = 58,
  Overflow = 61,
  Perm = 63,
  Pipe = 64,
  RoFs = 69,
  SPipe = 70,
  XDev = 75,
  NotCapable = 76,
}

/** An operation of WASI failed: a guest gets the number, JavaScript the code and the path. */
export class WasiError extends Error {
  override readonly name = 'WasiError'
  /** As preview 1 numbers it. */
  readonly errno: number
  /** As preview 1 names it: `noent`. */
  readonly code: string

  constructor(errno: number, options?: ErrorOptions & { readonly path?: string }) {
    const code = ERROR_CODES[errno]
    super(options?.path === undefined ? code : `${code}: ${options.path}`, options)
    this.errno = errno
    this.code = code
  }
}

/** The host's names that differ from ours. */
const ALIASES: Readonly<Record<string, string>> = {
  EOPNOTSUPP: 'notsup',
  EWOULDBLOCK: 'again',
  ERR_FS_FILE_TOO_LARGE: 'fbig',
  ERR_OUT_OF_RANGE: 'inval',
}

/**
 * The code of what an operation threw: a WasiError's own, that of a failed system call, or undefined for anything else, which is a bug
 * or a stop and must go on.
 */
export function errnoOf(error: unknown): number | undefined {
  if (error instanceof WasiError) return error.errno
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return undefined
  const known = ERROR_CODES.indexOf(ALIASES[code] ?? code.slice(1).toLowerCase())
  if (known >= 0) return known
  return (error as { syscall?: unknown }).syscall === undefined ? undefined : Errno.Io
}
