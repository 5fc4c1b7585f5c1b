/**
 * Updates of the rows that a step has taken alone, read wrongly: what a step leaves of a table must
 * differ from what the update's own formula gives, or the rows must no longer be updated alone.
 */
import { analyze } from "../../compiler/analyze.ts";
import type { Model } from "../../compiler/graph/model.ts";
import { ownedBy } from "../../compiler/graph/model.ts";
import { sizeAt } from "../../compiler/ir/size.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import type { Values } from "../../compiler/ops/op.ts";
import type * as scheduled from "../../test/helpers/interpreted.ts";
import { afterStep, firstEnvironment } from "../../test/helpers/steps.ts";
import { type Mistake, tryMistakes } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: readonly Mistake[] = [
  ["short tables too", "countOf(count) < LEAST_ROWS", "countOf(count) < 0"],
  ["none", "countOf(count) < LEAST_ROWS", "true"],
  ["any times of the old value", "return times.length === 0 && !isNegative;", "return true;"],
  ["less is more", "inside(x!) && inside(y!, times, !isNegative)", "inside(x!) && inside(y!)"],
  ["one factor alone", "inside(y!, [...times, left])", "inside(y!, [left])"],
  ["no factor", "b.mul(b.reshape(by, []), rows)", "rows"],
  ["no sign", "isNegative ? b.neg(scaled) : scaled", "scaled"],
  ["another value than the old one", "&& old === 1", ""],
  ["entries that differ as one number", "return of.shape.every(isOne) ? of : null;", "return of;"],
];

/** Of a table of 300 rows, and whether they are updated alone. */
const programs: readonly (readonly [update: string, loss: string, alone: boolean])[] = [
  ["param - lr * grad", "sum(e^2)", true],
  ["param - lr * (3 * -grad)", "sum(e^2)", true],
  ["-(lr * grad) + param", "sum(e^3) + sum(take(table, ids[:, 0])^2) / 7", true],
  ["param - lr * (factor * grad)", "sum(e^2)", true],
  ["-lr * grad", "sum(e^2)", false],
  ["param - lr * (grad - param)", "sum(e^2)", false],
  ["2 * param - lr * grad", "sum(e^2)", false],
  ["param + param - lr * grad", "sum(e^2)", false],
  ["lr - param - lr * grad", "sum(e^2)", false],
  ["param - scale * grad", "sum(e^2)", false],
  ["param - lr * grad * grad", "sum(e^2)", false],
];

const sourceOf = (update: string, loss: string, rows: number): string => `
  optimizer steps(lr = 0.25, factor = 3) {
    state scale = 0.5 + iota(3)
    param = ${update}
  }
  model Rows {
    input ids: int[N, 2]
    param table: [${rows}, 3] ~ normal
    e = take(table, ids)
    output e = e
    loss ${loss}
    optimizer steps
  }`;

interface Case {
  readonly model: Model;
  readonly alone: boolean;
}

async function caseOf(update: string, loss: string, rows: number, alone: boolean): Promise<Case> {
  const { joint } = await analyze(sourceOf(update, loss, rows));
  return { model: runPasses(joint, "lower", "simplify-lowered"), alone };
}

const ROWS = 3;
const IDS = [7, 2, 7, 0, 299, 7];

export async function rowUpdateMutants(): Promise<Tried[]> {
  const cases = [
    ...(await Promise.all(programs.map(([update, loss, alone]) => caseOf(update, loss, 300, alone)))),
    await caseOf("param - lr * grad", "sum(e^2)", 20, false),
  ];
  const code = {
    file: "compiler/schedule/row-updates.ts",
    entry: "test/helpers/interpreted.ts",
  };
  return [
    await tryMistakes<typeof scheduled>(code, mistakes, async (loaded) =>
      cases.some((one) => isNoticed(one, loaded)),
    ),
  ];
}

function isNoticed({ model, alone }: Case, { Interpreter, schedule }: typeof scheduled): boolean {
  const program = schedule(model, { elementBytes: 8 });
  const isTable = (buffer: number): boolean => program.buffers[buffer]!.role.kind === "parameter";
  const isAlone = program.entries.some(({ calls }) =>
    calls.some(({ kernel, addresses }) =>
      program.kernels[kernel]!.stores.some(
        ({ row, operand }) => row !== undefined && isTable(addresses[operand]!.buffer),
      ),
    ),
  );
  if (isAlone !== alone) return true;
  const machine = new Interpreter(program, ROWS, 1);
  machine.run("initialize");
  const { shape } = ownedBy(model)[0]!;
  const ids = IDS.map((id) => Math.min(id, sizeAt(shape[0]!, ROWS) - 1));
  const table = program.buffers.find(({ role }) => role.kind === "parameter")!;
  const input = program.buffers.find(({ role }) => role.kind === "input")!;
  machine.view(input).set(ids);
  const old: Values = { shape: shape.map((size) => sizeAt(size, ROWS)), data: machine.view(table).slice() };
  const inputs = new Map([["ids", { shape: [ROWS, 2], data: Float64Array.from(ids) }]]);
  const first = { ...firstEnvironment(model, { n: ROWS, inputs, seed: 1 }, () => old), step: 1 };
  const wanted = afterStep(model, first).parameters.get(0)!.data;
  machine.run("step");
  return machine.view(table).some((value, i) => !(Math.abs(value - wanted[i]!) < 1e-12));
}
