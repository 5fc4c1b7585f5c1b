/** Attention, normalization, order and enlargement: of tensors whose last axis are channels. */
import { countOf, fixed, isFree, type Shape } from "../../compiler/ir/size.ts";
import type { Choices } from "./choices.ts";
import { plus, range, reach, union, type Range } from "./range.ts";
import { fits, largest } from "./terms.ts";

interface Made {
  readonly text: string;
  readonly shape: Shape;
  readonly range: Range;
}

/** Attention over the last axis but one of `x` [..., T, D]; null where these are not known. */
export function attention(c: Choices, x: Made): Made | null {
  if (x.shape.length < 2 || x.shape.length > 3 || x.shape.slice(-2).some(isFree)) return null;
  const [steps, size] = x.shape.slice(-2).map(countOf) as [number, number];
  const [t, most] = [x.text, reach(x.range)];
  const made = (text: string, reaches: Range): Made => ({ text, shape: x.shape, range: reaches });
  const causal = c.once(2);
  const heads = size % 2 === 0 && c.once(2) ? 2 : 1;
  // A mask of each sequence's own entries may hide all of it.
  const mask = c.pick([
    null,
    `iota(${steps}) != 1`,
    `reshape(${t}[..., 0], [${x.shape.length === 3 ? "-1, 1, " : "1, "}${steps}]) > -0.1`,
  ]);
  const how = `${mask === null ? "" : `, mask = ${mask}`}, causal = ${causal}`;
  // Glorot's weights take a mean of rows to √(6 / (E + E)) · E times its reach at most, twice.
  const projected = 3 * (size * most + 1);
  switch (c.below(7)) {
    case 0:
    case 1:
      return made(`attend(${t}, sin(${t}), 0.5 * ${t}${how})`, range(-most, most));
    case 2:
      return made(`multi_head_attention(${t}, ${heads}${how})`, range(-projected, projected));
    case 3: {
      const of = c.pick([`key = sin(${t})`, `sin(${t}), tanh(${t})`]);
      return made(`multi_head_attention(${t}, ${heads}, ${of}${how})`, range(-projected, projected));
    }
    case 4: {
      if (size < 2) return null;
      const order = `norm_first = ${c.once(2)}, causal = ${causal}`;
      const options = `dim_feedforward = 3, dropout = ${c.pick([0, 0, 0.2])}, activation = ${c.pick(["gelu", "tanh", "relu"])}`;
      const reaches = most + projected + 30;
      return made(
        `transformer_block(${t}, ${heads}, ${options}, ${order}, eps = 0.05)`,
        range(-reaches, reaches),
      );
    }
    default:
      if (size % 2 !== 0) return null;
      return c.once(2)
        ? made(`rotary(${t})`, range(-2 * most, 2 * most))
        : made(`${t} * sinusoidal_positions(${steps}, ${size})`, range(-most, most));
  }
}

/** `x` with its entries brought to mean 0 and variance 1 over some of its axes. */
export function normalized(c: Choices, x: Made): Made | null {
  const channels = x.shape.at(-1);
  if (channels === undefined || isFree(channels) || x.shape.length < 2) return null;
  const [t, count] = [x.text, countOf(channels)];
  // Where all entries are equal what they are divided by is √ε: one that is not too small leaves
  // digits.
  const eps = `eps = ${c.pick([0.05, 0.3])}`;
  const most = Math.sqrt(largest(x.shape));
  const made = (text: string, reaches = range(-most, most)): Made => ({
    text,
    shape: x.shape,
    range: reaches,
  });
  switch (c.below(6)) {
    case 0:
      return made(`layer_norm(${t}, ${eps})`);
    case 1:
      return made(`rms_norm(${t}, ${eps})`);
    case 2:
    case 3:
      if (!isFree(x.shape[0]!)) return null;
      if (x.shape.length > 2 && c.once(2)) return made(`instance_norm(${t}, affine = ${c.once(2)}, ${eps})`);
      return made(`group_norm(${t}, ${count % 2 === 0 ? 2 : 1}, ${eps})`);
    default:
      // Predicting, the first running mean and variance leave x much as it is.
      return made(`batch_norm(${t}, ${eps})`, union(x.range, range(-most, most)));
  }
}

/** Entries in order, or those that stand first; ties are told apart. */
export function ordered(c: Choices, x: Made): Made | null {
  const last = x.shape.at(-1);
  if (last === undefined || isFree(last)) return null;
  const count = countOf(last);
  const apart = `${x.text} + 0.137 * iota(${count})`;
  const reaches = plus(x.range, range(0, 0.137 * count));
  if (c.once(2)) {
    const k = 1 + c.below(count);
    const shape = x.shape.with(-1, fixed(k));
    return { text: `top_k(${apart}, ${k}, axis = -1)[0]`, shape, range: reaches };
  }
  const text = `sort(${apart}, axis = -1, descending = ${c.once(2)})`;
  return { text, shape: x.shape, range: reaches };
}

/** A sequence or plane made larger. */
export function enlarged(c: Choices, x: Made): Made | null {
  const spatial = x.shape.slice(1, -1);
  if (spatial.length !== 1 && spatial.length !== 2) return null;
  if (!isFree(x.shape[0]!) || x.shape.slice(1).some(isFree)) return null;
  const sizes = spatial.map((size) => countOf(size) + 1 + c.below(2));
  const mode = c.once(2) ? ", mode = bilinear" : "";
  const twice = c.once(2);
  const text = twice
    ? `upsample(${x.text}, 2${mode})`
    : `upsample(${x.text}, size = [${sizes.join(", ")}]${mode})`;
  const grown = twice ? spatial.map((size) => fixed(2 * countOf(size))) : sizes.map(fixed);
  const shape = [x.shape[0]!, ...grown, x.shape.at(-1)!];
  return fits(shape) ? { text, shape, range: x.range } : null;
}
