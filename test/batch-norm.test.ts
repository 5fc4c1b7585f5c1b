/**
 * Batch norm beside PyTorch (`oracle/torch.json`): its running statistics over 20 steps, and what
 * the net predicts by them.
 */
import { describe, expect, it } from "vitest";
import type { Net } from "../runtime/index.ts";
import { start } from "./helpers/model.ts";
import { distance, draw, drawTensor, oracle, program, type NormRun } from "./oracle/data.ts";

const rowsOf = (run: NormRun, rows: readonly number[]) =>
  Object.fromEntries(
    Object.entries(run.inputs).map(([name, spec]) => {
      const { data, shape } = drawTensor(spec, 1);
      const width = data.length / shape[0]!;
      const picked = rows.flatMap((row) => Array.from(data.slice(row * width, (row + 1) * width)));
      return [name, { data: picked, shape: [rows.length, ...shape.slice(1)] }];
    }),
  );

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe.each([
  ["f32", 1e-4],
  ["f64", 1e-9],
] as const)("in %s", (dtype, tolerance) => {
  const nets = new Map<string, Promise<Net>>();
  const netOf = (model: string): Promise<Net> => {
    const made = nets.get(model) ?? start(program("batch-norm"), { file: "batch-norm.nn", model, dtype });
    nets.set(model, made);
    return made;
  };
  it.each(oracle.batchNorm.map((run) => [run.model, run.batch, run] as const))(
    "%s, %i a step",
    async (model, batch, run) => {
      const net = await netOf(model);
      net.reset();
      expect(net.manifest.states.map(({ path }) => path)).toEqual(
        Object.keys(run.final).filter((path) => path.includes("running")),
      );
      for (const [path, spec] of Object.entries(run.parameters)) net.set(path, draw(spec, 1));
      const total = Number(run.inputs["x"]!.shape[0]);
      const losses = run.losses.map((_, step) =>
        net.step(
          rowsOf(
            run,
            range(step * batch, batch).map((row) => row % total),
          ),
        ),
      );
      const seven = rowsOf(run, range(0, 7));
      const distances = {
        losses: distance(losses, run.losses),
        predicted: distance(net.predict({ x: seven["x"]! })["p"]!.data, run.predicted),
        evaluated: distance([net.loss(seven)], [run.evaluated]),
        ...Object.fromEntries(
          Object.entries(run.final).map(([path, values]) => [path, distance(net.get(path).data, values)]),
        ),
      };
      expect(Object.entries(distances).filter(([, e]) => !(e <= tolerance))).toEqual([]);
    },
  );
});
