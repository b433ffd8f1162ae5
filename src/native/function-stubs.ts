// The tables of function stubs of an agent (`FunctionStub` in layout.ts), made as indices come up.

import { type FunctionStubs, makeDispatchStubs, makeLazyStubs } from '../isa/x64/stubs.ts'
import { type CodeArena, linkCode } from './code-arena.ts'
import { FunctionStub } from './layout.ts'

export class FunctionStubTables {
  private readonly arena: CodeArena
  private readonly exit: number
  /** Addresses of the tables. */
  private readonly lazyTables: number[] = []
  private readonly dispatchTables: number[] = []

  /** `exit` is the address of the exit stub. */
  constructor(arena: CodeArena, exit: number) {
    this.arena = arena
    this.exit = exit
  }

  /** What the code slot of a function without code points to; undefined if the code arena is full. */
  lazy(index: number): number | undefined {
    return this.find(this.lazyTables, makeLazyStubs, index)
  }

  /** An address that stands for a function, whatever its code slot points to; undefined if the code arena is full. */
  dispatch(index: number): number | undefined {
    return this.find(this.dispatchTables, makeDispatchStubs, index)
  }

  private find(tables: number[], make: (first: number) => FunctionStubs, index: number): number | undefined {
    const table = Math.floor(index / FunctionStub.Count)
    if (tables[table] === undefined) {
      const { bytes, relocations } = make(table * FunctionStub.Count)
      const chunk = this.arena.install(bytes, (code, address) => linkCode(code, address, relocations, () => this.exit))
      if (chunk === undefined) return undefined
      tables[table] = chunk.address
    }
    return tables[table] + (index % FunctionStub.Count) * FunctionStub.Bytes
  }
}
