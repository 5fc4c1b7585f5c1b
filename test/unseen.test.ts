/**
 * Programs written from the language page alone, by someone who had not seen the compiler, against
 * PyTorch's f64 numbers (`oracle/unseen.json` and `oracle/unseen-indices.json`, written by the
 * scripts beside them); and what that reading found wrong.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { check, compile, DiagnosticError, plan } from "../compiler/index.ts";
import type { Tensor } from "../runtime/index.ts";
import { start } from "./helpers/model.ts";

interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Case {
  readonly name: string;
  readonly src: string;
  readonly settings: Readonly<Record<string, string>> | null;
  readonly params: Readonly<Record<string, Values>>;
  readonly batches: readonly {
    readonly n: number;
    readonly inputs: Readonly<Record<string, Values>>;
    readonly outputs: Readonly<Record<string, Values>>;
    readonly metrics?: Readonly<Record<string, number>>;
    readonly loss?: number;
    readonly grads?: Readonly<Record<string, readonly number[]>>;
  }[];
}

const TOLERANCE = 1e-4;

// The scripts beside them write these files, in this form.
const cases = ["unseen", "unseen-indices"].flatMap(
  (name) => JSON.parse(readFileSync(new URL(`oracle/${name}.json`, import.meta.url), "utf8")) as Case[],
);

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

for (const { name, src, settings, params, batches } of cases) {
  it(`${name} agrees with PyTorch`, async () => {
    const net = await start(src, settings === null ? {} : { settings });
    const paths = net.manifest.parameters.map((p) => p.path);
    expect(paths.toSorted()).toEqual(Object.keys(params).toSorted());
    for (const [path, values] of Object.entries(params)) net.set(path, tensor(values));

    const targets = new Set(net.manifest.inputs.filter((i) => i.role === "target").map((i) => i.name));
    // The largest batch first, so that what it left in memory would show in the smaller ones.
    for (const { n, inputs, outputs, metrics, loss, grads } of batches.toReversed()) {
      const data = Object.fromEntries(Object.entries(inputs).map(([k, v]) => [k, tensor(v)]));
      const given = Object.fromEntries(Object.entries(data).filter(([k]) => !targets.has(k)));
      const got = net.predict(given);
      expect(Object.keys(got).toSorted()).toEqual(Object.keys(outputs).toSorted());
      for (const [output, want] of Object.entries(outputs)) {
        expect([...got[output]!.shape], `shape of ${output}, batch ${n}`).toEqual(want.shape);
        expect(distance(got[output]!.data, want.data), `${output}, batch ${n}`).toBeLessThan(TOLERANCE);
      }
      if (loss === undefined) continue;
      expect(distance([net.loss(data)], [loss]), `loss, batch ${n}`).toBeLessThan(TOLERANCE);
      const { gradients } = net.gradients(data);
      for (const [path, want] of Object.entries(grads ?? {})) {
        expect(distance(gradients[path]!.data, want), `gradient of ${path}, batch ${n}`).toBeLessThan(
          TOLERANCE,
        );
      }
      for (const [metric, want] of Object.entries(metrics ?? {})) {
        expect(net.evaluate(data).metrics[metric], `${metric}, batch ${n}`).toBeCloseTo(want, 4);
      }
    }
    net.dispose();
  });
}

describe("large programs", () => {
  const model = (body: string): string => `model M { input x: [N, 2]\n${body}\n}`;
  const lines = (count: number, line: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => line(i)).join("\n");

  it("two thousand outputs of one input are scheduled in linear time", async () => {
    // Of the processor's time, since the machine may be busy with other tests.
    const before = process.cpuUsage();
    const { manifest } = await plan(model(lines(2000, (i) => `output y${i} = x * ${i}`)));
    expect(manifest.outputs).toHaveLength(2000);
    // When each output was tried in one kernel with all before it, this took minutes.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(20);
  });

  it("gradients of more parameters than the graph may hold are refused in words", async () => {
    const source = model(`${lines(10_000, (i) => `param p${i} = ${i}`)}\nloss mean(x * p1) + l2(params)`);
    const fault = await compile(source).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(DiagnosticError);
  });

  it("a size that is written as a number is not explained by itself", async () => {
    const diagnostics = await check(`fn f(a: [N, 4]) = a\n${model("output z = f(x)")}`);
    expect(diagnostics.map((d) => d.message)).toEqual(["in f, `a` must be [N, 4], but it is [N, 2]"]);
  });
});

describe("the command line", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const nndsl = (...words: readonly string[]) =>
    spawnSync(process.execPath, ["cli/bin.ts", ...words], { cwd: root, encoding: "utf8", timeout: 20_000 });

  it.runIf(existsSync("/proc/self"))("a folder that cannot be made ends the command", () => {
    expect(nndsl("compile", "examples/xor.nn", "-o", "/proc/nndsl").status).toBe(2);
  });

  it("a stage under --json is an object", () => {
    const { stdout } = nndsl("compile", "examples/xor.nn", "--emit", "ir", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ model: "Xor", stage: "ir" });
  });

  it("inspect writes shapes as the manifest does", () => {
    const { stdout } = nndsl("inspect", "examples/xor.nn", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      inputs: [{ shape: ["N", 2] }, { shape: ["N", 1] }],
      outputs: [{ shape: ["N", 1] }],
    });
  });
});
