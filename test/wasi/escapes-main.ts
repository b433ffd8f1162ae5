// npm run escapes: the escape suite on zwasm and on node:wasi. Exit code 1 if a guest of zwasm escapes.

import { runEscapes } from './escapes.ts'

for (const implementation of ['zwasm', 'node:wasi'] as const) {
  const { attempts, escaped, broken, descriptors } = runEscapes(implementation)
  for (const problem of [...escaped, ...broken]) console.log(`  ${problem}`)
  console.log(
    `${implementation}: ${attempts} attempts, ${escaped.length} escapes, ${broken.length} broken, descriptors ${descriptors.join(' -> ')}`,
  )
  if (implementation === 'zwasm' && escaped.length + broken.length > 0) process.exitCode = 1
}
