// Arguments, environment, clocks, random bytes, signals.

import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { checkOnce as check } from '../conformance.ts'
import { At, OUTSIDE } from '../guest.ts'

export function processCases(): void {
  describe('arguments and environment', () => {
    check(
      'args_get',
      (g) => {
        assert.equal(g.call('args_sizes_get', At.Out, At.Out2), 'success')
        assert.deepEqual([g.u32(), g.u32(At.Out2)], [3, 9])
        assert.equal(g.call('args_get', At.Stat, At.Buffer), 'success')
        const starts = [0, 4, 8].map((i) => g.u32(At.Stat + i) - At.Buffer)
        assert.deepEqual(starts, [0, 5, 8])
        assert.equal(new TextDecoder().decode(g.bytes.subarray(At.Buffer, At.Buffer + 9)), 'prog\0ä\0\0')
      },
      { args: ['prog', 'ä', ''] },
    )
    check(
      'environ_get',
      (g) => {
        assert.equal(g.call('environ_sizes_get', At.Out, At.Out2), 'success')
        assert.deepEqual([g.u32(), g.u32(At.Out2)], [1, 6])
        assert.equal(g.call('environ_get', At.Stat, At.Buffer), 'success')
        assert.equal(new TextDecoder().decode(g.bytes.subarray(At.Buffer, At.Buffer + 6)), 'A=b c\0')
      },
      { env: { A: 'b c' } },
    )
    check(
      'out of bounds',
      (g) => {
        assert.equal(g.call('args_get', OUTSIDE, At.Buffer), 'fault')
        assert.equal(g.call('args_get', At.Stat, OUTSIDE), 'fault')
        assert.equal(g.call('args_sizes_get', At.Out, OUTSIDE), 'fault')
        assert.equal(g.call('environ_get', OUTSIDE, At.Buffer), 'fault')
        assert.equal(g.call('clock_res_get', 0, OUTSIDE), 'fault')
        assert.equal(g.call('clock_time_get', 0, 0n, OUTSIDE), 'fault')
        assert.equal(g.call('environ_sizes_get', 65_533, At.Out), 'fault')
      },
      { args: ['prog'], env: { A: 'b' }, differs: 'overflow instead of fault' },
    )
  })

  describe('clocks, random, scheduler, signals', () => {
    check('clock_time_get', (g) => {
      const before = BigInt(Date.now() - 2) * 1_000_000n
      assert.equal(g.call('clock_time_get', 0, 0n, At.Out), 'success')
      assert.ok(g.u64() >= before && g.u64() <= BigInt(Date.now() + 2) * 1_000_000n)
      assert.equal(g.call('clock_time_get', 1, 0n, At.Out), 'success')
      const first = g.u64()
      assert.equal(g.call('clock_time_get', 1, 0n, At.Out), 'success')
      assert.ok(g.u64() >= first)
      assert.equal(g.call('clock_time_get', 2, 0n, At.Out), 'success')
      assert.equal(g.call('clock_time_get', 9, 0n, At.Out), 'inval')
    })
    check('clock_res_get', (g) => {
      for (const id of [0, 1]) {
        assert.equal(g.call('clock_res_get', id, At.Out), 'success')
        assert.ok(g.u64() > 0n && g.u64() <= 1_000_000_000n)
      }
      assert.equal(g.call('clock_res_get', 9, At.Out), 'inval')
    })
    check('random_get', (g) => {
      assert.equal(g.call('random_get', At.Buffer, 64), 'success')
      assert.ok(new Set(g.bytes.subarray(At.Buffer, At.Buffer + 64)).size > 16)
      assert.equal(g.call('random_get', At.Buffer, 0), 'success')
    })
    check('sched_yield', (g) => assert.equal(g.call('sched_yield'), 'success'))
    check(
      'proc_raise of what changes nothing',
      (g) => {
        assert.equal(g.call('proc_raise', 16), 'success')
        assert.equal(g.call('proc_raise', 31), 'inval')
        assert.equal(g.call('proc_raise', 18), 'notsup')
      },
      { alone: 'it would signal this process' },
    )
  })
}
