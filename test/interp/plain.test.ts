// The agent-wide switch to plain code. In a file of its own: it holds for everything that runs afterwards.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWebAssembly } from '../../src/api/namespace.ts'
import { CODE } from '../../src/runtime/machine.ts'
import { INSTANCES } from '../../src/runtime/instance.ts'
import { CodeForm, codeOf, usePlainCode } from '../../src/interp/code.ts'
import { Ir } from '../../src/interp/ir.gen.ts'
import { parseWat } from '../../src/text/parse.ts'

test('plain code is what runs, and computes the same', () => {
  usePlainCode()
  const { bytes } = parseWat(`(module (func (export "sum") (param $n i32) (result i32) (local $s i32)
    (loop $next
      (local.set $s (i32.add (local.get $s) (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s)))`)
  const { Module, Instance } = createWebAssembly()
  const instance = new Instance(new Module(bytes))
  assert.equal((instance.exports['sum'] as (n: number) => number)(1000), 500_500)
  const { module } = INSTANCES.findLast((i) => i !== undefined)!
  assert.equal(codeOf(module, 0, CodeForm.Fused), undefined)
  const code = codeOf(module, 0, CodeForm.Plain)!
  assert.ok(CODE.subarray(code.start, code.end).includes(Ir.I32Sub), 'x - 1 is not rewritten to x + -1')
})
