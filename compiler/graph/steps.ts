/**
 * What has to be computed for some roots, in order, with the body of each loop inside of it: what
 * everybody walks who computes or writes formulas one after another.
 */
import { CompilerFault } from "../fault.ts";
import type { Loop } from "../ir/loop.ts";
import type { Node, NodeOf } from "../ir/node.ts";
import { loopsAround, partsOf, type Carries } from "../ir/loops.ts";
import { reachable } from "./graph.ts";

export interface NodeStep {
  readonly kind: "node";
  readonly node: Node;
}

export interface LoopStep extends Carries {
  readonly kind: "loop";
  readonly loop: Loop;
  /** What it leaves. */
  readonly scans: readonly NodeOf<"scan">[];
  /** What is computed at each place. */
  readonly body: readonly Step[];
}

export type Step = NodeStep | LoopStep;

/** A loop while its steps are put in order. */
interface Open {
  readonly loop: Loop;
  readonly scans: NodeOf<"scan">[];
  /** The innermost loop that it runs inside of. */
  parent: Open | null;
  depth: number;
  readonly members: Unit[];
}

/** What is done at once, seen from one level of the nest: a node, or a loop in it. */
type Unit = Node | Open;

/**
 * The steps to `roots`, operands before users; without loops, nodes in the graph's order.
 * @param running numbers of loops inside of which all this is computed, at one place of each
 * @throws CompilerFault where a loop would have to wait for itself
 */
export function stepsTo(roots: readonly Node[], running: ReadonlySet<number> = new Set()): readonly Step[] {
  const nodes = reachable(roots);
  const loops = openLoops(nodes, running);
  if (loops.size === 0) return nodes.map(nodeStep);
  const inside = (node: Node): Open | null => innermost(node, loops, running);
  const top: Unit[] = [];
  const homes = new Map<Node, Open | null>();
  for (const node of nodes) {
    const home = inside(node);
    homes.set(node, home);
    if (node.op !== "scan") (home?.members ?? top).push(node);
  }
  for (const open of loops.values()) (open.parent?.members ?? top).push(open);

  const waits = new Map<Unit, Set<Unit>>();
  const wait = (user: Unit, homeOfUser: Open | null, needed: Node): void => {
    // Seen from the level where what is needed is: a loop around the user is what waits.
    const home = homes.get(needed)!;
    let [at, level] = [user, homeOfUser];
    while (level !== home) {
      if (level === null) throw new CompilerFault(`node ${needed.id} is read outside of its loop`);
      [at, level] = [level, level.parent];
    }
    const unit: Unit = needed.op === "scan" ? loops.get(needed.attributes.loop.id)! : needed;
    if (unit === at) return;
    const known = waits.get(at) ?? new Set();
    waits.set(at, known.add(unit));
  };
  for (const node of nodes) {
    if (node.op !== "scan") for (const operand of node.operands) wait(node, homes.get(node)!, operand);
    else {
      const open = loops.get(node.attributes.loop.id)!;
      const { value, first, next } = partsOf(node);
      for (const operand of first) wait(open, open.parent, operand);
      // Seen from inside, where the result is needed by nobody: so the loop waits for what is outside.
      for (const operand of [value, ...next])
        if (homes.get(operand) !== open) wait(open, open.parent, operand);
    }
  }
  return ordered(top, waits);
}

const nodeStep = (node: Node): NodeStep => ({ kind: "node", node });

/** The loops that nodes leave something of, by number, each with the one around it. */
function openLoops(nodes: readonly Node[], running: ReadonlySet<number>): ReadonlyMap<number, Open> {
  const loops = new Map<number, Open>();
  for (const node of nodes) {
    if (node.op !== "scan") continue;
    const { loop } = node.attributes;
    const open = loops.get(loop.id) ?? { loop, scans: [], parent: null, depth: 0, members: [] };
    open.scans.push(node);
    loops.set(loop.id, open);
  }
  const settled = new Set<Open>();
  const settle = (open: Open): void => {
    if (settled.has(open)) return;
    settled.add(open);
    for (const scan of open.scans) {
      for (const id of loopsAround(scan).keys()) {
        if (running.has(id)) continue;
        const outer = loops.get(id);
        if (outer === undefined) throw new CompilerFault(`loop ${id} is never run`);
        settle(outer);
        if (open.parent === null || outer.depth > open.parent.depth) open.parent = outer;
      }
    }
    open.depth = open.parent === null ? 0 : open.parent.depth + 1;
  };
  for (const open of loops.values()) settle(open);
  return loops;
}

function innermost(node: Node, loops: ReadonlyMap<number, Open>, running: ReadonlySet<number>): Open | null {
  let deepest: Open | null = null;
  for (const id of loopsAround(node).keys()) {
    if (running.has(id)) continue;
    const open = loops.get(id);
    if (open === undefined)
      throw new CompilerFault(`node ${node.id} is inside of loop ${id}, which is never run`);
    if (deepest === null || open.depth > deepest.depth) deepest = open;
  }
  return deepest;
}

/** Of two that may come first, the one whose last node was made first: the graph's order. */
const placeOf = (unit: Unit): number =>
  "op" in unit ? unit.id : Math.max(...unit.scans.map(({ id }) => id));

function ordered(units: readonly Unit[], waits: ReadonlyMap<Unit, ReadonlySet<Unit>>): Step[] {
  const steps: Step[] = [];
  const state = new Map<Unit, "open" | "done">();
  for (const first of units.toSorted((a, b) => placeOf(a) - placeOf(b))) {
    const stack: Unit[] = [first];
    for (let unit = stack.at(-1); unit !== undefined; unit = stack.at(-1)) {
      if (state.get(unit) === "done") {
        stack.pop();
        continue;
      }
      const missing = [...(waits.get(unit) ?? [])].filter((other) => state.get(other) !== "done");
      if (missing.some((other) => state.get(other) === "open"))
        throw new CompilerFault("a loop waits for itself");
      if (missing.length === 0) {
        stack.pop();
        state.set(unit, "done");
        steps.push(stepOf(unit, waits));
        continue;
      }
      state.set(unit, "open");
      stack.push(...missing.toSorted((a, b) => placeOf(b) - placeOf(a)));
    }
  }
  return steps;
}

function stepOf(unit: Unit, waits: ReadonlyMap<Unit, ReadonlySet<Unit>>): Step {
  if ("op" in unit) return nodeStep(unit);
  const { loop, scans, members } = unit;
  const { first, next } = partsOf(scans[0]!);
  return { kind: "loop", loop, scans, first, next, body: ordered(members, waits) };
}

/** Every node of the steps, those inside of loops too. */
export function* nodesOf(steps: readonly Step[]): Iterable<Node> {
  for (const step of steps) {
    if (step.kind === "node") yield step.node;
    else {
      yield* nodesOf(step.body);
      yield* step.scans;
    }
  }
}

/** The places of a loop, in the order in which it comes to them. */
export function placesOf({ length, reverse }: Loop): readonly number[] {
  const places = Array.from({ length }, (_, place) => place);
  return reverse ? places.toReversed() : places;
}
