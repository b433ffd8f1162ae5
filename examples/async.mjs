// A host function that returns a promise, for a guest that knows nothing of it; the event loop goes on.   node examples/async.mjs
import { setTimeout as sleep } from 'node:timers/promises'
import { WasmModule } from 'zwasm'

const PRICES = new Map([
  [1, 250],
  [2, 199],
])

const shop = WasmModule.loadFromWat(
  `(module
    (import "shop" "price" (func $price (param i32) (result i32)))
    (func (export "total") (param $a i32) (param $b i32) (result i32)
      (i32.add (call $price (local.get $a)) (call $price (local.get $b)))))`,
  {
    imports: {
      shop: {
        // As from a database.
        async price(item) {
          await sleep(5)
          if (!PRICES.has(item)) throw new Error(`no item ${item}`)
          return PRICES.get(item)
        },
      },
    },
  },
)

// Three calls at once in one instance: each waits by itself.
const results = await Promise.allSettled([
  shop.invokeAsync('total', 1, 2),
  shop.invokeAsync('total', 2, 2),
  shop.invokeAsync('total', 1, 3),
])
for (const { value, reason } of results) console.log(reason === undefined ? value : reason.message)
