// Checks of option values, with the errors of Node's APIs: `code` ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE.

type Constructor = typeof TypeError | typeof RangeError | typeof Error

/** An error with a `code`, which is also part of its stack as in Node. */
export function codedError(Base: Constructor, code: string, message: string): Error & { code: string } {
  const error = new Base(message) as Error & { code: string }
  error.code = code
  const { name } = error
  error.name = `${name} [${code}]`
  void error.stack
  Object.defineProperty(error, 'name', { value: name, enumerable: false, writable: true, configurable: true })
  return error
}

/** What was given, in words. */
function received(value: unknown): string {
  if (value === null || value === undefined) return `Received ${value}`
  if (typeof value === 'function') return `Received function ${value.name}`
  if (typeof value === 'object')
    return typeof value.constructor === 'function' && value.constructor.name !== ''
      ? `Received an instance of ${value.constructor.name}`
      : 'Received an object without a constructor'
  const text = typeof value === 'string' ? `'${value}'` : `${String(value)}${typeof value === 'bigint' ? 'n' : ''}`
  return `Received type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`
}

const kindOf = (name: string): string => (name.includes('.') ? 'property' : 'argument')

/** `expected` is what follows "must be": "of type string", "an instance of Array". */
export const wrongType = (name: string, expected: string, value: unknown): Error =>
  codedError(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" ${kindOf(name)} must be ${expected}. ${received(value)}`)

export const wrongValue = (name: string, reason: string, value: unknown): Error =>
  codedError(
    TypeError,
    'ERR_INVALID_ARG_VALUE',
    `The ${kindOf(name)} '${name}' ${reason}. Received ${typeof value === 'string' ? `'${value}'` : String(value)}`,
  )

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

export function requireObject(value: unknown, name: string): Record<string, unknown> {
  if (!isObject(value) || Array.isArray(value)) throw wrongType(name, 'of type object', value)
  return value
}

export function requireFunction(value: unknown, name: string): (...args: any[]) => unknown {
  if (typeof value !== 'function') throw wrongType(name, 'of type function', value)
  return value as (...args: any[]) => unknown
}

export function requireBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'of type boolean', value)
  return value
}
