/** What does not depend on what a loop carries leaves the loop, and no value changes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { reachable } from "../compiler/graph/graph.ts";
import { listRoots } from "../compiler/graph/model.ts";
import { loopsAround } from "../compiler/ir/loops.ts";
import type { Node } from "../compiler/ir/node.ts";
import { showShape } from "../compiler/ir/size.ts";
import {
  faultOf,
  faultOfSplit,
  lengths,
  loopsBesides,
  loopsOfEachOp,
  sumsOverPlaces,
} from "./helpers/fission.ts";
import type { Draw, DrawnGraph, DrawnLoop } from "./helpers/random-loops.ts";

describe("values stay", () => {
  test.each([...loopsOfEachOp, ...loopsBesides])("%s", (_, drawing) => {
    expect(faultOf(drawing, 1)).toBeNull();
  });

  test.each(lengths.flatMap((places) => [true, false].map((reverse) => [places, reverse] as const)))(
    "of sums over %i places, reverse = %s",
    (places, reverse) => {
      expect(faultOfSplit(sumsOverPlaces(places, reverse), places)).toBeNull();
    },
  );

  const number = fc.nat(1000);
  const draw: fc.Arbitrary<Draw> = fc.tuple(number, number, number, number);
  const loop: fc.Arbitrary<DrawnLoop> = fc.record({
    reverse: fc.boolean(),
    carries: fc.integer({ min: 1, max: 2 }),
    handed: fc.option(number),
    body: fc.array(draw, { minLength: 1, maxLength: 6 }),
    results: fc.array(draw, { minLength: 1, maxLength: 3 }),
  });
  const graph: fc.Arbitrary<DrawnGraph> = fc.record({
    places: fc.constantFrom(4, 4, 4, 1),
    loops: fc.array(loop, { minLength: 1, maxLength: 2 }),
    inner: fc.option(loop),
  });
  test("of loops that are drawn", () => {
    fc.assert(
      fc.property(graph, fc.nat(), (drawing, seed) => {
        expect(faultOf(drawing, seed)).toBeNull();
      }),
      { numRuns: 100 },
    );
  });
});

const cells = `
fn simple(h, x, w, u, b) = tanh(x @ w' + b + h @ u')
fn lstm(s, x, w, u, b) {
  z = x @ w' + b + s[0] @ u'
  i = sigmoid(z[:, 0:4]); f = sigmoid(z[:, 4:8]); g = tanh(z[:, 8:12]); o = sigmoid(z[:, 12:16])
  c = f * s[1] + i * g
  return [o * tanh(c), c]
}
fn gru(h, x, w, u, b) {
  a = x @ w' + b
  c = h @ u' + b
  r = sigmoid(a[:, 0:4] + c[:, 0:4])
  z = sigmoid(a[:, 4:8] + c[:, 4:8])
  n = tanh(a[:, 8:12] + r * c[:, 8:12])
  return n + z * (h - n)
}`;

/** A net of one recurrent layer of 4 units over 5 steps of 3. */
const net = (scan: string, gates: number, more = ""): string => `${cells}
model Net {
  input x: [N, 5, 3]
  param w: [${4 * gates}, 3] ~ xavier_uniform
  param u: [${4 * gates}, 4] ~ xavier_uniform
  param b: [${4 * gates}] ~ zeros
  zero = zeros([N, 4])
  ${more}
  h = ${scan}
  output y = h
  loss mean(h^2)
}`;

/** Products, with how many loops they stand in, and what loops leave. */
async function costsOf(source: string): Promise<{ products: string[]; stacks: string[] }> {
  const { joint } = await analyze(source);
  const nodes = reachable(listRoots(joint));
  const shown = ({ shape }: Node): string => showShape(shape);
  return {
    products: nodes.flatMap((node) => {
      if (node.op !== "matmul") return [];
      const place = loopsAround(node).size === 0 ? "once" : "in the loop";
      return [`${node.operands.map(shown).join(" @ ")} ${place}`];
    }),
    stacks: nodes.flatMap((node) => (node.op === "scan" ? [shown(node)] : [])),
  };
}

describe("what is left in a loop", () => {
  test("of a recurrent layer one product; one of all inputs, and one for each gradient of a weight", async () => {
    const { products, stacks } = await costsOf(
      net("scan(x, zero, (h, x) => simple(h, x, w, u, b), axis = 1)", 1),
    );
    expect(products).toEqual([
      "[5·N, 3] @ [3, 4] once",
      "[N, 4] @ [4, 4] in the loop",
      "[N, 4] @ [4, 4] in the loop",
      "[4, 5·N] @ [5·N, 3] once",
      "[4, 4·N] @ [4·N, 4] once",
    ]);
    // The h's and their cotangents.
    expect(stacks).toEqual(["[5, N, 4]", "[5, N, 4]"]);
  });

  test("an LSTM stores four gates, both states, tanh c, and what flows back to the gates", async () => {
    const { products, stacks } = await costsOf(
      net("scan(x, [zero, zero], (s, x) => lstm(s, x, w, u, b), axis = 1)[0]", 4),
    );
    expect(products).toEqual([
      "[5·N, 3] @ [3, 16] once",
      "[N, 4] @ [4, 16] in the loop",
      "[N, 16] @ [16, 4] in the loop",
      "[16, 5·N] @ [5·N, 3] once",
      "[16, 4·N] @ [4·N, 4] once",
    ]);
    expect(stacks).toEqual([...Array.from({ length: 7 }, () => "[5, N, 4]"), "[5, N, 16]"]);
  });

  test("a GRU stores the h's as they come and as they go, both gates, n and what its gate lets through", async () => {
    const { products, stacks } = await costsOf(
      net("scan(x, zero, (h, x) => gru(h, x, w, u, b), axis = 1)", 3),
    );
    expect(products).toEqual([
      "[5·N, 3] @ [3, 12] once",
      "[N, 4] @ [4, 12] in the loop",
      "[N, 12] @ [12, 4] in the loop",
      // h is there as it comes, so the gradient reads it so.
      "[12, 5·N] @ [5·N, 4] once",
      "[12, 5·N] @ [5·N, 3] once",
    ]);
    // Not h - n, which z is multiplied by: it is made again from h and n.
    const forward = Array.from({ length: 6 }, () => "[5, N, 4]");
    expect(stacks).toEqual([...forward, "[5, N, 12]", "[5, N, 12]"]);
  });

  test("nothing, where what is carried is not read", async () => {
    const { products, stacks } = await costsOf(net("scan(x, zero, (h, x) => tanh(x @ w' + b), axis = 1)", 1));
    expect(products).toEqual(["[5·N, 3] @ [3, 4] once", "[4, 5·N] @ [5·N, 3] once"]);
    expect(stacks).toEqual([]);
  });

  test("nothing, where what is carried comes from the entry before", async () => {
    const { stacks } = await costsOf(
      net("scan(x, [zero, zero], (s, x) => [tanh(x @ w' + b), s[0]], axis = 1)[1]", 1),
    );
    expect(stacks).toEqual([]);
  });

  test("not a layer behind it: one product of all places", async () => {
    const { products } = await costsOf(
      net(
        "scan(x, [zero, zero], (s, x) => [simple(s[0], x, w, u, b), s[0] @ v], axis = 1)[1]",
        1,
        "param v: [4, 4] ~ xavier_uniform",
      ),
    );
    expect(products.filter((text) => text.endsWith("loop"))).toHaveLength(2);
  });
});
