// Names of WIT in JavaScript: kebab-case to camelCase and PascalCase, as jco has them.

const words = (name: string): string[] => name.split('-').map((word) => word.toLowerCase())
const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

/** `read-via-stream` to `readViaStream`. */
export function camelCase(name: string): string {
  const [first, ...rest] = words(name)
  return first + rest.map(capitalized).join('')
}

/** `output-stream` to `OutputStream`. */
export const pascalCase = (name: string): string => words(name).map(capitalized).join('')

/** Words that cannot be the name of a declaration in a module. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for ' +
    'function if implements import in instanceof interface let new null package private protected public return static super switch ' +
    'this throw true try typeof var void while with yield'
  ).split(' '),
)

export const isReserved = (name: string): boolean => RESERVED.has(name)
