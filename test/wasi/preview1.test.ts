// Each function of preview 1, and each errno that it gives, on a fresh tree of each kind; and what node:wasi does there.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { observed } from './conformance.ts'
import { badPathCases } from './preview1/bad-paths.ts'
import { fdCases } from './preview1/fd.ts'
import { limitCases } from './preview1/limits.ts'
import { pathCases } from './preview1/path.ts'
import { pollCases } from './preview1/poll.ts'
import { processCases } from './preview1/process.ts'
import { semanticsCases } from './preview1/semantics.ts'
import { sockCases } from './preview1/sock.ts'
import { TREE_KINDS } from './trees.ts'
import { FUNCTION_NAMES, wasmParametersOf } from '../../src/wasi/preview1/signatures.ts'

processCases()
fdCases()
pathCases()
badPathCases()
semanticsCases()
limitCases()
sockCases()
pollCases()

/** What each descriptor can be, and each path. */
const FD = 'success badf notcapable'
const PATH = 'success badf notcapable notdir noent perm loop inval ilseq nametoolong fault'

/** All that the functions answer. The cases above must have seen each of them, and nothing else. */
const ERRNOS: Record<string, string> = {
  args_get: 'success fault',
  args_sizes_get: 'success fault',
  environ_get: 'success fault',
  environ_sizes_get: 'success fault',
  clock_res_get: 'success inval fault',
  clock_time_get: 'success inval fault',
  fd_advise: `${FD} inval`,
  fd_allocate: `${FD} inval nospc`,
  fd_close: 'success badf',
  fd_datasync: FD,
  fd_fdstat_get: 'success badf fault',
  fd_fdstat_set_flags: `${FD} inval`,
  fd_fdstat_set_rights: FD,
  fd_filestat_get: `${FD} fault`,
  fd_filestat_set_size: `${FD} inval nospc`,
  fd_filestat_set_times: `${FD} inval rofs`,
  fd_pread: `${FD} inval fault`,
  fd_prestat_get: 'success badf fault',
  fd_prestat_dir_name: 'success badf nametoolong fault',
  fd_pwrite: `${FD} inval fault nospc`,
  fd_read: `${FD} inval fault`,
  fd_readdir: `${FD} fault`,
  fd_renumber: 'success badf',
  fd_seek: `${FD} inval fault`,
  fd_sync: FD,
  fd_tell: `${FD} fault`,
  fd_write: `${FD} inval fault nospc`,
  path_create_directory: `${PATH} exist rofs nospc`,
  path_filestat_get: PATH,
  path_filestat_set_times: `${PATH} rofs`,
  path_link: `${PATH} exist xdev rofs nospc`,
  path_open: `${PATH} exist isdir mfile rofs nospc`,
  path_readlink: PATH,
  path_remove_directory: `${PATH} notempty rofs`,
  path_rename: `${PATH} isdir notempty xdev rofs nospc`,
  path_symlink: `${PATH} exist rofs nospc`,
  path_unlink_file: `${PATH} isdir rofs`,
  poll_oneoff: 'success inval fault',
  // It does not return: programs.test.ts has it.
  proc_exit: '',
  proc_raise: 'success inval notsup',
  sched_yield: 'success',
  random_get: 'success fault',
  sock_accept: 'badf notsock',
  sock_recv: 'badf notsock',
  sock_send: 'badf notsock',
  sock_shutdown: 'badf notsock',
}

describe('errnos', () => {
  test('the 46 functions', () => {
    assert.equal(FUNCTION_NAMES.length, 46)
    assert.deepEqual(Object.keys(ERRNOS).sort(), [...FUNCTION_NAMES].sort())
    assert.equal(wasmParametersOf('path_open').join(), 'i32,i32,i32,i32,i32,i64,i64,i32,i32')
  })
  for (const name of FUNCTION_NAMES)
    test(name, () => {
      const seen = observed.get(name)!
      const errnos = ERRNOS[name].split(' ').filter((errno) => errno !== '')
      assert.deepEqual([...seen.keys()].sort(), errnos.sort())
      if (!/^(fd|path)_/.test(name)) return
      // A directory of the host has no cap.
      for (const errno of errnos.filter((code) => code !== 'nospc'))
        assert.deepEqual([...seen.get(errno)!].sort(), [...TREE_KINDS].sort(), errno)
    })
})
