// Input modules: binary, or text that is parsed on the way.

import { CompileError } from '../index.ts'
import { Failure } from './failure.ts'
import { inputName, readInput } from './io.ts'
import { parseText } from './text.ts'

/** What a file holds, by its first bytes. */
export const enum InputKind {
  Module,
  Component,
  Text,
}

export function inputKind(bytes: Uint8Array): InputKind {
  const magic = bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d
  if (!magic) return bytes[0] === 0 ? InputKind.Module : InputKind.Text
  // Behind the magic: version (16 bits), layer (16 bits); components are layer 1.
  return bytes.length >= 8 && bytes[6] === 1 && bytes[7] === 0 ? InputKind.Component : InputKind.Module
}

/** Says where in its source an error at an offset of the binary is; undefined if it is not known. */
export type Locate = (message: string, offset: number) => string | undefined

export interface InputModule {
  readonly bytes: Uint8Array
  /** For modules that came as text. */
  readonly locate: Locate | undefined
  /** Likewise: the text. */
  readonly source: Uint8Array | undefined
}

/** The binary of a module file: text is parsed. Fails with one typed error. */
export function readModule(path: string): InputModule {
  const bytes = readInput(path)
  switch (inputKind(bytes)) {
    case InputKind.Module:
      return { bytes, locate: undefined, source: undefined }
    case InputKind.Component:
      throw new Failure(`failed to read \`${inputName(path)}\`: it is a component; this version runs core modules only`)
    case InputKind.Text:
      return parseText(bytes, inputName(path))
  }
}

/** A module that the engine refused, as a failure with its place in the binary or in the text. Other errors pass. */
export function invalidModule(error: unknown, message: string, locate: Locate | undefined): unknown {
  if (!(error instanceof CompileError)) return error
  const { message: text, offset } = formatDetails(error)
  if (offset === undefined) return new Failure(message, [text])
  return new Failure(message, [locate?.(text, offset) ?? `${text} (at offset 0x${offset.toString(16)})`])
}

/** Message and byte offset of a CompileError, without the name of the JavaScript call in front. */
function formatDetails(error: Error): { message: string; offset: number | undefined } {
  const cause = error.cause as { message: string; offset?: number } | undefined
  return { message: cause?.message ?? error.message, offset: cause?.offset }
}
