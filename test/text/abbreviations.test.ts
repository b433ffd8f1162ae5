// Every abbreviation of the text format beside what it stands for.

import { test } from 'node:test'
import { same } from './helpers.ts'

const table = (name: string, cases: readonly (readonly [short: string, long: string])[]): void => {
  test(name, () => cases.forEach(([short, long]) => same(short, long)))
}

table('modules', [
  ['', '(module)'],
  ['(func)', '(module (func))'],
  ['(module $"m" (func))', '(module (@name "m") (func))'],
])

table('type uses', [
  ['(func (param i32) (result i64) unreachable)', '(type (func (param i32) (result i64))) (func (type 0) unreachable)'],
  ['(func (param i32 i64))', '(type (func (param i32) (param i64))) (func (type 0) (param i32) (param i64))'],
  [
    '(func) (type (func (param i32))) (func (param i32))',
    '(type (func (param i32))) (type (func)) (func (type 1)) (func (type 0))',
  ],
  // A type that is not final, or part of a larger group, is no stand-in for an inline one.
  ['(type (sub (func))) (func)', '(type (sub (func))) (type (func)) (func (type 1))'],
  ['(rec (type (func)) (type (func))) (func)', '(rec (type (func)) (type (func))) (type (func)) (func (type 2))'],
  ['(rec (type (func))) (func)', '(type (func)) (func (type 0))'],
  [
    '(func (type $t) (local i32)) (type $t (func (param i32)))',
    '(type $t (func (param i32))) (func (type 0) (param i32) (local i32))',
  ],
  ['(tag (param i32))', '(type (func (param i32))) (tag (type 0))'],
  ['(func (block (param i32) drop))', '(type (func)) (type (func (param i32))) (func (type 0) (block (type 1) drop))'],
  ['(func (block (result i32) (i32.const 1)) drop)', '(func block (result i32) i32.const 1 end drop)'],
])

table('imports and exports', [
  ['(func $f (import "a" "b") (param i32))', '(import "a" "b" (func $f (param i32)))'],
  [
    '(table $t (export "x") (export "y") (import "a" "b") 1 funcref)',
    '(import "a" "b" (table $t 1 funcref)) (export "x" (table 0)) (export "y" (table 0))',
  ],
  ['(memory (export "m") 1)', '(memory 1) (export "m" (memory 0))'],
  ['(global (import "a" "b") (mut i32))', '(import "a" "b" (global (mut i32)))'],
  ['(tag $e (export "e") (import "a" "b"))', '(import "a" "b" (tag $e)) (export "e" (tag $e))'],
  ['(import "a" (item "x" (func)) (item "y" (memory 1)))', '(import "a" "x" (func)) (import "a" "y" (memory 1))'],
  ['(import "a" (item "x") (item "y") (global i32))', '(import "a" "x" (global i32)) (import "a" "y" (global i32))'],
  [
    '(import "a" (item "x") (item "y") (func)) (func $f) (start $f)',
    '(import "a" "x" (func)) (import "a" "y" (func)) (func $f) (start 2)',
  ],
])

table('segments', [
  ['(memory (data "abc" "d"))', '(memory 1 1) (data (i32.const 0) "abcd")'],
  ['(memory i64 (data "abc"))', '(memory i64 1 1) (data (i64.const 0) "abc")'],
  ['(memory (pagesize 1) (data "abc"))', '(memory 3 3 (pagesize 1)) (data (memory 0) (i32.const 0) "abc")'],
  ['(memory (data))', '(memory 0 0) (data (i32.const 0))'],
  [
    '(memory 1) (memory $m (data "x")) (data $d "y")',
    '(memory 1) (memory $m 1 1) (data (memory 1) (offset i32.const 0) "x") (data $d "y")',
  ],
  [
    '(func $f) (table funcref (elem $f $f))',
    '(func $f) (table 2 2 funcref) (elem (i32.const 0) funcref (ref.func 0) (item ref.func 0))',
  ],
  ['(table (ref func) (elem 0)) (func)', '(table 1 1 (ref func)) (elem (table 0) (i32.const 0) func 0) (func)'],
  [
    '(func) (table i64 funcref (elem (ref.func 0)))',
    '(func) (table i64 1 1 funcref) (elem (i64.const 0) funcref (ref.func 0))',
  ],
  [
    '(table 1 funcref) (elem (i32.const 0) 0) (func)',
    '(table 1 funcref) (elem (table 0) (offset (i32.const 0)) func 0) (func)',
  ],
  ['(table 1 funcref) (elem (i32.const 0))', '(table 1 funcref) (elem (i32.const 0) func)'],
])

table('instructions', [
  ['(func (i32.add (i32.const 1) (i32.const 2)) drop)', '(func i32.const 1 i32.const 2 i32.add drop)'],
  [
    '(func (drop (i32.add (i32.const 1) (i32.add (i32.const 2) (i32.const 3)))))',
    '(func i32.const 1 i32.const 2 i32.const 3 i32.add i32.add drop)',
  ],
  ['(func (if (i32.const 1) (then nop) (else)))', '(func i32.const 1 if nop else end)'],
  ['(func (if (i32.const 1) (then)))', '(func i32.const 1 if end)'],
  ['(func i32.const 1 (if $l (then (br $l))))', '(func i32.const 1 if $l br 0 end)'],
  [
    '(func (if (result i32) (i32.const 1) (i32.const 2) (then (i32.const 3)) (else (i32.const 4))) drop)',
    '(func i32.const 1 i32.const 2 if (result i32) i32.const 3 else i32.const 4 end drop)',
  ],
  // The condition of a folded if is outside of its label.
  ['(func (block $l (if $l (br $l) (then))))', '(func block $l br 0 if $l end end)'],
  ['(func block $a loop $b br $a br $b br 2 end $b end $a)', '(func (block $a (loop $b (br 1) (br 0) (br 2))))'],
  ['(func block $a block $a br $a end end)', '(func block $a block $a br 0 end end)'],
  [
    '(tag $t) (func (try_table $l (catch $t 0) (catch_all 0) nop))',
    '(tag $t) (func try_table $l (catch 0 0) (catch_all 0) nop end)',
  ],
  // Labels of catch clauses are those around the block.
  ['(func (block $l (try_table $l (catch_all $l))))', '(func block $l try_table $l (catch_all 0) end end)'],
  [
    '(func (param i32) (select (result i32) (local.get 0) (local.get 0) (local.get 0)) drop)',
    '(func (param i32) local.get 0 local.get 0 local.get 0 select (result) (result i32) drop)',
  ],
  [
    '(table $t 1 funcref) (func (call_indirect (i32.const 0)))',
    '(type (func)) (table $t 1 funcref) (func i32.const 0 call_indirect $t (type 0))',
  ],
  [
    '(memory $m 1) (func (drop (i32.load (i32.const 0))))',
    '(memory $m 1) (func (drop (i32.load $m offset=0 align=4 (i32.const 0))))',
  ],
  [
    '(memory $m 1) (func (param v128) (drop (v128.load8_lane 1 (i32.const 0) (local.get 0))))',
    '(memory $m 1) (func (param v128) (drop (v128.load8_lane 0 offset=0 align=1 1 (i32.const 0) (local.get 0))))',
  ],
  [
    '(memory $m 1) (func (param v128) (drop (v128.load8_lane $m 1 (i32.const 0) (local.get 0))))',
    '(memory $m 1) (func (param v128) (drop (v128.load8_lane 0 1 (i32.const 0) (local.get 0))))',
  ],
  [
    '(memory 1) (data $d "") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)))',
    '(memory 1) (data $d "") (func i32.const 0 i32.const 0 i32.const 0 memory.init 0 $d)',
  ],
  [
    '(table 1 funcref) (elem $e func) (func (table.init $e (i32.const 0) (i32.const 0) (i32.const 0)))',
    '(table 1 funcref) (elem $e func) (func i32.const 0 i32.const 0 i32.const 0 table.init 0 0)',
  ],
  [
    '(table $a 1 funcref) (table $b 1 funcref) (func (table.size) (table.size $b) (drop) (drop))',
    '(table $a 1 funcref) (table $b 1 funcref) (func table.size 0 table.size 1 drop drop)',
  ],
  [
    '(memory 1) (func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))',
    '(memory 1) (func i32.const 0 i32.const 0 i32.const 0 memory.copy 0 0)',
  ],
])

table('types', [
  ['(type (struct (field i32 (mut i64)) (field f32)))', '(type (struct (field i32) (field (mut i64)) (field f32)))'],
  ['(type (sub final (func)))', '(type (func))'],
  [
    '(rec (type $a (struct (field (ref $b)))) (type $b (struct)))',
    '(rec (type $a (struct (field (ref 1)))) (type $b (struct)))',
  ],
  ['(type (array anyref)) (type (array (ref null i31)))', '(type (array (ref null any))) (type (array i31ref))'],
  [
    '(type $s (struct (field $x i32) (field $y i32))) (func (param (ref $s)) (struct.get $s $y (local.get 0)) drop)',
    '(type $s (struct (field $x i32) (field $y i32))) (func (param (ref 0)) local.get 0 struct.get 0 1 drop)',
  ],
  ['(memory i32 1)', '(memory 1)'],
  [
    '(func (param $x i32) (local $y i64) (local.set $y (local.get $y)) (drop (local.get $x)))',
    '(func (param $x i32) (local $y i64) local.get 1 local.set 1 local.get 0 drop)',
  ],
])

test('locals are written in runs', () => {
  same(
    '(func (local i32 i32) (local i32 i64) (local i32))',
    '(func (local i32) (local i32) (local i32) (local i64) (local i32))',
  )
})
