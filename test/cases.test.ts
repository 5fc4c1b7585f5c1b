/**
 * Characteristic programs. A snapshot holds source, formulas and gradients together; of two programs the AssemblyScript too, without the functions of
 * vectors, which are the same for all and have tests of their own. What all others become is not pinned but run, beside the f64 evaluator.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { randomData } from "../compiler/compare/question.ts";
import { analyze } from "../compiler/analyze.ts";
import { evaluate } from "../compiler/graph/evaluate.ts";
import { ownedBy, parametersOf, type NamedNode } from "../compiler/graph/model.ts";
import { compile, plan } from "../compiler/index.ts";
import type { Node } from "../compiler/ir/node.ts";
import type { Environment, Values } from "../compiler/ops/op.ts";
import { load, type Tensor } from "../runtime/index.ts";
import { afterStep, firstEnvironment } from "./helpers/steps.ts";

const folder = new URL("cases/", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".nn"))
  .map((file) => file.slice(0, -3));
const sourceOf = (name: string): string => readFileSync(new URL(`${name}.nn`, folder), "utf8");

/** A network with products, tiles and an update; and reductions of all kinds. */
const printed: readonly string[] = ["two-layers", "reductions"];

const section = (title: string, text: string): string => `──── ${title} ────\n\n${text.trimEnd()}\n`;

const vectorFunctions = /(^\/\/ -+ functions of vectors\n)[^]*?(^\/\/ -+ memory$)/m;

describe("cases", () => {
  it.each(names)("%s", async (name) => {
    const source = sourceOf(name);
    const { stages } = await plan(source, { file: `${name}.nn` });
    const text = [
      section("source", source),
      section("formulas", stages.ir),
      section("with gradients", stages.grad),
      ...(printed.includes(name)
        ? [section("AssemblyScript", stages.as.replace(vectorFunctions, "$1…\n\n$2"))]
        : []),
    ].join("\n");
    await expect(text).toMatchFileSnapshot(`cases/${name}.snap`);
  });
});

/** One row, and tails of the vectors' width. */
const ROWS = [1, 3, 5, 17];
const SEED = 7;

describe("cases run as the f64 evaluator says", () => {
  it.each(names)("%s", async (name) => {
    const source = sourceOf(name);
    const { joint } = await analyze(source);
    const { wasm } = await compile(source, { dtype: "f64" });
    for (const rows of joint.freeName === null ? [1] : ROWS) {
      const net = await load(wasm, { seed: SEED });
      const inputs = randomData(joint, rows, SEED, "bounded");
      const given = Object.fromEntries(inputs);
      const start = firstEnvironment(joint, { n: rows, inputs, seed: SEED }, (path) => f64(net.get(path)));
      const at = `${rows} rows`;

      expectValues(at, net.predict(given), joint.roots.outputs, start);
      const { loss, trainingLoss, metrics } = joint.roots;
      if (loss === null || trainingLoss === null) continue;
      const evaluated = net.evaluate(given);
      expectNumbers(`${at}: loss`, [evaluated.loss], valueOf(loss, start));
      for (const { name: metric, node } of metrics)
        expectNumbers(`${at}: ${metric}`, [evaluated.metrics[metric]!], valueOf(node, start));

      const found = net.gradients(given);
      expectNumbers(`${at}: loss in training`, [found.loss], valueOf(trainingLoss, start));
      for (const { path, gradient } of parametersOf(joint))
        if (gradient !== null)
          expectNumbers(`${at}: gradient of ${path}`, found.gradients[path]!.data, valueOf(gradient, start));

      if (joint.optimizer === null) continue;
      // Twice, so that what the optimizer keeps is read again.
      let now = start;
      for (const step of [1, 2]) {
        net.step(given);
        now = afterStep(joint, { ...now, step });
        for (const [index, { path }] of ownedBy(joint).entries())
          expectNumbers(
            `${at}: ${path} after step ${step}`,
            net.get(path).data,
            now.parameters.get(index)!.data,
          );
      }
      net.dispose();
    }
  });
});

const f64 = ({ shape, data }: Tensor): Values => ({ shape: [...shape], data: Float64Array.from(data) });

const valueOf = (node: Node, environment: Environment): Float64Array =>
  evaluate([node], environment)[0]!.data;

function expectValues(
  at: string,
  found: Readonly<Record<string, Tensor>>,
  outputs: readonly NamedNode[],
  environment: Environment,
): void {
  for (const { name, node } of outputs)
    expectNumbers(`${at}: ${name}`, found[name]!.data, valueOf(node, environment));
}

/** Equal but for the order of additions. */
function expectNumbers(what: string, found: ArrayLike<number>, wanted: Float64Array): void {
  expect(found.length, what).toBe(wanted.length);
  const scale = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6);
  for (const [i, x] of wanted.entries()) {
    const y = found[i]!;
    if (!(Object.is(x, y) || Math.abs(x - y) <= 1e-10 * scale))
      expect.fail(`${what}, entry ${i}: ${y}, and the evaluator says ${x}`);
  }
}
