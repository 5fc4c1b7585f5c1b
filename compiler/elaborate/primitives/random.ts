/** Random tensors: initializers and dropout are made of them. */
import { toShape } from "../tensors.ts";
import { tensor } from "../values.ts";
import type { Primitive, PrimitiveTable } from "./primitive.ts";

const random = (distribution: "uniform" | "normal", doc: string): Primitive => ({
  parameters: ["shape"],
  doc,
  apply: ({ build, freeName, site }, shape) =>
    tensor(
      build.graph.make(
        "random",
        [],
        { distribution, site: site(), shape: toShape(shape!, freeName) },
        build.origin,
      ),
    ),
});

export const randoms: PrimitiveTable = {
  random_uniform: random("uniform", "numbers drawn evenly from [0, 1)"),
  random_normal: random("normal", "numbers drawn from the standard normal distribution"),
};
