/** `--validate`: which rows are trained on, and which are not. */
import type { Net } from "../../runtime/index.ts";
import { extentOf } from "../../runtime/extent.ts";
import { split } from "../../runtime/rows.ts";
import { own } from "../data/own.ts";
import type { Dataset } from "../data/load-data.ts";
import type { Tensor } from "../data/match-input.ts";
import { UsageError } from "../failures.ts";
import { isShare, type Watch } from "../run.ts";

/** A share, or "data" for files. @throws UsageError for a share that is none */
export function readValidate(typed: readonly string[] | undefined): Watch["validate"] | undefined {
  if (typed === undefined) return undefined;
  const [text = ""] = typed;
  if (typed.length > 1 || !/^[+-]?(\d|\.\d)[\d.]*(e[+-]?\d+)?%?$/i.test(text)) return "data";
  const share = Number(text);
  if (isShare(share)) return share;
  throw new UsageError("bad-option", `--validate ${text} is no share of the rows`, {
    help: "give a number between 0 and 1, such as 0.1, or files as for --data",
  });
}

/**
 * Holds out the rows that `fit({ validate: share })` holds out.
 * @param isOver whether `data` is needed no more: the rows to train on may then take its place
 * @throws UsageError where there is one row alone
 */
export function holdOut(
  net: Net,
  data: Dataset,
  share: number,
  isOver = false,
): { readonly training: Dataset; readonly validation: Dataset; readonly places: Uint32Array } {
  if (data.rows < 2) {
    throw new UsageError("bad-option", "--validate with a share needs two rows or more", {
      help: "give --validate files as for --data",
    });
  }
  const { training, validation } = split(net.order(data.rows, 0), share);
  const held = pickRows(net, data, validation);
  return {
    training: isOver ? moveRows(net, data, training) : pickRows(net, data, training),
    validation: held,
    places: training,
  };
}

/** Some rows of all inputs, in the order given. */
export function pickRows(net: Net, data: Dataset, rows: Uint32Array): Dataset {
  return rowsInto(net, data, rows, ({ data: values }, count) => values.slice(0, count));
}

/** The same for rows in rising order, in the place of `data`: each moves to the front, or stays. */
function moveRows(net: Net, data: Dataset, rows: Uint32Array): Dataset {
  const all = Object.values(data.inputs);
  return rowsInto(net, data, rows, ({ data: values }, count) => {
    // Numbers that several inputs have are still to be read for the next.
    const isShared = all.filter((tensor) => tensor.data === values).length > 1;
    return isShared ? values.slice(0, count) : values.subarray(0, count);
  });
}

/** @param room where the numbers that are picked of a tensor go */
function rowsInto(
  net: Net,
  data: Dataset,
  rows: Uint32Array,
  room: (tensor: Tensor, count: number) => Tensor["data"],
): Dataset {
  const inputs = Object.fromEntries(
    net.manifest.inputs.flatMap(({ name, shape }): (readonly [string, Tensor])[] => {
      const tensor = own(data.inputs, name);
      if (tensor === undefined) return [];
      const { free, outer, inner } = extentOf(shape);
      if (!free) return [[name, tensor]];
      const values = room(tensor, outer * rows.length * inner);
      for (let o = 0, at = 0; o < outer; o++) {
        for (const row of rows) {
          const from = (o * data.rows + row) * inner;
          values.set(tensor.data.subarray(from, from + inner), at);
          at += inner;
        }
      }
      const axis = shape.findIndex((size) => typeof size === "string");
      const sizes = tensor.shape.map((size, i) => (i === axis ? (size / data.rows) * rows.length : size));
      return [[name, { data: values, shape: sizes }]];
    }),
  );
  return { ...data, rows: rows.length, inputs };
}
