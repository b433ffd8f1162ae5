// Random functions in machine IR with every kind of constraint, for an imaginary processor.

import type { RegisterFile } from '../../src/codegen/regalloc/register-file.ts'
import { Generic, InstrFlag, Operand, RegClass, VCode, VType } from '../../src/codegen/vcode.ts'
import { Random } from '../../fuzz/random.ts'

const TYPES = [VType.I32, VType.I64, VType.F32, VType.F64] as const
const BRANCH = Generic.FirstIsa
const RETURN = Generic.FirstIsa + 1
const CONSTANT = Generic.FirstIsa + 2
const CALL = Generic.FirstIsa + 3
const FIRST_PLAIN = Generic.FirstIsa + 4

/** A function of about `size` instructions. */
export function syntheticFunction(seed: number, size: number, registers: RegisterFile): VCode {
  const generator = new Synthetic(new Random(seed), registers)
  generator.run(size)
  return generator.code
}

class Synthetic {
  readonly code = new VCode()
  /** Vregs that dominate the current place. */
  private scope: number[] = []
  private budget = 0
  /** Successors that are known later: pairs of a block and what to call with its successors, in the order of the blocks. */
  private readonly edges: number[][] = []
  private readonly arguments: number[][] = []

  constructor(
    private readonly random: Random,
    private readonly registers: RegisterFile,
  ) {}

  run(size: number): void {
    this.budget = size
    this.block(0)
    const fixed = this.someRegisters(this.random.int(6))
    for (const register of fixed) {
      const vreg = this.newVreg(register >> 5)
      this.code.defFixed(vreg, register)
      this.scope.push(vreg)
    }
    this.constant()
    while (this.budget > 0) this.statements(0)
    this.code.instr(RETURN)
    for (const register of this.someRegisters(this.random.int(4))) this.useFixed(register)
    this.link()
  }

  /** The graph's edges were collected while later blocks did not exist: a copy of the code has them in order. */
  private link(): void {
    const { code } = this
    code.successorStart.fill(0)
    code.argStart.fill(0)
    let successors = 0
    let args = 0
    const flatSuccessors = this.edges.flat()
    const flatArgs = this.arguments.flat()
    for (let block = 0; block < code.blocks; block++) {
      code.successorStart[block + 1] = successors += this.edges[block].length
      code.argStart[block + 1] = args += this.arguments[block].length
    }
    code.successors = Int32Array.from(flatSuccessors)
    code.args = Int32Array.from(flatArgs)
    code.finish()
  }

  private block(depth: number): number {
    const block = this.code.startBlock(depth)
    this.edges[block] = []
    this.arguments[block] = []
    return block
  }

  private newVreg(type: number): number {
    return this.code.newVreg(
      this.random.pick(TYPES.filter((t) => (t < VType.F32 ? RegClass.Int : RegClass.Float) === type)),
    )
  }

  private pick(cls?: number): number {
    const ofClass = this.scope.filter((vreg) => cls === undefined || this.classOf(vreg) === cls)
    if (ofClass.length === 0) return this.constant(cls)
    // Half of the uses are near, so that lives are both short and long.
    const near = this.random.int(2) === 0 ? ofClass.slice(-4) : ofClass
    return this.random.pick(near)
  }

  private classOf(vreg: number): number {
    return this.code.vregType[vreg] < VType.F32 ? RegClass.Int : RegClass.Float
  }

  private constant(cls: number = this.random.int(2)): number {
    const vreg = this.newVreg(cls)
    const flags = this.random.int(2) === 0 ? InstrFlag.Rematerializable : 0
    this.code.instr(CONSTANT, 0, 0, 0, flags)
    this.code.def(vreg)
    this.scope.push(vreg)
    return vreg
  }

  private someRegisters(count: number): number[] {
    const all = this.registers.allocatable.flat()
    const chosen = new Set<number>()
    for (let n = 0; n < count; n++) chosen.add(this.random.pick(all))
    return [...chosen]
  }

  /** To the current instruction; the vreg must exist before it. */
  private useFixed(register: number): void {
    const ofClass = this.scope.filter((vreg) => this.classOf(vreg) === register >> 5)
    if (ofClass.length > 0) this.code.useFixed(this.random.pick(ofClass), register)
  }

  private statements(depth: number): void {
    for (let count = 1 + this.random.int(12); count > 0 && this.budget > 0; count--) {
      this.budget--
      const kind = this.random.int(20)
      if (kind === 0 && depth < 4) this.conditional(depth)
      else if (kind === 1 && depth < 4) this.loop(depth)
      else if (kind === 2) this.call()
      else if (kind === 3) this.constant()
      else if (kind === 4) this.move()
      else this.plain()
    }
  }

  private plain(): void {
    const { code, random } = this
    const uses = Array.from({ length: random.int(4) }, () => this.pick())
    code.instr(FIRST_PLAIN + random.int(100))
    const fixed = this.someRegisters(random.int(8) === 0 ? 2 : 0)
    let fixedUse = random.int(3)
    for (const vreg of uses) {
      const kind = random.int(8)
      if (kind === 0) code.useAny(vreg)
      else if (kind === 1) code.useLate(vreg)
      else if (fixedUse > 0 && fixed.length > 0 && this.classOf(vreg) === fixed[0] >> 5) {
        code.useFixed(vreg, fixed[0])
        fixedUse = 0
      } else code.use(vreg)
    }
    const first = code.operandStart[code.instrs - 1]
    const defs: number[] = []
    const reusable = uses.findIndex(
      (vreg, n) => (code.operands[first + n] & ~Operand.VregMask) === Operand.Register && vreg >= 0,
    )
    const kind = random.int(6)
    if (kind < 2 && reusable >= 0) {
      const vreg = this.newVreg(this.classOf(uses[reusable]))
      code.defReuse(vreg, reusable)
      defs.push(vreg)
    } else if (kind < 5) {
      const vreg = this.newVreg(random.int(2))
      code.def(vreg)
      defs.push(vreg)
    }
    if (random.int(8) === 0) {
      const vreg = this.newVreg(random.int(2))
      code.defEarly(vreg)
      if (random.int(2) === 0) defs.push(vreg)
    }
    if (fixed.length > 1) {
      const vreg = this.newVreg(fixed[1] >> 5)
      code.defFixed(vreg, fixed[1])
      defs.push(vreg)
    }
    this.scope.push(...defs)
  }

  private call(): void {
    const { code, random } = this
    const extra = Array.from({ length: random.int(3) }, () => this.pick())
    code.instr(CALL, 0, 0, 0, InstrFlag.Clobbers)
    for (const register of this.someRegisters(random.int(5)))
      if (!this.registers.preserved.includes(register)) this.useFixed(register)
    for (const vreg of extra) if (random.int(2) === 0) code.use(vreg)
    const results: number[] = []
    for (const register of this.someRegisters(random.int(3))) {
      if (this.registers.preserved.includes(register)) continue
      const vreg = this.newVreg(register >> 5)
      code.defFixed(vreg, register)
      results.push(vreg)
    }
    this.scope.push(...results)
  }

  private move(): void {
    const from = this.pick()
    const to = this.code.newVreg(this.code.vregType[from])
    this.code.instr(Generic.Move)
    this.code.use(from)
    this.code.def(to)
    this.scope.push(to)
  }

  private jump(target: number, args: readonly number[]): void {
    this.code.instr(Generic.Jump)
    const block = this.code.blocks - 1
    this.edges[block].push(target)
    this.arguments[block].push(...args)
  }

  private branch(): number {
    const vreg = this.pick()
    this.code.instr(BRANCH)
    if (this.random.int(3) === 0) this.code.useAny(vreg)
    else this.code.use(vreg)
    return this.code.blocks - 1
  }

  private parametersLike(args: readonly number[]): number[] {
    const parameters = args.map((arg) => this.code.newVreg(this.code.vregType[arg]))
    for (const parameter of parameters) this.code.parameter(parameter)
    return parameters
  }

  private conditional(depth: number): void {
    const { random } = this
    const fork = this.branch()
    const outer = [...this.scope]
    const patterns = Array.from({ length: random.int(5) }, () => random.int(2))
    const jumps: number[] = []
    let model: number[] = []
    for (let arm = 0; arm < 2; arm++) {
      this.scope = [...outer]
      this.edges[fork].push(this.block(this.code.loopDepth[fork]))
      if (random.int(3) > 0) this.statements(depth + 1)
      model = patterns.map((cls) => this.pick(cls))
      // Arms agree in types: parameters take them from the classes alone.
      this.jump(-1, model)
      jumps.push(this.code.blocks - 1)
    }
    const join = this.block(this.code.loopDepth[fork])
    for (const jump of jumps) this.edges[jump][0] = join
    this.scope = outer
    this.scope.push(...this.parametersLike(model))
  }

  private loop(depth: number): void {
    const { random } = this
    const around = this.code.loopDepth[this.code.blocks - 1]
    const initial = Array.from({ length: random.int(6) }, () => this.pick())
    const header = this.code.blocks
    this.jump(header, initial)
    this.block(around + 1)
    const parameters = this.parametersLike(initial)
    this.scope.push(...parameters)
    this.statements(depth + 1)
    const fork = this.branch()
    const dominating = [...this.scope]
    const latch = this.block(around + 1)
    const next = parameters.map((parameter) => this.pick(this.classOf(parameter)))
    this.jump(header, random.int(3) === 0 ? rotated(parameters, this.code) : next)
    this.scope = dominating
    this.edges[fork].push(latch, this.block(around))
  }
}

/** The parameters, each for its neighbour of the same class: cycles of moves. */
function rotated(parameters: readonly number[], code: VCode): number[] {
  const cls = (vreg: number) => code.vregType[vreg] >= VType.F32
  return parameters.map((parameter, n) => {
    const others = [...parameters.slice(n + 1), ...parameters.slice(0, n)]
    return others.find((other) => cls(other) === cls(parameter)) ?? parameter
  })
}
