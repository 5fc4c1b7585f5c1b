/** Random tensors: initializers and dropout are made of them. */
import type { Node } from "../../ir/node.ts";
import { fixed } from "../../ir/size.ts";
import { toShape } from "../tensors.ts";
import { tensor } from "../values.ts";
import type { Primitive, PrimitiveTable } from "./primitive.ts";

const random = (distribution: "uniform" | "normal", doc: string): Primitive => ({
  parameters: ["shape"],
  doc,
  apply: ({ build, freeName, site, loops }, shape) => {
    // Each place of a loop has numbers of its own.
    const all = [...loops.map(({ length }) => fixed(length)), ...toShape(shape!, freeName)];
    const drawn = build.graph.make("random", [], { distribution, site: site(), shape: all }, build.origin);
    return tensor(loops.reduce<Node>((node, loop) => build.pick(node, loop), drawn));
  },
});

export const randoms: PrimitiveTable = {
  random_uniform: random("uniform", "numbers drawn evenly from [0, 1)"),
  random_normal: random("normal", "numbers drawn from the standard normal distribution"),
};
