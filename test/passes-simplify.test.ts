/**
 * Every simplification fires on its formula and leaves every value as it was, NaN and infinity
 * included.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Node, SliceAxis } from "../compiler/ir/node.ts";
import { fixed, free, isOne, ONE } from "../compiler/ir/size.ts";
import { applyRules } from "../compiler/passes/rewrite.ts";
import { simplifications } from "../compiler/passes/rules/simplifications.ts";
import { Formulas, modelOf, pass, shapeOf, stream, values } from "./helpers/graph.ts";
import { slicesOfProducts } from "./helpers/slices-of-products.ts";

const at = (start: number, step = 1, fromEnd = false): SliceAxis => ({ start, fromEnd, step });

/** Left sides by the name of the rule, from x, y, z: [4, 3], r: [4, 1] and c: [1, 3]. */
const formulas: Record<string, (b: Formulas, x: Node, y: Node, r: Node, c: Node) => Node[]> = {
  "fold-constants": (b) => [
    b.mul(b.constant(2, [fixed(3)]), b.constant(3, [fixed(3)])),
    b.exp(b.constant(1)),
    b.where(b.lt(b.constant(1), b.constant(2)), b.constant(-0), b.constant(5)),
  ],
  "constant-last": (b, x) => [b.add(2, x), b.mul(2, x)],
  "add-zero": (b, x) => [b.add(x, 0), b.sub(x, 0)],
  "subtract-from-zero": (b, x) => [b.sub(0, x)],
  "times-one": (b, x) => [b.mul(x, 1), b.div(x, 1)],
  "times-minus-one": (b, x) => [b.mul(x, -1), b.div(x, -1)],
  "divide-by-power-of-two": (b, x) => [b.div(x, 4), b.div(x, -0.5)],
  "one-over": (b, x) => [b.div(1, x)],
  "merge-factors": (b, x) => [b.mul(b.mul(x, 3), 0.7)],
  "double-negation": (b, x) => [b.neg(b.neg(x))],
  "negated-difference": (b, x, y) => [b.neg(b.sub(x, y))],
  "negated-scale": (b, x) => [b.neg(b.mul(x, 3))],
  "add-negated": (b, x, y, r) => [
    b.add(x, b.neg(y)),
    b.add(b.neg(x), y),
    b.sub(x, b.neg(y)),
    b.sub(b.neg(x), y),
    b.add(x, b.mul(b.broadcast(b.neg(r), x.shape), y)),
    b.sub(x, b.where(b.gt(x, y), b.broadcast(b.neg(r), x.shape), 0)),
    b.sub(x, b.where(b.gt(x, y), 0, b.neg(y))),
  ],
  twice: (b, x) => [b.add(x, x)],
  "common-factor": (b, x, y) => {
    const inverse = b.broadcast(b.reciprocal(b.extent(free(2))), x.shape);
    return [
      b.add(b.mul(x, 3), b.mul(y, 3)),
      b.sub(b.mul(x, inverse), b.mul(inverse, y)),
      b.sub(b.mul(x, inverse), b.where(b.gt(y, 0), inverse, 0)),
    ];
  },
  "negated-factor": (b, x, y) => [
    b.mul(b.neg(x), y),
    b.mul(x, b.neg(y)),
    b.mul(b.neg(x), b.neg(y)),
    b.div(b.neg(x), y),
    b.div(x, b.neg(y)),
  ],
  "negated-sum": (b, x) => [b.sum(b.neg(x), [0])],
  "small-powers": (b, x) => [-2, -1, -0.5, 0, 0.5, 1, 2, 3].map((p) => b.pow(b.abs(x), p)),
  "known-choice": (b, x, y) => [
    b.where(b.constant(1, x.shape, "bool"), x, y),
    b.where(b.constant(0, x.shape, "bool"), x, y),
    b.where(b.gt(x, y), x, x),
  ],
  "negated-choice": (b, x, y) => [b.where(b.not(b.gt(x, 0)), x, y)],
  "joined-choices": (b, x, y) => [b.add(b.where(b.gt(x, 0), x, 0), b.where(b.gt(x, 0), 0, y))],
  "double-not": (b, x) => [b.not(b.not(b.gt(x, 0)))],
  "reduce-size-one": (b, _, __, r) => [b.sum(r, [1]), b.prod(r, [0, 1]), b.reduce_max(r, [1])],
  "reduce-twice": (b, x) => [b.sum(b.sum(x, [0]), [1]), b.reduce_max(b.reduce_max(x, [1]), [0])],
  "reduce-twice-apart": (b, x) => [
    b.sum(b.reshape(b.sum(x, [0]), shapeOf(3)), [0]),
    b.reduce_max(b.reshape(b.reduce_max(x, [1]), shapeOf(1, 4, 1)), [0, 1]),
    b.sum(b.reshape(b.sum(b.reshape(x, shapeOf(2, 2, 3)), [1]), shapeOf(2, 3)), [0]),
  ],
  "reduce-stretched": (b, x, _, r, c) => [
    b.sum(b.broadcast(r, x.shape), [1]),
    b.sum(b.broadcast(c, x.shape), [0, 1]),
    b.reduce_max(b.broadcast(r, x.shape), [1]),
    b.sum(b.constant(3, x.shape), [0]),
    b.sum(b.constant(3, x.shape, "int"), [0]),
    b.sum(b.broadcast(b.toFloat(b.gt(r, 0)), x.shape), [1]),
  ],
  "view-of-constant": (b, x) => [
    b.reshape(b.constant(2, x.shape), shapeOf(12)),
    b.permute(b.constant(2, x.shape), [1, 0]),
  ],
  "reshape-twice": (b, x) => [b.reshape(b.reshape(x, shapeOf(12)), shapeOf(2, 6))],
  "permute-twice": (b, x) => [b.permute(b.permute(b.reshape(x, shapeOf(2, 2, 3)), [2, 0, 1]), [1, 0, 2])],
  "permute-ones": (b, _, __, r) => [b.permute(r, [1, 0])],
  "broadcast-twice": (b, x, _, __, c) => [
    b.broadcast(b.broadcast(b.slice(c, [at(0), at(1)], [ONE, ONE]), c.shape), x.shape),
  ],
  "permute-stretched": (b, x, _, r) => [b.permute(b.broadcast(r, x.shape), [1, 0])],
  "reshape-stretched": (b, x, _, r, c) => [
    b.reshape(b.broadcast(r, x.shape), shapeOf(4, 1, 3)),
    b.reshape(b.broadcast(c, x.shape), shapeOf(1, 4, 3, 1)),
    b.reshape(b.broadcast(b.reshape(r, shapeOf(1, 4, 1)), shapeOf(1, 4, 2)), shapeOf(4, 2)),
  ],
  "embed-twice": (b, x) => {
    const once = b.embed(x, [at(1), at(2, 2)], shapeOf(5, 8));
    return [b.embed(once, [at(0, 2), at(3)], shapeOf(10, 12))];
  },
  "slice-all": (b, x) => [b.slice(x, [at(0), at(0)], x.shape), b.embed(x, [at(0), at(0)], x.shape)],
  "slice-twice": (b, x) => [
    b.slice(b.slice(x, [at(3, -1), at(1)], shapeOf(3, 2)), [at(1), at(1, -1)], shapeOf(2, 2)),
    b.slice(b.slice(x, [at(1, -1, true), at(0)], shapeOf(4, 3)), [at(1, 2), at(2)], shapeOf(2, 1)),
  ],
  "slice-of-concat": (b, x, y, r) => [
    b.slice(b.concat([x, y], 0), [at(4), at(0)], y.shape),
    b.slice(b.concat([r, x, r], 1), [at(0), at(1)], x.shape),
  ],
  "slice-of-product": slicesOfProducts,
  "concat-of-slices": (b, x) => [
    b.concat(
      [1, 2].map((start) => b.slice(x, [at(start), at(0)], [ONE, x.shape[1]!])),
      0,
    ),
    b.concat([b.slice(x, [at(0), at(0)], shapeOf(4, 2)), b.slice(x, [at(0), at(2)], shapeOf(4, 1))], 1),
  ],
  "slice-embedded": (b, x) => [
    b.slice(b.embed(x, [at(1, 2), at(0)], shapeOf(9, 3)), [at(1, 2), at(0)], x.shape),
  ],
  "compute-before-stretching": (b, x, _, r, c) => [
    b.exp(b.broadcast(r, x.shape)),
    b.mul(b.broadcast(c, x.shape), 3),
    b.add(b.broadcast(r, shapeOf(4, 5)), b.broadcast(b.slice(c, [at(0), at(0)], [ONE, ONE]), shapeOf(4, 5))),
  ],
  "compute-before-reshaping": (b, x, y) => [
    b.add(b.reshape(x, shapeOf(12)), b.reshape(y, shapeOf(12))),
    b.mul(b.reshape(x, shapeOf(12)), 3),
  ],
  "outer-product": (b, _, __, r, c) => [b.matmul(r, c)],
  "product-with-scale": (b, x) => [
    b.matmul(b.constant(1, shapeOf(2, 4)), x),
    b.matmul(x, b.constant(-2, shapeOf(3, 2))),
    b.matmul(b.broadcast(b.reciprocal(b.extent(free(3))), shapeOf(2, 4)), x),
  ],
  "transposed-product": (b, x, y) => [b.transpose(b.matmul(x, b.transpose(y)))],
};

/** Numbers at which formulas differ, if they do. */
const SPECIAL = [0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-310, 1e100, -0.3, 2, 7.25];

/** Equal to rounding; NaN equals NaN, and 0 equals -0. */
function expectSame(got: readonly number[], wanted: readonly number[], label: string): void {
  expect(got.length).toBe(wanted.length);
  got.forEach((g, i) => {
    const w = wanted[i]!;
    const same = Number.isNaN(w)
      ? Number.isNaN(g)
      : g === w || Math.abs(g - w) <= 1e-12 * Math.max(Math.abs(w), 1e-300);
    expect(same, `${label}, entry ${i}: ${g} for ${w}`).toBe(true);
  });
}

function operands(b: Formulas): readonly [Node, Node, Node, Node] {
  return [b.input("x", 4, 3), b.input("y", 4, 3), b.input("r", 4, 1), b.input("c", 1, 3)];
}

function draws(): Record<"x" | "y" | "r" | "c", number[]>[] {
  const next = stream(3);
  const random = (count: number): number[] => Array.from({ length: count }, () => 4 * next() - 2);
  const special = (count: number): number[] =>
    Array.from({ length: count }, () => SPECIAL[Math.floor(next() * SPECIAL.length)]!);
  return Array.from({ length: 30 }, (_, i) => {
    const take = i < 5 ? random : special;
    return { x: take(12), y: take(12), r: take(4), c: take(3) };
  });
}

describe("each rule alone", () => {
  test.each(simplifications.map((rule) => [rule.name, rule] as const))("%s", (name, rule) => {
    const left = formulas[name];
    expect(left, "a new rule needs its formula here").toBeDefined();
    const b = new Formulas();
    for (const node of left!(b, ...operands(b))) {
      const model = applyRules(modelOf(b.graph, [node]), "test", [rule]);
      expect(model.applied.length, "it fires").toBeGreaterThan(0);
      const right = model.roots.outputs[0]!.node;
      for (const given of draws()) {
        const [wanted, got] = [values([node], given)[0]!, values([right], given)[0]!];
        expectSame(got, wanted, name);
      }
    }
  });
  test("no formula here is without its rule", () => {
    expect(Object.keys(formulas).sort()).toEqual(simplifications.map((r) => r.name).sort());
  });
});

describe("all together", () => {
  test("random formulas keep their values", () => {
    const step = fc.record({
      op: fc.nat(17),
      a: fc.nat(1000),
      b: fc.nat(1000),
      c: fc.constantFrom(0, 1, -1, 2, 0.5, 3),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 14 }), fc.nat(29), (steps, which) => {
        const b = new Formulas();
        const [x, y, r, c] = operands(b);
        const pool: Node[] = [x, y, b.broadcast(r, x.shape), b.broadcast(c, x.shape)];
        for (const s of steps) {
          const [u, v] = [pool[s.a % pool.length]!, pool[s.b % pool.length]!];
          const spread = (node: Node): Node => b.broadcast(node, x.shape);
          const made = [
            () => b.add(u, v),
            () => b.sub(u, v),
            () => b.mul(u, v),
            () => b.neg(u),
            () => b.add(u, s.c),
            () => b.mul(s.c, u),
            () => b.sub(s.c, u),
            () => b.div(u, s.c === 0 ? 1 : s.c),
            () => b.where(b.gt(u, s.c), v, 0),
            () => b.where(b.not(b.gt(u, s.c)), 0, v),
            () => b.max(u, v),
            () => spread(b.reduce_max(u, [1])),
            () => spread(b.reduce_max(u, [0, 1])),
            () => b.pow(b.abs(u), s.c),
            () => b.reshape(b.permute(b.reshape(u, shapeOf(3, 4)), [1, 0]), x.shape),
            () => b.permute(b.permute(u, [1, 0]), [1, 0]),
            () => b.slice(u, [at(3, -1), at(2, -1)], x.shape),
            () => b.abs(u),
          ][s.op]!();
          pool.push(made);
        }
        const root = pool.at(-1)!;
        const right = pass(b, [root], ["lower", "simplify"]).nodes[0]!;
        const given = draws()[which]!;
        // Factors that were merged may overflow where they did not, or not where they did.
        const tame = Object.fromEntries(
          Object.entries(given).map(([name, data]) => [
            name,
            data.map((v) => (Math.abs(v) === 1e100 ? 5 : v)),
          ]),
        );
        expectSame(values([right], tame)[0]!, values([root], tame)[0]!, "random");
      }),
      { seed: 20, numRuns: 1500 },
    );
  });
  test("0 · x stays, since x may be NaN", () => {
    const b = new Formulas();
    const right = pass(b, [b.mul(b.input("x", 1), 0)], ["lower", "simplify"]).nodes;
    expect(values(right, { x: [Infinity] })[0]).toEqual([NaN]);
  });
  test("NaN and overflow stay where they were", () => {
    const b = new Formulas();
    const [x, y, h] = [b.input("x", 1), b.input("y", 1), b.input("h", 1)];
    const left = [
      b.sub(b.mul(x, h), b.mul(y, h)),
      b.mul(b.mul(x, 1e-200), 1e-200),
      b.mul(b.mul(x, 1e30), 1e30),
    ];
    const right = pass(b, left, ["lower", "simplify"]).nodes;
    expect(values(right, { x: [2e300], y: [1e300], h: [Infinity] })).toEqual([[NaN], [2e-100], [Infinity]]);
  });
  test("floats made of ints stay floats, and ints ints", () => {
    const b = new Formulas();
    const k = b.labels("k", 3);
    const y = b.labels("y");
    const floats = [b.div(k, 0.5), b.div(k, 1), b.div(k, -1), b.pow(k, 1), b.pow(k, 2), b.add(k, 0.5)];
    const ints = [b.add(k, 0), b.mul(k, 1), b.add(k, k), b.sum(b.broadcast(y, k.shape), [0]), b.gather(k, y)];
    const { nodes } = pass(b, [...floats, ...ints], ["lower", "simplify"]);
    expect(nodes.map((node) => node.type)).toEqual([...floats.map(() => "float"), ...ints.map(() => "int")]);
    expect(values(nodes, { k: [1, 2, 3], y: [2] })).toEqual([
      [2, 4, 6],
      [1, 2, 3],
      [-1, -2, -3],
      [1, 2, 3],
      [1, 4, 9],
      [1.5, 2.5, 3.5],
      [1, 2, 3],
      [1, 2, 3],
      [2, 4, 6],
      [6],
      [3],
    ]);
  });
  test("a product of which slices read all, or whose rest is read, stays", () => {
    const b = new Formulas();
    const [x, y] = operands(b);
    const rule = simplifications.filter(({ name }) => name === "slice-of-product");
    const gram = b.matmul(x, b.transpose(y));
    const part = (start: number, count: number): Node => b.slice(gram, [at(0), at(start)], shapeOf(4, count));
    const applied = (...roots: Node[]) => applyRules(modelOf(b.graph, roots), "test", rule).applied.length;
    expect(applied(part(0, 2), part(2, 2))).toBe(0);
    expect(applied(part(0, 1), part(3, 1))).toBe(0);
    expect(applied(part(0, 2), b.neg(gram))).toBe(0);
    expect(applied(part(0, 2), gram)).toBe(0);
    expect(applied(b.slice(gram, [at(3, -1), at(0)], gram.shape))).toBe(0);
    expect(applied(part(0, 2), part(1, 2))).toBe(2);
  });
  test("a product that others read is transposed, not made a second time", () => {
    const b = new Formulas();
    const product = b.matmul(b.input("x", 4, 3), b.input("w", 3, 5));
    const { nodes } = pass(b, [b.transpose(product), b.sum(product, [0])], ["simplify"]);
    expect(nodes[0]!.op).toBe("permute");
    expect(pass(b, [b.transpose(product)], ["simplify"]).nodes[0]!.op).toBe("matmul");
  });
  test("the gradient of a mean has its 1/N once, not in every entry", () => {
    const b = new Formulas();
    const x = b.input("x", "N", 3);
    const right = pass(b, [b.grad(b.mean(b.mul(x, x)), x)], ["differentiate", "lower", "simplify"]).nodes[0]!;
    expect(values([right], { x: [1, 2, 3, 4, 5, 6] }, 2)[0]).toEqual(
      [1, 2, 3, 4, 5, 6].map((v) => expect.closeTo(v / 3, 12)),
    );
    const divisions: Node[] = [];
    const stack = [right];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.op === "div" || node.op === "reciprocal") divisions.push(node);
      stack.push(...node.operands);
    }
    expect(divisions.every((node) => node.shape.every((size) => isOne(size)))).toBe(true);
  });
});
