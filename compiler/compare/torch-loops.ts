/** A loop as PyTorch that a person would write: a `for` over entries, and lists of results. */
import type { LoopStep } from "../graph/steps.ts";
import type { Node } from "../ir/node.ts";
import { atom, level } from "./python.ts";
import type { Operands } from "./torch-operands.ts";

/** Where a loop is written. */
export interface LoopPlace {
  readonly operands: Operands;
  /** What is computed in the body. */
  readonly nodes: readonly Node[];
  /** A name that nothing else has. */
  readonly fresh: (name: string) => string;
  /** Gives a name to a node that has none of its own and needs one. */
  readonly hint: (node: Node, name: string) => void;
  readonly line: (text: string) => void;
  /** Writes what `work` writes one level deeper. */
  readonly inside: (work: () => void) => void;
  /** Writes the formulas of the body. */
  readonly body: () => void;
}

/** Writes a loop; its `scan` nodes are then written as `torch.stack(…)`. */
export function writeLoop(step: LoopStep, place: LoopPlace): void {
  const { loop, first, next } = step;
  const { operands, nodes, fresh, hint, line } = place;
  const own = nodes.flatMap((node) =>
    (node.op === "carried" || node.op === "pick") && node.attributes.loop.id === loop.id ? [node] : [],
  );
  const variables: string[] = [];

  const states = first.map((start, index) => {
    const node = own.find((x) => x.op === "carried" && x.attributes.index === index);
    const plain = node?.origin.name ?? "state";
    const name = fresh(plain);
    hint(next[index]!, `next_${plain}`);
    if (node === undefined) return name;
    line(`${name} = ${operands.tensor(start)}`);
    operands.written.set(node, atom(name));
    // Met as itself, and not as what it was before.
    if (operands.variables.has(node)) variables.push(`${name} = variable(${name}.view_as(${name}))`);
    return name;
  });

  const entries: string[] = [];
  const picks = own.flatMap((node) => {
    if (node.op !== "pick") return [];
    const name = fresh(`${node.origin.name ?? "x"}_t`);
    operands.written.set(node, atom(name));
    if (operands.variables.has(node)) variables.push(`${name} = variable(${name})`);
    const parts = unbound(node.operands[0]!, operands);
    entries.push(loop.reverse ? `reversed(${parts})` : parts);
    return [name];
  });
  const lists = step.scans.map(({ operands: [value] }) => {
    const index = next.indexOf(value!);
    const node = own.find((x) => x.op === "carried" && x.attributes.index === index);
    const list = fresh(`${node?.origin.name ?? value!.origin.name ?? "value"}s`);
    line(`${list} = []`);
    return { list, value: value!, index };
  });

  const all = entries.length === 1 ? entries[0]! : `zip(${entries.join(", ")})`;
  line(picks.length === 0 ? `for _ in range(${loop.length}):` : `for ${picks.join(", ")} in ${all}:`);
  place.inside(() => {
    for (const text of variables) line(text);
    place.body();
    for (const { list, value, index } of lists)
      if (index === -1) line(`${list}.append(${operands.tensor(value)})`);
    const values = next.map((node) => operands.tensor(node));
    line(`${states.join(", ")} = ${values.join(", ")}`);
    for (const { list, index } of lists) if (index !== -1) line(`${list}.append(${states[index]!})`);
  });
  step.scans.forEach((scan, i) => {
    const list = lists[i]!.list + (loop.reverse ? "[::-1]" : "");
    operands.stacks.set(scan, list);
    operands.written.set(scan, atom(`torch.stack(${list})`));
  });
}

/** The entries of the first axis; of one that was only brought there, the entries where it was. */
function unbound(x: Node, operands: Operands): string {
  const { of, axis } = entriesOf(x);
  return `${operands.tensor(of, level.atom)}.unbind(${axis === 0 ? "" : axis})`;
}

/** Of what, and along which axis, the entries of x along its first axis are written. */
export function entriesOf(x: Node): { readonly of: Node; readonly axis: number } {
  const axis = x.op === "permute" ? broughtToFront(x.attributes.axes) : null;
  return axis === null ? { of: x, axis: 0 } : { of: x.operands[0]!, axis };
}

/** The axis that comes first while the others keep their order; null where it is not so. */
function broughtToFront([front, ...rest]: readonly number[]): number | null {
  return front !== undefined && rest.every((axis, i) => axis === i + Number(i >= front)) ? front : null;
}

/** Where the first axis goes while the others keep their order; null where it is not so. */
export function broughtBack(axes: readonly number[]): number | null {
  const at = axes.indexOf(0);
  return axes.toSpliced(at, 1).every((axis, i) => axis === i + 1) ? at : null;
}
