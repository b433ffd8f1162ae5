// npm run escapes: the escape suite on zwasm, on trees of each kind, and on node:wasi. Exit code 1 if a guest of zwasm escapes.

import { ESCAPE_RUNS, runEscapes } from './escapes.ts'

for (const [implementation, kind] of ESCAPE_RUNS) {
  const { attempts, escaped, broken, descriptors } = runEscapes(implementation, kind)
  for (const problem of [...escaped, ...broken]) console.log(`  ${problem}`)
  console.log(
    `${implementation}, ${kind}: ${attempts} attempts, ${escaped.length} escapes, ${broken.length} broken, descriptors ${descriptors.join(' -> ')}`,
  )
  if (implementation === 'zwasm' && escaped.length + broken.length > 0) process.exitCode = 1
}
