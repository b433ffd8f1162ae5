// poll_oneoff.

import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { checkOnce as check } from '../conformance.ts'
import { At, type Guest, OFlag } from '../guest.ts'

export function pollCases(): void {
  describe('poll_oneoff', () => {
    const clock = (g: Guest, i: number, timeout: bigint, id = 1): void => {
      const at = At.Buffer + i * 48
      g.bytes.fill(0, at, at + 48)
      g.view.setBigUint64(at, BigInt(i + 7), true)
      g.view.setUint32(at + 16, id, true)
      g.view.setBigUint64(at + 24, timeout, true)
    }
    const descriptor = (g: Guest, i: number, fd: number, type: number): void => {
      clock(g, i, 0n)
      g.bytes[At.Buffer + i * 48 + 8] = type
      g.view.setUint32(At.Buffer + i * 48 + 16, fd, true)
    }
    const EVENTS = 32_768
    check('clocks in parallel: the first one ends the wait', (g) => {
      clock(g, 0, 10_000_000_000n)
      clock(g, 1, 3_000_000n)
      const start = process.hrtime.bigint()
      assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 2, At.Out), 'success')
      // The timers of node:wasi are a millisecond early at times.
      assert.ok(process.hrtime.bigint() - start >= 2_000_000n)
      assert.equal(g.u32(), 1)
      assert.equal(g.u64(EVENTS), 8n)
    })
    check(
      'a file is ready before a clock',
      (g) => {
        const fd = g.opened('f', { oflags: OFlag.creat })
        g.write(fd, 'hello')
        g.call('fd_seek', fd, 2n, 0, At.Out)
        clock(g, 0, 10_000_000_000n)
        descriptor(g, 1, fd, 1)
        assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 2, At.Out), 'success')
        assert.deepEqual([g.u32(), g.u64(EVENTS), g.bytes[EVENTS + 10], g.u64(EVENTS + 16)], [1, 8n, 1, 3n])
      },
      { differs: 'does not poll files' },
    )
    check(
      'errors are events; no subscription is inval',
      (g) => {
        descriptor(g, 0, 99, 1)
        assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 1, At.Out), 'success')
        assert.deepEqual([g.u32(), g.view.getUint16(EVENTS + 8, true)], [1, 8])
        assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 0, At.Out), 'inval')
        clock(g, 0, 0n, 9)
        assert.equal(g.call('poll_oneoff', At.Buffer, EVENTS, 1, At.Out), 'success')
        assert.deepEqual([g.u32(), g.view.getUint16(EVENTS + 8, true)], [1, 28])
      },
      { differs: 'fails as a whole' },
    )
  })
}
