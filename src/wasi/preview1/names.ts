// The values of preview 1's enumerations and flags, by name, in the order of the witx file. The trace prints these names.

import type { Kind } from './signatures.ts'

type Names = Partial<Record<Kind | 'filetype', readonly string[]>>

/** Enumerations: the name of a value is at its index. */
export const VALUES: Names = {
  clockid: ['realtime', 'monotonic', 'process_cputime_id', 'thread_cputime_id'],
  whence: ['set', 'cur', 'end'],
  advice: ['normal', 'sequential', 'random', 'willneed', 'dontneed', 'noreuse'],
  filetype: [
    'unknown',
    'block_device',
    'character_device',
    'directory',
    'regular_file',
    'socket_dgram',
    'socket_stream',
    'symbolic_link',
  ],
  signal: (
    'none hup int quit ill trap abrt bus fpe kill usr1 segv usr2 pipe alrm term chld cont stop tstp ttin ttou ' +
    'urg xcpu xfsz vtalrm prof winch poll pwr sys'
  ).split(' '),
}

/** Flags: the name of a bit is at its number. */
export const FLAGS: Names = {
  fdflags: ['append', 'dsync', 'nonblock', 'rsync', 'sync'],
  oflags: ['creat', 'directory', 'excl', 'trunc'],
  lookupflags: ['symlink_follow'],
  fstflags: ['atim', 'atim_now', 'mtim', 'mtim_now'],
  riflags: ['recv_peek', 'recv_waitall'],
  siflags: [],
  sdflags: ['rd', 'wr'],
  rights: [
    'fd_datasync',
    'fd_read',
    'fd_seek',
    'fd_fdstat_set_flags',
    'fd_sync',
    'fd_tell',
    'fd_write',
    'fd_advise',
    'fd_allocate',
    'path_create_directory',
    'path_create_file',
    'path_link_source',
    'path_link_target',
    'path_open',
    'fd_readdir',
    'path_readlink',
    'path_rename_source',
    'path_rename_target',
    'path_filestat_get',
    'path_filestat_set_size',
    'path_filestat_set_times',
    'fd_filestat_get',
    'fd_filestat_set_size',
    'fd_filestat_set_times',
    'path_symlink',
    'path_remove_directory',
    'path_unlink_file',
    'poll_fd_readwrite',
    'sock_shutdown',
    'sock_accept',
  ],
}
