// Completion scripts: what they know, and what the shells that are there make of them. Runs the command of dist/.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { allCommands } from '../../src/cli/commands.ts'
import { completionScript, SHELL_NAMES } from '../../src/cli/completion.ts'
import { cli, scratch } from './harness.ts'

/** zsh completes in its line editor only: a pseudo-terminal types the line, and candidates are printed in place of being offered. */
const ZSH_RC = `PROMPT=
autoload -Uz compinit
compinit -D -u
source ./zwasm.zsh
compadd() {
  local -a hits
  builtin compadd -O hits "$@"
  (( $#hits )) && print -l -- $'\\nHIT '$^hits
}
zle-line-init() { print READY }
end-of-test() { print DONE }
zle -N zle-line-init
zle -N end-of-test
bindkey '^Z' end-of-test`
const ZSH_DRIVER = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'source ./rc.zsh'
while zpty -r z got; do [[ $got == *READY* ]] && break; done
zpty -n -w z "$LINE"$'\\t\\x1a'
while zpty -r z got; do print -r -- "$got"; [[ $got == *DONE* ]] && break; done | tr -d '\\r' | sed -n 's/^.*HIT //p'
zpty -d z`

const script = (shell: string): string => completionScript(shell, allCommands())!
const folder = scratch({ 'app.wasm': '', 'other.txt': '', 'rc.zsh': ZSH_RC, 'driver.zsh': ZSH_DRIVER })
for (const shell of SHELL_NAMES) writeFileSync(join(folder, `zwasm.${shell}`), script(shell))

/** A command line up to the cursor, and what must be offered: all of it (nothing more beginning so), or no option at all. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['zwasm va', ['validate']],
  ['zwasm p', ['parse', 'print']],
  ['zwasm --inv', ['--invoke']],
  ['zwasm app.wasm --inv', ['--invoke']],
  ['zwasm inspect --', ['--help', '--json']],
  ['zwasm completion ', [...SHELL_NAMES].sort()],
  ['zwasm completion po', ['powershell']],
  ['zwasm help insp', ['inspect']],
  ['zwasm component t', ['types']],
]

/** Programs that print what their shell offers for `$LINE`, a candidate a line. */
const DRIVERS: Readonly<Record<string, readonly [program: string, ...args: string[]]>> = {
  bash: [
    'bash',
    '-c',
    `source zwasm.bash
     COMP_LINE=$LINE; read -r -a COMP_WORDS <<< "$LINE"; [[ $LINE == *' ' ]] && COMP_WORDS+=('')
     COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _zwasm; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  zsh: ['zsh', '-f', 'driver.zsh'],
  fish: ['fish', '--no-config', '-c', `source zwasm.fish; complete -C "$LINE" | string replace -r '\\t.*' ''`],
  powershell: [
    'pwsh',
    '-NoProfile',
    '-Command',
    `. ./zwasm.powershell; (TabExpansion2 $env:LINE $env:LINE.Length).CompletionMatches.CompletionText`,
  ],
}

for (const shell of SHELL_NAMES) {
  const [program, ...args] = DRIVERS[shell]
  const isThere = spawnSync(program, ['--version']).error === undefined
  if (!isThere) continue
  for (const [line, offered] of CASES)
    test(`${shell} completes: ${line}`, () => {
      const { stdout, stderr } = spawnSync(program, args, {
        cwd: folder,
        encoding: 'utf8',
        timeout: 30_000,
        env: { ...process.env, LINE: line, HOME: folder },
      })
      const files = new Set(['app.wasm', 'other.txt', 'rc.zsh', 'driver.zsh', ...SHELL_NAMES.map((s) => `zwasm.${s}`)])
      const found = stdout.split('\n').filter((word) => word !== '' && !files.has(word))
      assert.deepEqual([...new Set(found)].sort(), offered, stderr)
    })
}

for (const shell of SHELL_NAMES)
  test(`the script of ${shell} has every command, option and operand`, () => {
    const text = script(shell)
    for (const { name, summary, options } of allCommands()) {
      assert.ok(text.includes(name), name)
      if (shell !== 'bash') assert.ok(text.includes(summary.replaceAll("'", '').slice(0, 12)), summary)
      for (const option of options) assert.match(text, new RegExp(`\\b${option.name}\\b`))
    }
  })

test('the command prints them', () => {
  for (const shell of SHELL_NAMES) {
    const { status, stdout } = spawnSync(process.execPath, [cli, 'completion', shell], { encoding: 'utf8' })
    assert.deepEqual([status, stdout], [0, script(shell)])
  }
  const { status, stderr } = spawnSync(process.execPath, [cli, 'completion', 'fisch'], { encoding: 'utf8' })
  assert.equal(status, 2)
  assert.match(stderr, /no completion for 'fisch'[^]*'fish'/)
})
