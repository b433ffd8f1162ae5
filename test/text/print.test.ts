import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWat } from '../../src/text/parse.ts'
import { printWat, printWatTo } from '../../src/text/print.ts'
import { reprint } from './helpers.ts'

const lines = (...text: string[]): string => text.join('\n') + '\n'

const SOURCE = `(module $m
  (import "env" "log" (func $log (param i32)))
  (memory $mem (export "memory") 1 2)
  (table 2 funcref)
  (global $g (mut i64) (i64.const -5))
  (elem (i32.const 0) func $f $log)
  (func $f (param $n i32) (result i32) (local $i i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (call $log (i32.load8_s offset=8 (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (if (result i32) (local.get $n)
      (then (i32.const 1))
      (else (f32.const -0.1) drop (i32.const 0))))
  (data (i32.const 8) "a\\"\\n\\ff"))`

test('flat', () => {
  assert.equal(
    reprint(SOURCE),
    lines(
      '(module $m',
      '  (type (;0;) (func (param i32)))',
      '  (type (;1;) (func (param i32) (result i32)))',
      '  (import "env" "log" (func $log (;0;) (type 0) (param i32)))',
      '  (table (;0;) 2 funcref)',
      '  (memory $mem (;0;) 1 2)',
      '  (global $g (;0;) (mut i64) i64.const -5)',
      '  (export "memory" (memory $mem))',
      '  (elem (;0;) (i32.const 0) func $f $log)',
      '  (func $f (;1;) (type 1) (param $n i32) (result i32)',
      '    (local $i i32)',
      '    block $done ;; label = @1',
      '      loop $next ;; label = @2',
      '        local.get $i',
      '        local.get $n',
      '        i32.ge_u',
      '        br_if $done',
      '        local.get $i',
      '        i32.load8_s offset=8',
      '        call $log',
      '        local.get $i',
      '        i32.const 1',
      '        i32.add',
      '        local.set $i',
      '        br $next',
      '      end',
      '    end',
      '    local.get $n',
      '    if (result i32) ;; label = @1',
      '      i32.const 1',
      '    else',
      '      f32.const -0.1',
      '      drop',
      '      i32.const 0',
      '    end',
      '  )',
      '  (data (;0;) (i32.const 8) "a\\22\\0a\\ff")',
      ')',
    ).replace(
      '  (import "env" "log" (func $log (;0;) (type 0) (param i32)))',
      '  (import "env" "log" (func $log (;0;) (type 0) (param i32)))',
    ),
  )
})

test('folded', () => {
  const text = reprint(SOURCE, { fold: true })
  assert.equal(
    text.slice(text.indexOf('    (block'), text.indexOf('  (data')),
    lines(
      '    (block $done',
      '      (loop $next',
      '        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))',
      '        (call $log (i32.load8_s offset=8 (local.get $i)))',
      '        (local.set $i (i32.add (local.get $i) (i32.const 1)))',
      '        (br $next)',
      '      )',
      '    )',
      '    (if (result i32)',
      '      (local.get $n)',
      '      (then',
      '        (i32.const 1)',
      '      )',
      '      (else',
      '        (drop (f32.const -0.1))',
      '        (i32.const 0)',
      '      )',
      '    )',
      '  )',
    ),
  )
})

test('folding keeps the order of what it cannot fold', () => {
  for (const body of [
    'i32.const 1 nop i32.const 2 i32.add drop',
    'i32.const 1 (call 0) i32.const 2 i32.add drop',
    'call 1 i32.add drop',
    'block (result i32) i32.const 1 end block (result i32) i32.const 2 end i32.add drop',
    'i32.const 1 if end',
    'i32.const 1 nop if else end',
    'i32.const 1 i32.const 2 i32.const 3 select drop',
    'unreachable i32.add drop',
  ]) {
    const bytes = parseWat(`(func) (func (result i32 i32) unreachable) (func ${body})`).bytes
    assert.deepEqual(parseWat(printWat(bytes, { fold: true })).bytes, bytes, body)
  }
})

test('types', () => {
  assert.equal(
    reprint(`(type $a (sub (struct (field $x (mut i8)) (field (ref null $a)))))
      (rec (type $b (sub final $a (struct (field (mut i8)) (field (ref null $a)) (field v128)))) (type (array (mut i16))))
      (rec)
      (type (func (param (ref $b) externref (ref extern) nullref) (result exnref)))
      (tag (type 3) (param (ref $b) externref (ref extern) nullref) (result exnref))
      (memory i64 1 2 shared (pagesize 1))
      (table i64 0 (ref null func))
      (table 1 (ref func) (ref.func 0))
      (func)`),
    lines(
      '(module',
      '  (type $a (;0;) (sub (struct (field $x (mut i8)) (field (ref null $a)))))',
      '  (rec',
      '    (type $b (;1;) (sub final $a (struct (field (mut i8)) (field (ref null $a)) (field v128))))',
      '    (type (;2;) (array (mut i16)))',
      '  )',
      '  (rec',
      '  )',
      '  (type (;3;) (func (param (ref $b) externref (ref extern) nullref) (result exnref)))',
      '  (type (;4;) (func))',
      '  (table (;0;) i64 0 funcref)',
      '  (table (;1;) 1 (ref func) (ref.func 0))',
      '  (memory (;0;) i64 1 2 shared (pagesize 1))',
      '  (tag (;0;) (type 3) (param (ref $b) externref (ref extern) nullref) (result exnref))',
      '  (func (;0;) (type 4))',
      ')',
    ),
  )
})

test('options', () => {
  const text = '(func (param i32) (local i32) local.get 0 drop) (data "abc")'
  assert.match(
    reprint(text, { skeleton: true }),
    /\(func \(;0;\) \(type 0\) \(param i32\) \.\.\.\)\n  \(data \(;0;\) \.\.\.\)/,
  )
  assert.match(
    reprint(text, { nameUnnamed: true }),
    /\(func \$#func0 \(;0;\) \(type \$#type0\) \(param \$#local0 i32\)/,
  )
  assert.match(reprint(text, { nameUnnamed: true }), /local\.get \$#local0/)
  assert.match(reprint(text, { offsets: true }), /^\(;@1a {4};\) {5}local\.get 0$/m)
  assert.match(reprint(text, { indent: '\t' }), /^\t\tlocal\.get 0$/m)
  for (const options of [{ offsets: true }, { nameUnnamed: true }, { indent: '' }, { fold: true, offsets: true }]) {
    const bytes = parseWat(reprint(text, options)).bytes
    if (!options.nameUnnamed) assert.deepEqual(bytes, parseWat(text).bytes)
  }
})

test('instructions whose text and binary differ in form', () => {
  const text = `(memory 1) (memory $m 1) (table 1 funcref) (table $t 1 funcref) (data $d "") (elem $e func)
    (type $s (struct (field i32))) (type $a (array i8)) (type (func))
    (func (param i32 v128 anyref)
      local.get 0 i32.load $m offset=4294967296 align=1
      v128.load8_lane $m offset=1 15
      i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31
      v128.const i32x4 0x00000001 0xffffffff 0x80000000 0x7fc00000
      memory.init $m $d table.init $t $e memory.copy $m 0 table.copy 0 $t
      call_indirect $t (type 2) select (result i32) select
      ref.test (ref $s) ref.test (ref null $s) ref.cast i31ref ref.cast (ref i31)
      br_on_cast 0 anyref (ref $s) br_on_cast_fail 0 (ref any) (ref null $a)
      br_table 0 0 0 array.new_fixed $a 3 array.new_data $a $d atomic.fence
      f32.const nan:0x1 f64.const -nan f64.const 1e+300 i64.const -9223372036854775808
      ref.null $s ref.null noextern struct.get $s 0)`
  const printed = reprint(text)
  for (const line of [
    'i32.load $m offset=4294967296 align=1',
    'v128.load8_lane $m offset=1 15',
    'v128.const i32x4 0x00000001 0xffffffff 0x80000000 0x7fc00000',
    'memory.init $m $d',
    'table.init $t $e',
    'memory.copy $m 0',
    'table.copy 0 $t',
    'call_indirect $t (type 2)',
    'select (result i32)',
    'ref.test (ref null $s)',
    'ref.cast i31ref',
    'ref.cast (ref i31)',
    'br_on_cast 0 anyref (ref $s)',
    'br_on_cast_fail 0 (ref any) (ref null $a)',
    'f32.const nan:0x1',
    'f64.const -nan',
    'f64.const 1e+300',
    'i64.const -9223372036854775808',
    'ref.null noextern',
  ]) {
    assert.ok(printed.includes(`    ${line}\n`), `${line}\n${printed}`)
  }
  assert.deepEqual(parseWat(printed).bytes, parseWat(text).bytes)
})

test('the output comes in pieces', () => {
  const pieces: string[] = []
  const { bytes } = parseWat('(module ' + '(func nop)'.repeat(3000) + ')')
  printWatTo((text) => pieces.push(text), bytes)
  assert.ok(pieces.length > 3)
  assert.equal(pieces.join(''), printWat(bytes))
})
