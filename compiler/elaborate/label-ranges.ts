/**
 * What values an `int` input may have. Where a label picks one of K entries it must be 0 … K - 1, as
 * the value that arrives there; followed back through views and whole-number arithmetic, that says
 * what the input may be: with `gather(x, y - 1)` 1 … K.
 */
import { reachable } from "../graph/graph.ts";
import type { LabelRange } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { countOf, isFree } from "../ir/size.ts";

/** Single values beside an interval that are kept; where there are more, nothing is checked. */
const MOST_BESIDES = 8;

/** By name of input; what is not there may be any integer. */
export function labelRanges(roots: readonly Node[]): ReadonlyMap<string, LabelRange> {
  const wanted = new Map<Node, LabelRange>();
  const found = new Map<string, LabelRange>();
  const want = (node: Node, range: LabelRange): void => {
    const before = wanted.get(node);
    wanted.set(node, before === undefined ? range : common(before, range));
  };
  // Users first: all that is wanted of a node is known when its turn comes.
  for (const node of reachable(roots).toReversed()) {
    const range = wanted.get(node);
    if (range !== undefined) for (const [operand, its] of behind(node, range)) want(operand, its);
    if (range !== undefined && node.op === "input") found.set(node.attributes.name, range);
    const use = labelsIn(node);
    if (use !== null) want(use.labels, { least: 0, most: use.count - 1, besides: [] });
  }
  return found;
}

/** The operand that picks one of `count` entries. */
function labelsIn(node: Node): { readonly labels: Node; readonly count: number } | null {
  const [x, y] = node.operands;
  switch (node.op) {
    case "one_hot":
      return { labels: x!, count: node.attributes.classes };
    case "take": {
      // How many rows of the batch there will be is not known yet: there ids are not checked.
      const rows = x!.shape[node.attributes.batch]!;
      return isFree(rows) ? null : { labels: y!, count: countOf(rows) };
    }
    case "gather":
      return { labels: y!, count: countOf(x!.shape.at(-1)!) };
    default:
      return null;
  }
}

type Wanted = readonly (readonly [Node, LabelRange])[];

/** What operands must be for the value of `node` to be in `range`; none where no such range says it. */
function behind(node: Node, range: LabelRange): Wanted {
  const [a, b] = node.operands;
  switch (node.op) {
    case "reshape":
    case "permute":
    case "broadcast":
    case "slice":
    case "windows":
    case "stop_gradient":
    case "cast":
      return [[a!, range]];
    case "concat":
      return node.operands.map((x) => [x, range]);
    case "neg":
      return [[a!, negated(range)]];
    // x + c ∈ R where x ∈ R - c
    case "add":
      return beside(a!, b!, (c) => moved(range, -c));
    // x - c ∈ R where x ∈ R + c, and c - x where x ∈ c - R
    case "sub":
      return constantOf(b!) === null
        ? beside(a!, b!, (c) => moved(negated(range), c))
        : beside(a!, b!, (c) => moved(range, c));
    case "mul":
      return beside(a!, b!, (c) => (c === 0 ? null : divided(range, c)));
    case "max":
      return beside(a!, b!, (c) => raised(range, c));
    // min(x, c) = -max(-x, -c)
    case "min":
      return beside(a!, b!, (c) => {
        const opposite = raised(negated(range), -c);
        return opposite === null ? null : negated(opposite);
      });
    case "abs":
      return range.least > 0
        ? []
        : [[a!, { least: -range.most, most: range.most, besides: range.besides.flatMap((v) => [v, -v]) }]];
    case "where":
      return exchanged(node, range);
    default:
      return [];
  }
}

/** Of an op of x and a constant c, in either order, what x must be. */
function beside(a: Node, b: Node, rule: (c: number) => LabelRange | null): Wanted {
  const [x, c] = constantOf(b) === null ? [b, constantOf(a)] : [a, constantOf(b)];
  const range = c === null ? null : rule(c);
  return range === null ? [] : [[x, range]];
}

const constantOf = (x: Node): number | null => {
  const inner = x.op === "cast" ? x.operands[0]! : x;
  return inner.op === "constant" ? inner.attributes.value : null;
};

const moved = ({ least, most, besides }: LabelRange, by: number): LabelRange => ({
  least: least + by,
  most: most + by,
  besides: besides.map((value) => value + by),
});

/** The whole numbers x with c · x in the range. */
function divided({ least, most, besides }: LabelRange, c: number): LabelRange {
  const [low, high] = c > 0 ? [least, most] : [most, least];
  return {
    // Adding 0 makes 0 of -0.
    least: Math.ceil(low / c) + 0,
    most: Math.floor(high / c) + 0,
    besides: besides.map((value) => value / c + 0).filter(Number.isInteger),
  };
}

const negated = (range: LabelRange): LabelRange => divided(range, -1);

/** x with max(x, c) in the range: where c is in it, everything below is well. */
function raised(range: LabelRange, c: number): LabelRange | null {
  const besides = range.besides.filter((value) => value > c);
  if (c >= range.least && c <= range.most) return { least: -Infinity, most: range.most, besides };
  return c < range.least && !range.besides.includes(c) ? { ...range, besides } : null;
}

/** `where(x == c, other, x)`: x may be c too, where `other` is well. */
function exchanged({ operands: [condition, then, otherwise] }: Node, range: LabelRange): Wanted {
  const equal = condition!.op === "eq";
  if (!equal && condition!.op !== "ne") return [];
  const [other, x] = equal ? [then!, otherwise!] : [otherwise!, then!];
  const [left, right] = condition!.operands;
  const [compared, c] =
    constantOf(right!) === null ? [right!, constantOf(left!)] : [left!, constantOf(right!)];
  const given = constantOf(other);
  if (c === null || given === null || !includes(range, given) || uncast(compared) !== uncast(x)) return [];
  const besides = includes(range, c) || !Number.isInteger(c) ? range.besides : [...range.besides, c];
  return besides.length > MOST_BESIDES ? [] : [[x, { ...range, besides }]];
}

const uncast = (x: Node): Node => (x.op === "cast" ? x.operands[0]! : x);

const includes = ({ least, most, besides }: LabelRange, value: number): boolean =>
  (value >= least && value <= most) || besides.includes(value);

function common(a: LabelRange, b: LabelRange): LabelRange {
  const besides = [...new Set([...a.besides, ...b.besides])].filter((v) => includes(a, v) && includes(b, v));
  return { least: Math.max(a.least, b.least), most: Math.min(a.most, b.most), besides };
}
