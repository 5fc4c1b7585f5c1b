/** Small images in rows, each with what it is beneath it. */
import { titleOf } from "../pictures/charts.ts";
import { imageAddress, rampOf } from "../pictures/pixels.ts";
import type { Picture } from "../pictures/render.ts";
import type { Colors } from "../pictures/theme.ts";
import type { ImagesPlot } from "./plot.ts";

/** Pixels of the longer side of an image, and of its caption. */
const SIDE = 84;
const CAPTION = 16;
const GAP = 12;

/** From nothing to full, as ink is on paper. */
export const INK = ["#000000", "#ffffff"];

export const isSigned = ({ kind }: ImagesPlot): boolean => kind === "weights";

export function drawImages(plot: ImagesPlot, colors: Colors): Picture {
  const { title, subtitle, size, images, low, high } = plot;
  // What is taken for what needs room for two names.
  const wide = isSigned(plot) ? SIDE : 132;
  const columns = Math.max(1, Math.min(images.length, isSigned(plot) ? 8 : 5));
  const scale = SIDE / Math.max(size.height, size.width);
  const [width, height] = [size.width * scale, size.height * scale];
  const ramp = rampOf(isSigned(plot) ? colors.diverging : INK);
  const zoom = Math.max(1, Math.ceil((2 * SIDE) / Math.max(size.height, size.width)));
  const values = images.map(({ caption, values: numbers }, i) => ({
    x: (i % columns) * (wide + GAP) + (wide - width) / 2,
    y: Math.floor(i / columns) * (height + CAPTION + GAP),
    caption,
    image: imageAddress(
      {
        ...size,
        colors: Uint8Array.from(numbers.flatMap((value) => [...ramp((value - low) / (high - low || 1))])),
      },
      zoom,
    ),
  }));
  const total = {
    width: Math.max(320, columns * (wide + GAP) - GAP),
    height: Math.max(1, Math.ceil(images.length / columns)) * (height + CAPTION + GAP) - GAP,
  };
  const place = (field: "x" | "y") => ({
    field,
    type: "quantitative" as const,
    scale: { domain: [0, field === "x" ? total.width : total.height], nice: false, reverse: field === "y" },
    axis: null,
  });
  const middle = values.map((value) => ({ ...value, x: value.x + width / 2, y: value.y + height + 10 }));
  return {
    title: titleOf({ title, subtitle, description: "" }, total.width),
    description: `${images.length} images of ${size.height} by ${size.width} pixels: ${images.map(({ caption }) => caption).join(", ")}`,
    ...total,
    layer: [
      {
        data: { values },
        mark: { type: "image", width, height, align: "left", baseline: "top", aspect: false },
        encoding: { x: place("x"), y: place("y"), url: { field: "image", type: "nominal" } },
      },
      {
        data: { values: middle },
        mark: { type: "text", fontSize: 11, limit: wide + GAP - 2 },
        encoding: { x: place("x"), y: place("y"), text: { field: "caption", type: "nominal" } },
      },
      // Draws nothing but the legend.
      ...(isSigned(plot) && images.length > 0
        ? [
            {
              data: { values: [{ value: 0 }] },
              mark: { type: "point" as const, opacity: 0, size: 0 },
              encoding: {
                color: {
                  field: "value",
                  type: "quantitative" as const,
                  title: "weight",
                  scale: {
                    domain: [low, low / 2, 0, high / 2, high],
                    range: [...colors.diverging],
                    interpolate: "rgb" as const,
                  },
                  legend: { gradientLength: Math.min(160, Math.max(60, total.height - 40)) },
                },
              },
            },
          ]
        : []),
    ],
  };
}
