/** PyTorch's expression for each op. */
import type { BinaryAttributes, Node, NodeOf, OpName } from "../ir/node.ts";
import { reachable } from "../graph/graph.ts";
import { isInside, loopsAround } from "../ir/loops.ts";
import { countOf, sameShape } from "../ir/size.ts";
import {
  atom,
  axesText,
  constantTensor,
  type Expression,
  indexText,
  level,
  type Level,
  ownLiteral,
  shapeText,
  sizesText,
  sizeText,
} from "./python.ts";
import { Lacking } from "./question.ts";
import { broughtBack } from "./torch-loops.ts";
import type { Operands } from "./torch-operands.ts";

type Rule<K extends OpName> = (node: NodeOf<K>, operands: Operands) => Expression;
/** A rule for whatever op. */
type AnyRule = (node: { readonly operands: readonly Node[] }, operands: Operands) => Expression;

const infix =
  (sign: string, own: Level, left: Level, right: Level): Rule<keyof BinaryAttributes> =>
  (given, operands) => {
    // A node of one of some ops is a node; the type of all of them does not say so.
    const node = given as Node;
    const asFloat = node.type === "float" || sign === "/" || sign === "**";
    const [a, b] = operands.ofElements(node, [left, right], asFloat);
    return { text: `${a} ${sign} ${b}`, level: own };
  };
const additive = (sign: string) => infix(sign, level.sum, level.sum, level.product);
const multiplicative = (sign: string) => infix(sign, level.product, level.product, level.sign);
const comparison = (sign: string) => infix(sign, level.comparison, level.bitwise, level.bitwise);
const logical = (sign: string) => infix(sign, level.bitwise, level.sum, level.sum);
const sign =
  (text: string): AnyRule =>
  ({ operands: [x] }, operands) => ({ text: `${text}${operands.tensor(x!, level.sign)}`, level: level.sign });
const call =
  (name: string): AnyRule =>
  (given, operands) => {
    // As above.
    const node = given as Node;
    return atom(`${name}(${operands.ofElements(node, [], node.type === "float").join(", ")})`);
  };
/** A method of the operand as it is. */
const ofTensor =
  (text: string): AnyRule =>
  ({ operands: [x] }, operands) =>
    atom(`${operands.tensor(x!, level.atom)}.${text}`);
/** A method of the operand as floats. */
const method = (x: Node, text: string, operands: Operands): Expression =>
  atom(`${operands.float(x, level.atom)}.${text}`);
const reduction =
  (name: string): Rule<"sum" | "logsumexp" | "reduce_max" | "reduce_min"> =>
  ({ type, operands: [x], attributes: { axes } }, operands) => {
    const text = `${name}(dim=${axesText(axes)}, keepdim=True)`;
    return atom(
      `${type === "int" ? operands.tensor(x!, level.atom) : operands.float(x!, level.atom)}.${text}`,
    );
  };
/**
 * max and min take tensors alone; against a number they are a clamp, whose gradient at the number
 * differs, so the number is stretched.
 */
const extreme =
  (name: string): AnyRule =>
  (given, operands) => {
    // As above.
    const node = given as Node;
    const isInt = node.type === "int";
    const texts = node.operands.map((x) => {
      if (x.op === "constant")
        return `torch.tensor(${ownLiteral(x.attributes.value, isInt ? "int" : "float")})`;
      return isInt ? operands.tensor(x) : operands.float(x);
    });
    return atom(`torch.${name}(${texts.join(", ")})`);
  };
/** atan2 takes tensors alone. */
const angle: AnyRule = ({ operands: [y, x] }, operands) =>
  atom(`torch.atan2(${operands.float(y!)}, ${operands.float(x!)})`);
/** @throws Lacking */
const absent: Rule<"input" | "parameter" | "state" | "hyper" | "step"> = ({ op }) => {
  throw new Lacking(`\`${op}\` in a loss`);
};

/** These are written with their loop. */
function written({ op }: { readonly op: "scan" | "pick" | "carried" }): never {
  throw new RangeError(`\`${op}\` is written outside of its loop`);
}

export const expressions: { readonly [K in OpName]: Rule<K> } = {
  neg: sign("-"),
  not: sign("~"),
  exp: call("torch.exp"),
  expm1: call("torch.expm1"),
  log: call("torch.log"),
  log1p: call("torch.log1p"),
  sqrt: call("torch.sqrt"),
  reciprocal: call("torch.reciprocal"),
  abs: call("torch.abs"),
  sign: call("torch.sign"),
  sin: call("torch.sin"),
  cos: call("torch.cos"),
  asin: call("torch.asin"),
  acos: call("torch.acos"),
  atan: call("torch.atan"),
  sinh: call("torch.sinh"),
  cosh: call("torch.cosh"),
  tanh: call("torch.tanh"),
  asinh: call("torch.asinh"),
  acosh: call("torch.acosh"),
  sigmoid: call("torch.sigmoid"),
  // Its default leaves the curve at 20, which is 2e-9 off.
  softplus: ({ operands: [x] }, operands) => atom(`F.softplus(${operands.float(x!)}, threshold=40)`),
  relu: call("torch.relu"),
  erf: call("torch.erf"),
  erfinv: call("torch.erfinv"),
  lgamma: call("torch.lgamma"),
  floor: call("torch.floor"),
  round: call("torch.round"),
  cast: ofTensor("double()"),
  stop_gradient: ofTensor("detach()"),
  add: additive("+"),
  couple: additive("+"),
  sub: additive("-"),
  mul: multiplicative("*"),
  div: multiplicative("/"),
  pow: infix("**", level.power, level.atom, level.atom),
  atan2: angle,
  max: extreme("maximum"),
  min: extreme("minimum"),
  lt: comparison("<"),
  le: comparison("<="),
  gt: comparison(">"),
  ge: comparison(">="),
  eq: comparison("=="),
  ne: comparison("!="),
  and: logical("&"),
  or: logical("|"),
  where: call("torch.where"),

  sum: reduction("sum"),
  logsumexp: reduction("logsumexp"),
  reduce_max: reduction("amax"),
  reduce_min: reduction("amin"),
  // One axis a call; with the axes kept, their numbers stay.
  prod: ({ operands: [x], attributes: { axes } }, operands) =>
    method(x!, axes.map((axis) => `prod(dim=${axis}, keepdim=True)`).join("."), operands),
  argmax: ({ operands: [x], attributes: { axes } }, operands) =>
    method(x!, `argmax(dim=${axes[0]}, keepdim=True)`, operands),
  softmax: ({ operands: [x], attributes: { axis } }, operands) =>
    method(x!, `softmax(dim=${axis})`, operands),
  matmul: ({ operands: [a, b] }, operands) => ({
    text: `${operands.float(a!, level.product)} @ ${operands.float(b!, level.sign)}`,
    level: level.product,
  }),

  reshape,
  permute: (node, operands) => {
    const { axes } = node.attributes;
    const list = operands.stacks.get(node.operands[0]!);
    const back = list === undefined ? null : broughtBack(axes);
    if (back !== null) return atom(`torch.stack(${list}, dim=${back})`);
    return ofTensor(axes.length === 2 ? "T" : `permute(${axes.join(", ")})`)(node, operands);
  },
  broadcast: (node, operands) => ofTensor(`expand(${sizesText(node.shape)})`)(node, operands),
  slice: (node, operands) => {
    const { index, flips } = indexText(node, node.shape);
    const x = `${operands.tensor(node.operands[0]!, level.atom)}[${index}]`;
    return atom(flips.length === 0 ? x : `${x}.flip(${flips.join(", ")})`);
  },
  embed: (node, operands) => {
    const x = node.operands[0]!;
    const { index, flips } = indexText(node, x.shape);
    const turned =
      flips.length === 0 ? operands.float(x) : `${operands.float(x, level.atom)}.flip(${flips.join(", ")})`;
    return atom(`embed(${turned}, ${shapeText(node.shape)}, np.s_[${index}])`);
  },
  concat: (node, operands) => {
    const parts = node.operands.map((x) => (node.type === "float" ? operands.float(x) : operands.tensor(x)));
    return atom(`torch.cat([${parts.join(", ")}], dim=${node.attributes.axis})`);
  },
  windows: ({ operands: [x], attributes: { axis, size, stride, dilation } }, operands) => {
    const span = dilation * (size - 1) + 1;
    const runs = `${operands.tensor(x!, level.atom)}.unfold(${axis}, ${span}, ${stride})`;
    return atom(dilation === 1 || size === 1 ? runs : `${runs}[..., ::${dilation}]`);
  },
  fold: ({ operands: [w], attributes: { axis, length, stride, dilation } }, operands) =>
    atom(`fold(${operands.float(w!)}, ${axis}, ${length}, ${stride}, ${dilation})`),
  one_hot: ({ operands: [y], attributes: { classes } }, operands) =>
    atom(`F.one_hot(${operands.tensor(y!)}, ${classes}).bool()`),
  gather: ({ operands: [x, y] }, operands) => {
    const labels = `${operands.tensor(y!, level.atom)}.unsqueeze(-1)`;
    return atom(`${operands.tensor(x!, level.atom)}.gather(-1, ${labels}).squeeze(-1)`);
  },
  cumsum: ({ operands: [x], attributes: { axis } }, operands) =>
    atom(`${operands.tensor(x!, level.atom)}.cumsum(${axis})`),
  cumprod: ({ operands: [x], attributes: { axis } }, operands) =>
    atom(`${operands.tensor(x!, level.atom)}.cumprod(${axis})`),
  recur: ({ operands: [a, x], attributes: { axis } }, operands) =>
    atom(`recurrence(${operands.float(a!)}, ${operands.float(x!)}, ${axis})`),
  // The places of a permutation are what sorts it.
  rank: ({ operands: [x], attributes: { descending } }, operands) =>
    atom(
      `torch.sort(${operands.tensor(x!)}, dim=-1, descending=${descending ? "True" : "False"}, stable=True)[1].argsort(-1)`,
    ),
  take: ({ operands: [x, y], attributes: { batch } }, operands) => {
    const table = operands.tensor(x!, level.atom);
    const ids = operands.tensor(y!, level.any);
    return atom(batch === 0 ? `${table}[${ids}]` : `take_rows(${table}, ${ids}, ${batch})`);
  },
  scatter: ({ operands: [x, y], attributes: { batch, count } }, operands) =>
    atom(`add_rows(${operands.float(x!)}, ${operands.tensor(y!)}, ${sizeText(count)}, ${batch})`),
  grad: (node, operands) => {
    const [scalar, x] = node.operands as readonly [Node, Node];
    // Autograd would go on through what is carried to the places before.
    for (const loop of loopsAround(scalar).values()) {
      const isApart = !isInside(x, loop);
      const readsCarried = reachable([scalar]).some(
        (part) => part.op === "carried" && part.attributes.loop.id === loop.id,
      );
      if (isApart && readsCarried)
        throw new Lacking("a derivative in the body of a `scan` by what is outside of it");
    }
    return atom(`gradient(${operands.float(scalar)}, ${operands.at(x, level.any)})`);
  },

  constant: (node) => atom(constantTensor(node)),
  table: ({ attributes: { values, type, shape } }) => {
    const numbers = `torch.tensor([${values.map((v) => ownLiteral(v, type)).join(", ")}])`;
    return atom(shape.length === 1 ? numbers : `${numbers}.reshape${shapeText(shape)}`);
  },
  extent: ({ attributes: { size } }) => ({
    text: sizeText(size),
    level: countOf(size) === 1 ? level.atom : level.product,
  }),
  iota: ({ attributes: { axis, shape } }) => {
    const line = `torch.arange(${sizeText(shape[axis]!)})`;
    if (shape.length === 1) return atom(line);
    const ones = shape.map((_, i) => (i === axis ? "-1" : "1")).join(", ");
    return atom(`${line}.reshape(${ones}).expand(${sizesText(shape)})`);
  },
  random: (node, { randoms }) => {
    randoms.push(node);
    return atom(`given["random.${randoms.length - 1}"]`);
  },
  scan: written,
  pick: written,
  carried: written,
  input: absent,
  parameter: absent,
  state: absent,
  hyper: absent,
  step: absent,
};

/** Axes that a reduction kept only to be dropped are not kept. */
function reshape(node: NodeOf<"reshape">, operands: Operands): Expression {
  const x = node.operands[0]!;
  const text = operands.tensor(x, level.atom);
  const axes = "axes" in x.attributes ? x.attributes.axes : [];
  const dropped = x.shape.filter((_, axis) => !axes.some((a) => a === axis));
  const isKept = isReduction(x) && operands.written.get(x)!.text.endsWith(", keepdim=True)");
  if (isKept && sameShape(dropped, node.shape)) {
    const all = x.shape.length === axes.length && x.op === "sum";
    return atom(
      all ? text.replace(/dim=[^=]*, keepdim=True\)$/, ")") : text.replace(/, keepdim=True\)$/, ")"),
    );
  }
  if (node.shape.length === 0) return atom(`${text}.squeeze()`);
  return atom(`${text}.reshape(${sizesText(node.shape)})`);
}

export const isReduction = ({ op }: Node): boolean =>
  op === "sum" || op === "logsumexp" || op === "reduce_max" || op === "reduce_min" || op === "argmax";
