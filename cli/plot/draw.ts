/** A plot's numbers as a figure. */
import type { Picture } from "../pictures/render.ts";
import type { Colors } from "../pictures/theme.ts";
import { drawCurve } from "./draw-curve.ts";
import { drawFunctions } from "./draw-functions.ts";
import { drawImages } from "./draw-images.ts";
import { drawLayers } from "./draw-layers.ts";
import { drawLoss } from "./draw-loss.ts";
import { drawSurface } from "./draw-surface.ts";
import type { Plot } from "./plot.ts";

export async function drawPlot(plot: Plot, colors: Colors): Promise<Picture> {
  switch (plot.kind) {
    case "functions":
      return drawFunctions(plot, colors);
    case "surface":
      return drawSurface(plot, colors);
    case "curve":
      return drawCurve(plot, colors);
    case "weights":
    case "mistakes":
      return drawImages(plot, colors);
    case "loss-surface":
      return drawLoss(plot);
    case "layers":
      return drawLayers(plot, colors);
    default:
      return plot satisfies never;
  }
}
