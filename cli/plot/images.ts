/** The first layer's weights, and the rows that a classifier gets most wrong, as images. */
import type { Manifest, Net, Tensor } from "../../runtime/index.ts";
import { isDistribution, largest } from "../data/distribution.ts";
import { classNames, entriesOfRow } from "../data/row-names.ts";
import type { Dataset, KnownTables } from "../data/load-data.ts";
import { own } from "../data/own.ts";
import { predict } from "../parts.ts";
import { count } from "../terminal/numbers.ts";
import { norm } from "./directions.ts";
import { extent } from "./features.ts";
import type { ImageSize, ImagesPlot, PixelImage } from "./plot.ts";
import { targetsOf } from "./targets.ts";

/** Fewer pixels along a side are likely no image. */
const SMALLEST = 8;

const MOST_WEIGHTS = 64;
const MOST_MISTAKES = 25;

/** The size of the images that a model's input is made of, where its shape says one. */
export function imageOf({ inputs, free }: Manifest): ImageSize | null {
  const input = inputs.find(({ role }) => role === "input");
  if (input === undefined) return null;
  const sizes = (free === null ? input.shape : input.shape.slice(1)).filter(
    (size) => typeof size === "number",
  );
  // [N, H, W], [N, H, W, C], or the rows of a square.
  if (sizes.length >= 2) return { height: sizes[0]!, width: sizes[1]! };
  const side = Math.sqrt(sizes[0] ?? 0);
  return sizes.length === 1 && Number.isInteger(side) && side >= SMALLEST
    ? { height: side, width: side }
    : null;
}

/** The parameter that reads the input first: of rows of pixels, or of windows of an image. */
export function firstWeights(
  { parameters, inputs, free }: Manifest,
  size: ImageSize,
): { readonly path: string; readonly size: ImageSize; readonly channels: number } | null {
  const input = inputs.find(({ role }) => role === "input");
  const entries = input === undefined ? null : entriesOfRow(input.shape, free);
  if (entries === null) return null;
  for (const { path, shape } of parameters) {
    if (shape.length === 2 && shape[1] === entries)
      return { path, size, channels: Math.max(1, Math.round(entries / (size.height * size.width))) };
    if (shape.length === 4)
      return { path, size: { height: shape[2]!, width: shape[3]! }, channels: shape[1]! };
  }
  return null;
}

/** One image for each unit and channel; where there are many, of those with the largest weights. */
export function plotWeights(
  net: Net,
  title: string,
  { path, size, channels }: NonNullable<ReturnType<typeof firstWeights>>,
): ImagesPlot {
  const { data, shape } = net.get(path);
  const pixels = size.height * size.width;
  const units = shape[0]!;
  // A row of pixels has its channels last, a window has them first.
  const at = (unit: number, channel: number, pixel: number): number =>
    data[
      unit * pixels * channels + (shape.length === 2 ? pixel * channels + channel : channel * pixels + pixel)
    ]!;
  const all = Array.from({ length: units * channels }, (_, k): PixelImage & { readonly norm: number } => {
    const [unit, channel] = [Math.floor(k / channels), k % channels];
    const values = Array.from({ length: pixels }, (_unused, pixel) => at(unit, channel, pixel));
    return {
      caption: channels === 1 ? `${unit}` : `${unit}.${channel}`,
      values,
      norm: norm(values),
    };
  });
  const chosen = new Set(all.toSorted((a, b) => b.norm - a.norm).slice(0, MOST_WEIGHTS));
  const images = all.filter((image) => chosen.has(image)).map(({ caption, values }) => ({ caption, values }));
  const [low, high] = extent(images.flatMap(({ values }) => values));
  const largest = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const some =
    images.length < all.length ? `the ${images.length} of ${count(all.length)} with the largest norm` : "";
  return {
    kind: "weights",
    title: `${path} of ${title}: what each unit looks for`,
    subtitle: [
      `one image a unit, from ${-Number(largest.toPrecision(3))} (blue) to ${Number(largest.toPrecision(3))} (orange)`,
      some,
    ]
      .filter((part) => part !== "")
      .join("; "),
    size,
    images,
    low: -largest,
    high: largest,
  };
}

export type Mistakes =
  | { readonly kind: "plot"; readonly plot: ImagesPlot }
  /** Why there is no picture of them. */
  | { readonly kind: "none"; readonly why: string };

/** A number for each class of each row, larger for what is more probable; null where no output says that. */
function scoresOf(
  { manifest }: Net,
  outputs: Readonly<Record<string, Tensor>>,
  classes: number,
): ArrayLike<number> | null {
  const widths = manifest.outputs.map(({ name, shape }) => ({
    values: outputs[name]!.data,
    width: entriesOfRow(shape, manifest.free),
  }));
  const each = widths.filter(({ width }) => width === classes);
  const found = each.find(({ values }) => isDistribution(values, classes)) ?? each[0];
  if (found !== undefined) return found.values;
  // One number between 0 and 1 is the probability of the second of two classes.
  const chance = widths.find(
    ({ values, width }) => classes === 2 && width === 1 && values.every((value) => value >= 0 && value <= 1),
  );
  if (chance === undefined) return null;
  return Float64Array.from({ length: 2 * chance.values.length }, (_, i) =>
    i % 2 === 0 ? 1 - chance.values[i / 2]! : chance.values[(i - 1) / 2]!,
  );
}

/** The rows whose wrong class is furthest above the right one. */
export function plotMistakes(
  net: Net,
  title: string,
  size: ImageSize,
  data: Dataset,
  known: Partial<KnownTables>,
): Mistakes {
  const { manifest } = net;
  const none = (why: string): Mistakes => ({ kind: "none", why });
  const input = manifest.inputs.find(({ role }) => role === "input")!;
  const pixels = own(data.inputs, input.name)!;
  const entries = entriesOfRow(input.shape, manifest.free)!;
  const targets = targetsOf(manifest, data);
  if (targets?.classes == null) return none("mistakes need a target that is a class, as int[N]");
  const { classes, values: labels } = targets;
  const width = classes.length;
  const values = scoresOf(net, predict(net, data), width);
  if (values === null)
    return none(`mistakes need an output with one number for each of the ${classes.length} classes`);
  const names = classNames(targets.name, width, { categories: { ...known.categories, ...data.categories } });
  const wrong: { readonly row: number; readonly predicted: number; readonly margin: number }[] = [];
  for (let row = 0; row < data.rows; row++) {
    const label = labels[row]!;
    const best = largest(values, row * width, width);
    if (best !== label)
      wrong.push({
        row,
        predicted: best,
        margin: values[row * width + best]! - values[row * width + label]!,
      });
  }
  wrong.sort((a, b) => b.margin - a.margin || a.row - b.row);
  const channels = Math.max(1, Math.round(entries / (size.height * size.width)));
  const images = wrong.slice(0, MOST_MISTAKES).map(({ row, predicted }): PixelImage => {
    const label = labels[row]!;
    return {
      caption: `${names[label]} taken for ${names[predicted]}`,
      // Channels become one: the mean of them.
      values: Array.from({ length: size.height * size.width }, (_, pixel) => {
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += Number(pixels.data[row * entries + pixel * channels + c]);
        return sum / channels;
      }),
    };
  });
  const [low, high] = extent(images.flatMap(({ values: own_ }) => own_));
  const share = ((100 * wrong.length) / data.rows).toPrecision(3);
  return {
    kind: "plot",
    plot: {
      kind: "mistakes",
      title: wrong.length === 0 ? `${title} makes no mistake` : `The worst mistakes of ${title}`,
      subtitle: `${count(wrong.length)} of ${count(data.rows)} rows are mistaken (${share} %); the most certain first`,
      size,
      images,
      low: low < high ? low : 0,
      high: low < high ? high : 1,
    },
  };
}
