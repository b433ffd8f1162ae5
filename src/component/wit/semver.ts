// Semantic versions (semver.org 2.0.0).

/** Negative if `a` comes before `b`. Build metadata does not count (section 10). */
export function compareVersions(a: string, b: string): number {
  const [coreA, preA] = split(a)
  const [coreB, preB] = split(b)
  for (let i = 0; i < 3; i++) {
    const difference = compareNumbers(coreA[i], coreB[i])
    if (difference !== 0) return difference
  }
  // A pre-release comes before its release (section 11).
  if (preA.length === 0 || preB.length === 0) return preB.length - preA.length
  for (let i = 0; i < Math.min(preA.length, preB.length); i++) {
    const [x, y] = [preA[i], preB[i]]
    const [numericX, numericY] = [/^\d+$/.test(x), /^\d+$/.test(y)]
    if (numericX !== numericY) return numericX ? -1 : 1
    const difference = numericX ? compareNumbers(x, y) : x < y ? -1 : x > y ? 1 : 0
    if (difference !== 0) return difference
  }
  return preA.length - preB.length
}

function split(version: string): [core: string[], pre: string[]] {
  const [withoutBuild] = version.split('+')
  const hyphen = withoutBuild.indexOf('-')
  if (hyphen < 0) return [withoutBuild.split('.'), []]
  return [withoutBuild.slice(0, hyphen).split('.'), withoutBuild.slice(hyphen + 1).split('.')]
}

/** Decimal numbers of any length. */
function compareNumbers(a: string, b: string): number {
  const [x, y] = [a.replace(/^0+(?=\d)/, ''), b.replace(/^0+(?=\d)/, '')]
  return x.length - y.length || (x < y ? -1 : x > y ? 1 : 0)
}
