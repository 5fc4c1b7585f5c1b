/** Rewriting by named rules, operands first, until no rule applies. */
import { DiagnosticError } from "../../grammar/diagnostic.ts";
import { Build } from "../graph/build.ts";
import { adopt, Graph, reachable, remake } from "../graph/graph.ts";
import {
  listRoots,
  mapRoots,
  type AppliedRule,
  type Formulas,
  type LayerCall,
  type Model,
  type Unkept,
} from "../graph/model.ts";
import { readersOf } from "../graph/readers.ts";
import type { Node, NodeOf, OpName } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import { inPlaceOf, unnamed, type Origin } from "../ir/origin.ts";
import { isView } from "../ops/movement.ts";

/** Where a rule is tried. */
export interface Site {
  readonly b: Build;
  /**
   * `node` where it is an `op` that a rule may look into: a tensor that some `grad` is taken by is
   * a variable, whatever its formula.
   */
  readonly as: <K extends OpName>(node: Node, op: K) => NodeOf<K> | null;
  /**
   * Whether an operand is read elsewhere too, so that it stays, and what is made of it comes on
   * top.
   */
  readonly isShared: (operand: Node) => boolean;
  /**
   * All that read an operand, as they were before this sweep; null where a root does, or where it
   * was made since.
   */
  readonly readers: (operand: Node) => readonly Node[] | null;
}

export interface Rule {
  readonly name: string;
  /** What becomes what, in mathematics. */
  readonly formula: string;
  /** The ops that the left side of the formula can be. */
  readonly at: readonly OpName[];
  /**
   * The right side, or null where the left does not match. It stays as it was where the right side
   * has no type that fits.
   */
  readonly rewrite: (site: Site, node: Node) => Node | null;
}

/**
 * Sweeps over the graph, and rules at one node, before a rewriting that should have ended is given
 * up; what it has got is right too.
 */
const MOST_SWEEPS = 50;
const MOST_AT_ONE_NODE = 50;

/**
 * The model with `rules` applied wherever they match.
 * @throws DiagnosticError `graph-too-large`
 */
export const applyRules = (model: Model, pass: string, rules: readonly Rule[]): Model =>
  withinLimit(() => rewritten(model, pass, rules));

/**
 * What `work` returns.
 * @throws DiagnosticError `graph-too-large`, where formulas that the program implies, such as
 * gradients, are too many
 */
export function withinLimit<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OpError) || error.code !== "graph-too-large") throw error;
    const help = error.help === undefined ? {} : { help: error.help };
    const notes = ["derivatives count too"];
    throw new DiagnosticError([
      { code: error.code, severity: "error", message: error.message, labels: [], notes, ...help },
    ]);
  }
}

/** What rewriting may make, left sides included, as a multiple of what the graph may hold. */
const ROOM = 8;

function rewritten(given: Model, pass: string, rules: readonly Rule[]): Model {
  const { limit } = given.graph;
  // Copied once: nodes that lead nowhere are left out where there are any, or at the end.
  const isTidy = reachable(listRoots(given)).length === given.graph.size;
  const model = isTidy
    ? { ...given, graph: given.graph.fork(ROOM * limit) }
    : transplant(given, new Map(), ROOM * limit);
  const byOp = new Map<OpName, Rule[]>();
  for (const rule of rules) for (const op of rule.at) byOp.set(op, [...(byOp.get(op) ?? []), rule]);
  const origins = new Map<Node, Origin>();
  const applied: AppliedRule[] = [];
  let formulas: Formulas = model;
  let earlier = model.applied;
  let notes: Notes = model;

  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    const ends = listRoots(formulas);
    const order = reachable(ends);
    const pinned = new Set(order.flatMap((node) => (node.op === "grad" ? [node.operands[1]!] : [])));
    const readers = readersOf(order);
    const asked = new Set(ends);
    const map = new Map<Node, Node>();
    let changed = false;
    for (const old of order) {
      const operands = old.operands.map((operand) => map.get(operand)!);
      const same = operands.every((operand, i) => operand === old.operands[i]);
      const origin = origins.get(old) ?? old.origin;
      const remade = same ? old : remake(model.graph, old, operands, origin);
      let node = remade;
      let site: Site | null = null;
      for (let count = 0; count < MOST_AT_ONE_NODE; count++) {
        const tried = byOp.get(node.op);
        if (tried === undefined) break;
        site ??= {
          b: new Build(model.graph, unnamed(origin)),
          // The comparison of `op` is what the cast states.
          as: <K extends OpName>(n: Node, op: K) =>
            n.op === op && !pinned.has(n) ? (n as unknown as NodeOf<K>) : null,
          isShared: (operand) => (readers.get(operand)?.length ?? 0) > (asked.has(operand) ? 0 : 1),
          readers(operand) {
            // What has been made anew has the readers that it had.
            const known = operand === remade && !readers.has(remade) ? old : operand;
            return asked.has(known) ? null : (readers.get(known) ?? null);
          },
        };
        const made = model.graph.size;
        const step = firstMatch(tried, site, node);
        if (step === null) break;
        // A variable stays one of its own: log e^x that became x would be every other x too.
        if (pinned.has(old) && step.result.id < made) break;
        applied.push({ pass, rule: step.rule.name, formula: step.rule.formula, node: step.result });
        node = step.result;
      }
      if (node !== old) {
        changed = true;
        if (origin.name !== undefined && node.origin.name === undefined) {
          for (const named of behindViews(node, remade)) origins.set(named, inPlaceOf(origin, named.origin));
        }
      }
      if (pinned.has(old)) pinned.add(node);
      if (node !== old) {
        if (asked.has(old)) asked.add(node);
        const others = readers.get(node)?.filter((reader) => reader !== old) ?? [];
        readers.set(node, others.concat(readers.get(old) ?? []));
      }
      map.set(old, node);
    }
    if (!changed && sweep === 0 && isTidy) return given;
    if (!changed) break;
    formulas = mapRoots(formulas, (node) => map.get(node)!);
    earlier = earlier.map((a) => ({ ...a, node: map.get(a.node) ?? a.node }));
    notes = mapNotes(notes, (node) => map.get(node));
  }
  return transplant({ ...model, ...formulas, ...notes, applied: [...earlier, ...applied] }, origins, limit);
}

function firstMatch(
  rules: readonly Rule[],
  site: Site,
  node: Node,
): { readonly rule: Rule; readonly result: Node } | null {
  for (const rule of rules) {
    const found = rule.rewrite(site, node);
    if (found === null || found === node) continue;
    // The builder gives whole numbers among ints the type int: what was float stays float.
    const result = node.type === "float" ? site.b.toFloat(found) : found;
    if (result.type === node.type) return { rule, result };
  }
  return null;
}

/** The node, and what it is a view of, as far as that was made after `before` and has no name. */
function behindViews(node: Node, before: Node): Node[] {
  const chain = [node];
  for (let at = node; isView(at); at = at.operands[0]!) {
    const next = at.operands[0]!;
    if (next.id <= before.id || next.origin.name !== undefined) break;
    chain.push(next);
  }
  return chain;
}

/**
 * The model in a graph of its own that holds nothing but what its roots need, where the nodes in
 * `origins` carry the origin given: what took the place of `h`, or is the gradient of `h`, is known
 * by its name.
 */
export function transplant(
  model: Model,
  origins: ReadonlyMap<Node, Origin>,
  limit = model.graph.limit,
): Model {
  const graph = new Graph(limit);
  const map = adopt(graph, listRoots(model), origins);
  const formulas = mapRoots(model, (node) => map.get(node)!);
  const seen = new Set<string>();
  const applied = model.applied.flatMap((a) => {
    const node = map.get(a.node);
    const key = `${a.pass} ${a.rule} ${node?.id}`;
    if (node === undefined || seen.has(key)) return [];
    seen.add(key);
    return [{ ...a, node }];
  });
  return { ...model, ...formulas, graph, applied, ...mapNotes(model, (node) => map.get(node)) };
}

/**
 * The model whose formulas and notes have become others, and the rules that were applied with them.
 * @param map of all that the roots are made of; of anything else, what there is
 */
export function mapModel(model: Model, map: (node: Node) => Node | undefined): Model {
  const applied = model.applied.map((rule) => ({ ...rule, node: map(rule.node) ?? rule.node }));
  return { ...model, ...mapRoots(model, (node) => map(node)!), ...mapNotes(model, map), applied };
}

/** What is known of nodes that need not be there. */
type Notes = Pick<Model, "unkept" | "layers">;

/** Without what is there no longer. */
export const mapNotes = ({ unkept, layers }: Notes, map: (node: Node) => Node | undefined): Notes => ({
  // Nothing leads to it, so nothing has to end at it.
  unkept: unkept.flatMap(({ from, to }): Unkept[] => {
    const end = map(to);
    return end === undefined ? [] : [{ from: from.flatMap((node) => map(node) ?? []), to: end }];
  }),
  layers: layers.map((layer): LayerCall => ({
    ...layer,
    results: layer.results.flatMap((node) => map(node) ?? []),
    trained: layer.trained.flatMap((node) => map(node) ?? []),
  })),
});
