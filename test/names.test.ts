/**
 * A program may name things as it likes: nothing it says meets a name of the generated code, of
 * AssemblyScript, JavaScript or TypeScript.
 */
import { describe, expect, test } from "vitest";
import { check, plan } from "../compiler/index.ts";
import { RESERVED_NAMES } from "../grammar/lex.ts";
import { hardWords } from "../grammar/tokens.ts";
import { build } from "./helpers/model.ts";

/** Reserved and contextual words, types, namespaces and globals of the three languages. */
const FOREIGN =
  `abstract any arguments as asserts assert async await bigint boolean break case catch class const constructor continue debugger declare
  default delete do else enum eval export extends external false finally for from function get global globalThis if implements import in infer instanceof
  interface intrinsic is keyof let lazy module namespace never new null number object of operator operatorBinary out override package private
  protected public readonly require return satisfies set static string super switch symbol this throw true try type typeof undefined
  unchecked unique unknown unmanaged unsafe using var void while with yield
  i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 isize usize bool auto v128 i8x16 i16x8 i32x4 i64x2 f32x4 f64x2 externref funcref anyref
  abs acos add alignof and assert atan atomic bitselect bswap ceil changetype clz copysign ctz dataview div eq eqz exp exports extmul fill floor grow heap
  idof inline isDefined isFinite isNaN isInteger isFloat isSigned load log main max memory min mul nameof nearest neg not offsetof or pow popcnt
  reinterpret rem rotl rotr select shl shuffle sizeof size splat sqrt store sub swizzle trunc unreachable wait notify xor abort trace seed
  Array ArrayBuffer Atomics BigInt Boolean DataView Date Error Function Infinity JSON Map Math Mathf NaN Number Object Proxy Reflect Set
  String Symbol Uint8Array Float32Array WebAssembly console document window process self performance
  __new __pin __visit __collect __start _start __proto__ __defineGetter__ hasOwnProperty toString valueOf prototype length name then
  isPrototypeOf propertyIsEnumerable toJSON nndsl load NndslError Model Net Tensor Manifest`.split(/\s+/);

const generated = async (source: string, dtype: "f32" | "f64"): Promise<string[]> =>
  (await plan(source, { dtype })).stages.as
    .replaceAll(/\/\/.*|\/\*.*?\*\//g, "")
    .match(/[A-Za-z_]\w*/g)!
    // Numbered names are all of a kind.
    .filter((name) => name.length < 40 && !/(?:_|^[a-z])\d+$/.test(name.replace(/_[1-3]$/, "")));

const functions =
  "sqrt(abs(exp(x) + log(x) + log1p(x) + expm1(x) + tanh(x) + sigmoid(x) + softplus(x) + erf(x) + sin(x) + cos(x) + x ^ x))";
const everything = `model M { input x: [N, 64]  target y: int[N]  h = dense(dropout(${functions}, 0.5), 200, relu)  z = dense(h, 100)  z2 = dense(z, 10)
  output p = softmax(z2)  metric accuracy(z2, y)  loss cross_entropy(z2, y)  optimizer adam }`;

/** All that a program might not be able to say. */
async function names(): Promise<string[]> {
  const found = [
    ...FOREIGN,
    ...(await generated(everything, "f32")),
    ...(await generated(everything, "f64")),
  ];
  const words = new Set(hardWords.map(({ PATTERN }) => PATTERN));
  return [...new Set(found)].filter((name) => !words.has(name) && !RESERVED_NAMES.has(name));
}

const all = await names();
const [N, K] = [2, 3];
const x = Array.from({ length: N * K }, (_, i) => i + 1);
const total = x.reduce((a, b) => a + b);

test("there are many", () => expect(all.length).toBeGreaterThan(300));

describe("names", () => {
  test("of outputs, of which each is a kernel of its own", async () => {
    const { net, compiled } = await build(
      `model M { input x_: [N, ${K}]\n${all.map((name, i) => `output ${name} = sum(x_) * ${i + 2}`).join("\n")} }`,
    );
    const predicted = net.predict({ x_: x });
    expect(Object.keys(predicted)).toEqual(all.toSorted((a, b) => all.indexOf(a) - all.indexOf(b)));
    expect(all.map((name) => predicted[name]!.data[0])).toEqual(all.map((_, i) => total * (i + 2)));
    expect(compiled.manifest.outputs.map((o) => o.name)).toEqual(all);
  });

  test("of values that are stored, and read by one kernel", async () => {
    const some = all.filter((_, i) => i % 7 === 0);
    const { net } = await build(
      `model M { input x_: [N, ${K}]\n${some.map((name, i) => `${name} = sum(x_, axis = 0) * ${i + 2}`).join("\n")}
      output result = concat([${some.map((name) => `exp(${name} * 0) + ${name} - 1`).join(", ")}])
      output result2 = stack([${some.map((name) => `sum(${name})`).join(", ")}]) }`,
      { dtype: "f64" },
    );
    expect([...net.predict({ x_: x }).result2!.data]).toEqual(some.map((_, i) => total * (i + 2)));
  });

  test("of parameters, layers, inputs and bindings", async () => {
    const [layers, params, inputs] = [0, 1, 2].map((k) => all.filter((_, i) => i % 9 === k));
    const source = `
        ${layers!.map((name) => `layer ${name}(v_, k_) { param weight: [1] ~ ones  return v_ * weight * k_ }`).join("\n")}
        model M {
          input x_: [N, ${K}]
          ${inputs!.map((name) => `input ${name}: [1]`).join("\n")}
          ${params!.map((name, i) => `param ${name} = [${i}]`).join("\n")}
          ${layers!.map((name, i) => `p${i}_ = ${name}(x_, ${i})`).join("\n")}
          output result_ = concat([${[...params!, ...inputs!, ...layers!.map((_, i) => `reshape(sum(p${i}_), [1])`)].join(", ")}])
          loss ${[...params!, ...layers!.map((_, i) => `p${i}_`)].map((name) => `sum(${name})`).join(" + ")}
          optimizer sgd(lr = 0.5)
        }`;
    const { net } = await build(source, { dtype: "f64" });
    const given = { x_: x, ...Object.fromEntries(inputs!.map((name, i) => [name, [i]])) };
    expect([...net.predict(given).result_!.data]).toEqual([
      ...params!.map((_, i) => i),
      ...inputs!.map((_, i) => i),
      ...layers!.map((_, i) => total * i),
    ]);
    const { gradients } = net.gradients(given);
    expect(params!.map((name) => gradients[name]!.data[0])).toEqual(params!.map(() => 1));
    net.step(given);
    expect(params!.map((name) => net.get(name).data[0])).toEqual(params!.map((_, i) => i - 0.5));
  }, 120_000);

  test("of metrics, of an optimizer's arguments and states", async () => {
    const own = new Set(["param", "grad", "step"]);
    const [metrics, hypers, states] = [0, 1, 2].map((k) =>
      all.filter((name, i) => i % 3 === k && !own.has(name)),
    );
    const source = `
        optimizer plain_(${hypers!.map((name, i) => `${name} = ${i}`).join(", ")}) {
          ${states!.map((name, i) => `state ${name} = ${i}`).join("\n")}
          param = ${[...hypers!, ...states!].join(" + ")}
          ${states!.map((name) => `${name} = ${name} + 1`).join("\n")}
        }
        model M {
          input x_: [N, ${K}]
          param w = 1
          ${metrics!.map((name, i) => `metric ${name} = sum(x_) + ${i}`).join("\n")}
          loss w
          optimizer plain_
        }`;
    const { net } = await build(source);
    const values = net.evaluate({ x_: x }).metrics;
    expect(metrics!.map((name) => values[name])).toEqual(metrics!.map((_, i) => total + i));
    expect(hypers!.map((name) => net.hyper[name])).toEqual(hypers!.map((_, i) => i));
    const sum = (list: readonly unknown[]): number => (list.length * (list.length - 1)) / 2;
    net.step({ x_: x });
    expect(net.get("w").data[0]).toBe(sum(hypers!) + sum(states!));
    net.step({ x_: x });
    expect(net.get("w").data[0]).toBe(sum(hypers!) + sum(states!) + states!.length);
  }, 120_000);
});

test("names that files and objects need for themselves are refused where they are written", async () => {
  const codes = async (source: string): Promise<string[]> => (await check(source)).map((d) => d.code);
  const ends = "output o = x * 1";
  for (const name of ["__proto__", "__metadata__"]) {
    expect(await codes(`model M { input x: [N]  param ${name} = 1  output o = x * ${name} }`)).toContain(
      "name-reserved",
    );
    expect(await codes(`model M { input x: [N]  output ${name} = x * 1 }`)).toContain("name-reserved");
    expect(await codes(`model M { input ${name}: [N]  output o = ${name} * 1 }`)).toContain("name-reserved");
    expect(await codes(`model M(${name} = 1) { input x: [N]  ${ends} }`)).toContain("name-reserved");
    expect(await codes(`model ${name} { input x: [N]  ${ends} }`)).toContain("name-reserved");
    expect(await codes(`optimizer o(${name} = 1) { param = param - ${name} * grad }`)).toContain(
      "name-reserved",
    );
  }
  expect(await codes("model M { input x: [N, 2]  optimizer = dense(x, 1)  output o = optimizer }")).toEqual([
    "name-reserved",
  ]);
  expect(await codes("model M { input x: [N]  param optimizer = 1  output o = x * optimizer }")).toEqual([]);
});
