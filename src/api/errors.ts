// The error classes of the namespace. They carry no state of a store, so all namespaces share them: `error instanceof
// RuntimeError` holds whichever `Vm` or namespace it came from.

/** An error class with the structure of ECMAScript's NativeErrors: callable without `new`, `name` and `message` on the prototype. */
export interface WasmErrorConstructor {
  new (message?: string, options?: ErrorOptions): Error
  (message?: string, options?: ErrorOptions): Error
  readonly prototype: Error
}

function defineError(name: string): WasmErrorConstructor {
  const constructor = function (message?: unknown, ...rest: unknown[]): Error {
    const target = new.target ?? constructor
    const error = Reflect.construct(
      Error,
      message === undefined ? rest.slice(0, 0) : [message, ...rest],
      target,
    ) as Error
    if (message === undefined && rest.length > 0) defineCause(error, rest[0])
    Error.captureStackTrace?.(error, target)
    return error
  } as unknown as WasmErrorConstructor
  Object.setPrototypeOf(constructor, Error)
  Object.defineProperty(constructor, 'name', { value: name, configurable: true })
  const prototype = Object.create(Error.prototype) as object
  for (const [key, value] of [
    ['constructor', constructor],
    ['name', name],
    ['message', ''],
  ] as const)
    Object.defineProperty(prototype, key, { value, writable: true, configurable: true })
  Object.defineProperty(constructor, 'prototype', { value: prototype, writable: false })
  return constructor
}

/** ECMAScript InstallErrorCause, for the call without a message. */
function defineCause(error: Error, options: unknown): void {
  if (typeof options === 'object' && options !== null && 'cause' in options)
    Object.defineProperty(error, 'cause', { value: options.cause, writable: true, configurable: true })
}

/** The module is malformed, invalid, or beyond an implementation limit. */
export const CompileError = defineError('CompileError')
export type CompileError = Error

/** An import is missing or does not fit. */
export const LinkError = defineError('LinkError')
export type LinkError = Error

/** A call would have to wait for a promise where it cannot. */
export const SuspendError = defineError('SuspendError')
export type SuspendError = Error

/** A trap. */
export const RuntimeError = defineError('RuntimeError')
export type RuntimeError = Error
