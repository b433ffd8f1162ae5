// Weak references where the host has them. Where it has not, what should be weak is strong: nothing is collected, all else works.

class StrongReference<T extends object> {
  private readonly target: T
  constructor(target: T) {
    this.target = target
  }
  deref(): T | undefined {
    return this.target
  }
}

class NoFinalization {
  register(): void {}
  unregister(): boolean {
    return true
  }
}

export const WeakReference: new <T extends object>(target: T) => { deref(): T | undefined } =
  typeof WeakRef === 'undefined' ? StrongReference : WeakRef

/** The part of FinalizationRegistry that is used. */
export interface Finalizer<T> {
  register(target: object, held: T, token?: object): void
  unregister(token: object): boolean
}

export const Finalizer: new <T>(finalize: (held: T) => void) => Finalizer<T> =
  typeof FinalizationRegistry === 'undefined' ? NoFinalization : FinalizationRegistry
