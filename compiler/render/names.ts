/** Names in generated code: those of the program where they can be had, made different where they clash. */

/** What generated code itself uses and a kernel or operand must therefore not be called. */
const RESERVED = new Set(
  `abstract as any async await break case catch class clz const constructor continue debugger declare default delete do else enum
  export extends false finally for from function get if implements import in instanceof interface is keyof let module namespace new
  null number of package private protected public readonly require return set static string super switch symbol this throw true try
  type typeof undefined var void while with yield bool boolean i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 isize usize v128 i8x16 i16x8 i32x4
  i64x2 f32x4 f64x2 memory load store abs reinterpret select min max sqrt floor NaN Infinity Math Mathf rows seed site step predict evaluate
  gradients initialize train gather gatherLong worker workers sleeps control meet shareFrom shareEnd shuffle reserve reach unreachable capacity arena place threefry secondWord quarter foldHuge hugeQuarter multiplyHigh
  bitsOfTwoOverPi CONSTANTS FIXED ROWS ARENA PANEL PANELS BLOCK BLOCKS KEPT KEPTS CONTROL TWO_OVER_PI STEP`
    .split(/\s+/)
    .filter((word) => word !== ""),
);

export class Names {
  #taken = new Set<string>();

  /** A name not yet given, `wanted` if it is free. */
  fresh(wanted: string): string {
    const plain = wanted.replaceAll(/[^A-Za-z0-9_]/g, "_").replace(/^(?=[0-9])/, "_");
    const base = plain === "" ? "_" : plain;
    let name = base;
    for (let i = 2; RESERVED.has(name) || this.#taken.has(name); i++) name = `${base}_${i}`;
    this.#taken.add(name);
    return name;
  }

  /** Names given inside are free again afterwards: for what stands between braces. */
  scoped(inside: () => void): void {
    const outside = this.#taken;
    this.#taken = new Set(outside);
    inside();
    this.#taken = outside;
  }
}
