// The loop around the op bodies. `VARIANT` names the instantiation; `CASES` is replaced by the generated switch arms.
//
// Inside: pc, fp (slots), fsp (words in FS) are the machine registers. `code` leaves the switch: > 0 a TrapCode, < 0 an action:
//    0  the slice is used up, or there is not enough fuel for the segment at pc: becomes -4 or -5
//   -1  call: x = callee's record (word offset in FUNC), j = slot of its frame relative to fp, ea = return pc
//   -2  tail call: x = callee's record, i = slot of the first argument, j = argument slots
//   -3  returned (pc, fp, fsp are the caller's) into another instance
//   -4  the slice is used up
//   -5  not enough fuel; pc is back at the `fuel` instruction in front of the segment
// SAVE puts registers into CTX that only one instantiation has.
export const LOOP_TEMPLATE = `
/** Runs from the machine registers in CTX until an exit; the registers are in CTX again then (machine.ts \`Exit\`). COMMENT */
export const VARIANT: () => number = /* @__PURE__ */ (() => {
const CODE = machine.CODE, CTX = machine.CTX, FS = machine.FS, FUNC = machine.FUNC
const R = machine.R, RF = machine.RF, RD = machine.RD, RQ = machine.RQ
const instances = INSTANCES
// A method keeps its name where others are shortened: profiles and tests know the loop by it.
const loop = { VARIANT(): number {
  let pc = CTX[0], fp = CTX[1], fsp = CTX[2]
  const stackEnd = CTX[5], frameEnd = CTX[6]
  let instance = instances[FUNC[(FS[fsp] << 3) + 1]]
  let funcBase = instance.funcBase << 3
  let G = instance.globalCells
  let memory = instance.memory0
  let bytes = memory.u8, view = memory.dv, length = memory.byteLength
  let slice = CTX[7]
  ENTER
  let code = 0, i = 0, j = 0, n = 0, x = 0, y = 0, ai = 0, bi = 0, di = 0, ea = 0, z = 0
  let table: TableInstance, global: GlobalInstance
  for (;;) {
    // CODE_WORDS - 1: V8 then knows that pc plus an operand's distance cannot overflow.
    pc &= 16777215
    switch (CODE[pc]) {
CASES
      default:
        SAVE CTX[0] = pc; CTX[1] = fp; CTX[2] = fsp
        i = cold(CODE[pc], pc, fp, instance) | 0
        LOAD
        if (i < 0) return ~i
        pc = i
        memory = instance.memory0; bytes = memory.u8; view = memory.dv; length = memory.byteLength
        continue
    }
    if (code === 0) { LEAVE } else if (code === -1) {
      y = fp + j
      if (y + FUNC[x + 4] <= stackEnd && fsp < frameEnd) {
        fsp += 4; FS[fsp] = x >> 3; FS[fsp + 1] = ea; FS[fsp + 2] = j
        fp = y; pc = FUNC[x]; i = FUNC[x + 1]; code = --slice < 0 ? -4 : 0
        FS[fsp + 3] = 0
        if (i !== instance.id && i >= 0) { FS[fsp + 3] = 1; instance = instances[i] } else if (code === 0) continue
      } else code = 10
    } else if (code === -2) {
      if (fp + FUNC[x + 4] <= stackEnd) {
        R.copyWithin(fp << 1, (fp + i) << 1, (fp + i + j) << 1)
        FS[fsp] = x >> 3; pc = FUNC[x]; i = FUNC[x + 1]; code = --slice < 0 ? -4 : 0
        if (i !== instance.id) FS[fsp + 3] = 1
        if (i !== instance.id && i >= 0) instance = instances[i]
        else if (code === 0) continue
      } else code = 10
    } else if (code === -3) {
      code = 0
      if (pc === 1) continue
      instance = instances[FUNC[(FS[fsp] << 3) + 1]]
    } else if (code === 2 && memory.type.shared && memory.refresh()) {
      // Another agent has grown the memory: the access is tried again.
      code = 0
    }
    if (code < 0) {
      SAVE CTX[0] = pc; CTX[1] = fp; CTX[2] = fsp
      return code === -4 ? 6 : 5
    }
    if (code > 0) {
      SAVE CTX[0] = pc; CTX[1] = fp; CTX[2] = fsp; CTX[3] = code
      return 1
    }
    funcBase = instance.funcBase << 3; G = instance.globalCells
    memory = instance.memory0; bytes = memory.u8; view = memory.dv; length = memory.byteLength
  }
} }
return loop.VARIANT
})()
`
