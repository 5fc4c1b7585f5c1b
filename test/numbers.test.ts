/** Every number of f32 and f64 reaches the module bit by bit, wherever a program may write one. */
import { describe, expect, test } from "vitest";
import { readManifest } from "../compiler/assemble/assemble.ts";
import { analyze } from "../compiler/analyze.ts";
import { printModel } from "../compiler/graph/print.ts";
import { load } from "../runtime/index.ts";
import { readSafetensors, writeSafetensors } from "../runtime/safetensors.ts";
import { build, start } from "./helpers/model.ts";

type Dtype = "f32" | "f64";
const dtypes: readonly Dtype[] = ["f32", "f64"];

const SPECIAL = [0, -0, 1, -1, Infinity, -Infinity, NaN];
/**
 * Numbers on both sides of what integers of 53, 63 and 64 bits reach, where literals of
 * AssemblyScript change their meaning.
 */
const WHOLE = [53, 54, 62, 63, 64, 65, 69, 70].flatMap((p) => [2 ** p, -(2 ** p), 2 ** p * (1 + 2 ** -20)]);

/**
 * Numbers of a format from the bits of their sign and exponent, and some significands: all
 * exponents, denormals among them.
 */
function everyExponent(dtype: Dtype): number[] {
  const view = new DataView(new ArrayBuffer(8));
  const found: number[] = [];
  let state = 1;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const [exponents, width] = dtype === "f32" ? [256, 23] : [2048, 20];
  for (let exponent = 0; exponent < exponents - 1; exponent++) {
    for (const significand of [0, 1, 2 ** width - 1, random() % 2 ** width]) {
      const sign = random() >>> 31;
      const high = ((sign << 31) | (exponent << width) | significand) >>> 0;
      view.setUint32(0, high);
      if (dtype === "f64") view.setUint32(4, significand === 0 ? 0 : random());
      found.push(dtype === "f32" ? view.getFloat32(0) : view.getFloat64(0));
    }
  }
  return [...found, ...SPECIAL, ...WHOLE];
}

const rounded = (dtype: Dtype, value: number): number => (dtype === "f32" ? Math.fround(value) : value);

/** A number as a program writes it. */
const written = (value: number): string => {
  if (Number.isNaN(value)) return "(inf - inf)";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
};

/** Fails where two numbers differ in a bit, -0 and 0 among them; all NaNs are one. */
function same(got: ArrayLike<number>, wanted: readonly number[], dtype: Dtype): void {
  const wrong = wanted.flatMap((value, i) =>
    Object.is(got[i], rounded(dtype, value)) ? [] : [`${value} became ${got[i]}`],
  );
  expect(wrong).toEqual([]);
  expect(got.length).toBe(wanted.length);
}

const some = (dtype: Dtype, every: number): number[] => [
  ...everyExponent(dtype).filter((_, i) => i % every === 0),
  ...SPECIAL,
  ...WHOLE,
];

describe.each(dtypes)("%s", (dtype) => {
  test("in lists, and as first values of parameters", async () => {
    const values = everyExponent(dtype);
    const list = `[${values.map(written).join(", ")}]`;
    const net = await start(
      `model M { input x: [N]  param w = ${list}  output y = x[0] * 0 + 1  output t = ${list}  output u = w }`,
      { dtype },
    );
    const { t, u } = net.predict({ x: [1] });
    same(t!.data, values, dtype);
    same(u!.data, values, dtype);
    same(net.get("w").data, values, dtype);
  });

  test("as numbers in formulas of tensors, in an optimizer's arguments, and as first values of its states", async () => {
    const values = some(dtype, dtype === "f32" ? 13 : 101);
    const outputs = values.map((v, i) => `output o${i} = where(x > 0, ${written(v)}, x)`).join("\n");
    const source = `
      optimizer keep(${values.map((v, i) => `h${i} = ${written(v)}`).join(", ")}) {
        ${values.map((v, i) => `state s${i} = ${written(v)}`).join("\n")}
        param = stack([${values.map((_, i) => `h${i}`).join(", ")}])
      }
      model M { input x: [N]  param w: [${values.length}] ~ zeros  ${outputs}  loss sum(w) + sum(x)  optimizer keep }`;
    const { net, compiled } = await build(source, { dtype });
    const predicted = net.predict({ x: [1] });
    same(
      values.map((_, i) => predicted[`o${i}`]!.data[0]!),
      values,
      dtype,
    );
    const { tensors } = readSafetensors(net.save());
    same(
      values.map((_, i) => tensors.get(`optimizer.s${i}.w`)!.data[0]!),
      values,
      dtype,
    );
    // As they were written, not as the format rounds them.
    same(
      values.map((_, i) => net.hyper[`h${i}`]!),
      values,
      "f64",
    );
    // The manifest is JSON, which has no NaN, no infinity and, to some readers, no -0.
    expect(readManifest(compiled.wasm)).not.toContain("null,null");
    // NaN is no state to go on from, and is refused.
    const { metadata } = readSafetensors(net.save());
    const sound = [...tensors].map(([name, { shape, data }]) => {
      const zeros = Array.from(data, (value) => (Number.isNaN(value) ? 0 : value));
      return [
        name,
        { shape, data: dtype === "f32" ? Float32Array.from(zeros) : Float64Array.from(zeros) },
      ] as const;
    });
    net.reset(3);
    net.restore(writeSafetensors(sound, metadata));
    expect(values.every((v, i) => Object.is(net.hyper[`h${i}`], v))).toBe(true);
    net.step({ x: [1] });
    same(net.get("w").data, values, dtype);
  });

  test("as settings, given as text and as numbers", async () => {
    const values = [...SPECIAL, 2 ** 63, -(2 ** 64), 1e30, 1e-40, 5e-324, 1.7976931348623157e308];
    const names = values.map((_, i) => `c${i}`);
    const source = `model M(${names.map((c) => `${c} = 1`).join(", ")}) {
      input x: [N]
      ${names.map((c) => `output o${c} = where(x > 0, ${c}, x)`).join("\n")}
      output t = [${names.join(", ")}]
    }`;
    for (const say of [(v: number) => v, written]) {
      const settings = Object.fromEntries(values.map((v, i) => [`c${i}`, say(v)]));
      const { t, ...scalars } = (await start(source, { dtype, settings })).predict({ x: [1] });
      same(t!.data, values, dtype);
      same(
        names.map((c) => scalars[`o${c}`]!.data[0]!),
        values,
        dtype,
      );
    }
  });
});

test("a setting that is a hyper's first value in a module that is loaded again", async () => {
  const source =
    "optimizer o(clip = inf, floor = -0) { param = param - min(grad, clip) + floor }  model M { param w = 3  loss w  optimizer o }";
  const { compiled } = await build(source);
  const net = await load(new Uint8Array(compiled.wasm));
  expect(net.manifest.optimizer!.hyper).toEqual({ clip: Infinity, floor: -0 });
  expect(net.hyper["clip"]).toBe(Infinity);
  net.hyper["clip"] = 2;
  net.hyper["clip"] = Infinity;
  expect(() => (net.hyper["clip"] = -Infinity)).toThrow(/finite/);
  net.step({});
  expect(net.get("w").data[0]).toBe(2);
});

test("`--emit ir` shows numbers as the language writes them", async () => {
  const { elaborated } = await analyze("model M { output t = [inf, -inf, -0, 1e300, inf - inf] }");
  expect(printModel(elaborated)).toContain("[inf, -inf, -0, 1e+300, NaN]");
});
