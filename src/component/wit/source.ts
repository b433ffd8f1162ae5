// Source texts of WIT, places in them, and what is wrong at a place.

import { formatAt, positionAt, type TextPosition } from '../../text/text-error.ts'
import { encodeUtf8 } from '../../util/utf8.ts'

export interface SourceFile {
  /** As messages show it. */
  readonly name: string
  readonly text: string
}

/** A range of a text, in UTF-16 code units. */
export interface Span {
  readonly file: SourceFile
  readonly start: number
  readonly end: number
}

/** One thing that is wrong. Without a span it concerns a whole package. */
export interface Problem {
  readonly message: string
  readonly span: Span | undefined
}

/** The same as users get it. Lines and columns count from 1, a column is a Unicode character. */
export interface WitProblem extends Problem {
  readonly file: string | undefined
  readonly line: number | undefined
  readonly column: number | undefined
  /** The message, `--> file:line:column`, the source line and a caret under the place. */
  readonly text: string
}

/** All that is wrong with a package, in the order it was found; at least one problem. */
export class WitError extends Error {
  override name = 'WitError'
  readonly problems: readonly WitProblem[]

  constructor(found: readonly Problem[]) {
    const problems = found.map((problem) => {
      const at = problem.span && placeOf(problem.span)
      return {
        ...problem,
        file: problem.span?.file.name,
        line: at?.line,
        column: at?.column,
        text: formatProblem(problem),
      }
    })
    super(problems.map((problem) => problem.text).join('\n\n'))
    this.problems = problems
  }
}

/** Stops what is being parsed or resolved; whoever can go on behind it catches it and keeps the problem. */
export class Stop extends Error {
  readonly problem: Problem

  constructor(message: string, span: Span | undefined) {
    super(message)
    this.problem = { message, span }
  }
}

export function fail(message: string, span: Span | undefined): never {
  throw new Stop(message, span)
}

/** Line and column of the start of a span; both count from 1, a column is a Unicode character. */
function placeOf(span: Span): TextPosition {
  return positionAt(encodeUtf8(span.file.text), byteOffset(span.file, span.start))
}

const byteOffset = (file: SourceFile, at: number): number => encodeUtf8(file.text.slice(0, at)).length

/** The message, `--> file:line:column`, the source line and a caret under the place. */
function formatProblem({ message, span }: Problem): string {
  if (span === undefined) return message
  const start = byteOffset(span.file, span.start)
  return formatAt(message, encodeUtf8(span.file.text), start, byteOffset(span.file, span.end) - start, span.file.name)
}
