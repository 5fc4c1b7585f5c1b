/** The averages of weights that an optimizer with `ema` keeps, in place of the weights. */
import type { Net } from "../runtime/index.ts";
import type { Stored } from "../runtime/safetensors.ts";
import { ModelError } from "./failures.ts";

/** What has no average, as of another group, stays as it is. @throws ModelError where the file at `path` has none */
export function takeAverages(net: Net, { tensors, metadata }: Stored, path: string): void {
  // Before the first step there is nothing to be the mean of.
  const begun = metadata["step"] !== "0";
  const kept = net.manifest.parameters.flatMap(({ path: parameter }) => {
    const average = tensors.get(`optimizer.average.${parameter}`);
    return average === undefined || !begun ? [] : [{ parameter, average }];
  });
  for (const { parameter, average } of kept) net.set(parameter, average);
  if (kept.length > 0) return;
  const help = "train with an optimizer that keeps them, as in `optimizer adam(ema = 0.999)`";
  throw new ModelError("bad-weights", "it has no averages of weights", path, help);
}
