// Completion scripts of four shells, written from the tables of commands and options.
//
// `zwasm X` without a command is `zwasm run X`: where no command stands, the options are those of `run`.

import { HELP_OPTIONS, type Option } from './args.ts'
import type { Command } from './command.ts'

const RUN = 'run'

const optionsOf = (command: Command): readonly Option[] => [...command.options, ...HELP_OPTIONS]
const flagsOf = ({ name, short }: Option): string[] => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]
/** A value is given as the next word. */
const takesWord = (option: Option): boolean => option.value !== undefined && option.valueOptional !== true
/** What an operand can be, for the shells: a list of words, or a file. */
const wordsOf = (command: Command, commands: readonly Command[]): readonly string[] =>
  command.operands === 'commands' ? commands.map((c) => c.name) : (command.operands ?? [])

/** In single quotes, for bash, zsh and PowerShell's strings alike but for the quote itself. */
const quoted = (text: string, quote: string): string => `'${text.replaceAll("'", quote)}'`
const shellQuoted = (text: string): string => quoted(text, "'\\''")
const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
const powershellQuoted = (text: string): string => quoted(text, "''")

function bash(commands: readonly Command[]): string {
  const others = commands.filter((c) => c.name !== RUN)
  const cases = commands.map((command) => {
    const flags = optionsOf(command).flatMap(flagsOf)
    const valued = optionsOf(command).filter(takesWord).flatMap(flagsOf)
    return `    ${command.name})
      options=${shellQuoted(flags.join(' '))}
      valued=${shellQuoted(` ${valued.join(' ')} `)}
      operands=${shellQuoted(wordsOf(command, commands).join(' '))} ;;`
  })
  return `# zwasm completion bash > /etc/bash_completion.d/zwasm, or: source <(zwasm completion bash)
_zwasm() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command=${RUN} options valued operands
  if ((COMP_CWORD > 1)); then
    case \${COMP_WORDS[1]} in ${others.map((c) => c.name).join(' | ')} | ${RUN}) command=\${COMP_WORDS[1]} ;; esac
  fi
  case $command in
${cases.join('\n')}
  esac
  COMPREPLY=()
  if [[ $valued == *" $previous "* ]]; then
    return # a file, by default
  elif [[ $current == -* ]]; then
    ((COMP_CWORD == 1)) && options+=' --version -V'
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${shellQuoted(commands.map((c) => c.name).join(' '))} -- "$current"))
  else
    COMPREPLY=($(compgen -W "$operands" -- "$current"))
  fi
}
complete -o default -F _zwasm zwasm
`
}

function zsh(commands: readonly Command[]): string {
  const escape = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&')
  const spec = (option: Option): string => {
    const flags = flagsOf(option)
    const [long] = flags
    const star = option.repeat ? '*' : ''
    const value = option.value === undefined ? '' : `${option.valueOptional ? '::' : ':'}${escape(option.value)}:_files`
    const suffix = option.value === undefined ? '' : option.valueOptional ? '=-' : '='
    const text = `[${escape(option.help)}]${value}`
    if (flags.length === 1) return shellQuoted(`${star}${long}${suffix}${text}`)
    const group = option.repeat ? `'*'` : shellQuoted(`(${flags.join(' ')})`)
    return `${group}{${flags.map((f) => f + (f === long ? suffix : suffix === '' ? '' : '+')).join(',')}}${shellQuoted(text)}`
  }
  const cases = commands.map((command) => {
    const words = wordsOf(command, commands)
    const operand = words.length > 0 ? `1:what:(${words.join(' ')})` : '*:file:_files'
    const rest = words.length > 0 ? [shellQuoted('*:file:_files')] : []
    const specs = [...optionsOf(command).map(spec), shellQuoted(operand), ...rest]
    return `    ${command.name}) _arguments ${specs.join(' \\\n        ')} ;;`
  })
  return `#compdef zwasm
# zwasm completion zsh > a folder of $fpath/_zwasm, or: source <(zwasm completion zsh)
_zwasm() {
  local -a commands
  local command=${RUN}
  commands=(
    ${commands.map((c) => shellQuoted(`${c.name}:${escape(c.summary)}`)).join('\n    ')}
  )
  if ((CURRENT > 2)) && [[ $words[2] == (${commands.map((c) => c.name).join('|')}) ]]; then
    command=$words[2]
    shift words
    ((CURRENT--))
  elif ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
    _describe -t commands command commands
    _files
    return
  fi
  case $command in
${cases.join('\n')}
  esac
}
# Sourced, it defines itself; loaded from $fpath, it is called.
if [[ $funcstack[1] == _zwasm ]]; then _zwasm "$@"; else compdef _zwasm zwasm; fi
`
}

function fish(commands: readonly Command[]): string {
  const lines = ['# zwasm completion fish > ~/.config/fish/completions/zwasm.fish']
  const none = '__fish_use_subcommand'
  const others = commands.filter((c) => c.name !== RUN).map((c) => c.name)
  for (const { name, summary } of commands)
    lines.push(`complete -c zwasm -n ${none} -a ${name} -d ${fishQuoted(summary)}`)
  lines.push(`complete -c zwasm -n ${none} -s V -l version -d 'Print the version'`)
  for (const command of commands) {
    const when =
      command.name === RUN
        ? `'not __fish_seen_subcommand_from ${others.join(' ')}'`
        : `'__fish_seen_subcommand_from ${command.name}'`
    for (const option of optionsOf(command)) {
      const short = option.short === undefined ? '' : ` -s ${option.short}`
      const value = takesWord(option) ? ' -r' : ''
      lines.push(`complete -c zwasm -n ${when} -l ${option.name}${short}${value} -d ${fishQuoted(option.help)}`)
    }
    const words = wordsOf(command, commands)
    if (words.length > 0) lines.push(`complete -c zwasm -n ${when} -a ${fishQuoted(words.join(' '))}`)
  }
  return lines.join('\n') + '\n'
}

function powershell(commands: readonly Command[]): string {
  const row = (word: string, help: string): string => `@(${powershellQuoted(word)}, ${powershellQuoted(help)})`
  const table = commands.map((command) => {
    const flags = optionsOf(command).flatMap((option) => flagsOf(option).map((flag) => row(flag, option.help)))
    const words = wordsOf(command, commands).map((word) => row(word, word))
    return `    ${powershellQuoted(command.name)} = @(\n      ${[...flags, ...words].join(',\n      ')}\n    )`
  })
  return `# zwasm completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName zwasm -ScriptBlock {
  param($word, $ast, $cursor)
  $commands = @(
    ${commands.map((c) => row(c.name, c.summary)).join(',\n    ')}
  )
  $words = @{
${table.join('\n')}
  }
  $before = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { "$_" })
  $command = ${powershellQuoted(RUN)}
  if ($before.Count -gt 1 -and $words.ContainsKey($before[1])) { $command = $before[1] }
  $candidates = @($words[$command])
  if ($before.Count -le 1) { $candidates = $commands + $candidates }
  $candidates | Where-Object { $_[0] -like "$word*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $_[1])
  }
}
`
}

const SHELLS = { bash, zsh, fish, powershell }

export const SHELL_NAMES: readonly string[] = Object.keys(SHELLS)

/** The completion script of a shell; undefined for a shell that has none. */
export const completionScript = (shell: string, commands: readonly Command[]): string | undefined =>
  Object.hasOwn(SHELLS, shell) ? SHELLS[shell as keyof typeof SHELLS](commands) : undefined
