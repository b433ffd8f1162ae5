// A reporter for node's test runner: a line for each file, every failure in full, every skipped test by name.
import { relative } from 'node:path'

export default async function* brief(source) {
  const perFile = new Map()
  const failures = []
  for await (const { type, data } of source) {
    if (type === 'test:stderr' || type === 'test:stdout') {
      yield data.message
      continue
    }
    if (type === 'test:diagnostic' && data.file !== undefined && data.nesting > 0) {
      yield `    ${data.message}\n`
      continue
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const file = data.file === undefined ? data.name : nameOf(data.file)
    if (type === 'test:fail' && data.details?.error?.failureType !== 'subtestsFailed') failures.push({ file, data })
    if (data.details?.type === 'suite' || (data.nesting === 0 && data.name.endsWith('.mjs'))) continue
    const count = perFile.get(file) ?? { passed: 0, failed: 0, skipped: 0, ms: 0 }
    perFile.set(file, count)
    if (data.skip !== undefined || data.todo !== undefined) {
      count.skipped++
      yield `skipped: ${file}: ${data.name} (${data.skip ?? data.todo})\n`
    } else count[type === 'test:pass' ? 'passed' : 'failed']++
    if (data.nesting === 0) count.ms += data.details?.duration_ms ?? 0
  }
  for (const [file, { passed, failed, skipped, ms }] of [...perFile].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const rest = (failed > 0 ? `, ${failed} FAILED` : '') + (skipped > 0 ? `, ${skipped} skipped` : '')
    yield `${file.padEnd(44)} ${String(passed).padStart(5)} passed${rest}  ${(ms / 1000).toFixed(1)} s\n`
  }
  for (const { file, data } of failures) {
    const error = data.details?.error
    const cause = error?.cause ?? error
    yield `\nFAILED ${file}: ${data.name}\n${String(cause?.stack ?? cause?.message ?? cause).replace(/^/gm, '  ')}\n`
  }
}

/** test/area/topic, from the path of the source or of its bundle. */
function nameOf(path) {
  const name = relative(process.cwd(), path).replaceAll('\\', '/')
  return name.replace(/^build\//, '').replace(/(?:\.test)?\.(?:mjs|ts)$/, '')
}
