// Where there is no platform for machine code, or no address space for guarded memories, everything runs all the same, and says why. On the
// package as it is shipped (dist/).

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'zwasm-absence-'))
after(() => rmSync(folder, { recursive: true }))
for (const file of ['cli.cjs', 'main.cjs', 'core.cjs', 'jit.cjs']) copyFileSync(join('dist', file), join(folder, file))
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
const program = join(folder, 'sum.wat')
writeFileSync(
  program,
  `(module (memory 1 100)
    (func (export "f") (param i32) (result i32) (local $i i32) (local $s i32)
      (drop (memory.grow (i32.const 3)))
      (loop $l
        (i32.store (i32.shl (i32.and (local.get $i) (i32.const 0xffff)) (i32.const 2)) (local.get $i))
        (local.set $s (i32.add (local.get $s)
          (i32.load (i32.shl (i32.and (local.get $i) (i32.const 0xfff)) (i32.const 2)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (local.get 0))))
      (local.get $s))
    (func (export "g") (param i32) (result i32) (i32.load (local.get 0))))`,
)
const RESULT = '1572856992\n'

const isLinux = process.platform === 'linux' && process.arch === 'x64'
const hasNodeFfi = process.getBuiltinModule?.('node:ffi') !== undefined

function zwasm(
  home: string,
  args: readonly string[],
  limit?: number,
): { code: number | null; out: string; err: string } {
  const command = [process.execPath, join(home, 'cli.cjs'), ...args]
  const { status, stdout, stderr } =
    limit === undefined
      ? spawnSync(command[0], command.slice(1), { encoding: 'utf8' })
      : spawnSync('sh', ['-c', `ulimit -v ${limit}; exec "$@"`, 'sh', ...command], { encoding: 'utf8' })
  return { code: status, out: stdout, err: stderr }
}

test('without a foreign function interface', () => {
  const report = JSON.parse(zwasm(folder, ['features', '--json']).out) as {
    engines: { name: string; available: boolean; title: string }[]
  }
  const jit = report.engines.find(({ name }) => name === 'jit')!
  assert.equal(jit.available, hasNodeFfi && isLinux)
  assert.equal(zwasm(folder, ['--invoke', 'f', program, '3000000']).out, RESULT)
  const forced = zwasm(folder, ['--engine', 'jit', '--invoke', 'f', program, '3000000'])
  if (jit.available) assert.equal(forced.out, RESULT)
  else {
    if (isLinux) assert.match(jit.title, /no foreign function interface: Node [\d.]+ has no node:ffi; koffi: /)
    assert.equal(forced.code, 2)
    assert.match(forced.err, /the engine 'jit' is not available: no foreign function interface/)
  }
})

if (isLinux)
  test('without address space for guarded memories: explicit checks', () => {
    // 3 GB: Node starts, 8 GiB cannot be reserved.
    const limit = 3_000_000
    for (const engine of ['jit', 'auto'])
      assert.equal(zwasm('dist', ['--engine', engine, '--invoke', 'f', program, '3000000'], limit).out, RESULT)
    assert.equal(zwasm('dist', ['--engine', 'jit', '--invoke', 'g', program, '65532'], limit).out, '0\n')
    assert.match(
      zwasm('dist', ['--engine', 'jit', '--invoke', 'g', program, '65533'], limit).err,
      /wasm trap: out of bounds memory access/,
    )
  })
