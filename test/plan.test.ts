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
import { madeOf, type KernelProgram, type Nest } from "../compiler/schedule/kernel.ts";
import type { NestPlan, Work } from "../compiler/schedule/nest-plan.ts";
import { planKernels, type Plan } from "../compiler/schedule/plan.ts";
import { schedule } from "../compiler/schedule/schedule.ts";
import type { TapsPlan } from "../compiler/schedule/taps.ts";

const folder = new URL("cases/", import.meta.url);
const names = readdirSync(folder).filter((file) => file.endsWith(".nn"));

const planned = (name: string): AsyncGenerator<Planned> =>
  plansOf(readFileSync(new URL(name, folder), "utf8"), name);

interface Planned {
  readonly program: KernelProgram;
  readonly plan: Plan;
  readonly write: (plan: Plan) => string;
}

async function* plansOf(source: string, file: string): AsyncGenerator<Planned> {
  const { joint } = await analyze(source, { file });
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

  // Where functions wait for functions, what is elementwise has passes over its rows too.
  const inner = nest.inner === 0 && plan.passes.length > 0 ? 1 : nest.inner;
  expect(plan.kept).toHaveLength(nest.loops.length - inner + 1);
  const outside = new Set<number>();
  for (const each of plan.kept) work(each, outside);
  const room = new Map<number, number>();
  for (const pass of plan.passes) {
    expect(pass.values).toHaveLength(inner);
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

/** One pass for all taps computes each value before it is read, too, and stores all. */
function expectTaps(nest: Nest, { shared, own, reductions, after, lanes, taps, outer }: TapsPlan): void {
  const known = new Set<number>();
  const isConstant = (value: number): boolean => nest.values[value]!.kind === "constant";
  for (const value of [...shared, ...own]) {
    const missing = madeOf(nest.values[value]!).filter((a) => !known.has(a) && !isConstant(a));
    expect(missing).toEqual([]);
    known.add(value);
  }
  for (const { of } of reductions) expect(own).toContain(of);
  const results = new Set(reductions.map(({ value }) => value));
  for (const value of after.values) {
    expect(madeOf(nest.values[value]!).filter((a) => !results.has(a))).toEqual([]);
    results.add(value);
  }
  expect(after.stores).toEqual([...nest.stores.keys()]);
  for (const { value } of nest.stores) expect(results).toContain(value);
  expect(inOrder([lanes, ...taps, ...outer])).toEqual([...Array(nest.loops.length - nest.inner).keys()]);
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
        const ofNests = plan.kernels.map(({ kind }) => (kind === "taps" ? "nest" : kind));
        expect(ofNests).toEqual(program.kernels.map(({ kind }) => kind));
        for (const [i, kernel] of program.kernels.entries()) {
          const own = plan.kernels[i]!;
          if (kernel.kind !== "nest" || own.kind === "product") continue;
          if (own.kind === "taps") expectTaps(kernel, own);
          const nest = own.kind === "taps" ? own.nest : own;
          const { stores, reductions } = walk(kernel, nest);
          expect(inOrder(stores)).toEqual([...kernel.stores.keys()]);
          expect(inOrder(reductions)).toEqual(
            [...kernel.values.keys()].filter((k) => kernel.values[k]!.kind === "reduce"),
          );
          expect(nest.lanes?.loop ?? 0).toBeLessThan(Math.max(1, kernel.loops.length));
        }
      }
    },
  );

  const cell = (units: number): string => `fn cell(c, z) {
  i = sigmoid(z[:, 0:${units}])
  f = sigmoid(z[:, ${units}:${2 * units}])
  g = tanh(z[:, ${2 * units}:])
  return tanh(f * c + i * g)
}
model Cell {
  input z: [N, ${3 * units}]
  input c: [N, ${units}]
  output h = cell(c, z)
}`;

  test.each([
    [33, 2],
    [8, 0],
  ])(
    "has a pass of its own for a function of functions, where a row of %i is long enough",
    async (units, passes) => {
      for await (const { program, plan } of plansOf(cell(units), "cell.nn")) {
        const index = program.kernels.findIndex(({ stores, name }) => stores.length === 1 && name === "h");
        const [kernel, own] = [program.kernels[index]!, plan.kernels[index]!];
        if (kernel.kind !== "nest" || own.kind !== "nest") throw new Error("the cell is no nest");
        walk(kernel, own);
        expect(own.passes).toHaveLength(passes);
        const functions = own.passes.map(({ values }) =>
          values.flat().filter((i) => (kernel.values[i] as { op?: string }).op?.match(/sigmoid|tanh/)),
        );
        expect(functions.map(({ length }) => length)).toEqual(passes === 0 ? [] : [3, 1]);
      }
    },
  );
});
