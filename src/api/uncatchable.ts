// Exceptions of the host that unwind a guest at once.

/** Marks an object that a host function is about to throw: handlers of WebAssembly code do not see it, `catch_all` included. */
export { markUncatchable } from '../runtime/trap.ts'
