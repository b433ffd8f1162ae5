// Declarations of worlds: what they say, and that TypeScript takes them.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { generateTypes } from '../../src/component/types/dts.ts'
import type { World } from '../../src/component/wit/model.ts'
import { resolveWit } from '../../src/component/wit/resolve.ts'
import { corpus, groupsAt } from './wit-corpus.ts'

const folder = mkdtempSync(join(tmpdir(), 'zwasm-types-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function worldOf(text: string, name: string): World {
  const world = [...resolveWit([[{ name: 'test.wit', text }]]).values()].at(-1)!.worlds.get(name)
  assert.ok(world !== undefined)
  return world
}

function write(name: string, files: ReadonlyMap<string, string>): string {
  const target = join(folder, name)
  for (const [file, text] of files) {
    mkdirSync(dirname(join(target, file)), { recursive: true })
    writeFileSync(join(target, file), text)
  }
  return target
}

/** What the compiler says about all files of a folder. */
function check(target: string): string {
  const config = {
    compilerOptions: {
      strict: true,
      noEmit: true,
      target: 'es2022',
      lib: ['esnext', 'dom'],
      module: 'nodenext',
      types: [],
    },
    include: ['**/*.ts'],
  }
  writeFileSync(join(target, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(process.cwd(), 'node_modules/typescript/bin/tsc')
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', target], { encoding: 'utf8' })
  return stdout + stderr
}

const WIT = `package docs:calc@1.0.0;

/// Numbers and what is done with them.
interface math {
  /// What can go wrong.
  variant problem {
    /// The divisor was 0.
    division-by-zero,
    overflow(u64),
  }
  enum mode { exact, GO-FAST }
  flags options { round-up, trace }
  record point { x: f64, y: f64, label: option<string>, deep: option<option<u8>> }
  resource counter {
    constructor(start: u32);
    next: func() -> u32;
    merge: static func(a: counter, b: borrow<counter>) -> counter;
  }
  /// Divides.
  div: func(a: s32, %default: s32) -> result<s32, problem>;
  delete: func(points: list<point>, bytes: list<u8>, wide: list<s64>);
  all: async func(m: mode, o: options) -> tuple<u8, bool, char>;
  nested: func(r: list<result<_, string>>) -> option<point>;
}

world calculator {
  import math;
  import log: func(text: string);
  import helpers: interface {
    use math.{point};
    norm: func(p: point) -> f64;
  }
  export math;
  export run: func() -> result;
}
`

test('the declarations of a world', () => {
  const files = generateTypes(worldOf(WIT, 'calculator'))
  assert.deepEqual(
    [...files.keys()],
    ['interfaces/docs-calc-math.d.ts', 'interfaces/calculator-imports-helpers.d.ts', 'calculator.d.ts'],
  )
  assert.equal(
    files.get('interfaces/docs-calc-math.d.ts'),
    `/** @module Interface docs:calc/math@1.0.0 **/
/**
 * Numbers and what is done with them.
 */
/**
 * Divides.
 */
export function div(a: number, default_: number): number;
declare function _delete(points: Array<Point>, bytes: Uint8Array, wide: BigInt64Array): void;
export { _delete as delete };
export function all(m: Mode, o: Options): Promise<[number, boolean, string]>;
export function nested(r: Array<Result<void, string>>): Point | undefined;
/**
 * What can go wrong.
 */
export type Problem = ProblemDivisionByZero | ProblemOverflow;
/**
 * The divisor was 0.
 */
export interface ProblemDivisionByZero {
  tag: 'division-by-zero',
}
export interface ProblemOverflow {
  tag: 'overflow',
  val: bigint,
}
/**
 * # Variants
 *
 * ## \`"exact"\`
 *
 * ## \`"GO-FAST"\`
 */
export type Mode = 'exact' | 'GO-FAST';
export interface Options {
  roundUp?: boolean,
  trace?: boolean,
}
export interface Point {
  x: number,
  y: number,
  label?: string,
  deep: Option<number | undefined>,
}
export class Counter implements Disposable {
  constructor(start: number);
  next(): number;
  static merge(a: Counter, b: Counter): Counter;
  [Symbol.dispose](): void;
}
export type Result<T, E> = { tag: 'ok', val: T } | { tag: 'err', val: E };
export type Option<T> = { tag: 'none' } | { tag: 'some', val: T };
`,
  )
  assert.equal(
    files.get('calculator.d.ts'),
    `// world docs:calc/calculator@1.0.0
import type * as DocsCalcMath from './interfaces/docs-calc-math.js' // docs:calc/math@1.0.0
import type * as CalculatorImportsHelpers from './interfaces/calculator-imports-helpers.js'
/** What the world imports. */
export interface ImportObject {
  'docs:calc/math@1.0.0': typeof DocsCalcMath,
  'log': { default(text: string): void },
  'helpers': typeof CalculatorImportsHelpers,
}
/** What the world exports. */
export interface Calculator {
  run(): void,
  'docs:calc/math@1.0.0': typeof DocsCalcMath,
  math: typeof DocsCalcMath,
}
export {};
`,
  )
})

test('TypeScript takes them, and a program that uses them is checked', () => {
  const target = write('calc', generateTypes(worldOf(WIT, 'calculator')))
  const use = (text: string): string => {
    writeFileSync(
      join(target, 'use.ts'),
      `import type { Calculator } from './calculator.js'\nexport function f(c: Calculator): unknown { ${text} }\n`,
    )
    return check(target)
  }
  assert.equal(
    use('const n: number = c.math.div(1, 2); using k = new c.math.Counter(n); return k.next() + c.math.all.length'),
    '',
  )
  assert.match(use("return c.math.div('1', 2)"), /use\.ts\(2,.*TS2345/)
  assert.match(use('return c.math.missing'), /TS2339/)
})

test('the worlds of WASI 0.2 and 0.3', () => {
  for (const version of ['wasi-0.2', 'wasi-0.3']) {
    const root = join(corpus, version)
    const groups = readdirSync(root).map((name) => groupsAt(join(root, name)).at(-1)!)
    let worlds = 0
    for (const p of resolveWit(groups, { features: 'all' }).values())
      for (const world of p.worlds.values()) {
        write(`${version}/${p.name.name}-${world.name}`, generateTypes(world))
        worlds++
      }
    assert.ok(worlds > 5)
    assert.equal(check(join(folder, version)), '')
  }
})
