// From offsets in the binary back to places in the text.

import { decodeModule } from '../wasm/decode.ts'
import { FormatError } from '../wasm/errors.ts'
import type { Features } from '../wasm/features.ts'
import type { ConstExpr, Module } from '../wasm/module.ts'

/**
 * The offset in the text of the instruction at (or around) an offset in the binary, by the source map that `parseWat` made; -1
 * if that offset is in front of all instructions.
 */
export function findTextOffset(sourceMap: Int32Array, offset: number): number {
  let low = 0
  let high = sourceMap.length / 2
  while (low < high) {
    const middle = (low + high) >> 1
    if (sourceMap[middle * 2] <= offset) low = middle + 1
    else high = middle
  }
  return low === 0 ? -1 : sourceMap[low * 2 - 1]
}

/**
 * The source map with offsets in the binary instead of the scratch buffer. Where the encoder put the bodies and constant
 * expressions is read back from the binary, in the order in which they are listed there and here. Empty if the decoder refuses
 * the binary: then its error is in a type, not in an instruction.
 */
export function relocateMap(map: Int32Array, from: Module, bytes: Uint8Array, features: Features): Int32Array {
  const to = decodeOrUndefined(bytes, features)
  if (to === undefined) return new Int32Array(0)
  const source = codeRanges(from)
  const target = codeRanges(to)
  const pairs: [number, number][] = []
  const order = source
    .map((range, i) => ({ range, shift: target[i].start - range.start }))
    .sort((a, b) => a.range.start - b.range.start)
  let k = 0
  for (let i = 0; i < map.length; i += 2) {
    while (k < order.length && map[i] >= order[k].range.end) k++
    if (k < order.length && map[i] >= order[k].range.start) pairs.push([map[i] + order[k].shift, map[i + 1]])
  }
  pairs.sort((a, b) => a[0] - b[0])
  return Int32Array.from(pairs.flat())
}

/** All bodies and constant expressions of a module, in a fixed order. */
function codeRanges(m: Module): ConstExpr[] {
  const ranges: ConstExpr[] = []
  const add = (range: ConstExpr | undefined): void => {
    if (range !== undefined) ranges.push(range)
  }
  m.tableDefs.forEach((t) => add(t.init))
  m.globalDefs.forEach((g) => add(g.init))
  for (const segment of m.elems) {
    add(segment.offset)
    segment.exprs?.forEach(add)
  }
  m.codeStart.forEach((start, i) => ranges.push({ start, end: m.codeEnd[i] }))
  m.datas.forEach((d) => add(d.offset))
  return ranges
}

function decodeOrUndefined(bytes: Uint8Array, features: Features): Module | undefined {
  try {
    return decodeModule(bytes, { features, validate: false })
  } catch (e) {
    if (!(e instanceof FormatError)) throw e
    return undefined
  }
}
