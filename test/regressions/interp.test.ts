// Bugs of the interpreter and its IR builder that the fuzzer found. Each test has the module it was reduced to.

import { test } from 'node:test'
import { expectResults } from './helpers.ts'

test('a loop that starts with a cold instruction has no loop test to repeat at its back edge', () => {
  expectResults(
    `(module
      (global $fuel (mut i32) (i32.const 3))
      (data "x")
      (func (export "f") (result i64)
        loop (result i64)
          data.drop 0
          i64.const 77
          block
            (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
            (br_if 0 (i32.le_s (global.get $fuel) (i32.const 0)))
            br 1
          end
        end))`,
    [['f', [], 77n]],
  )
})
