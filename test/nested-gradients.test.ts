/**
 * `grad` and `jacobian` by anything, to third order, in compiled models; and what is said where a
 * gradient is 0 or does not exist.
 */
import { describe, expect, test } from "vitest";
import { check } from "../compiler/index.ts";
import { start } from "./helpers/model.ts";

const codes = async (body: string): Promise<string[]> => {
  const text = `model M {\n  input x: [N, 3]\n  input v: [N, 3]\n  param w: [3] ~ ones\n  ${body}\n  loss sum(x * v * w)\n}`;
  return (await check(text)).map(
    (d) => `${d.code} at ${text.slice(d.labels.at(-1)!.span.start, d.labels.at(-1)!.span.end)}`,
  );
};

describe("three derivatives inside one another", () => {
  test("of x^5 by grad: 5 x^4, 20 x^3, 60 x^2", async () => {
    const net = await start(
      `model Power {
      input x: [N]
      first = grad(sum(x^5), x)
      second = grad(sum(first), x)
      output third = grad(sum(second), x)
    }`,
      { dtype: "f64" },
    );
    expect([...net.predict({ x: [0, 1, -2] })["third"]!.data]).toEqual([0, 60, 240]);
    net.dispose();
  });

  test("of products and sines by jacobian: a matrix, its derivative, and that one's", async () => {
    const net = await start(
      `model Field {
      param p = [0.5, 2]
      f = stack([p[0]^2 * p[1], sin(p[0]) * p[1]^2])
      output first = jacobian(f, p)
      output second = jacobian(reshape(jacobian(f, p), [4]), p)
      output third = jacobian(reshape(jacobian(reshape(jacobian(f, p), [4]), p), [8]), p)
    }`,
      { dtype: "f64" },
    );
    const { first, second, third } = net.predict({});
    const [a, b] = [0.5, 2];
    const [s, c] = [Math.sin(a), Math.cos(a)];
    const close = (got: ArrayLike<number>, want: readonly number[]): void => {
      expect(got.length).toBe(want.length);
      want.forEach((x, i) => expect(got[i]).toBeCloseTo(x, 12));
    };
    close(first!.data, [2 * a * b, a * a, c * b * b, 2 * s * b]);
    // ∂/∂a and ∂/∂b of each entry above, then of each of those.
    close(second!.data, [2 * b, 2 * a, 2 * a, 0, -s * b * b, 2 * c * b, 2 * c * b, 2 * s]);
    close(third!.data, [
      0,
      2,
      2,
      0,
      2,
      0,
      0,
      0,
      -c * b * b,
      -2 * s * b,
      -2 * s * b,
      2 * c,
      -2 * s * b,
      2 * c,
      2 * c,
      0,
    ]);
    net.dispose();
  });

  test("the loss holds a gradient of a gradient, and is trained through it", async () => {
    const net = await start(
      `model Curvature {
      input x: [N]
      param a = 3
      u = a * x^3
      du = grad(sum(u), x)
      ddu = grad(sum(du), x)
      loss mean(ddu^2)
    }`,
      { dtype: "f64" },
    );
    // ddu = 6 a x, so the loss is 36 a² mean x², and its slope 72 a mean x².
    const { loss, gradients } = net.gradients({ x: [1, 2] });
    expect(loss).toBeCloseTo(36 * 9 * 2.5, 9);
    expect(gradients["a"]!.data[0]).toBeCloseTo(72 * 3 * 2.5, 9);
    net.dispose();
  });
});

describe("a gradient that is 0 throughout is warned of, with the place", () => {
  test.each([
    ["output y = grad(sum(floor(x)), x)", ["flat-gradient at floor"]],
    ["output y = grad(sum(step(x) * v), x)", ["flat-gradient at step"]],
    ["output y = grad(sum(v), x)", ["no-gradient at grad"]],
    ["output y = grad(sum(stop_gradient(x) * v), x)", ["no-gradient at grad"]],
    ["h = 2 * v  output y = grad(sum(sign(h)), h)", ["flat-gradient at sign"]],
    ["output y = jacobian(floor(w), w)", ["flat-gradient at floor"]],
    ["output y = grad(sum(x * v), x)", []],
    ["output y = grad(sum(floor(x) + x * v), x)", []],
    // Rows of a matrix may be 0.
    ["output y = jacobian(concat([w[0:1]^2, [2, 3]], axis = 0), w)", []],
  ])("%s", async (body, wanted) => {
    expect(await codes(body)).toEqual(wanted);
  });
});

describe("an op without a derivative that is asked for one is an error, for inputs and for what is computed", () => {
  test.each([
    ["output y = grad(sum(prod(x, axis = 0)), x)", ["no-derivative at prod"]],
    ["h = 2 * x  output y = grad(sum(prod(h, axis = 0)), h)", ["no-derivative at prod"]],
    ["output y = prod(x, axis = 0)", []],
    ["output y = grad(sum(x * prod(v, axis = 0)), x)", []],
  ])("%s", async (body, wanted) => {
    expect(await codes(body)).toEqual(wanted);
  });
});
