// The interpreter as the runtime sees it. Importing this module registers it.

import { FUNC, FUNC_WORDS_LOG2, Func } from '../runtime/machine.ts'
import { registerInterpreter } from '../runtime/driver.ts'
import { suspendedPcs } from '../runtime/suspended.ts'
import { buildFunction } from './build.ts'
import { dropModule, heldPcs, runningForm } from './code.ts'
import { runFast, runMetered } from './loop.gen.ts'
import { observeInstance } from './trace.ts'
import { findHandler, wasmOffsetAt } from './unwind.ts'

heldPcs.push(suspendedPcs)

registerInterpreter({
  run: runFast,
  runMetered,
  build(instance, index) {
    observeInstance(instance)
    const code = buildFunction(instance.module, index, runningForm(instance.store))
    const record = instance.funcIds[index] << FUNC_WORDS_LOG2
    FUNC[record + Func.Slots] = code.slots
    FUNC[record + Func.Entry] = code.start
  },
  findHandler,
  wasmOffsetAt,
  dropModule,
})
