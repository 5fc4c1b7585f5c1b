/** The library's formulas where their arguments are least tidy. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";

const net = async (source: string, dtype: "f32" | "f64" = "f64") =>
  load((await compile(source, { dtype })).wasm, { seed: 1 });

describe("clamp", () => {
  test("is min(max(x, low), high), so that it is `high` where the bounds cross", async () => {
    const model = await net(`model Clamps {
      input x: [N]
      input low: [N]
      input high: [N]
      output both = clamp(x, low, high)
      output above = clamp(x, min = low)
      output below = clamp(x, max = high)
      output crossed = clamp(x, 1, -1)
      output tanh = hard_tanh(x, 2, 0.5)
      output known = clamp(3, 2, 1)
      output dx = grad(sum(clamp(x, low, high)), x)
      output dlow = grad(sum(clamp(x, low, high)), low)
      output dhigh = grad(sum(clamp(x, low, high)), high)
    }`);
    const number = fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.double({ noDefaultInfinity: true, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number, number), { minLength: 1, maxLength: 9 }), (rows) => {
        const [x, low, high] = [0, 1, 2].map((at) => rows.map((row) => row[at]!));
        const got = model.predict({ x: x!, low: low!, high: high! });
        const is = (name: string, want: (x: number, low: number, high: number) => number): void =>
          rows.forEach((row, i) =>
            expect(got[name]!.data[i]! + 0, `${name} of ${row.join(", ")}`).toBe(want(...row) + 0),
          );
        is("both", (v, a, b) => Math.min(Math.max(v, a), b));
        is("above", (v, a) => Math.max(v, a));
        is("below", (v, _, b) => Math.min(v, b));
        is("crossed", () => -1);
        is("tanh", () => 0.5);
        expect(got["known"]!.data[0]).toBe(1);
        // Slope 0 at the bounds; what holds x has the slope.
        is("dx", (v, a, b) => Number(a < v && v < b));
        is("dlow", (v, a, b) => Number(v <= a && a < b));
        is("dhigh", (v, a, b) => Number(v >= b ? !(v <= a && a < b) : b <= a));
      }),
      { numRuns: 200 },
    );
  });
});

describe("centered rmsprop", () => {
  /**
   * The formula of PyTorch's documentation, g over the root of the mean of g² less the square of
   * the mean of g, in f64 and in exact steps of the variance.
   */
  const expected = (gradients: readonly number[], alpha: number, lr: number): number => {
    let [square, average, w] = [0, 0, 0];
    for (const g of gradients) {
      square = alpha * square + (1 - alpha) * g * g;
      average = alpha * average + (1 - alpha) * g;
      w -= (lr * g) / (Math.sqrt(Math.max(square - average * average, 0)) + 1e-8);
    }
    return w;
  };
  test.each(["f32", "f64"] as const)("follows its formula, in %s", async (dtype) => {
    const model = await net(
      `model Slope { input c: [1]  param w: [1] = 0  loss sum(w * c)  optimizer rmsprop(lr = 0.01, alpha = 0.9, centered = true) }`.replaceAll(
        "  ",
        "\n",
      ),
      dtype,
    );
    const gradient = fc.double({ min: -2, max: 2, noNaN: true }).map(Math.fround);
    fc.assert(
      fc.property(fc.array(gradient, { minLength: 1, maxLength: 20 }), (gradients) => {
        // One gradient alone leaves a variance of α(1-α) g², so that is no 0 to divide by unless g
        // is.
        model.reset(1);
        for (const c of gradients) model.step({ c: [c] });
        const [want, got] = [expected(gradients, 0.9, 0.01), model.get("w").data[0]!];
        expect(Math.abs(got - want)).toBeLessThan((dtype === "f32" ? 1e-4 : 1e-6) * (0.1 + Math.abs(want)));
      }),
      { numRuns: 100, seed: 3 },
    );
  });

  test("a slope that never changes: the variance goes to 0, and never below", async () => {
    const model = await net(
      `model Slope {
        input c: [50]
        param w: [50] = 0
        loss sum(w * c)
        optimizer rmsprop(lr = 1e-3, alpha = 0.9, centered = true)
      }`,
      "f32",
    );
    const c = Float64Array.from({ length: 50 }, (_, i) => 0.03 * (i + 1));
    for (let step = 0; step < 100; step++) model.step({ c });
    // After t steps the variance is g² αᵗ (1 - αᵗ).
    const want = [...c].map((g) => {
      let w = 0;
      for (let t = 1; t <= 100; t++) w -= (1e-3 * g) / (g * Math.sqrt(0.9 ** t * (1 - 0.9 ** t)) + 1e-8);
      return w;
    });
    model.get("w").data.forEach((w, i) => expect(Math.abs(w / want[i]! - 1)).toBeLessThan(1e-4));
    for (let step = 100; step < 2000; step++) model.step({ c });
    expect(model.get("w").data.every((w) => Number.isFinite(w))).toBe(true);
  });
});
