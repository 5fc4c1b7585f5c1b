/**
 * Programs written from the language page alone, with PyTorch's f64 numbers of what they compute,
 * as the scripts `oracle/unseen*_oracle.py` write them.
 */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { CompileOptions } from "../../compiler/index.ts";
import type { Net, Tensor } from "../../runtime/index.ts";
import { start } from "./model.ts";

interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface Case {
  readonly name: string;
  readonly src: string;
  readonly settings: Readonly<Record<string, string>> | null;
  readonly model?: string;
  readonly params: Readonly<Record<string, Values>>;
  readonly batches: readonly {
    readonly n: number;
    readonly inputs: Readonly<Record<string, Values>>;
    readonly outputs: Readonly<Record<string, Values>>;
    readonly metrics?: Readonly<Record<string, number>>;
    readonly loss?: number;
    readonly grads?: Readonly<Record<string, readonly number[]>>;
  }[];
  /** Steps on one batch: the loss before each, and the parameters in the end. */
  readonly train?: {
    readonly inputs: Readonly<Record<string, Values>>;
    readonly losses: readonly number[];
    readonly final: Readonly<Record<string, readonly number[]>>;
  };
}

/** The cases in `oracle/NAME.json`. */
export const unseen = (name: string): readonly Case[] =>
  JSON.parse(readFileSync(new URL(`../oracle/${name}.json`, import.meta.url), "utf8")) as Case[];

/** The largest difference, as a part of the largest number that is wanted. */
function distance(got: ArrayLike<number>, want: readonly number[]): number {
  if (got.length !== want.length) return Infinity;
  const scale = Math.max(...want.map(Math.abs), 1e-6);
  return Math.max(
    0,
    ...want.map((w, i) => Math.abs(w - got[i]!) / scale).map((e) => (e >= 0 ? e : Infinity)),
  );
}

const tensor = ({ shape, data }: Values): Tensor => ({ shape, data: Float64Array.from(data) });
const tensors = (values: Readonly<Record<string, Values>>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tensor(value)]));

/** Outputs, metrics, losses, gradients and steps are PyTorch's, within `tolerance`. */
export async function expectAgreement(
  { src, settings, model, params, batches, train }: Case,
  tolerance: number,
  options: CompileOptions = {},
): Promise<void> {
  const net = await start(src, {
    ...options,
    ...(settings !== null && { settings }),
    ...(model !== undefined && { model }),
  });
  const paths = net.manifest.parameters.map((p) => p.path);
  expect(paths.toSorted()).toEqual(Object.keys(params).toSorted());
  const near = (what: string, got: ArrayLike<number>, want: readonly number[]): void =>
    expect(distance(got, want), what).toBeLessThan(tolerance);
  begin(net, params);

  const frozen = new Set(net.manifest.parameters.filter((p) => p.frozen).map((p) => p.path));
  const targets = new Set(net.manifest.inputs.filter((i) => i.role === "target").map((i) => i.name));
  // The largest batch first, so that what it left in memory would show in the smaller ones.
  for (const { n, inputs, outputs, metrics, loss, grads } of batches.toReversed()) {
    const data = tensors(inputs);
    const got = net.predict(Object.fromEntries(Object.entries(data).filter(([k]) => !targets.has(k))));
    expect(Object.keys(got).toSorted()).toEqual(Object.keys(outputs).toSorted());
    for (const [output, want] of Object.entries(outputs)) {
      expect([...got[output]!.shape], `shape of ${output}, batch ${n}`).toEqual(want.shape);
      near(`${output}, batch ${n}`, got[output]!.data, want.data);
    }
    if (loss === undefined) continue;
    near(`loss, batch ${n}`, [net.loss(data)], [loss]);
    const { gradients } = net.gradients(data);
    for (const [path, want] of Object.entries(grads ?? {})) {
      if (frozen.has(path)) expect(gradients[path]).toBeUndefined();
      else near(`gradient of ${path}, batch ${n}`, gradients[path]!.data, want);
    }
    for (const [metric, want] of Object.entries(metrics ?? {})) {
      expect(net.evaluate(data).metrics[metric], `${metric}, batch ${n}`).toBeCloseTo(want, 4);
    }
  }
  if (train !== undefined) {
    begin(net, params);
    const data = tensors(train.inputs);
    near(
      "losses",
      train.losses.map(() => net.step(data)),
      train.losses,
    );
    for (const [path, want] of Object.entries(train.final))
      near(`${path} in the end`, net.get(path).data, want);
  }
  net.dispose();
}

function begin(net: Net, params: Case["params"]): void {
  for (const [path, values] of Object.entries(params)) net.set(path, tensor(values));
}
