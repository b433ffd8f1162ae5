import { type FeatureSwitches, validate as validateModule } from '../../index.ts'
import { valuesOf } from '../args.ts'
import type { Command } from '../command.ts'
import { ExitCode, Failure, formatFailure, UsageError } from '../failure.ts'
import { featureSwitches } from '../feature-flags.ts'
import { invalidModule, readModule } from '../input.ts'
import { inputName, writeError } from '../io.ts'

export const validate: Command = {
  name: 'validate',
  usage: 'validate [OPTIONS] <FILE>...',
  summary: 'Check that modules are valid',
  details: [
    'Prints nothing if they are. Otherwise the first error of each module, with its offset (binary) or line and column (text).',
  ],
  options: [
    {
      name: 'features',
      short: 'f',
      value: 'LIST',
      repeat: true,
      help: 'Comma-separated features to allow, or with a minus to refuse: simd,-gc,all,wasm1,wasm2,wasm3',
    },
  ],
  examples: [
    ['zwasm validate app.wasm', 'Silent, exit code 0: valid'],
    ['zwasm validate --features wasm2 *.wasm', 'Is it WebAssembly 2.0?'],
  ],
  run(line) {
    if (line.operands.length === 0) throw new UsageError('the argument <FILE> is missing')
    const features = featureSwitches(valuesOf(line, 'features'))
    let code: number = ExitCode.Ok
    for (const file of line.operands) {
      try {
        validateFile(file, features)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        writeError(formatFailure(error))
        code = error.exitCode
      }
    }
    return code
  },
}

function validateFile(file: string, features: FeatureSwitches): void {
  const { bytes, locate } = readModule(file)
  try {
    validateModule(bytes, features)
  } catch (error) {
    throw invalidModule(error, `failed to validate \`${inputName(file)}\``, locate)
  }
}
