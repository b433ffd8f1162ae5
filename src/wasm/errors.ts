// Errors of the binary format.

/**
 * Why a module is refused:
 * - `malformed`: the bytes are not a module (spec: binary format);
 * - `invalid`: they are one, but it breaks a rule of validation;
 * - `limit`: it is beyond an implementation limit (wasm/limits.ts).
 */
export type FormatErrorKind = 'malformed' | 'invalid' | 'limit'

/**
 * A module that cannot be decoded or is not valid. The message starts with the phrase that the official test suite uses for
 * this error and goes on with what was expected and found.
 */
export class FormatError extends Error {
  override readonly name = 'FormatError'
  readonly kind: FormatErrorKind
  /** Byte offset in the module. */
  readonly offset: number

  constructor(kind: FormatErrorKind, message: string, offset: number) {
    super(message)
    this.kind = kind
    this.offset = offset
  }
}
