/**
 * The check of a derivative rule: the formulas it makes against central differences, up to the
 * third order. Tests and mutants share it.
 */
import type { ElementwiseName, Node, OpName, ReductionName } from "../../compiler/ir/node.ts";
import type { Op } from "../../compiler/ops/op.ts";
import { ops } from "../../compiler/ops/table.ts";
import { Formulas, pass, runPasses, shapeOf, stream, values } from "./graph.ts";
import { countOf, fixed } from "../../compiler/ir/size.ts";

/** Every record, as one type: a table indexed by a name of no one op. */
export const records = Object.values(ops) as unknown as Op<OpName>[];

export const differentiable = (op: Op<OpName>): boolean =>
  typeof op.vjp === "function" && op.family !== "source" && op.family !== "loop";

/** A formula that is the op, or has it inside, and where it is tried. */
export interface DerivativeCase {
  readonly make: (b: Formulas, xs: readonly Node[]) => Node;
  readonly shapes: readonly (readonly number[])[];
  readonly draw: (operand: number) => number;
}

/** A table of ints. */
const ints = (b: Formulas, values: readonly number[], ...shape: readonly number[]): Node =>
  b.graph.make("table", [], { values, shape: shapeOf(...shape), type: "int" });

/** Relative to 1 + |derivative|; the differences themselves lose digits with each order. */
const TOLERANCE = [1e-7, 1e-7, 2e-6] as const;

/** Central differences with Richardson's extrapolation: error of order h⁴. */
function numericGradient(f: (x: readonly number[]) => number, x: readonly number[]): number[] {
  return x.map((_, i) => {
    const at = (h: number): number => f(x.map((v, j) => (j === i ? v + h : v)));
    const slope = (h: number): number => (at(h) - at(-h)) / (2 * h);
    const h = 1e-3;
    return (4 * slope(h / 2) - slope(h)) / 3;
  });
}

/**
 * What is wrong with the derivatives of a case, or null. With s₀ = Σ w·y and sₖ₊₁ = Σ w·∂sₖ, where
 * the weights w tell entries apart, each ∂sₖ is held against differences of sₖ, so the third
 * derivative against the second's formula and so on down to the op itself; and what `lower` and
 * `simplify` make of them against the same formulas.
 */
export function derivativeFault({ make, shapes, draw }: DerivativeCase, orders = 3): string | null {
  const b = new Formulas();
  const names = shapes.map((_, i) => `x${i}`);
  const xs = shapes.map((shape, i) => b.input(names[i]!, ...shape));
  const given = Object.fromEntries(
    shapes.map((shape, i) => [
      names[i]!,
      Array.from({ length: shape.reduce((a, c) => a * c, 1) }, () => draw(i)),
    ]),
  );
  const y = make(b, xs);
  // A rule that the check itself went through would hide its sign: minus times minus. So a product
  // is summed, all else multiplied.
  const weighted = (node: Node): Node => {
    const count = node.shape.reduce((total, s) => total * countOf(s), 1);
    const weights = b.cos(b.toFloat(b.iota(0, shapeOf(count))));
    if (y.op === "matmul") return b.sumAll(b.mul(b.reshape(node, weights.shape), weights));
    const product = b.matmul(b.reshape(node, shapeOf(1, count)), b.reshape(weights, shapeOf(count, 1)));
    return b.reshape(product, []);
  };
  let scalar = weighted(y);
  const formulas: Node[] = [];
  for (let order = 0; order < orders; order++) {
    const gradients = xs.map((x) => b.grad(scalar, x));
    formulas.push(scalar, ...gradients);
    scalar = gradients.map(weighted).reduce((a, c) => b.add(a, c));
  }
  const { nodes, model } = pass(b, formulas, ["differentiate"]);
  const lowered = runPasses(model, ["lower", "simplify"]).roots.outputs.map((o) => o.node);
  const got = values(nodes, given);
  const simplified = values(lowered, given);
  for (let order = 0; order < orders; order++) {
    const first = order * (1 + xs.length);
    for (const [i, name] of names.entries()) {
      const wanted = numericGradient(
        (x) => values([nodes[first]!], { ...given, [name]: x })[0]![0]!,
        given[name]!,
      );
      for (const [entry, want] of wanted.entries()) {
        const g = got[first + 1 + i]![entry]!;
        const where = `order ${order + 1}, operand ${i}, entry ${entry}`;
        if (!(Math.abs(g - want) <= TOLERANCE[order]! * (1 + Math.abs(want)))) {
          return `${where}: ${g}, and differences say ${want}`;
        }
        const low = simplified[first + 1 + i]![entry]!;
        if (!(Math.abs(low - g) <= 1e-10 * (1 + Math.abs(g)))) {
          return `${where}: ${g}, and ${low} once lowered and simplified`;
        }
      }
    }
  }
  return null;
}

/** The first fault in the cases of an op. @throws Error where a new op has no case */
export function faultOf(name: OpName, orders = 3): string | null {
  if (name === "stop_gradient") return leakFault();
  for (const found of casesOf(name)) {
    const fault = derivativeFault(found, orders);
    if (fault !== null) return fault;
  }
  return null;
}

/**
 * `stop_gradient(sin x) · x` has the gradient sin x: differences cannot say so, since they see
 * through the cut.
 */
function leakFault(): string | null {
  const b = new Formulas();
  const x = b.input("x", 3);
  const cut = b.elementwise("stop_gradient", b.sin(x));
  const { nodes } = pass(b, [b.grad(b.sumAll(b.mul(cut, x)), x), b.sin(x)], ["differentiate"]);
  const [got, want] = values(nodes, { x: [0.5, -1, 2] });
  return got!.every((g, i) => g === want![i]) ? null : `${got!.join(", ")} in place of ${want!.join(", ")}`;
}

function casesOf(name: OpName): readonly DerivativeCase[] {
  const record = ops[name] as unknown as Op<OpName>;
  switch (record.family) {
    case "elementwise":
      return elementwiseCases(name as ElementwiseName, record);
    case "reduction":
      return reductionCases(name);
    default: {
      const found = structural[name];
      if (found === undefined) throw new Error(`\`${name}\` needs a case here`);
      const next = stream(13);
      return [{ make: found[0], shapes: found[1], draw: () => 2 * next() - 1 }];
    }
  }
}

function elementwiseCases(name: ElementwiseName, { sample }: Op<OpName>): readonly DerivativeCase[] {
  const next = stream(7);
  const draw = (operand: number): number => {
    const [low, high] = sample!.domain[operand]!;
    for (;;) {
      const x = low + (high - low) * next();
      if (!(sample!.kinks ?? []).some((kink) => Math.abs(x - kink) < 0.05)) return x;
    }
  };
  const shapes = sample!.domain.map(() => [5]);
  const plain: DerivativeCase = { make: (b, xs) => b.elementwise(name, ...xs), shapes, draw };
  switch (name) {
    case "where":
      return [{ make: (b, [c, x, z]) => b.where(b.gt(c!, 0.5), b.mul(x!, x!), b.sin(z!)), shapes, draw }];
    case "pow":
      // A constant exponent has a rule of its own.
      return [
        plain,
        ...[3, -1.5, 0.5].map((p): DerivativeCase => ({
          make: (b, [x]) => b.pow(x!, p),
          shapes: [[5]],
          draw,
        })),
      ];
    case "div":
      return [plain, { make: (b, [x, z]) => b.div(x!, b.add(1, b.mul(z!, z!))), shapes, draw }];
    default:
      return [plain];
  }
}

function reductionCases(name: OpName): readonly DerivativeCase[] {
  const next = stream(11);
  const draw = (): number => 4 * next() - 2;
  if (name === "softmax") {
    return [
      { make: (b, [x]) => b.softmax(x!, 0), shapes: [[3, 2]], draw },
      { make: (b, [x]) => b.softmax(x!, 1), shapes: [[3, 4]], draw },
    ];
  }
  return [[1], [0, 2], [0, 1, 2]].map((axes) => ({
    make: (b, [x]) => b.reduce(name as ReductionName, x!, axes),
    shapes: [[2, 3, 2]],
    draw,
  }));
}

const slice = (start: number, step: number) => ({ start, fromEnd: false, step });

/** Products, movement and indices. A sine around what is linear gives it higher derivatives. */
const structural: Readonly<
  Partial<Record<OpName, readonly [DerivativeCase["make"], readonly (readonly number[])[]]>>
> = {
  matmul: [
    (b, [x, y]) => b.matmul(x!, y!),
    [
      [2, 3, 4],
      [2, 4, 2],
    ],
  ],
  reshape: [(b, [x]) => b.sin(b.reshape(x!, shapeOf(3, 2))), [[2, 3]]],
  permute: [(b, [x]) => b.sin(b.permute(x!, [2, 0, 1])), [[2, 3, 4]]],
  broadcast: [(b, [x]) => b.sin(b.broadcast(x!, shapeOf(2, 3, 4))), [[3, 1]]],
  slice: [(b, [x]) => b.sin(b.slice(x!, [slice(4, -2), slice(1, 1)], shapeOf(3, 1))), [[5, 2]]],
  embed: [(b, [x]) => b.sin(b.embed(x!, [slice(1, 2)], shapeOf(6))), [[2]]],
  concat: [
    (b, [x, y]) => b.sin(b.concat([x!, y!, x!], 1)),
    [
      [2, 1],
      [2, 3],
    ],
  ],
  windows: [(b, [x]) => b.sin(b.windows(x!, { axis: 0, size: 3, stride: 1, dilation: 2 })), [[8, 2]]],
  fold: [(b, [x]) => b.sin(b.fold(x!, { axis: 0, length: 8, stride: 1, dilation: 2 })), [[4, 2, 3]]],
  gather: [
    (b, [x]) =>
      b.sin(b.gather(x!, b.graph.make("table", [], { values: [2, 0], shape: shapeOf(2), type: "int" }))),
    [[2, 3]],
  ],
  cumsum: [(b, [x]) => b.sin(b.cumsum(x!, 0)), [[4, 2]]],
  cumprod: [(b, [x]) => b.sin(b.cumprod(x!, 1)), [[2, 4]]],
  recur: [
    (b, [a, x]) => b.sin(b.recur(a!, x!, 1)),
    [
      [2, 4],
      [2, 4],
    ],
  ],
  // A row that is taken twice, one that is not, and a batch of tables.
  take: [
    (b, [x]) =>
      b.concat(
        [
          b.sin(b.take(x!, ints(b, [2, 0, 2, 7], 4))),
          b.cos(b.reshape(b.take(x!, ints(b, [1, 0, 1, 1, 0, 0], 3, 2), 1), shapeOf(3, 2))),
        ],
        0,
      ),
    [[3, 2]],
  ],
  scatter: [
    (b, [x]) =>
      b.concat(
        [
          b.sin(b.scatter(x!, ints(b, [2, 0, 2], 3), fixed(4))),
          b.cos(b.scatter(x!, ints(b, [1, 0, 1, 1, 5, 0], 3, 2), fixed(2), 1)),
        ],
        0,
      ),
    [[3, 2]],
  ],
};
