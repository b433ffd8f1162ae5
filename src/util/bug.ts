/** An impossible state was reached: a defect of zwasm, never of its input. The CLI exits with 70 on it. */
export class BugError extends Error {
  override name = 'BugError'
}

/** Reports an impossible state. */
export function bug(message: string): never {
  throw new BugError(`BUG: ${message}`)
}
