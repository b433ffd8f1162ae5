// Annotations that mean something to the parser: taken where they may stand, reported where they may not.

import { ByteWriter } from '../util/byte-writer.ts'
import { decodeUtf8 } from '../util/utf8.ts'
import { Kw } from './keywords.ts'
import type { Annotation, Lexed } from './lexer.ts'
import { ANNOTATION_NAMES, AnnotationKind, Token } from './lexer.ts'
import { decodeString } from './strings.ts'
import { TextError } from './text-error.ts'

/** A custom section as `(@custom …)` writes it. */
export interface CustomText {
  readonly name: string
  readonly payload: Uint8Array
  /** Id of the section that it follows. */
  readonly after: number
  /** Sections are sorted by this, those with the same rank stay in the order of the text. */
  readonly rank: number
}

/** Ids of the known sections in their order in the binary. */
const SECTION_ORDER = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11]

/** Rank of the section that holds the names: behind `(after data)`, before `(after last)`. */
export const NAME_SECTION_RANK = 2 * SECTION_ORDER.length + 1
const LAST_RANK = NAME_SECTION_RANK + 1

const SECTION_IDS: Readonly<Record<number, number>> = {
  [Kw.Type]: 1,
  [Kw.Import]: 2,
  [Kw.Func]: 3,
  [Kw.Table]: 4,
  [Kw.Memory]: 5,
  [Kw.Tag]: 13,
  [Kw.Global]: 6,
  [Kw.Export]: 7,
  [Kw.Start]: 8,
  [Kw.Elem]: 9,
  [Kw.Datacount]: 12,
  [Kw.Code]: 10,
  [Kw.Data]: 11,
}

/** Rank of a custom section directly behind the section `id` (0: before all). */
export const rankAfter = (id: number): number => 2 * (SECTION_ORDER.indexOf(id) + 1)

/** A branch hint may only be one of these bytes. */
const MAX_HINT = 1

export class Annotations {
  readonly #lexed: Lexed
  /** Index of the first annotation before a token. */
  readonly #first = new Map<number, number>()
  readonly #taken: Uint8Array
  /** No annotations at all: the common case. */
  readonly none: boolean
  readonly #scratch = new ByteWriter()

  constructor(lexed: Lexed) {
    this.#lexed = lexed
    this.none = lexed.annotations.length === 0
    this.#taken = new Uint8Array(lexed.annotations.length)
    for (let i = lexed.annotations.length - 1; i >= 0; i--) this.#first.set(lexed.annotations[i].at, i)
  }

  /** Forgets what was taken from the tokens [from, to]: a script's module may be encoded more than once. */
  reset(from: number, to: number): void {
    const { annotations } = this.#lexed
    for (let i = this.#lowerBound(from); i < annotations.length && annotations[i].at <= to; i++) this.#taken[i] = 0
  }

  /** Takes the next annotation of a kind directly before a token. */
  #take(kind: AnnotationKind, pos: number): Annotation | undefined {
    const { annotations } = this.#lexed
    for (let i = this.#first.get(pos) ?? annotations.length; i < annotations.length && annotations[i].at === pos; i++) {
      if (annotations[i].kind !== kind || this.#taken[i] !== 0) continue
      this.#taken[i] = 1
      return annotations[i]
    }
    return undefined
  }

  #fail(annotation: Annotation, message: string): never {
    const { offset, length } = annotation
    throw new TextError(message, this.#lexed.source, offset, length, 'malformed-custom')
  }

  /** The name that `(@name "…")` before the token `pos` gives to a `what`. */
  takeName(pos: number, what: string): string | undefined {
    if (this.none) return undefined
    const annotation = this.#take(AnnotationKind.Name, pos)
    if (annotation === undefined) return undefined
    const second = this.#take(AnnotationKind.Name, pos)
    if (second !== undefined) this.#fail(second, `@name annotation: multiple ${what}`)
    const { from, to } = annotation
    if (to - from !== 1 || this.#lexed.annotationTokens.kind[from] !== Token.String) {
      this.#fail(annotation, '@name annotation: string expected')
    }
    return this.#string(annotation, from, '@name')
  }

  /** The branch hint before the token `pos`, or -1. */
  takeBranchHint(pos: number): number {
    if (this.none) return -1
    const annotation = this.#take(AnnotationKind.BranchHint, pos)
    if (annotation === undefined) return -1
    const id = ANNOTATION_NAMES[AnnotationKind.BranchHint]
    const second = this.#take(AnnotationKind.BranchHint, pos)
    if (second !== undefined) this.#fail(second, `${id} annotation: duplicate annotation`)
    const payload = this.#payload(annotation, annotation.from, id)
    if (payload.length !== 1 || payload[0] > MAX_HINT)
      this.#fail(annotation, `${id} annotation: invalid hint, expected "\\00" or "\\01"`)
    return payload[0]
  }

  /** Takes all custom sections before the token `pos`. */
  takeCustoms(pos: number, into: CustomText[]): void {
    if (this.none) return
    for (let a = this.#take(AnnotationKind.Custom, pos); a !== undefined; a = this.#take(AnnotationKind.Custom, pos)) {
      into.push(this.#custom(a))
    }
  }

  /** Fails if an annotation before one of the tokens [from, to] was not taken. */
  checkAllTaken(from: number, to: number): void {
    if (this.none) return
    const { annotations } = this.#lexed
    for (let i = this.#lowerBound(from); i < annotations.length && annotations[i].at <= to; i++) {
      if (this.#taken[i] !== 0) continue
      const id = ANNOTATION_NAMES[annotations[i].kind]
      const notInFunction = annotations[i].kind === AnnotationKind.BranchHint
      this.#fail(annotations[i], notInFunction ? `${id} annotation: not in a function` : `misplaced ${id} annotation`)
    }
  }

  /** Index of the first annotation before the token `pos` or a later one. */
  #lowerBound(pos: number): number {
    let low = 0
    let high = this.#lexed.annotations.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#lexed.annotations[middle].at < pos) low = middle + 1
      else high = middle
    }
    return low
  }

  #custom(annotation: Annotation): CustomText {
    const { kind, value } = this.#lexed.annotationTokens
    let at = annotation.from
    if (at === annotation.to || kind[at] !== Token.String)
      this.#fail(annotation, '@custom annotation: missing section name')
    const name = this.#string(annotation, at++, '@custom')
    let after = 11
    let rank = LAST_RANK
    if (at < annotation.to && kind[at] === Token.LeftParen) {
      const word = kind[at + 1] === Token.Keyword ? value[at + 1] : Kw.Unknown
      if (word !== Kw.Before && word !== Kw.After) this.#fail(annotation, '@custom annotation: malformed placement')
      const section = kind[at + 2] === Token.Keyword ? value[at + 2] : Kw.Unknown
      if (kind[at + 3] !== Token.RightParen) this.#fail(annotation, '@custom annotation: malformed section kind')
      if (word === Kw.Before && section === Kw.First) after = rank = 0
      else if (word !== Kw.After || section !== Kw.Last) {
        const id = SECTION_IDS[section]
        if (id === undefined) this.#fail(annotation, '@custom annotation: malformed section kind')
        rank = rankAfter(id) - (word === Kw.Before ? 1 : 0)
        after = word === Kw.After ? id : (SECTION_ORDER[SECTION_ORDER.indexOf(id) - 1] ?? 0)
      }
      at += 4
    }
    return { name, payload: this.#payload(annotation, at, '@custom'), after, rank }
  }

  /** The strings from `from` to the end of the annotation, one after the other. */
  #payload(annotation: Annotation, from: number, id: string): Uint8Array {
    const { kind, start, end } = this.#lexed.annotationTokens
    this.#scratch.pos = 0
    for (let i = from; i < annotation.to; i++) {
      if (kind[i] !== Token.String) this.#fail(annotation, `${id} annotation: unexpected token`)
      decodeString(this.#lexed.source, start[i], end[i], this.#scratch)
    }
    return this.#scratch.finish()
  }

  #string(annotation: Annotation, at: number, id: string): string {
    const { start, end } = this.#lexed.annotationTokens
    this.#scratch.pos = 0
    decodeString(this.#lexed.source, start[at], end[at], this.#scratch)
    const text = decodeUtf8(this.#scratch.bytes, 0, this.#scratch.pos)
    if (text === undefined) this.#fail(annotation, `${id} annotation: malformed UTF-8 encoding`)
    return text
  }
}
