/** The entry of a tensor at a place of a loop, as it is written: xₜ, and of x > 0 it is xₜ > 0. */
import type { Node } from "../ir/node.ts";
import { isOne, sameSize } from "../ir/size.ts";
import { ops } from "../ops/table.ts";
import type { Formula, Symbol } from "./formula.ts";

export interface EntryReader {
  readonly read: (node: Node, operands: readonly Formula[]) => Formula;
  readonly formulaOf: (node: Node) => Formula;
  /** The entry of what has a name. */
  readonly placed: (node: Node, whole: Symbol) => Formula;
}

/** Entry `letter` of `node` along an axis. What has no name is read down to what has. */
export function entryAt(node: Node, axis: number, letter: string, reader: EntryReader): Formula {
  const whole = reader.formulaOf(node);
  if (whole.kind === "number" || whole.kind === "truth") return whole;
  const named = whole.kind === "transpose" ? whole.of : whole;
  if (named.kind === "symbol" && /^[^@[]+(@[a-z]+)?$/.test(named.name)) return reader.placed(node, named);
  const inner = (operand: Node, at: number): Formula => entryAt(operand, at, letter, reader);
  const [of] = node.operands;
  if (node.op === "permute") return inner(of!, node.attributes.axes[axis]!);
  if (node.op === "broadcast" || ops[node.op].family === "elementwise") {
    const operands = node.operands.map((operand) => {
      // Axes are counted from the last: it may have fewer.
      const at = axis - (node.shape.length - operand.shape.length);
      return at < 0 || isOne(operand.shape[at]!) ? reader.formulaOf(operand) : inner(operand, at);
    });
    return reader.read(node, operands);
  }
  if (node.op === "reshape") {
    const at = axisBefore(node, axis);
    if (at !== null) return inner(of!, at);
  }
  return { kind: "entry", of: whole, at: [...Array<string>(axis).fill(":"), letter].join(", ") };
}

/** Which axis it was before a reshape that adds or takes away only axes of size 1. */
function axisBefore(node: Node, axis: number): number | null {
  const before = node.operands[0]!.shape;
  const long = (shape: Node["shape"]): number[] => shape.flatMap((size, i) => (isOne(size) ? [] : [i]));
  const [from, to] = [long(before), long(node.shape)];
  const same = from.length === to.length && from.every((i, k) => sameSize(before[i]!, node.shape[to[k]!]!));
  return same ? (from[to.indexOf(axis)] ?? null) : null;
}
