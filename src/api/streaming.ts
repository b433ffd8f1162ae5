// "Compile a potential WebAssembly response" (Web API): the bytes behind a Response.

import { isObject } from './web-idl.ts'

/** The members of a Response that are used. */
interface ResponseLike {
  readonly headers: { get(name: string): string | null }
  readonly ok: boolean
  readonly status: number
  readonly bodyUsed: boolean
  arrayBuffer(): Promise<ArrayBuffer>
}

type ResponseClass = (abstract new () => ResponseLike) | undefined

/**
 * The body of a Response, or of what a promise is resolved with.
 *
 * @throws TypeError if it is no Response, has another content type than exactly `application/wasm`, no ok status, or a body that was read.
 */
export async function responseBytes(source: unknown): Promise<ArrayBuffer> {
  const response: unknown = await source
  const { Response } = globalThis as unknown as { Response: ResponseClass }
  if (Response === undefined || !isObject(response) || !(response instanceof Response))
    throw new TypeError(
      `The "source" argument must be an instance of Response or an Promise resolving to Response.${received(response)}`,
    )
  const type = response.headers.get('Content-Type')
  // No parameters are allowed, not even the empty one of `application/wasm;`.
  if (type === null || trimBlanks(type).toLowerCase() !== 'application/wasm')
    throw new TypeError(`WebAssembly response has unsupported MIME type '${type}'`)
  if (!response.ok) throw new TypeError(`WebAssembly response has status code ${response.status}`)
  if (response.bodyUsed) throw new TypeError('WebAssembly response body has already been used')
  return response.arrayBuffer()
}

const trimBlanks = (text: string): string => text.replace(/^[\t ]+|[\t ]+$/g, '')

/** Node's wording of what was given. */
function received(value: unknown): string {
  if (value === null || value === undefined) return ` Received ${value}`
  if (typeof value === 'function') return ` Received function ${value.name}`
  if (typeof value === 'object') {
    const { constructor } = value as { constructor?: { name?: unknown } }
    return typeof constructor?.name === 'string' && constructor.name !== ''
      ? ` Received an instance of ${constructor.name}`
      : ''
  }
  return ` Received type ${typeof value} (${typeof value === 'string' ? `'${value}'` : String(value)})`
}
