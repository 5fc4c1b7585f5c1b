/** Formulas with indices: a tensor defined entry by entry, and reductions over indices. */
import type { AxisBinder, Expression, IndexBinder, Reduction } from "../../../grammar/ast.ts";
import type { Build } from "../../graph/build.ts";
import type { Node } from "../../ir/node.ts";
import { OpError } from "../../ir/op-error.ts";
import { ONE } from "../../ir/size.ts";
import { placed, problem } from "../complain.ts";
import type { Frame } from "../frame.ts";
import { bind, type Machine } from "../machine.ts";
import { buildAt, checked } from "../operate.ts";
import { checkedShape } from "../tensors.ts";
import { Scope, tensor, type Value } from "../values.ts";
import { entryNode } from "./entries.ts";
import type { Plan } from "./plan.ts";
import { planFormula } from "./ranges.ts";
import { axisForm, NO_INDICES, within, type Axis, type Space } from "./space.ts";

/** `y[..., i, j] = value`: the tensor whose entries the value gives. */
export function valueByEntries(
  machine: Machine,
  around: Frame,
  binders: readonly AxisBinder[],
  value: Expression,
  name: string | undefined,
): Value {
  const frame = { ...around, indices: null };
  const plan = planFormula(machine, frame, binders, value);
  const axes = binders.flatMap((binder): readonly Axis[] =>
    binder.kind === "ellipsis" ? plan.dots! : [axisOf(binder, plan)],
  );
  const space = within(NO_INDICES, axes);
  const indices = binders.filter((binder) => binder.kind === "index");
  const inside = withIndices(machine, frame, indices, axes, space, plan);
  const entry = machine.evaluate(machine, inside, value, name);
  return placed(machine, frame, value.span, () => {
    const build = buildAt(machine, frame, value.span, name);
    const node = entryNode(build, entry, space);
    return checked(
      machine,
      tensor(
        build.broadcast(
          node,
          checkedShape(
            axes.map(({ size }) => size),
            machine.freeName,
          ),
        ),
      ),
    );
  });
}

const axisOf = (binder: IndexBinder, { sizes }: Plan): Axis => ({
  name: binder.name.text,
  size: sizes.get(binder)!,
});

/** The place where these names are indices. */
function withIndices(
  machine: Machine,
  frame: Frame,
  binders: readonly IndexBinder[],
  axes: readonly Axis[],
  space: Space,
  plan: Plan,
): Frame {
  const most = machine.limits.indices;
  if (space.axes.length > most) {
    throw problem(machine, frame, {
      code: "too-many-indices",
      span: binders.at(-1)!.span,
      message: `a formula has ${space.axes.length} indices at once; ${most} is the most`,
      help: "define parts of it as tensors of their own",
      fatal: true,
    });
  }
  const inside = { ...frame, scope: new Scope(frame.scope), indices: { space, plan } };
  const named = axes.filter(({ name }) => name !== "...");
  binders.forEach(({ name }, i) => bind(machine, inside, name, { kind: "index", form: axisForm(named[i]!) }));
  return inside;
}

/** `sum[i, j] operand`, of a formula, or a formula by itself. */
export function valueOfReduction(
  machine: Machine,
  frame: Frame,
  e: Reduction,
  name: string | undefined,
): Value {
  const around = frame.indices?.space ?? NO_INDICES;
  const enclosing = frame.indices?.plan ?? null;
  const isPlanned = enclosing !== null && e.indices.every((binder) => enclosing.sizes.has(binder));
  const plan = isPlanned ? enclosing : planFormula(machine, frame, [], e);
  const axes = e.indices.map((binder) => axisOf(binder, plan));
  const space = within(around, axes);
  const inside = withIndices(machine, frame, e.indices, axes, space, plan);
  const operand = machine.evaluate(machine, inside, e.operand);
  const build = buildAt(machine, frame, e.head, name);
  const entry = placed(machine, frame, e.operand.span, () => entryNode(build, operand, space));
  return placed(machine, frame, e.span, () => {
    const node = stretched(build, entry, around.axes.length, axes);
    const result = reduced(build, e, node, around.axes.length);
    const value: Value =
      result.shape.length === 0 ? tensor(result) : { kind: "entry", node: result, space: around };
    return checked(machine, value);
  });
}

/** An entry with every value of the indices reduced over. */
function stretched(build: Build, entry: Node, rank: number, axes: readonly Axis[]): Node {
  const before =
    entry.shape.length === 0 ? Array.from({ length: rank }, () => ONE) : entry.shape.slice(0, rank);
  return build.broadcast(entry, [...before, ...axes.map(({ size }) => size)]);
}

/** Over the axes from `rank` on, which are dropped. */
function reduced(build: Build, { reducer, indices }: Reduction, x: Node, rank: number): Node {
  const axes = indices.map((_, i) => rank + i);
  const drop = (node: Node): Node => build.reshape(node, node.shape.slice(0, rank));
  switch (reducer) {
    case "sum":
    case "prod":
    case "logsumexp":
      return drop(build.reduce(reducer, build.toFloat(x), axes));
    case "max":
    case "min":
      return drop(build.reduce(`reduce_${reducer}`, build.toFloat(x), axes));
    case "mean":
      return build.div(drop(build.sum(build.toFloat(x), axes)), build.count(x.shape.slice(rank)));
    case "argmax":
      if (axes.length > 1) {
        throw new OpError(
          "argmax-of-several",
          "`argmax` finds the place along one index, and these are several",
          [],
          "reshape the tensor so that they are one axis, or take `max` along one of them first",
        );
      }
      return drop(build.reduce("argmax", build.toFloat(x), axes));
    default:
      return reducer satisfies never;
  }
}
