// Text to model to binary and back, and validation, on components written here from the specification.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeComponent } from '../../src/component/binary/decode.ts'
import { encodeComponent } from '../../src/component/binary/encode.ts'
import { parseComponent } from '../../src/component/text/parse.ts'
import { validateComponent } from '../../src/component/validate/validate.ts'
import { FormatError } from '../../src/wasm/errors.ts'

/** Encodes, decodes, compares the bytes of a second round, validates. */
function valid(text: string): ReturnType<typeof validateComponent> {
  const bytes = encodeComponent(parseComponent(text))
  const decoded = decodeComponent(bytes)
  assert.deepEqual(encodeComponent(decoded), bytes)
  return validateComponent(decoded)
}

const refused = (text: string, message: RegExp): void => {
  assert.throws(
    () => valid(text),
    (error: unknown) => error instanceof FormatError && error.kind === 'invalid' && message.test(error.message),
    text,
  )
}

test('the smallest component is eight bytes', () => {
  assert.deepEqual([...encodeComponent(parseComponent('(component)'))], [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])
})

test('the example of Binary.md: a type section', () => {
  const bytes = encodeComponent(parseComponent('(component (type (tuple u8 string)) (type (option 0)))'))
  assert.deepEqual([...bytes.subarray(8)], [7, 7, 2, 0x6f, 2, 0x7d, 0x73, 0x6b, 0])
})

test('inline types, aliases and exports become definitions in front', () => {
  const { type } = valid(`(component $C
    (core module $M (func (export "one") (result i32) (i32.const 1)))
    (core instance $m (instantiate $M))
    (func (export "one") (result u32) (canon lift (core func $m "one")))
    (type $t (record (field "a" (list (tuple u8 char)))))
    (component $D (alias outer $C $t (type $u)) (import "x" (type (eq $u))))
    (instance (instantiate $D (with "x" (type $t)))))`)
  assert.deepEqual([...type.exports.keys()], ['one'])
})

test('an identifier of an enclosing component becomes an outer alias', () => {
  const component = parseComponent('(component (core module $M) (component (core instance (instantiate $M))))')
  const inner = component.definitions[1]
  assert(inner.kind === 'component')
  assert.deepEqual(
    inner.component.definitions.map((d) => d.kind),
    ['alias', 'core-instance'],
  )
})

test('types are structural, resource types are not', () => {
  valid(
    `(component
    (component $C (import "t" (type (eq 0))) (type u8))
    )`.replace('(import "t" (type (eq 0))) (type u8)', '(type $u (list u8)) (import "t" (type (eq $u)))'),
  )
  refused(
    `(component
      (type $R (resource (rep i32)))
      (type $S (resource (rep i32)))
      (component $C (import "r" (type $r (sub resource))) (import "f" (func (param "x" (own $r)))))
      (component $D (import "r" (type $r (sub resource))) (import "f" (func $f (param "x" (own $r)))) (export "f" (func $f)))
      (import "g" (component $E (import "r" (type $r (sub resource))) (export "f" (func (param "x" (own $r))))))
      (instance $e (instantiate $E (with "r" (type $S))))
      (instance (instantiate $C (with "r" (type $R)) (with "f" (func $e "f")))))`,
    /resource types are not the same/,
  )
})

test('what is exported must be expressed in visible types', () => {
  refused(
    '(component (type $r (record (field "x" u8))) (type $l (list $r)) (export "l" (type $l)))',
    /not valid to be used/,
  )
  valid(
    '(component (type $r (record (field "x" u8))) (export $s "r" (type $r)) (type $l (list $s)) (export "l" (type $l)))',
  )
})

test('names are kebab case and differ in more than case', () => {
  refused('(component (import "aB" (func)))', /not in kebab case/)
  refused('(component (import "a-b" (func)) (import "a-B" (func)))', /conflicts with previous name/)
  refused('(component (import "a:b/c@1.2" (func)))', /not a valid semver/)
  valid('(component (import "a:b/c@1.2.3" (func)) (import "a:b/c@2.0.0-rc.1" (func)) (import "A-b2" (func)))')
})

test('outer aliases may not carry resource types into a component', () => {
  refused(
    '(component $C (type $R (resource (rep i32))) (component (alias outer $C $R (type))))',
    /resources not defined/,
  )
})

test('canonical options are checked against the flattened type', () => {
  const lift = (options: string, type: string): string => `(component
    (core module $M (memory (export "m") 1)
      (func (export "f") (result i32) (i32.const 0))
      (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
    (core instance $m (instantiate $M))
    (func ${type} (canon lift (core func $m "f") ${options})))`
  valid(lift('(memory (core memory $m "m"))', '(result string)'))
  refused(lift('', '(result string)'), /`memory` is required/)
  refused(lift('', '(result u64)'), /lowered result types `\[I64\]` do not match result types `\[I32\]`/)
  refused(lift('(memory (core memory $m "m")) (post-return (core func $m "r"))', '(result string)'), /post-return/)
})

test('errors of a core module within a component say where in the whole file they are', () => {
  const bytes = encodeComponent(parseComponent('(component (core module (func (result i32))))'))
  assert.throws(
    () => validateComponent(decodeComponent(bytes)),
    (error: unknown) => error instanceof FormatError && error.kind === 'invalid' && error.offset > 20,
  )
})

test('nesting has a limit, in both formats', () => {
  const deep = '(component '.repeat(200) + ')'.repeat(200)
  assert.throws(() => parseComponent(deep), /nesting too deep/)
})
