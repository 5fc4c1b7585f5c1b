/**
 * What is decided before rendering is data, and complete: it can be written down and read again,
 * and says of everything that a nest stores where it is worked out.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { analyze } from "../compiler/analyze.ts";
import { runPasses } from "../compiler/passes/pipeline.ts";
import { formatOf } from "../compiler/render/format.ts";
import { render } from "../compiler/render/render.ts";
import type { Nest, KernelProgram } from "../compiler/schedule/kernel.ts";
import type { NestPlan, Work } from "../compiler/schedule/nest-plan.ts";
import { planKernels, type Plan } from "../compiler/schedule/plan.ts";
import { schedule } from "../compiler/schedule/schedule.ts";

const folder = new URL("cases/", import.meta.url);
const names = readdirSync(folder).filter((file) => file.endsWith(".nn"));

async function* planned(name: string): AsyncGenerator<{
  readonly program: KernelProgram;
  readonly plan: Plan;
  readonly write: (plan: Plan) => string;
}> {
  const { joint } = await analyze(readFileSync(new URL(name, folder), "utf8"), { file: name });
  for (const dtype of ["f32", "f64"] as const) {
    const format = formatOf(dtype);
    const program = schedule(runPasses(joint, "lower", "simplify-lowered"), { elementBytes: format.bytes });
    for (const simd of ["strict", "relaxed"] as const) {
      const plan = planKernels(program, { ...format, fused: simd === "relaxed" });
      yield { program, plan, write: (of) => render(program, of, { dtype, simd, model: joint.name }) };
    }
  }
}

/** Walks a plan as a renderer does; each value must be there before it is read. */
function walk(nest: Nest, plan: NestPlan): { readonly stores: number[]; readonly reductions: number[] } {
  const found = { stores: [] as number[], reductions: [] as number[] };
  const compute = (indices: readonly number[], known: Set<number>): void => {
    for (const index of indices) {
      const value = nest.values[index]!;
      expect(value.kind).not.toBe("reduce");
      if (value.kind === "apply") for (const argument of value.arguments) expect(known).toContain(argument);
      known.add(index);
    }
  };
  const store = (indices: readonly number[], known: ReadonlySet<number>): void => {
    for (const index of indices) expect(known).toContain(nest.stores[index]!.value);
    found.stores.push(...indices);
  };
  const work = ({ values, stores }: Work, known: Set<number>): void => {
    compute(values, known);
    store(stores, known);
  };

  expect(plan.kept).toHaveLength(nest.loops.length - nest.inner + 1);
  const outside = new Set<number>();
  for (const each of plan.kept) work(each, outside);
  const room = new Map<number, number>();
  for (const pass of plan.passes) {
    expect(pass.values).toHaveLength(nest.inner);
    const inside = new Set(outside);
    for (const { value, slot } of pass.takes) {
      expect(room.get(slot)).toBe(value);
      inside.add(value);
    }
    for (const values of pass.values) compute(values, inside);
    for (const { value, slot } of pass.puts) {
      expect(inside).toContain(value);
      expect(slot).toBeLessThan(plan.room!.slots);
      room.set(slot, value);
    }
    store(pass.stores, inside);
    for (const { value, op, of } of pass.reductions) {
      expect(nest.values[value]).toEqual({ kind: "reduce", op, value: of });
      expect(inside).toContain(of);
      outside.add(value);
      found.reductions.push(value);
    }
    work(pass.after, outside);
  }
  return found;
}

const inOrder = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);

describe("a plan", () => {
  test.each(names)("of %s is data, and all that a renderer asks for beside the program", async (name) => {
    for await (const { plan, write } of planned(name))
      expect(write(JSON.parse(JSON.stringify(plan)))).toBe(write(plan));
  });

  test.each(names)(
    "of %s computes all that is stored of a nest, each value before it is read",
    async (name) => {
      for await (const { program, plan } of planned(name)) {
        expect(plan.kernels.map(({ kind }) => kind)).toEqual(program.kernels.map(({ kind }) => kind));
        for (const [i, kernel] of program.kernels.entries()) {
          const own = plan.kernels[i]!;
          if (kernel.kind !== "nest" || own.kind !== "nest") continue;
          const { stores, reductions } = walk(kernel, own);
          expect(inOrder(stores)).toEqual([...kernel.stores.keys()]);
          expect(inOrder(reductions)).toEqual(
            [...kernel.values.keys()].filter((k) => kernel.values[k]!.kind === "reduce"),
          );
          expect(own.lanes?.loop ?? 0).toBeLessThan(Math.max(1, kernel.loops.length));
        }
      }
    },
  );
});
