/**
 * What our texts use of AssemblyScript's library. Its own is 650 KB of text, which asc would read anew
 * for every module: a tenth of the time that a network takes, and half of it where the model is small.
 * What is used here is built into asc, which knows the operands and results itself: it wants the names
 * alone, in the files where it looks for them.
 */

/** @param names in one text; those that are called with a type end in `<T>` */
const builtins = (names: string): string =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => `@builtin export declare function ${name}(): void;\n`)
    .join("");

const namespace = (name: string, names: string): string =>
  `export namespace ${name} {\n${builtins(names)}}\n`;

const LANES = "splat extract_lane replace_lane shuffle eq ne add sub mul neg";
const FLOATS = `${LANES} lt le gt ge div abs min max pmin pmax sqrt ceil floor trunc nearest relaxed_madd relaxed_nmadd`;
const INTEGERS = `${LANES} shl shr_s shr_u`;

/** asc makes these before it reads the text, whether or not a class is ever used. */
const WRAPPERS = "I8 I16 I32 I64 Isize U8 U16 U32 U64 Usize Bool F32 F64 V128 RefFunc RefExtern";

/** Texts by their place in asc's library. */
export const library: Readonly<Record<string, string>> = {
  builtins: `
${builtins("load<T> store<T> reinterpret<T> select<T> min<T> max<T> abs<T> sqrt<T> floor<T> clz<T> popcnt<T> unreachable")}
${namespace("v128", "load load_splat<T> load_zero<T> load64_zero load_lane<T> store store_lane<T> store64_lane and or xor not andnot bitselect any_true")}
${namespace("f32x4", `${FLOATS} convert_i32x4_u demote_f64x2_zero`)}
${namespace("f64x2", `${FLOATS} convert_low_i32x4_u promote_low_f32x4`)}
${namespace("i32x4", `${INTEGERS} min_u trunc_sat_f32x4_u trunc_sat_f64x2_u_zero`)}
${namespace("i64x2", INTEGERS)}
${namespace("atomic", "load<T> store<T> add<T> sub<T> wait<T> notify")}
${namespace("inline", "always<T>")}
declare function abort(): void;
declare function trace(): void;
declare function seed(): void;`,
  memory: namespace("memory", "size grow copy fill data<T>"),
  number: ["NaN", "Infinity"].map((name) => `@builtin export const ${name}: f64 = 0;\n`).join(""),
  math: "export namespace NativeMath {}\nexport namespace NativeMathf {}",
  object: "export abstract class Object {}",
  classes: [
    ...["String", "ArrayBuffer", "ArrayBufferView"].map((name) => `export abstract class ${name} {}`),
    ...WRAPPERS.split(" ").map((name) => `@unmanaged export abstract class ${name} {}`),
  ].join("\n"),
};
