/**
 * Which tensor made the loss of a run something that is not finite: the run is deterministic, so the
 * step is computed again, by the compiler's evaluator and node by node.
 */
import { firstNonFinite, type Culprit } from "../../compiler/graph/non-finite.ts";
import { reachable } from "../../compiler/graph/graph.ts";
import { ownedBy, pathOf, statesOf, type Model, type Persistent } from "../../compiler/graph/model.ts";
import { timesOf } from "../../compiler/ir/loops.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { shapeAt } from "../../compiler/ir/size.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";
import type { Net, Tensor } from "../../runtime/index.ts";
import { readSafetensors } from "../../runtime/safetensors.ts";
import { pickRows } from "./hold-out.ts";
import type { Prepared } from "./prepare.ts";
import type { Rewind } from "./rewind.ts";

/** Multiplications and additions that the evaluator is asked for at most, and numbers that it holds. */
const mostWork = 3e8;
const mostNumbers = 3e7;

export interface Found extends Culprit {
  /** The step in which it became so: the last, or one before, which spoilt a parameter. */
  readonly step: number;
  /** The parameter or state whose new value was not finite any more; null where the loss was it. */
  readonly spoilt: string | null;
  /** The rows of the data that were computed. */
  readonly rows: Uint32Array;
}

/** @param step whose loss is not finite. @returns null where it cannot be found out */
export async function findCulprit(prepared: Prepared, rewind: Rewind, step: number): Promise<Found | null> {
  const { joint } = prepared.compiled.analysis;
  const { trainingLoss } = joint.roots;
  if (trainingLoss === null || !(await rewind.to(step - 1))) return null;
  const found = look(prepared, rewind.rowsOf(step), trainingLoss);
  const spoilt = found && lasting(joint, found.node);
  if (!found || !spoilt) return found && { ...found, step, spoilt: null };
  // The step before made it so, or one before that.
  const before = await lastSound(prepared, rewind, spoilt, step - 1);
  if (before === null || spoilt.update === null) return { ...found, step, spoilt: spoilt.path };
  const cause = look(prepared, rewind.rowsOf(before + 1), spoilt.update);
  return { ...(cause ?? found), step: cause ? before + 1 : step, spoilt: spoilt.path };
}

/** The parameter or state that a node reads. */
function lasting(model: Model, { op, attributes }: Node): Persistent | null {
  if (op === "parameter") return ownedBy(model)[attributes.index] ?? null;
  if (op !== "state") return null;
  const { parameter, name } = attributes;
  return statesOf(model).find((state) => state.parameter === parameter && state.name === name) ?? null;
}

/** The last steps after which a tensor was finite, and the net as it was then; null where unknown. */
async function lastSound(
  { net, compiled }: Prepared,
  rewind: Rewind,
  tensor: Persistent,
  bad: number,
): Promise<number | null> {
  const name = nameOf(compiled.analysis.joint, tensor);
  const isSound = async (step: number): Promise<boolean | null> => {
    if (!(await rewind.to(step))) return null;
    return stored(net).get(name)?.every(Number.isFinite) ?? null;
  };
  let spoilt = bad;
  for (let back = 1; ; back *= 2) {
    const step = Math.max(rewind.earliest, bad - back);
    const sound = await isSound(step);
    if (sound === null || (!sound && step === rewind.earliest)) return null;
    if (!sound) {
      spoilt = step;
      continue;
    }
    let good = step;
    while (spoilt - good > 1) {
      const middle = Math.floor((good + spoilt) / 2);
      const between = await isSound(middle);
      if (between === null) return null;
      if (between) good = middle;
      else spoilt = middle;
    }
    return (await rewind.to(good)) ? good : null;
  }
}

/** In a weights file. */
const nameOf = (model: Model, tensor: Persistent): string =>
  tensor.kind === "state" ? `optimizer.${tensor.name}.${pathOf(model, tensor.parameter)}` : tensor.path;

const stored = (net: Net): ReadonlyMap<string, Float64Array> =>
  new Map(
    [...readSafetensors(net.save()).tensors].map(([name, { data }]) => [name, Float64Array.from(data)]),
  );

/** Computes a root on some rows, with the net's weights. */
function look(prepared: Prepared, batch: Uint32Array, root: Node): (Culprit & Pick<Found, "rows">) | null {
  const { net, training, places, compiled } = prepared;
  const { joint } = compiled.analysis;
  const { manifest } = net;
  const nodes = reachable([root]);
  const rows = affordable(prepared, nodes, batch);
  if (rows === null) return null;
  const tensors = stored(net);
  const values = (name: string, { shape }: Persistent): Values => ({
    shape: shapeAt(shape, rows.length),
    data: tensors.get(name) ?? new Float64Array(),
  });
  const picked = manifest.free === null ? training.inputs : pickRows(net, training, rows).inputs;
  const environment: Environment = {
    n: rows.length,
    inputs: new Map(
      Object.entries(picked).map(([name, { shape, data }]) => [
        name,
        { shape, data: Float64Array.from(data) },
      ]),
    ),
    parameters: new Map(ownedBy(joint).map((p, index) => [index, values(p.path, p)])),
    states: new Map(statesOf(joint).map((s) => [`${s.parameter}.${s.name}`, values(nameOf(joint, s), s)])),
    hyper: new Map(Object.entries(net.hyper)),
    step: net.steps + 1,
    seed: net.seed,
  };
  const culprit = firstNonFinite(root, environment, manifest.dtype === "f32" ? Math.fround : (x) => x);
  return culprit && { ...culprit, rows: places === null ? rows : rows.map((row) => places[row]!) };
}

/**
 * Rows among which the trouble is, few enough for the evaluator; null where they are not found. The
 * module says which half has them.
 */
function affordable(prepared: Prepared, nodes: readonly Node[], batch: Uint32Array): Uint32Array | null {
  const { net, training } = prepared;
  let rows = batch;
  while (!isAffordable(nodes, rows.length)) {
    const half = rows.length >> 1;
    const bad = [rows.subarray(0, half), rows.subarray(half)].find((part) => {
      if (half === 0) return false;
      const { loss, gradients } = net.gradients(pickRows(net, training, part).inputs);
      const isSound = ({ data }: Tensor): boolean => data.every(Number.isFinite);
      return !Number.isFinite(loss) || !Object.values(gradients).every(isSound);
    });
    if (bad === undefined) return null;
    rows = bad;
  }
  return rows;
}

function isAffordable(nodes: readonly Node[], rows: number): boolean {
  let work = 0;
  let numbers = 0;
  for (const node of nodes) {
    const size = sizeOf(node, rows) * timesOf(node);
    const [first] = node.operands;
    numbers += size;
    if (node.op === "matmul") work += size * shapeAt(first!.shape, rows).at(-1)!;
    else work += node.operands.reduce((all, operand) => all + sizeOf(operand, rows) * timesOf(node), size);
  }
  return work <= mostWork && numbers <= mostNumbers;
}

const sizeOf = ({ shape }: Node, rows: number): number => shapeAt(shape, rows).reduce((a, b) => a * b, 1);
