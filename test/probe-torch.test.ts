/**
 * Probes of a net of each kind in `examples/` against what PyTorch's hooks see
 * (`oracle/probes_oracle.py`), in f64.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import type { CompileOptions } from "../compiler/index.ts";
import type { LayerProbe, Net, Tensor } from "../runtime/index.ts";
import { example, start } from "./helpers/model.ts";
import { skippedWithout } from "./helpers/skip.ts";
import { warmPython } from "./helpers/warm-torch.ts";

const python = warmPython();
const TOLERANCE = 1e-9;
const ROWS = 7;

/** By the names of the oracle: the program, and what of it. */
const nets: Readonly<Record<string, readonly [source: string, options: CompileOptions]>> = {
  xor: [example("xor"), {}],
  mnist: [example("mnist"), { settings: { sizes: "[6, 5]" } }],
  digits: [example("digits"), { model: "DigitsList", settings: { sizes: "[7, 6]" } }],
  iris: [example("iris"), {}],
  square: [example("square"), { settings: { units: 4 } }],
  Glu: [example("gated"), { model: "Glu" }],
  Maxout: [example("gated"), { model: "Maxout" }],
  decay: [example("decay"), {}],
  reversible: [example("reversible"), { settings: { depth: 2, width: 4 } }],
  transfer: [example("transfer"), {}],
  "own-activation": [example("own-activation"), { model: "Passed" }],
  "own-loss": [example("own-loss"), {}],
  "own-optimizer": [example("own-optimizer"), {}],
  "xor-two-neurons": [example("xor-two-neurons"), { model: "XorTwoNeurons" }],
  heads: [example("heads"), { model: "ManyClasses" }],
  "plain-cross-entropy": [example("plain-cross-entropy"), {}],
  // The compiler passes over its last output.
  typed: [
    `model Typed {
      input x: [N, 2]
      target y: [N, 1]
      h = dense(x, 3, relu)
      p = dense(h, 1, sigmoid)
      loss -mean(y * log(p) + (1 - y) * log(1 - p))
      optimizer sgd(lr = 0.1)
    }`,
    {},
  ],
};

type Given = Readonly<
  Record<string, { readonly data: readonly number[]; readonly shape: readonly number[] }>
>;

/** Rows for each input: labels where it wants them, 0 or 1 for a target of one column. */
function inputsOf({ manifest }: Net): Given {
  return Object.fromEntries(
    manifest.inputs.map(({ name, role, dtype, shape, classes = 2 }) => {
      const sizes = shape.map((size) => (typeof size === "number" ? size : ROWS));
      const count = sizes.reduce((all, size) => all * size, 1);
      const isLabel = dtype === "int" || (role === "target" && sizes.at(-1) === 1);
      const data = Array.from({ length: count }, (_, i) =>
        isLabel ? (3 * i + 1) % classes : 1.5 * Math.sin(12.9898 * i + 78.233),
      );
      return [name, { data, shape: sizes }];
    }),
  );
}

const parametersOf = (net: Net): Given =>
  Object.fromEntries(
    net.manifest.parameters.map(({ path }) => {
      const { data, shape }: Tensor = net.get(path);
      return [path, { data: [...data], shape }];
    }),
  );

type Figures = Omit<LayerProbe, "path" | "callee" | "dead">;

/** |a - b| against 1 and the larger of both. */
const isNear = (a: number, b: number): boolean =>
  Math.abs(a - b) <= TOLERANCE * Math.max(1e-3, Math.abs(a), Math.abs(b));

/** What differs, by its name. */
function differing(probe: LayerProbe, seen: Figures): string[] {
  const pairs: [string, number, number][] = [];
  for (const figure of ["mean", "std", "min", "max", "zeros", "units", "gradient"] as const)
    pairs.push([figure, probe[figure], seen[figure]]);
  for (const figure of ["gradients", "updates"] as const) {
    expect(Object.keys(probe[figure]).toSorted()).toEqual(Object.keys(seen[figure]).toSorted());
    for (const [path, value] of Object.entries(seen[figure]))
      pairs.push([`${figure} ${path}`, probe[figure][path]!, value]);
  }
  return pairs.flatMap(([name, a, b]) => (isNear(a, b) ? [] : [`${probe.path} ${name}: ${a}, PyTorch ${b}`]));
}

describe.skipIf(skippedWithout(python))("a net of each kind", () => {
  const told: Record<string, readonly LayerProbe[]> = {};
  let seen: readonly Readonly<Record<string, Figures>>[];
  beforeAll(async () => {
    const cases = [];
    for (const [name, [source, options]] of Object.entries(nets)) {
      const net = await start(source, { ...options, dtype: "f64", probe: true });
      // A unit that no row reaches.
      if (name === "square" || name === "mnist") {
        const path = name === "square" ? "h.bias" : "h.1.bias";
        const bias = net.get(path).data;
        bias[1] = -1e3;
        net.set(path, bias);
      }
      const inputs = inputsOf(net);
      told[name] = net.probe(inputs).layers;
      cases.push({ net: name, parameters: parametersOf(net), inputs });
      net.dispose();
    }
    const script = fileURLToPath(new URL("oracle/probes_oracle.py", import.meta.url));
    const done = spawnSync(python ?? "python3", [script], { input: JSON.stringify(cases), encoding: "utf8" });
    if (done.status !== 0) throw new Error(`Python failed: ${done.stderr}`);
    seen = JSON.parse(done.stdout) as typeof seen;
  }, 120_000);

  test.each(Object.keys(nets).map((name, index) => [name, index] as const))("%s", (name, index) => {
    const layers = told[name]!;
    const hooks = seen[index]!;
    expect(layers.map(({ path }) => path).toSorted()).toEqual(Object.keys(hooks).toSorted());
    expect(layers.flatMap((probe) => differing(probe, hooks[probe.path]!))).toEqual([]);
    for (const { path, deadUnits, dead } of layers) {
      expect(deadUnits).toEqual(hooks[path]!.deadUnits);
      expect(dead).toBe(deadUnits.length);
    }
  });

  test("a planted dead unit is counted", () => {
    expect(told["square"]![0]!.deadUnits).toContain(1);
    expect(told["mnist"]![1]!.deadUnits).toContain(1);
  });
});
