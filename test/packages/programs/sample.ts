// What esbuild-wasm compiles.

enum Colour {
  Red,
  Green = 'green',
}

export class Counter {
  #count = 0
  static readonly kinds = [Colour.Red, Colour.Green] as const

  async next(step?: number): Promise<number> {
    this.#count += step ?? 1
    for await (const value of [1n, 2n]) console.log(value ** 2n, this.#count)
    return this.#count
  }
}
