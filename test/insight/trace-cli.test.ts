// zwasm run --trace: kinds, formats, filters, files.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { scratch, zwasm } from '../cli/harness.ts'

const SOURCE = `(module $m
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $half (param i32) (result i32) (i32.div_s (i32.load (local.get 0)) (i32.const 2)))
  (func (export "_start")
    (i32.store (i32.const 8) (i32.const 84))
    (call $exit (call $half (i32.const 8)))))`
const folder = scratch({ 'm.wat': SOURCE, 'trap.wat': '(module (func $f (export "f") unreachable))' })
const run = (...args: string[]) => zwasm(folder, ['run', ...args, 'm.wat'])

test('all kinds in one list, in the order of what happens', async () => {
  const { code, stdout, stderr } = await run('--trace=call,mem,host,wasi')
  assert.deepEqual([code, stdout], [42, ''])
  assert.equal(
    stderr.replace(/^mem {2}0x\w+/gm, 'mem  0x..'),
    `call > m!_start()
mem  0x.. m!_start: i32.store: store 4 at 0x8 = 84
call   > m!half(8)
mem  0x.. m!half: i32.load: load 4 at 0x8 = 84
call   < m!half = 42
host   > wasi_snapshot_preview1.proc_exit(42)
proc_exit(rval=42) does not return
host   ! wasi_snapshot_preview1.proc_exit: ends the guest
call ! m!_start: exception
`,
  )
})

test('JSON lines, in a file', async () => {
  const { code, stdout, stderr } = await run(
    '--trace',
    'exec,wasi',
    '--trace-format',
    'json',
    '--trace-file',
    't.jsonl',
  )
  assert.deepEqual([code, stdout, stderr], [42, '', ''])
  const text = readFileSync(join(folder, 't.jsonl'), 'utf8')
  const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line)) // prettier-ignore
  assert.equal(lines.filter(({ kind }) => kind === 'exec').length, 3 + 2 + 4 + 2)
  assert.deepEqual(lines.at(-1), { kind: 'wasi', text: 'proc_exit(rval=42) does not return' })
  assert.deepEqual(lines[2], {
    kind: 'exec',
    function: { instance: 0, moduleName: 'm', functionIndex: 2, functionName: '_start' },
    offset: lines[2].offset,
    instruction: 'i32.store',
    operands: [
      { type: 'i32', value: 8 },
      { type: 'i32', value: 84 },
    ],
  })
  // Again: the same bytes.
  await run('--trace', 'exec,wasi', '--trace-format', 'json', '--trace-file', 'u.jsonl')
  assert.equal(readFileSync(join(folder, 'u.jsonl'), 'utf8'), text)
})

test('one function, by name or index', async () => {
  const expected = 'call > m!half(8)\ncall < m!half = 42\n'
  for (const func of ['half', '1']) assert.equal((await run('--trace=call', `--trace-func=${func}`)).stderr, expected)
})

test('a trap ends the trace, and is reported behind it', async () => {
  const { code, stderr } = await zwasm(folder, ['run', '--trace=exec', '--invoke', 'f', 'trap.wat'])
  assert.equal(code, 134)
  assert.match(stderr, /^exec 0x\w+ f: unreachable ! wasm `unreachable` instruction executed\nError: failed to run/)
})

test('wrong options', async () => {
  const refused = async (args: string[], message: RegExp): Promise<void> => {
    const { code, stderr } = await run(...args)
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
  await refused(['--trace=calls'], /invalid value 'calls' for '--trace <KIND\[,KIND\]>'[^]*exec, call, mem, host, wasi/)
  await refused(['--trace='], /invalid value ''/)
  await refused(['--trace=exec', '--trace-format=xml'], /invalid value 'xml'[^]*text, json/)
  await refused(['--trace-file=x'], /'--trace-file' needs --trace/)
  await refused(['--trace=wasi', '--trace-func=half'], /'--trace-func' needs --trace with exec, call, mem or host/)
  await refused(['--trace=exec', '--trace-func=halff'], /no function is called 'halff'/)
  await refused(['--engine=host', '--trace=exec'], /the engine 'host' has no trace/)
  const { code, stderr } = await run('--trace=exec', '--trace-file=no/x')
  assert.equal(code, 1)
  assert.match(stderr, /failed to write `no\/x`: no such file or directory/)
})
