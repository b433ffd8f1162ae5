// Runs WAST scripts, the format of the official test suite. Every command of a script gets exactly one verdict; the totals are
// compared with the number of commands that the parser saw, so that nothing falls through.

import { parseWast } from '../text/wast.ts'
import { TextError } from '../text/text-error.ts'
import type { WastAction, WastCommand, WastCommandKind, WastModule } from '../text/wast-types.ts'
import { bug } from '../util/bug.ts'
import { DEFAULT_FEATURES } from '../wasm/features.ts'
import type { Features } from '../wasm/features.ts'
import { NotCarried } from './wast-engine.ts'
import type {
  WastEngine,
  WastError,
  WastErrorClass,
  WastInstanceHandle,
  WastModuleHandle,
  WastShared,
} from './wast-engine.ts'
import { isCarried, jsEngine } from './wast-js.ts'
import type { JsNamespace } from './wast-js.ts'
import { matches, showValues } from './wast-match.ts'
import { answerParent, spawnThread, threadTask } from './wast-thread.ts'
import type { Thread } from './wast-thread.ts'
import { zwasmEngine } from './wast-zwasm.ts'

export interface WastOptions {
  /** Name for messages. */
  readonly file?: string
  readonly features?: Features
  /** Compare error texts too: what the script expects has to be the start of one of ours. */
  readonly strict?: boolean
  /** `zwasm` (default), the host's WebAssembly, or any namespace of that shape (zwasm's own, to go through its JS API). */
  readonly engine?: 'zwasm' | 'host' | JsNamespace
  /** Collect garbage at every allocation (engine `zwasm`). */
  readonly gcStress?: boolean
  /** Called after each top-level command. */
  readonly onCommand?: (done: number, total: number) => void
  /**
   * Script that loads this module, for the agents of `(thread ...)` commands; by default the file that this module was bundled
   * into. Whatever else that file does when it is loaded happens in the agent too.
   */
  readonly threadScript?: string | URL
}

/** `script` stands for a script that does not parse. */
export type WastKind = WastCommandKind | 'script'

export interface WastVerdict {
  readonly kind: WastKind
  readonly line: number
  readonly column: number
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why it failed or was skipped: what was expected, what came. */
  readonly reason?: string
}

export interface WastCount {
  passed: number
  failed: number
  skipped: number
}

export interface WastReport extends WastCount {
  readonly file: string
  /** Commands that the parser saw, those of threads included. */
  readonly commands: number
  readonly kinds: ReadonlyMap<WastKind, WastCount>
  /** Everything that did not pass. */
  readonly problems: readonly WastVerdict[]
}

/** Runs a script. Never throws because of what is in it. */
export async function runWast(source: Uint8Array, options: WastOptions = {}): Promise<WastReport> {
  const file = options.file ?? '<wast>'
  const verdicts: WastVerdict[] = []
  let commands: readonly WastCommand[]
  try {
    commands = parseWast(source, { features: options.features ?? DEFAULT_FEATURES }).commands
  } catch (error) {
    if (!(error instanceof TextError)) throw error
    const { line, column } = error
    return report(file, 1, [{ kind: 'script', line, column, outcome: 'failed', reason: error.message }])
  }
  const session = new Session(source, options, [], verdicts)
  try {
    await session.run(commands, options.onCommand)
  } finally {
    session.dispose()
  }
  return report(file, countCommands(commands), verdicts)
}

function countCommands(commands: readonly WastCommand[]): number {
  return commands.reduce((sum, c) => sum + 1 + (c.kind === 'thread' ? countCommands(c.commands) : 0), 0)
}

function report(file: string, commands: number, verdicts: readonly WastVerdict[]): WastReport {
  const total: WastCount = { passed: 0, failed: 0, skipped: 0 }
  const kinds = new Map<WastKind, WastCount>()
  for (const { kind, outcome } of verdicts) {
    let count = kinds.get(kind)
    if (count === undefined) kinds.set(kind, (count = { passed: 0, failed: 0, skipped: 0 }))
    count[outcome]++
    total[outcome]++
  }
  if (verdicts.length !== commands) bug(`${file}: ${commands} commands, ${verdicts.length} verdicts`)
  return { file, commands, kinds, ...total, problems: verdicts.filter((v) => v.outcome !== 'passed') }
}

/** A command did not do what it should. */
class Mismatch extends Error {
  override name = 'Mismatch'
}
const fail = (message: string): never => {
  throw new Mismatch(message)
}

/** The state of one agent: its instances, its registered names. */
class Session {
  private readonly engine: WastEngine
  private readonly definitions = new Map<string, WastModuleHandle>()
  private readonly instances = new Map<string, WastInstanceHandle>()
  private readonly registered = new Map<string, WastInstanceHandle>()
  private readonly threads = new Map<string, Thread>()
  /** Why a thread could not be carried; nothing is run after that. */
  private missingThread: string | undefined
  private currentDefinition: WastModuleHandle | undefined
  private currentInstance: WastInstanceHandle | undefined

  constructor(
    private readonly source: Uint8Array,
    private readonly options: WastOptions,
    /** Where the commands of this agent are in the script: an index for each level of threads. */
    private readonly path: readonly number[],
    private readonly verdicts: WastVerdict[],
  ) {
    const { engine = 'zwasm', features = DEFAULT_FEATURES, gcStress = false } = options
    if (engine === 'zwasm') this.engine = zwasmEngine({ features, gcStress })
    else if (engine === 'host')
      this.engine = jsEngine((globalThis as unknown as { WebAssembly: JsNamespace }).WebAssembly)
    else this.engine = jsEngine(engine)
    this.registered.set('spectest', this.engine.spectest())
  }

  /** Makes what another agent shares known under its name. */
  adopt(name: string, shared: WastShared): void {
    this.instances.set(name, this.engine.adopt(shared))
  }

  async run(commands: readonly WastCommand[], onCommand?: (done: number, total: number) => void): Promise<void> {
    for (const [index, command] of commands.entries()) {
      const { kind, line, column } = command
      let verdict: WastVerdict = { kind, line, column, outcome: 'passed' }
      try {
        if (this.missingThread !== undefined) throw new NotCarried(this.missingThread)
        await this.execute(command, index)
      } catch (error) {
        const failure = error instanceof Mismatch ? undefined : this.classify(error)
        const reason = failure === undefined ? (error as Error).message : describeError(failure, error)
        const outcome = failure?.class === 'not-carried' ? 'skipped' : 'failed'
        verdict = { ...verdict, outcome, reason }
        if (command.kind === 'thread') {
          // Its commands count all the same, and what comes behind it may depend on them.
          this.verdicts.push(...allWithout(command.commands, outcome, reason))
          if (outcome === 'skipped') this.missingThread = reason
        }
      }
      this.verdicts.push(verdict)
      onCommand?.(index + 1, commands.length)
    }
    for (const name of [...this.threads.keys()]) await this.join(name)
  }

  dispose(): void {
    this.engine.dispose()
  }

  private async execute(command: WastCommand, index: number): Promise<void> {
    switch (command.kind) {
      case 'module':
        return this.defineModule(command.module, command.name, command.definition)
      case 'instance': {
        const definition = command.module === undefined ? this.currentDefinition : this.definitions.get(command.module)
        this.setInstance(command.name, undefined)
        if (definition === undefined) return fail(`no module definition ${nameOf(command.module)}`)
        return this.setInstance(command.name, this.instantiate(definition))
      }
      case 'register':
        this.registered.set(command.as, this.instance(command.module))
        return
      case 'action':
        this.perform(command.action)
        return
      case 'assert_return': {
        const { action, results } = command
        const actual = this.perform(action)
        if (actual.some((value) => value.type === 'js') && !results.every(isCarried))
          throw new NotCarried('the JS API does not carry the result')
        if (actual.length !== results.length || !actual.every((value, i) => matches(value, results[i]!)))
          fail(`expected ${showValues(results)}, got ${showValues(actual)}`)
        return
      }
      case 'assert_trap':
        return this.expectError('trap', command.message, () => {
          if (command.module === undefined)
            return void this.perform(command.action ?? bug('assert_trap without action'))
          this.instantiate(this.compile(command.module))
        })
      case 'assert_exhaustion':
        return this.expectError('exhaustion', command.message, () => void this.perform(command.action))
      case 'assert_exception':
        return this.expectError('exception', undefined, () => void this.perform(command.action))
      case 'assert_malformed':
        return this.expectError('malformed', command.message, () => void this.compile(command.module))
      case 'assert_invalid':
        return this.expectError('invalid', command.message, () => void this.compile(command.module))
      case 'assert_malformed_custom':
        return this.expectError('malformed-custom', command.message, () => this.checkCustom(command.module))
      case 'assert_invalid_custom':
        return this.expectError('invalid-custom', command.message, () => this.checkCustom(command.module))
      case 'assert_unlinkable': {
        // Only a module that compiles can be unlinkable.
        const module = this.compile(command.module)
        return this.expectError('unlinkable', command.message, () => void this.instantiate(module))
      }
      case 'thread': {
        const shared: Record<string, WastShared> = {}
        for (const name of command.shared) shared[name] = this.engine.shareable(this.instance(name))
        const { threadScript, features, strict, gcStress, engine, file } = this.options
        if (engine !== undefined && typeof engine !== 'string') throw new NotCarried('another agent has no such engine')
        const thread = await spawnThread(threadScript, {
          source: this.source,
          path: [...this.path, index],
          shared,
          options: { file, features, strict, gcStress, engine } as WastOptions,
        })
        this.threads.set(command.name, { ...thread, commands: command.commands })
        return
      }
      case 'wait':
        if (!this.threads.has(command.name)) return fail(`no thread ${nameOf(command.name)}`)
        return this.join(command.name)
      default:
        return fail(`unknown command ${(command as { kind: string }).kind}`)
    }
  }

  /** Waits for a thread and takes over the verdicts of its commands. */
  private async join(name: string): Promise<void> {
    const thread = this.threads.get(name) ?? bug('unknown thread')
    this.threads.delete(name)
    let verdicts: readonly WastVerdict[]
    try {
      verdicts = await thread.finished
    } catch (error) {
      verdicts = allWithout(thread.commands ?? [], 'failed', `thread ${nameOf(name)} died: ${(error as Error).message}`)
    }
    this.verdicts.push(...verdicts)
  }

  private defineModule(module: WastModule, name: string | undefined, definition: boolean): void {
    // A module that fails must not leave its commands to the one before it.
    this.currentDefinition = undefined
    if (name !== undefined) this.definitions.delete(name)
    if (!definition) this.setInstance(name, undefined)
    const handle = this.compile(module)
    this.currentDefinition = handle
    if (name !== undefined) this.definitions.set(name, handle)
    if (!definition) this.setInstance(name, this.instantiate(handle))
  }

  private setInstance(name: string | undefined, instance: WastInstanceHandle | undefined): void {
    this.currentInstance = instance
    if (name === undefined) return
    if (instance === undefined) this.instances.delete(name)
    else this.instances.set(name, instance)
  }

  private compile(module: WastModule): WastModuleHandle {
    return this.engine.compile(module.encode())
  }

  private checkCustom(module: WastModule): void {
    const bytes = module.encode()
    this.engine.compile(bytes)
    this.engine.checkCustomSections(bytes)
  }

  private instantiate(module: WastModuleHandle): WastInstanceHandle {
    return this.engine.instantiate(module, (from, name) => {
      const instance = this.registered.get(from)
      return instance === undefined ? undefined : this.engine.exported(instance, name)
    })
  }

  private classify(error: unknown): WastError {
    return error instanceof TextError ? { class: error.kind, texts: [error.message] } : this.engine.classify(error)
  }

  private instance(name: string | undefined): WastInstanceHandle {
    const instance = name === undefined ? this.currentInstance : this.instances.get(name)
    return instance ?? fail(`no instance ${nameOf(name)}`)
  }

  private perform(action: WastAction): ReturnType<WastEngine['invoke']> {
    const instance = this.instance(action.module)
    if (action.kind === 'get') return [this.engine.get(instance, action.name)]
    return this.engine.invoke(instance, action.name, action.args)
  }

  private expectError(wanted: WastErrorClass, message: string | undefined, act: () => void): void {
    try {
      act()
    } catch (error) {
      if (error instanceof Mismatch) throw error
      const found = this.classify(error)
      if (found.class === 'not-carried') throw error
      const same =
        found.class === wanted || (found.class === 'rejected' && (wanted === 'malformed' || wanted === 'invalid'))
      if (!same)
        fail(`expected ${wanted}${message === undefined ? '' : ` "${message}"`}, got ${describeError(found, error)}`)
      if (this.options.strict === true && message !== undefined && !hasText(found, message))
        fail(`expected ${wanted} "${message}", got the text "${found.texts.join('" or "')}"`)
      return
    }
    fail(`expected ${wanted}${message === undefined ? '' : ` "${message}"`}, but nothing went wrong`)
  }
}

const nameOf = (name: string | undefined): string => (name === undefined ? '(the most recent one)' : `$${name}`)

/** Whether one of an error's texts starts with what the script expects. An index at the end (`uninitialized element 2`) is not compared. */
function hasText({ texts }: WastError, expected: string): boolean {
  const plain = expected.replace(/ \d+$/, '')
  return texts.some((text) => text.startsWith(plain))
}

function describeError(failure: WastError, error: unknown): string {
  if (failure.class !== 'other') return `${failure.class} "${failure.texts[0]}"`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** The verdicts of commands that were not run. */
function allWithout(commands: readonly WastCommand[], outcome: 'failed' | 'skipped', reason: string): WastVerdict[] {
  return commands.flatMap((c): WastVerdict[] => [
    ...(c.kind === 'thread' ? allWithout(c.commands, outcome, reason) : []),
    { kind: c.kind, line: c.line, column: c.column, outcome, reason },
  ])
}

/** The commands of an agent started by `spawnThread`. */
async function runThread(task: NonNullable<typeof threadTask>): Promise<WastVerdict[]> {
  let { commands } = parseWast(task.source, { features: task.options.features ?? DEFAULT_FEATURES })
  for (const index of task.path) {
    const command = commands[index]
    if (command?.kind !== 'thread') return bug('a thread that is none')
    commands = command.commands
  }
  const verdicts: WastVerdict[] = []
  const session = new Session(task.source, task.options, task.path, verdicts)
  for (const [name, shared] of Object.entries(task.shared)) session.adopt(name, shared)
  await session.run(commands)
  session.dispose()
  return verdicts
}

if (threadTask !== undefined) answerParent(runThread(threadTask))
