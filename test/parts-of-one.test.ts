/** Slices, stacks and layers over three axes: how many kernels there are, and what they read. */
import { describe, expect, it } from "vitest";
import { plan } from "../compiler/index.ts";
import { start } from "./helpers/model.ts";

const gradients = async (source: string): Promise<string> => {
  const { grad } = (await plan(source)).stages;
  return grad.split("-- gradients")[1]!.split("\n-- ")[0]!;
};
const count = (text: string, what: RegExp): number => text.match(new RegExp(what, "gm"))?.length ?? 0;

/** The calls of an entry, as `--emit kernels` prints them. */
async function callsOf(source: string, entry: string): Promise<string[]> {
  const { kernels } = (await plan(source)).stages;
  const [, after = ""] = kernels.split(`entry ${entry}\n`);
  return after
    .split("\n\n")[0]!
    .split("\n")
    .map((line) => line.trim());
}

/** A cell whose inputs are multiplied beforehand, or in each step. */
const recurrent = (steps: number, beforehand = true): string => `
model Recurrent {
  input x: [N, ${steps}, 3]
  target y: [N, 8]
  param w: [16, 3] ~ xavier_uniform
  param u: [16, 8] ~ xavier_uniform
  param b: [16] ~ zeros
  ${beforehand ? "z = x @ w'" : ""}
  h = zeros([N, 8])
  for t in 0..${steps} {
    g = ${beforehand ? "z[:, t]" : "x[:, t] @ w'"} + b + h @ u'
    h = sigmoid(g[:, 0:8]) * tanh(g[:, 8:16]) + h
  }
  output h
  loss mse(h, y)
  optimizer sgd(lr = 0.1)
}`;

describe("what flows back to slices", () => {
  const slices = (body: string): string => `
model Slices {
  input x: [N, 4, 12]
  param w: [12, 12] ~ xavier_uniform
  z = x @ w
  ${body}
  output y
  loss mean(y^2)
}`;

  it("of disjoint slices is one concatenation without zeros or sums", async () => {
    const found = await gradients(slices("y = z[..., 0:4] * z[..., 8:12] + exp(z[..., 4:8])"));
    expect(count(found, /= embed/)).toBe(0);
    expect(found).toMatch(/d_z: \[N, 4, 12\] = concat t\.\d+ t\.\d+ t\.\d+ axis=2/);
    expect(count(found, / \+ /)).toBe(0);
  });

  it("adds where slices overlap, and nowhere else", async () => {
    const found = await gradients(slices("y = z[:, 0:3, 0:6] * z[:, 1:4, 0:6]"));
    expect(count(found, /= embed/)).toBe(0);
    // Of four steps the two in the middle have two readers each.
    expect(count(found, /: \[N, 2, 6\] = t\.\d+ \+ t\.\d+/)).toBe(1);
    expect(count(found, / \+ /)).toBe(1);
  });

  it("is put together of every other entry too", async () => {
    const found = await gradients(slices("y = z[..., 0::2] * z[..., 1::2]"));
    expect(found).toMatch(/: \[N, 4, 6, 2\] = concat t\.\d+ t\.\d+ axis=3/);
    expect(count(found, /= embed| \+ /)).toBe(0);
  });

  it("stays a sum of zeros and parts where a slice runs backwards", async () => {
    expect(count(await gradients(slices("y = z[..., ::-1]")), /= embed/)).toBe(1);
  });
});

describe.each([true, false])("a recurrent net, inputs multiplied beforehand: %s", (beforehand) => {
  it("has one product for each weight's gradient, and one sum for the bias", async () => {
    const found = await gradients(recurrent(5, beforehand));
    expect(count(found, /: \[16, 3\] = .* @ /)).toBe(1);
    expect(count(found, /: \[16, 8\] = .* @ /)).toBe(1);
    expect(count(found, /= sum .* axes=\[0\]/)).toBe(1);
  });

  it("copies nothing: a step of time is the same few kernels, with strips of the stacks", async () => {
    const [four, five] = await Promise.all(
      [4, 5].map((steps) => callsOf(recurrent(steps, beforehand), "step")),
    );
    // Gates and state forward; one product with all its epilogue back. x W' is one more, where it is.
    expect(five!.length - four!.length).toBe(beforehand ? 3 : 4);
  });

  it("trains as one that is told every weight's gradient step by step", async () => {
    const source = recurrent(5, beforehand);
    const net = await start(source, { dtype: "f64" });
    const { least } = await leastOf(source);
    const sparing = await start(source, { dtype: "f64", memory: { bytes: least, rows: 4 } });
    const data = {
      x: Float64Array.from({ length: 4 * 15 }, (_, i) => Math.sin(i)),
      y: Float64Array.from({ length: 4 * 8 }, (_, i) => Math.cos(i)),
    };
    // Where memory is short the stacks are taken apart again: the same sums in another order.
    for (const [path, { data: expected }] of Object.entries(sparing.gradients(data).gradients)) {
      const found = net.gradients(data).gradients[path]!.data;
      for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 12);
    }
  });
});

/** The least bytes that do for a batch of four in f64. */
async function leastOf(source: string): Promise<{ readonly least: number }> {
  const refused = await plan(source, { dtype: "f64", memory: { bytes: 1, rows: 4 } }).catch(String);
  const [, least = ""] = /takes at least ([\d,]+) bytes/.exec(String(refused)) ?? [];
  return { least: Number(least.replaceAll(",", "")) };
}

describe("a layer over three axes", () => {
  const layers = (shape: string): string => `
model Layers {
  input x: [${shape}, 16]
  target y: [${shape}, 16]
  h = dense(x, 32, tanh)
  z = dense(h, 16, sigmoid)
  output z
  loss mse(z, y)
  optimizer sgd(lr = 0.1)
}`;

  it("has bias and activation, and their derivatives, in its products' epilogues as one over two has", async () => {
    const [three, two] = await Promise.all(["N, 5", "N"].map((shape) => callsOf(layers(shape), "step")));
    expect(three!.map((call) => call.replace(/\(.*/, ""))).toEqual(
      two!.map((call) => call.replace(/\(.*/, "")),
    );
  });
});

describe("a state that all rows begin with", () => {
  it("is a row of the stack like those of later steps", async () => {
    const shared = recurrent(5).replace("zeros([N, 8])", "zeros([1, 8])");
    const found = await gradients(shared);
    expect(count(found, /: \[16, 8\] = .* @ /)).toBe(1);
    // That of the inputs' product and that of the states' are one.
    expect(count(found, /= concat .* axis=1/)).toBe(5 + 2);
  });
});
