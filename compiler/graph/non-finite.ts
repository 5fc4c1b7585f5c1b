/** Where a value that is not finite comes from: the first node on the way to it that made one. */
import type { Environment, Op, Values } from "../ops/op.ts";
import { isElementwise } from "../ops/elementwise.ts";
import { ops } from "../ops/table.ts";
import { Graph, reachable } from "./graph.ts";
import { type Unrolled, unroll } from "./unroll.ts";
import type { Node, OpName } from "../ir/node.ts";

/** A node whose value is not finite, though all that it is computed from is. */
export interface Culprit {
  readonly node: Node;
  /** One of its entries that are not finite: its place along each axis. */
  readonly entry: readonly number[];
  readonly value: number;
  /** Of the loops around the node, outermost first, the places at which it was computed then. */
  readonly places: readonly number[];
  /** For an elementwise op the operands' entries there. */
  readonly operands: readonly number[] | null;
}

/** What a node's value has to do with the one that is asked about. */
interface Suspect {
  /** An entry that is not finite. */
  readonly index: number;
  /** Operands that are not finite either, where they were read. */
  readonly blamed: readonly Node[];
  /** Whether it may be infinite on purpose: what a formula chose was a constant. */
  readonly meant: boolean;
}

/**
 * Computes `root` and looks for the first node, in order of computation, that made it something
 * that is not finite. What formulas hide (the other side of a `where`) is passed over. A source can
 * be the culprit: an input or a parameter that holds such a value.
 * @param round to the module's format: in f32 values overflow that in f64 do not
 * @returns null where the root is finite
 */
export function firstNonFinite(
  asked: Node,
  environment: Environment,
  round: (value: number) => number,
): Culprit | null {
  // Each place of a loop has values of its own.
  const hasLoops = reachable([asked]).some(({ op }) => op === "scan");
  const { roots, sources }: Unrolled = hasLoops
    ? unroll(new Graph(Infinity), [asked])
    : { roots: [asked], sources: new Map() };
  const culprit = culpritOf(roots[0]!, environment, round);
  const source = culprit && sources.get(culprit.node);
  if (!culprit || !source) return culprit && { ...culprit, places: [] };
  return { ...culprit, node: source.node, places: source.places.map(({ place }) => place) };
}

function culpritOf(
  root: Node,
  environment: Environment,
  round: (value: number) => number,
): Omit<Culprit, "places"> | null {
  const order = reachable([root]);
  const values = new Map<Node, Values>();
  for (const node of order) {
    const operands = node.operands.map((operand) => values.get(operand)!);
    // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
    const record = ops[node.op] as unknown as Op<OpName>;
    const { shape, data } = record.evaluate(operands, node as never, environment);
    values.set(node, { shape, data: data.map(round) });
  }
  const entryOf = (node: Node): number => worstEntry(values.get(node)!.data);
  if (entryOf(root) < 0) return null;

  // From the root down: what is to be asked about, and who is to blame for it.
  const suspects = new Map<Node, Suspect>();
  const asked = new Map([[root, entryOf(root)]]);
  for (const node of order.toReversed()) {
    const index = asked.get(node);
    if (index === undefined) continue;
    const read = readAt(node, index, values);
    const bad = read.filter(
      ({ operand, at }) => (at === null ? entryOf(operand) : badAt(values.get(operand)!, at)) >= 0,
    );
    const blamed = bad.filter(({ operand }) => !isConstant(operand));
    for (const { operand, at } of blamed) asked.set(operand, at ?? entryOf(operand));
    const meant = bad.length > blamed.length && chooses(node);
    suspects.set(node, { index, blamed: blamed.map(({ operand }) => operand), meant });
  }

  // And up again: the first that nobody below can be blamed for.
  const culprits = new Map<Node, Node | null>();
  for (const node of order) {
    const suspect = suspects.get(node);
    if (suspect === undefined) continue;
    const below = suspect.blamed.flatMap((operand) => culprits.get(operand) ?? []);
    const first = below.reduce<Node | null>((a, b) => (a === null || b.id < a.id ? b : a), null);
    culprits.set(node, first ?? (suspect.meant ? null : node));
  }
  const node = culprits.get(root) ?? root;
  const { index } = suspects.get(node)!;
  const { shape, data } = values.get(node)!;
  const operands = isElementwise(node) ? node.operands.map((o) => values.get(o)!.data[index]!) : null;
  return { node, entry: placeOf(index, shape), value: data[index]!, operands };
}

/** NaN before ∞ before -∞, which masks are made with; -1 where all are finite. */
function worstEntry(data: Float64Array): number {
  let infinite = -1;
  let masked = -1;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (Number.isNaN(value)) return i;
    if (value === Infinity && infinite < 0) infinite = i;
    if (value === -Infinity && masked < 0) masked = i;
  }
  return infinite < 0 ? masked : infinite;
}

const badAt = ({ data }: Values, index: number): number => (Number.isFinite(data[index]) ? -1 : index);

const isConstant = ({ op }: Node): boolean => op === "constant" || op === "table";

/** Whether its result is one of its operands' entries. */
const chooses = ({ op }: Node): boolean =>
  op === "where" || op === "max" || op === "min" || ops[op].family === "movement";

/** The operands that an entry is computed from; `at` is null where it may be any of theirs. */
function readAt(
  node: Node,
  index: number,
  values: ReadonlyMap<Node, Values>,
): readonly { readonly operand: Node; readonly at: number | null }[] {
  const at = isElementwise(node) ? index : null;
  if (node.op !== "where") return node.operands.map((operand) => ({ operand, at }));
  const [condition, then, otherwise] = node.operands;
  const chosen = values.get(condition!)!.data[index] === 0 ? otherwise! : then!;
  return [{ operand: chosen, at }];
}

function placeOf(index: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  let rest = index;
  for (const size of shape.toReversed()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return place;
}
