/** What a step of training does to each layer, by the net's probes. */
import { UsageError } from "../failures.ts";
import { firstRows } from "../parts.ts";
import { counted } from "../terminal/numbers.ts";
import type { PlotArguments } from "./arguments.ts";
import type { LayersPlot } from "./plot.ts";
import type { Prepared } from "./prepared.ts";

/**
 * Wants a module with probes.
 * @throws UsageError without data, NndslError where they do not fit into memory
 */
export function plotLayers(
  { net, title, data }: Prepared,
  { rows: wanted }: Pick<PlotArguments, "rows">,
): LayersPlot {
  const { model, inputs, free } = net.manifest;
  if (data === null && inputs.length > 0)
    throw new UsageError("bad-usage", "--layers needs data to send through them", { help: "add --data" });
  const rows = data === null || wanted === undefined ? data : firstRows(net, data, wanted);
  const { layers } = net.probe(rows?.inputs ?? {});
  if (layers.length === 0)
    throw new UsageError("no-picture", `${model} calls no layer`, {
      help: "layers such as `dense(x, 4)` are drawn; formulas of the model itself are not",
    });
  return {
    kind: "layers",
    title: `Layers of ${title}`,
    subtitle: free === null || rows === null ? "" : `on ${counted(rows.rows, "row")}`,
    layers,
  };
}

/** The norm of the gradients of a layer's own parameters together; NaN for one that has none. */
export function parameterNorm({ gradients }: LayersPlot["layers"][number]): number {
  const norms = Object.values(gradients);
  return norms.length === 0 ? NaN : Math.hypot(...norms);
}
