// Traces as text and as JSON lines.

import { printFloat32, printFloat64 } from '../text/print-values.ts'
import type { TraceEvent, TraceFunction, TraceValue } from './trace-events.ts'
import { functionLabel } from './trace-names.ts'

/** Calls are indented by their depth, up to this. */
const MAX_INDENT = 32

const words = new Int32Array(2)
const floats = new Float32Array(words.buffer)
const doubles = new Float64Array(words.buffer)

function valueText({ type, value }: TraceValue): string {
  if (typeof value !== 'number' || type === 'i32') return String(value)
  if (type === 'f32') {
    floats[0] = value
    return printFloat32(words[0])
  }
  doubles[0] = value
  return printFloat64(words[0], words[1])
}

const list = (values: readonly TraceValue[] | undefined, separator: string): string =>
  (values ?? []).map(valueText).join(separator)

const results = (values: readonly TraceValue[] | undefined): string =>
  values === undefined || values.length === 0 ? '' : ` = ${list(values, ' ')}`

const label = ({ moduleName, functionIndex, functionName }: TraceFunction): string =>
  functionLabel({ module: moduleName }, functionIndex, functionName)

const place = (event: { function: TraceFunction; offset: number; instruction: string }): string =>
  `0x${event.offset.toString(16).padStart(4, '0')} ${label(event.function)}: ${event.instruction}`

const indent = (depth: number): string => '  '.repeat(Math.min(depth, MAX_INDENT))

/** An event as one line of text, without a line end. */
function eventText(event: TraceEvent): string {
  switch (event.kind) {
    case 'exec': {
      const operands = list(event.operands, ' ')
      const end = event.trap === undefined ? results(event.results) : ` ! ${event.trap}`
      return `exec ${place(event)}${operands === '' ? '' : ` [${operands}]`}${end}`
    }
    case 'mem': {
      const { memory, address, byteLength } = event
      const where = `${byteLength} at 0x${address.toString(16)}${memory === 0 ? '' : ` of memory ${memory}`}`
      const operands = event.operands === undefined ? '' : ` with [${list(event.operands, ' ')}]`
      return `mem  ${place(event)}: ${event.access} ${where}${results(event.value && [event.value])}${operands}`
    }
    case 'host': {
      const head = `host ${indent(event.depth)}`
      if (event.event === 'call') return `${head}> ${event.name}(${list(event.values, ', ')})`
      return event.event === 'return'
        ? `${head}< ${event.name}${results(event.values)}`
        : `${head}! ${event.name}: ${event.error}`
    }
    default: {
      const head = `call ${indent(event.depth)}`
      switch (event.event) {
        case 'pause':
          return `${head}. pause: ${event.reason}`
        case 'resume':
          return `${head}. resume`
        case 'enter':
          return `${head}> ${label(event.function)}(${list(event.values, ', ')})`
        case 'return':
          return `${head}< ${label(event.function)}${results(event.values)}`
        default:
          return `${head}! ${label(event.function)}: ${event.trap ?? event.event}`
      }
    }
  }
}

/** bigint and what JSON has no number for become strings. */
function jsonValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'number') return value
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  return Object.is(value, -0) ? '-0' : value
}

/**
 * An event as one line, without a line end: text for people, or JSON with the fields of the event; there an i64 is a string, and so are `-0`,
 * `inf` and `-inf`.
 */
export const formatTraceEvent = (event: TraceEvent, format: 'text' | 'json' = 'text'): string =>
  format === 'json' ? JSON.stringify(event, jsonValue) : eventText(event)
