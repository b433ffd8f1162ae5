// npm run test:host: the tests of the API on Node 26, against the WebAssembly namespace of its V8. Under `npm test` they run on the Node
// that runs it, whose V8 may lack part of that.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './gen.mjs'
import { newerNode } from './newer-node.mjs'

const env = { ...process.env, ZWASM_NODE: newerNode('26') }
const { status } = spawnSync(process.execPath, [join(root, 'scripts/test.mjs'), 'test/api/'], { stdio: 'inherit', env })
process.exit(status ?? 1)
