// The generator of the API reference (scripts/docs-api.mjs).

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'zwasm-reference-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function generate(files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const output = join(folder, 'reference.md')
  const { status, stderr } = spawnSync(process.execPath, ['scripts/docs-api.mjs', folder, output], { encoding: 'utf8' })
  return { status, stderr, text: status === 0 ? readFileSync(output, 'utf8') : '' }
}

test('every export with its comment and declaration, in the order of the index', () => {
  const { text } = generate({
    'index.d.ts': "export { b, type Options, hidden as shown } from './a.js';\nexport type * from './all.js';\n",
    'a.d.ts': `import type { X } from './x.js';
/** Not exported by the index. */
export declare const a: number;
export interface Options {
    /** Bytes. */
    readonly size?: number;
}
/**
 * Does it, see {@link Options}.
 *
 * @param x what
 * @throws RangeError beyond 7.
 */
export declare function b(x: number): void;
export declare function b(x: string): void;
export declare class hidden {
    #private;
    readonly visible: number;
}
`,
    'all.d.ts': 'export type Shape = 1 | 2;\n',
  })
  assert.equal(
    text,
    `# API reference

Every export of the package, from the comments in its source. \`docs/api.md\` is the tour.

## src/a.ts

### b

Does it, see \`Options\`.

- \`x\`: what

**Throws** RangeError beyond 7.

\`\`\`ts
export declare function b(x: number): void;
\`\`\`

\`\`\`ts
export declare function b(x: string): void;
\`\`\`

### Options

\`\`\`ts
export interface Options {
    /** Bytes. */
    readonly size?: number;
}
\`\`\`

### shown

\`\`\`ts
export declare class hidden {
    readonly visible: number;
}
\`\`\`

## src/all.ts

### Shape

\`\`\`ts
export type Shape = 1 | 2;
\`\`\`
`,
  )
})

test('an export without a declaration ends it', () => {
  const { status, stderr } = generate({ 'index.d.ts': "export { gone } from './a.js';\n", 'a.d.ts': '' })
  assert.equal(status, 1)
  assert.match(stderr, /a\.js has no declaration of gone/)
})
