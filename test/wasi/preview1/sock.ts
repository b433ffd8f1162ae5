// sock_*.

import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { checkOnce as check } from '../conformance.ts'
import { At, OFlag } from '../guest.ts'

export function sockCases(): void {
  describe('sockets', () => {
    check(
      'sockets',
      (g) => {
        const v = g.vectors(1)
        const fd = g.opened('f', { oflags: OFlag.creat })
        assert.equal(g.call('sock_accept', fd, 0, At.Out), 'notsock')
        assert.equal(g.call('sock_recv', fd, ...v, 0, At.Out, At.Out2), 'notsock')
        assert.equal(g.call('sock_send', fd, ...v, 0, At.Out), 'notsock')
        assert.equal(g.call('sock_shutdown', fd, 1), 'notsock')
        assert.equal(g.call('sock_accept', 99, 0, At.Out), 'badf')
      },
      { differs: 'notcapable' },
    )
  })
}
