// A reporter for node's test runner: the totals as JSON. Counts tests, not the suites and files that hold them.
export default async function* totals(source) {
  const count = { passed: 0, failed: 0, skipped: 0 }
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    // A file that fails without a failing test of its own (it crashed, or its process ended early) counts as one.
    if (data.details?.type === 'suite' || (isFile(data) && (type === 'test:pass' || !crashed(data)))) continue
    if (data.skip !== undefined || data.todo !== undefined) count.skipped++
    else count[type === 'test:pass' ? 'passed' : 'failed']++
  }
  yield JSON.stringify(count)
}

const isFile = (data) => data.nesting === 0 && data.name.endsWith('.mjs')
const crashed = (data) => data.details?.error?.failureType !== 'subtestsFailed'
