// A host for plugins it does not trust: each in a Vm of its own, with a time, a budget of fuel and caps.   node examples/plugins.mjs
import { DeadlineExceededError, FuelExhaustedError, LimitExceededError, Vm, WasmModule } from 'zwasm'

const PLUGINS = {
  // Counts the words of the text that the host wrote into its memory.
  words: `(module (memory (export "memory") 1)
    (func (export "run") (param $at i32) (param $length i32) (result i32)
      (local $end i32) (local $inside i32) (local $count i32)
      (local.set $end (i32.add (local.get $at) (local.get $length)))
      (block $done
        (loop $next
          (br_if $done (i32.eq (local.get $at) (local.get $end)))
          (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x20))
            (then (local.set $inside (i32.const 0)))
            (else (if (i32.eqz (local.get $inside)) (then
              (local.set $inside (i32.const 1))
              (local.set $count (i32.add (local.get $count) (i32.const 1)))))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next)))
      (local.get $count)))`,
  forever: `(module (memory (export "memory") 1)
    (func (export "run") (param i32 i32) (result i32) (loop $l (br $l)) (unreachable)))`,
  greedy: `(module (memory (export "memory") 1)
    (func (export "run") (param i32 i32) (result i32)
      (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (memory.size)))`,
  huge: '(module (memory (export "memory") 5000))',
}

const text = 'the quick brown fox'
const LIMITS = { timeout: 1000, fuel: 1_000_000, limits: { memory: 16 * 65536 } }

for (const [name, source] of Object.entries(PLUGINS)) {
  const vm = new Vm(LIMITS)
  try {
    const plugin = WasmModule.loadFromWat(source, { vm })
    const length = plugin.writeString(0, text)
    const result = plugin.invoke('run', 0, length)
    console.log(`${name}: ${result}, with ${LIMITS.fuel - vm.fuel} units of fuel`)
  } catch (error) {
    if (error instanceof FuelExhaustedError) console.log(`${name}: stopped after ${error.max} units of fuel`)
    else if (error instanceof DeadlineExceededError) console.log(`${name}: stopped after ${error.max} ms`)
    else if (error instanceof LimitExceededError) console.log(`${name}: refused, limit ${error.limit} is ${error.max}`)
    else throw error
  }
}
