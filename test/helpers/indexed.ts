/** What the outputs of a program are worth in f64, as nested lists. */
import { sizeAt } from "../../compiler/ir/size.ts";
import type { Values } from "../../compiler/ops/op.ts";
import { modelOf, valueOf, values, type ReadOptions } from "./elaborated.ts";

export type Nested = number | readonly Nested[];

export function nested(shape: readonly number[], data: readonly number[]): Nested {
  const [size, ...rest] = shape;
  if (size === undefined) return data[0]!;
  const part = data.length / size;
  return Array.from({ length: size }, (_, i) => nested(rest, data.slice(i * part, (i + 1) * part)));
}

export function flat(value: Nested): number[] {
  return typeof value === "number" ? [value] : value.flatMap(flat);
}

export const shapeOf = (value: Nested): number[] =>
  typeof value === "number" ? [] : [value.length, ...(value.length === 0 ? [] : shapeOf(value[0]!))];

export function elementOf(value: Nested | undefined, ...places: readonly number[]): number {
  let at = value;
  for (const place of places) at = (at as readonly Nested[])[place]; // by the shape that tests know
  return at as number; // as above
}

/** Parameters have their first values. */
export async function outputsAt(
  text: string,
  inputs: Readonly<Record<string, Nested>> = {},
  options: ReadOptions = {},
): Promise<Record<string, Nested>> {
  const model = await modelOf(text, options);
  const given = Object.fromEntries(
    Object.entries(inputs).map(([name, value]): [string, Values] => [
      name,
      values(shapeOf(value), flat(value)),
    ]),
  );
  const n = Object.values(inputs)[0];
  const rows = n === undefined || typeof n === "number" ? 1 : n.length;
  const parameters = new Map<number, Values>();
  model.persistent.forEach((p, i) => {
    if (p.start === null) return;
    const [data] = valueOf([p.start]);
    parameters.set(
      i,
      values(
        p.shape.map((s) => sizeAt(s, 1)),
        data!,
      ),
    );
  });
  const { outputs } = model.roots;
  const found = valueOf(
    outputs.map(({ node }) => node),
    { n: rows, inputs: given, parameters },
  );
  return Object.fromEntries(
    outputs.map(({ name, node }, i) => [
      name,
      nested(
        node.shape.map((s) => sizeAt(s, rows)),
        found[i]!,
      ),
    ]),
  );
}
