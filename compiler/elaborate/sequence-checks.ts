/**
 * Calls of the library's layers along sequences whose mask or first values fit no sequence, told in
 * the words of their arguments rather than of the formulas inside.
 */
import type { Node } from "../ir/node.ts";
import { fixed, isFree, isOne, known, ONE, sameSize, type Shape, showShape } from "../ir/size.ts";
import type { Finding, GivenToLibrary } from "./library-call.ts";
import type { Value } from "./values.ts";

const misfit = (message: string, help: string): Finding => ({
  severity: "error",
  code: "shape-mismatch",
  message,
  help,
});

/** `rnn`, `gru`, `lstm` and `bidirectional`. */
export function checkRecurrent(name: string, given: GivenToLibrary): Finding | null {
  const x = given.node("x");
  if (x === null || x.shape.length < 2) return null;
  return (
    checkSteps(name, x.shape, given) ?? checkSteppedMask(x.shape, given) ?? checkFirst(name, x.shape, given)
  );
}

/** Most often the axis of features is missing, so that the steps would be the batch. */
function checkSteps(name: string, shape: Shape, { freeName }: GivenToLibrary): Finding | null {
  if (!isFree(shape.at(-2)!)) return null;
  return misfit(
    `\`${name}\` goes along the steps of sequences, [..., T, I], and ${showShape(shape, freeName)} has no axis of steps`,
    `of sequences of single numbers, write \`reshape(x, ${showShape([...shape, ONE], freeName)})\``,
  );
}

function checkSteppedMask(x: Shape, { node, freeName }: GivenToLibrary): Finding | null {
  const mask = node("mask");
  const steps = x.slice(0, -1);
  if (mask === null || mask.shape.length === 0 || fitsInto(mask.shape, steps)) return null;
  return misfit(
    `\`mask\` says of every step whether it is there, bool${showShape(steps, freeName)}, but it is ${shown(mask, freeName)}`,
    `of lengths, write \`mask = iota(${showShape([steps.at(-1)!], freeName).slice(1, -1)}) < reshape(length, [${freeName}, 1])\``,
  );
}

/** What is carried before the first step; of several layers a list of one for each. */
function checkFirst(name: string, x: Shape, { value, freeName }: GivenToLibrary): Finding | null {
  const [first, units] = [value("first"), value("units")];
  if (first === null || units === null) return null;
  const layers = units.kind === "list" ? units.items : [units];
  const each = units.kind === "list" && first.kind === "list" ? first.items : layers.map(() => first);
  if (each.length !== layers.length) {
    return misfit(
      `there are ${layers.length} layers, and \`first\` is a list of ${each.length}`,
      "give one for each layer, as `final_state` has them of as many layers with `states = true`",
    );
  }
  for (const [i, layer] of layers.entries()) {
    if (layer.kind !== "number" || !Number.isInteger(layer.value) || layer.value < 1) continue;
    const state = [...x.slice(0, -2), fixed(layer.value)];
    const found =
      name === "lstm" ? misfitPair(each[i]!, state, freeName) : misfitState(each[i]!, state, freeName);
    if (found !== null) return found;
  }
  return null;
}

/** What an LSTM begins with: a list, or a tensor of two. */
function misfitPair(first: Value, state: Shape, freeName: string): Finding | null {
  const what =
    first.kind === "list" && first.items.length !== 2
      ? `a list of ${first.items.length}`
      : first.kind === "tensor" && first.node.shape.length > 0 && known(first.node.shape[0]!) !== 2
        ? shown(first.node, freeName)
        : null;
  if (what !== null) {
    return misfit(
      `an LSTM begins with two values, \`[h, c]\`, but \`first\` is ${what}`,
      "give both, as in `first = [h, zeros(shape(h))]`; `final_state` of an `lstm` with `states = true` has them",
    );
  }
  const parts = first.kind === "list" ? first.items : [];
  return parts.map((part) => misfitState(part, state, freeName)).find((found) => found !== null) ?? null;
}

function misfitState(first: Value, state: Shape, freeName: string): Finding | null {
  const what =
    first.kind === "tensor" && !fitsInto(first.node.shape, state)
      ? shown(first.node, freeName)
      : first.kind === "list" && first.items.some(({ kind }) => kind === "tensor" || kind === "list")
        ? `a list of ${first.items.length}`
        : null;
  if (what === null) return null;
  return misfit(
    `\`first\` is what is carried before the first step, ${showShape(state, freeName)}, but it is ${what}`,
    "sizes agree with the sequences and `units`; an axis of layers, as PyTorch has it, is none here",
  );
}

/** A mask of attention is one for all heads. */
export function checkAttentionMask({ node, freeName }: GivenToLibrary): Finding | null {
  const [x, key, mask] = [node("x"), node("key") ?? node("x"), node("mask")];
  if (x === null || key === null || mask === null || x.shape.length < 2 || key.shape.length < 2) return null;
  // What is no condition is told as such, by the `where` that it comes to.
  if (mask.type !== "bool") return null;
  const seen = [...x.shape.slice(0, -1), key.shape.at(-2)!];
  if (fitsInto(mask.shape, seen)) return null;
  const padding = showShape([...x.shape.slice(0, -2), ONE, key.shape.at(-2)!], freeName);
  return misfit(
    `\`mask\` says where every row of x may look, ${showShape(seen, freeName)} for all heads, but it is ${shown(mask, freeName)}`,
    `where keys are padded, write \`mask = reshape(there, ${padding})\``,
  );
}

const shown = ({ type, shape }: Node, freeName: string): string =>
  (type === "float" ? "" : type) + showShape(shape, freeName);

/** Whether a tensor of the shape can be repeated to the other. */
const fitsInto = (shape: Shape, whole: Shape): boolean =>
  shape.length <= whole.length &&
  shape.every((size, i) => isOne(size) || sameSize(size, whole[whole.length - shape.length + i]!));
