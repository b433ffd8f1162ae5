// Values on the command line: words to typed arguments, results to text as wasmtime prints them.

import { UsageError } from './failure.ts'

/** A JavaScript value for a parameter of a type, by its text name; v128 is a bigint of 128 bits. */
export function parseValue(text: string, type: string): number | bigint | null {
  switch (type) {
    case 'i32':
      return Number(BigInt.asIntN(32, parseInteger(text, type, 32n)))
    case 'i64':
      return BigInt.asIntN(64, parseInteger(text, type, 64n))
    case 'f32':
      return parseFloating(text, type, 24, -149)
    case 'f64':
      return parseFloating(text, type, 53, -1074)
    case 'v128':
      return parseInteger(text, type, 128n)
    default:
      if (text === 'null') return null
      throw new UsageError(`an argument of type ${type} can only be 'null', not '${text}'`)
  }
}

/** Decimal or 0x hex, signed or unsigned; v128 unsigned only. */
function parseInteger(text: string, type: string, bits: bigint): bigint {
  const match = /^([+-]?)(0x[0-9a-f]+|[0-9]+)$/i.exec(text.replaceAll('_', ''))
  if (match === null || /^_|__|_$/.test(text))
    throw new UsageError(`invalid value '${text}' for a parameter of type ${type}`)
  const magnitude = BigInt(match[2])
  const value = match[1] === '-' ? -magnitude : magnitude
  const min = type === 'v128' ? 0n : -(1n << (bits - 1n))
  if (value < min || value >= 1n << bits)
    throw new UsageError(`the value '${text}' is out of range for ${type}: ${min} to ${(1n << bits) - 1n}`)
  return value
}

const DECIMAL = /^([+-]?)(\d+\.?\d*|\.\d+)(?:e([+-]?\d+))?$/i
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p([+-]?\d+))?$/i
const SPECIAL = /^([+-]?)(inf|infinity|nan)$/i

/** Decimal, hexadecimal, inf or nan; correctly rounded to `precision` bits with `minExponent` the exponent of the last place. */
function parseFloating(text: string, type: string, precision: number, minExponent: number): number {
  const special = SPECIAL.exec(text)
  if (special !== null) {
    const value = special[2].toLowerCase() === 'nan' ? NaN : Infinity
    return special[1] === '-' ? -value : value
  }
  const hex = HEXADECIMAL.exec(text)
  const match = hex ?? DECIMAL.exec(text)
  if (match === null) throw new UsageError(`invalid value '${text}' for a parameter of type ${type}`)
  const [, sign, digits, exponent = '0'] = match
  const point = digits.indexOf('.')
  const fraction = point < 0 ? 0 : digits.length - point - 1
  const whole = BigInt((hex === null ? '' : '0x') + digits.replace('.', ''))
  const scale = Number(exponent) - (hex === null ? fraction : 4 * fraction)
  const magnitude = roundScaled(whole, hex === null ? 10n : 2n, scale, precision, minExponent)
  const max = precision === 24 ? 3.4028234663852886e38 : Number.MAX_VALUE
  if (magnitude > max) throw new UsageError(`the value '${text}' is out of range for ${type}`)
  return sign === '-' ? -magnitude : magnitude
}

/** Beyond this decimal or binary exponent every value is 0 or infinite, if its digits are not as many. */
const FAR_EXPONENT = 5000

/** whole * base^scale, rounded to nearest, ties to even. */
function roundScaled(whole: bigint, base: bigint, scale: number, precision: number, minExponent: number): number {
  if (whole === 0n) return 0
  const reach = Math.abs(scale) - whole.toString(2).length
  if (reach > FAR_EXPONENT) return scale < 0 ? 0 : Infinity
  const numerator = scale >= 0 ? whole * base ** BigInt(scale) : whole
  const denominator = scale < 0 ? base ** BigInt(-scale) : 1n
  const bits = (n: bigint): number => n.toString(2).length
  // Exponent of the last place: such that the quotient has `precision` or `precision + 1` bits.
  const exponent = Math.max(bits(numerator) - bits(denominator) - precision, minExponent)
  const top = exponent < 0 ? numerator << BigInt(-exponent) : numerator
  const bottom = exponent > 0 ? denominator << BigInt(exponent) : denominator
  const quotient = top / bottom
  if (bits(quotient) > precision) return scaleUp(roundQuotient(top, bottom * 2n), exponent + 1)
  return scaleUp(roundQuotient(top, bottom), exponent)
}

function roundQuotient(top: bigint, bottom: bigint): bigint {
  const quotient = top / bottom
  const twice = (top - quotient * bottom) * 2n
  return twice > bottom || (twice === bottom && (quotient & 1n) === 1n) ? quotient + 1n : quotient
}

/** n * 2^exponent without an intermediate overflow or underflow; n has at most 53 bits, the result is exact or infinite. */
function scaleUp(n: bigint, exponent: number): number {
  const half = Math.trunc(exponent / 2)
  return Number(n) * 2 ** half * 2 ** (exponent - half)
}

/** A result as text. */
export function formatValue(value: unknown, type: string): string {
  switch (type) {
    case 'i32':
    case 'i64':
    case 'v128':
      return String(value)
    case 'f32':
      return formatFloating(value as number, shortestF32)
    case 'f64':
      return formatFloating(value as number, (x) => String(x))
    default:
      return formatReference(value, type)
  }
}

/** Digits without an exponent, as Rust prints floats. */
function formatFloating(x: number, shortest: (x: number) => string): string {
  if (Number.isNaN(x)) return 'NaN'
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf'
  const sign = x < 0 || Object.is(x, -0) ? '-' : ''
  const [digits, exponent = '0'] = shortest(Math.abs(x)).split('e')
  const [whole, fraction = ''] = digits.split('.')
  const shift = Number(exponent)
  if (shift >= 0) {
    const rest = fraction.slice(shift)
    return sign + whole + fraction.slice(0, shift).padEnd(shift, '0') + (rest === '' ? '' : `.${rest}`)
  }
  return `${sign}0.${'0'.repeat(-shift - whole.length)}${whole}${fraction}`
}

/** The shortest decimal that rounds to the same f32. */
function shortestF32(x: number): string {
  for (let precision = 1; precision <= 9; precision++) {
    const text = x.toPrecision(precision)
    if (Math.fround(Number(text)) === x) return String(Number(text))
  }
  return String(x)
}

const HIERARCHIES: readonly (readonly [RegExp, string])[] = [
  [/func/, 'func'],
  [/extern/, 'extern'],
  [/exn/, 'exn'],
]

function formatReference(value: unknown, type: string): string {
  const kind =
    typeof value === 'function' ? 'func' : (HIERARCHIES.find(([pattern]) => pattern.test(type))?.[1] ?? 'any')
  return value === null ? `<null ${kind}ref>` : `<${kind}ref>`
}
