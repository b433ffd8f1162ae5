// The tables of lazy stubs of an agent (`FunctionStub` in layout.ts), made as indices come up.

import { makeLazyStubs } from '../isa/x64/stubs.ts'
import { type CodeArena, linkCode } from './code-arena.ts'
import { FunctionStub } from './layout.ts'

export class LazyStubs {
  private readonly arena: CodeArena
  private readonly exit: number
  /** Addresses of the tables. */
  private readonly tables: number[] = []

  /** `exit` is the address of the exit stub. */
  constructor(arena: CodeArena, exit: number) {
    this.arena = arena
    this.exit = exit
  }

  /** The stub of the functions with this index; undefined if the code arena is full. */
  addressOf(index: number): number | undefined {
    const table = Math.floor(index / FunctionStub.Count)
    if (this.tables[table] === undefined) {
      const { bytes, relocations } = makeLazyStubs(table * FunctionStub.Count)
      const chunk = this.arena.install(bytes, (code, address) => linkCode(code, address, relocations, () => this.exit))
      if (chunk === undefined) return undefined
      this.tables[table] = chunk.address
    }
    return this.tables[table] + (index % FunctionStub.Count) * FunctionStub.Bytes
  }
}
