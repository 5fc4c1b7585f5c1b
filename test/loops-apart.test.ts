/** Loops that are at several places of a nest, beside the evaluator and differences of the formulas as typed. */
import { expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";
import { difference, faultOfPasses, programs, typed, x } from "./helpers/loops-apart.ts";

test.each(Object.entries(programs))("%s", async (_, source) => {
  expect(await faultOfPasses(source)).toBeNull();
  const { wasm, analysis } = await compile(source, { dtype: "f64" });
  const net = await load(wasm, { seed: 3 });
  const { loss, gradients } = net.gradients({ x: x.data });
  const ours = [net.predict({ x: x.data })["h"]!.data, [loss], gradients["w"]!.data];
  const w = Float64Array.from(net.get("w").data);
  net.dispose();
  expect(difference(ours, typed(analysis.elaborated, w))).toBeNull();
});
