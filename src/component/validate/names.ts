// Names of imports and exports (Explainer.md, "Import and Export Definitions" and "Name Uniqueness").

/** What a name says about what it names. */
export type ParsedName =
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'constructor'; readonly resource: string }
  | { readonly kind: 'method' | 'static'; readonly resource: string; readonly label: string }
  | { readonly kind: 'interface'; readonly version: string | undefined }
  /** `url=`, `locked-dep=`, `unlocked-dep=`, `integrity=`: names of earlier drafts, for dependencies. */
  | { readonly kind: 'dependency' }

const LABEL = /^(?:[a-z][0-9a-z]*|[A-Z][0-9A-Z]*)(?:-(?:[0-9a-z]+|[0-9A-Z]+))*$/
const WORDS = /^[a-z][0-9a-z]*(?:-[0-9a-z]+)*$/
/** https://semver.org, with the backreference-free form of its regular expression. */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/

/** A name that cannot be; the message says what is wrong with it. */
export class NameError extends Error {
  override name = 'NameError'
}
const fail = (message: string): never => {
  throw new NameError(message)
}

export function checkLabel(label: string, what = ''): void {
  if (!LABEL.test(label)) fail(`${what}\`${label}\` is not in kebab case`)
}

export function isSemver(version: string): boolean {
  return SEMVER.test(version)
}

function checkSemver(version: string): string {
  if (isSemver(version)) return version
  return fail(`\`${version}\` is not a valid semver: ${semverProblem(version)}`)
}

/** What is wrong with a version, in the words of the most used parser of them. */
function semverProblem(version: string): string {
  if (version === '') return 'empty string, expected a semver version'
  const [numbers, rest = ''] = version.split(/(?=[-+])/, 2)
  const strange = /[^0-9.]/.exec(numbers) ?? (numbers.startsWith('.') ? ['.'] : null)
  if (strange !== null) return `unexpected character '${strange[0]}'`
  if (numbers.split('.').filter((n) => n !== '').length < 3) return 'unexpected end of input while parsing a number'
  return rest === '' ? 'invalid version' : 'empty identifier segment'
}

/** `canonversion`: 1, 0.2, 0.0.3, 0.0.0. */
const CANON_VERSION = /^(?:[1-9]\d*|0\.[1-9]\d*|0\.0\.(?:0|[1-9]\d*))$/

/** Parses the name of an import or export. @throws NameError */
export function parseExternName(name: string): ParsedName {
  if (name.startsWith('[constructor]')) {
    const resource = name.slice('[constructor]'.length)
    checkLabel(resource)
    return { kind: 'constructor', resource }
  }
  for (const kind of ['method', 'static'] as const) {
    if (!name.startsWith(`[${kind}]`)) continue
    const rest = name.slice(kind.length + 2)
    const dot = rest.indexOf('.')
    if (dot < 0) fail(`failed to find \`.\` character in \`${name}\``)
    const resource = rest.slice(0, dot)
    const label = rest.slice(dot + 1)
    checkLabel(resource)
    checkLabel(label)
    return { kind, resource, label }
  }
  const dependency = /^(unlocked-dep|locked-dep|url|integrity)=/.exec(name)
  if (dependency !== null) {
    checkDependency(dependency[1], name.slice(dependency[0].length))
    return { kind: 'dependency' }
  }
  if (name.includes(':')) return interfaceName(name)
  if (!LABEL.test(name)) fail(`\`${name}\` is not a valid extern name: \`${name}\` is not in kebab case`)
  return { kind: 'label', label: name }
}

/** `namespace:package/interface@version`. @throws NameError */
export function interfaceName(name: string): ParsedName & { kind: 'interface' } {
  const where = `\`${name}\` is not a valid extern name: `
  const at = name.indexOf('@')
  const path = at < 0 ? name : name.slice(0, at)
  const colon = path.indexOf(':')
  if (colon < 0) fail(`${where}must be an interface name`)
  const slash = path.indexOf('/', colon)
  const words = (text: string): void => {
    const upper = /[A-Z]/.exec(text)
    if (upper !== null && LABEL.test(text))
      fail(`${where}character \`${upper[0]}\` is not lowercase in package name/namespace`)
    if (!WORDS.test(text)) fail(`${where}\`${text}\` is not in kebab case`)
  }
  words(path.slice(0, colon))
  const packageEnd = slash < 0 ? path.length : slash
  const second = path.indexOf(':', colon + 1)
  if (second >= 0) fail(`${where}expected \`/\` after package name`)
  words(path.slice(colon + 1, packageEnd))
  if (slash < 0) fail(`${where}expected \`/\` after package name`)
  const projection = path.slice(slash + 1)
  const more = projection.indexOf('/')
  checkLabel(more < 0 ? projection : projection.slice(0, more), where)
  if (more >= 0) fail(`${where}trailing characters found: \`${projection.slice(more)}\``)
  return { kind: 'interface', version: at < 0 ? undefined : checkVersion(name.slice(at + 1)) }
}

/** Versions are semantic versions, or the part of one that decides about compatibility. */
function checkVersion(version: string): string {
  if (CANON_VERSION.test(version) && !isSemver(version)) return version
  return checkSemver(version)
}

/** Checks a `versionsuffix` attribute. @throws NameError */
export function checkVersionSuffix(name: ParsedName, suffix: string): void {
  const version = name.kind === 'interface' ? name.version : undefined
  if (version === undefined || !CANON_VERSION.test(version))
    fail('`versionsuffix` needs an interface name with a canonical version')
  checkSemver(version + suffix)
}

function checkDependency(kind: string, text: string): void {
  let rest = text
  const expect = (token: string): void => {
    if (!rest.startsWith(token)) fail(`expected \`${token}\` at \`${rest}\``)
    rest = rest.slice(token.length)
  }
  const until = (end: string): string => {
    const i = rest.indexOf(end)
    if (i < 0) fail(`failed to find \`${end}\``)
    const found = rest.slice(0, i)
    rest = rest.slice(i + end.length)
    return found
  }
  const take = (pattern: RegExp): string => {
    const found = pattern.exec(rest)![0]
    rest = rest.slice(found.length)
    return found
  }
  const packageName = (): void => {
    const namespace = take(/^[^:>@]*/)
    checkLabel(namespace)
    expect(':')
    checkLabel(take(/^[^>@]*/))
  }
  switch (kind) {
    case 'integrity':
      expect('<')
      checkIntegrity(until('>'))
      break
    case 'url': {
      expect('<')
      const url = until('>')
      if (url.includes('<')) fail('url cannot contain `<`')
      break
    }
    case 'locked-dep':
      expect('<')
      packageName()
      if (rest.startsWith('@')) {
        rest = rest.slice(1)
        checkSemver(take(/^[^>]*/))
      }
      expect('>')
      break
    case 'unlocked-dep':
      expect('<')
      packageName()
      if (rest.startsWith('@*')) rest = rest.slice(2)
      else if (rest.startsWith('@')) {
        rest = rest.slice(1)
        expect('{')
        checkRange(until('}'))
      }
      expect('>')
  }
  if (rest !== '' && (kind === 'url' || kind === 'locked-dep') && rest.startsWith(',')) {
    rest = rest.slice(1)
    if (!rest.startsWith('integrity=<')) fail('expected `integrity=<`')
    rest = rest.slice('integrity=<'.length)
    checkIntegrity(until('>'))
  }
  if (rest !== '') fail(`trailing characters found: \`${rest}\``)
}

function checkRange(range: string): void {
  const lower = /^>=(\S*)(?: <(.*))?$/.exec(range)
  if (lower !== null) {
    checkSemver(lower[1])
    if (lower[2] !== undefined) checkSemver(lower[2])
  } else if (range.startsWith('<')) checkSemver(range.slice(1))
  else fail('expected `>=` or `<` at start of version range')
}

function checkIntegrity(text: string): void {
  const hashes = text.split(/\s+/).filter((hash) => hash !== '')
  if (hashes.length === 0) fail('integrity hash cannot be empty')
  for (const hash of hashes) {
    const dash = hash.indexOf('-')
    if (dash < 0) fail('expected `-` after hash algorithm')
    if (!['sha256', 'sha384', 'sha512'].includes(hash.slice(0, dash))) fail('unrecognized hash algorithm')
    const value = hash.slice(dash + 1).split('?')[0]
    if (!/^[0-9A-Za-z+/]+={0,2}$/.test(value)) fail('not valid base64')
  }
}

/** The form of a name in which two names of one scope must differ. */
export function uniqueForm(name: string): string {
  const annotated = /^\[(constructor|method|static)\](.*)$/.exec(name)
  if (annotated === null) return name.includes('=') ? name : name.toLowerCase()
  const rest = annotated[2].toLowerCase()
  if (annotated[1] === 'constructor') return `[constructor]${rest}`
  const dot = rest.indexOf('.')
  return rest.slice(0, dot) === rest.slice(dot + 1) ? rest.slice(0, dot) : rest
}
