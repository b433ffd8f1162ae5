// The table of errnos, and what becomes of an error of the host.

import assert from 'node:assert/strict'
import { lstatSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { Errno, ERROR_CODES, errnoOf, WasiError } from '../../src/wasi/errors.ts'

const codeOf = (error: unknown): string | undefined => {
  const errno = errnoOf(error)
  return errno === undefined ? undefined : ERROR_CODES[errno]
}
const systemError = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'open' })

test('77 codes, at the numbers of preview 1', () => {
  assert.equal(new Set(ERROR_CODES).size, 77)
  // As wasi-libc's header (wasi/api.h) has them.
  const numbers = { success: 0, acces: 2, badf: 8, dquot: 19, exist: 20, ilseq: 25, inval: 28, loop: 32, mfile: 33 }
  const more = {
    noent: 44,
    nospc: 51,
    nosys: 52,
    notdir: 54,
    notempty: 55,
    notsock: 57,
    notsup: 58,
    perm: 63,
    pipe: 64,
  }
  const last = { rofs: 69, spipe: 70, srch: 71, timedout: 73, txtbsy: 74, xdev: 75, notcapable: 76 }
  for (const [code, number] of Object.entries({ ...numbers, ...more, ...last }))
    assert.equal(ERROR_CODES.indexOf(code), number, code)
})

test('the names in the code are those of the table', () => {
  const named: [Errno, string][] = [
    [Errno.Access, 'acces'],
    [Errno.TooBig, '2big'],
    [Errno.Again, 'again'],
    [Errno.FBig, 'fbig'],
    [Errno.IsDir, 'isdir'],
    [Errno.NameTooLong, 'nametoolong'],
    [Errno.NotConn, 'notconn'],
    [Errno.Overflow, 'overflow'],
    [Errno.NotCapable, 'notcapable'],
  ]
  for (const [errno, code] of named) assert.equal(new WasiError(errno).code, code)
})

test('each error of the host has an errno: its own, or io where preview 1 has none', () => {
  const none = ['ENODATA', 'ENOSR', 'ENOSTR', 'ETIME']
  const others: Record<string, string> = { EOPNOTSUPP: 'notsup', EWOULDBLOCK: 'again' }
  for (const code of Object.keys(constants.errno)) {
    // Windows' own.
    if (code.startsWith('WSA')) continue
    const expected = none.includes(code) ? 'io' : (others[code] ?? code.slice(1).toLowerCase())
    assert.equal(codeOf(systemError(code)), expected, code)
  }
  assert.equal(codeOf(systemError('ERR_FS_FILE_TOO_LARGE')), 'fbig')
  assert.equal(codeOf(systemError('UNKNOWN')), 'io')
  assert.throws(
    () => lstatSync('/zwasm-nowhere'),
    (error) => codeOf(error) === 'noent',
  )
})

test('what is no error of a system call goes on', () => {
  for (const error of [new Error('x'), new TypeError('x'), null, undefined, 'ENOENT', { code: 5 }, { code: 'ERR_X' }])
    assert.equal(errnoOf(error), undefined)
})
