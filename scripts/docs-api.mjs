// npm run docs:api: the API reference, dist/reference.md, from the declarations that `npm run build` writes and the comments in them.
// It is made whenever the package is packed.
//
//   node scripts/docs-api.mjs [DECLARATIONS [OUTPUT]]
//
// The declarations are the TypeScript compiler's own output, so their layout is known: a top-level declaration begins in the first
// column and ends before the next line that does.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { root } from './gen.mjs'

const [types = join(root, 'dist/types'), output = join(root, 'dist/reference.md')] = process.argv.slice(2)

/** Declarations of a file by name: `{ comment, code }`, several for overloads and for a value and a type of the same name. */
function declarationsOf(file) {
  const found = new Map()
  let comment = []
  let code = []
  const finish = () => {
    const name = /^export (?:declare )?(?:abstract )?(?:class|interface|type|const|let|function|enum) ([\w$]+)/.exec(code[0] ?? '')?.[1] // prettier-ignore
    if (name !== undefined) found.set(name, [...(found.get(name) ?? []), { comment, code }])
    comment = []
    code = []
  }
  let inComment = false
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.startsWith('/**')) {
      finish()
      inComment = true
    }
    if (inComment) {
      comment.push(line.replace(/^\/\*\* ?|^ \*\/$|^ \* ?| ?\*\/$/g, ''))
      inComment = !line.endsWith('*/')
    } else if (/^(export|import|declare)\b/.test(line)) {
      if (code.length > 0) finish()
      code.push(line)
    } else if (code.length > 0 && line !== '') code.push(line)
  }
  finish()
  return found
}

/** What the index exports, in its order: `[name, declarations]`, grouped by file. */
function exportsOf(index) {
  const groups = []
  const text = readFileSync(index, 'utf8')
  for (const [, all, names, from] of text.matchAll(/^export (?:type )?(?:(\*)|\{([^}]*)\}) from '([^']+)'/gm)) {
    const file = resolve(dirname(index), from.replace(/\.js$/, '.d.ts'))
    const declarations = declarationsOf(file)
    const wanted = all
      ? [...declarations.keys()].map((name) => [name, name])
      : names.split(',').flatMap((entry) => {
          const words = entry
            .trim()
            .replace(/^type /, '')
            .split(' as ')
          return words[0] === '' ? [] : [[words[0], words.at(-1)]]
        })
    const group = wanted.map(([name, exported]) => {
      const found = declarations.get(name) ?? reexported(file, name)
      if (found === undefined) throw new Error(`${from} has no declaration of ${name}`)
      return { name: exported, found }
    })
    groups.push({ file: from.replace(/^\.\//, 'src/').replace(/\.js$/, '.ts'), group })
  }
  return groups
}

/** The declarations of what a file passes on from another one, under the name that it gives them. */
function reexported(file, name) {
  for (const [, names, from] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) (?:type )?\{([^}]*)\} from '([^']+)'/gm,
  )) {
    const entry = names.split(',').find((text) => text.trim().split(' ').at(-1) === name)
    if (entry === undefined) continue
    const original = entry
      .trim()
      .replace(/^type /, '')
      .split(' ')[0]
    const found = declarationsOf(resolve(dirname(file), from.replace(/\.js$/, '.d.ts'))).get(original)
    const renamed = (line) => line.replace(new RegExp(`\\b${original}\\b`), name)
    return found?.map(({ comment, code: [first, ...rest] }) => ({ comment, code: [renamed(first), ...rest] }))
  }
  return undefined
}

/** A comment's text as markdown: tags become paragraphs, links become code. */
function proseOf(comment) {
  return comment
    .join('\n')
    .replace(/\{@link ([^}]+)\}/g, '`$1`')
    .replace(/^@throws\s+/gm, '\n**Throws** ')
    .replace(/^@param (\S+)\s+/gm, '\n- `$1`: ')
    .replace(/^@returns?\s+/gm, '\n**Returns** ')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** Private members are none of a reader's business. */
const codeOf = (code) => code.filter((line) => !/^ {4}(?:private |#private)/.test(line)).join('\n')

const groups = exportsOf(join(types, 'index.d.ts'))
const parts = [
  '# API reference',
  'Every export of the package, from the comments in its source. `docs/api.md` is the tour.',
]
for (const { file, group } of groups) {
  parts.push(`## ${file}`)
  for (const { name, found } of group) {
    parts.push(`### ${name}`)
    for (const { comment, code } of found) {
      const prose = proseOf(comment)
      if (prose !== '') parts.push(prose)
      parts.push('```ts\n' + codeOf(code) + '\n```')
    }
  }
}
writeFileSync(output, parts.join('\n\n') + '\n')
console.log(`${output}: ${groups.reduce((sum, { group }) => sum + group.length, 0)} exports`)
