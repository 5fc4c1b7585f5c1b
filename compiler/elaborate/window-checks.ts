/**
 * Calls of the library's convolutions and pools with numbers that make none, told in the words of
 * their arguments.
 */
import type { Node } from "../ir/node.ts";
import { countOf, isFree, ONE, showShape } from "../ir/size.ts";
import type { Finding, GivenToLibrary } from "./library-call.ts";
import type { Value } from "./values.ts";

/** Arguments that are whole numbers, from `least` on; of planes one for each axis where they are a list. */
const LEAST: Readonly<Record<string, number>> = {
  channels: 1,
  kernel: 1,
  size: 1,
  stride: 1,
  dilation: 1,
  groups: 1,
  padding: 0,
  output_padding: 0,
};
/** One for each axis; a padding has one for each end, and these have no list. */
const SINGLE: ReadonlySet<string> = new Set(["channels", "groups"]);

const wrong = (message: string, help: string): Finding => ({
  severity: "error",
  code: "bad-size",
  message,
  help,
});

/** @param axes how many axes the windows have */
export function checkConvolution(given: GivenToLibrary, axes: 1 | 2): Finding | null {
  return checkAxes(given, axes) ?? checkNumbers(given, axes) ?? checkSame(given) ?? checkGroups(given);
}

/** Most often the axis of channels is missing, so that windows would run along the batch. */
function checkAxes({ node, freeName }: GivenToLibrary, axes: 1 | 2): Finding | null {
  const shape = node("x")?.shape;
  const first = shape?.at(-1 - axes);
  if (shape === undefined || first === undefined || !isFree(first)) return null;
  const shown = showShape(shape, freeName);
  const wanted = axes === 1 ? "sequences [N, T, C]" : "planes [N, H, W, C]";
  return wrong(
    `this convolution is of ${wanted}, and ${shown} has no axis of channels`,
    `of one channel, write \`reshape(x, ${showShape([...shape, ONE], freeName)})\``,
  );
}

export function checkPool(given: GivenToLibrary): Finding | null {
  const x = given.node("x");
  if (x === null) return null;
  const rank = x.shape.length;
  if (rank !== 3 && rank !== 4) {
    return {
      severity: "error",
      code: "bad-size",
      message: `pools are of sequences [N, T, C] or of planes [N, H, W, C], and this is ${showShape(x.shape, given.freeName)}`,
      help: "`reshape` it to one of these; the channels are last",
    };
  }
  return checkNumbers(given, rank === 3 ? 1 : 2) ?? checkSame(given);
}

function checkNumbers(given: GivenToLibrary, axes: 1 | 2): Finding | null {
  for (const [name, least] of Object.entries(LEAST)) {
    const value = given.value(name);
    // What is no number is refused where it is read.
    const items = value === null ? [] : value.kind === "list" ? value.items : [value];
    const numbers = items.flatMap((item) => (item.kind === "number" ? [item.value] : []));
    const off = numbers.find((n) => !Number.isInteger(n) || n < least);
    if (off !== undefined)
      return wrong(
        `\`${name}\` is a whole number, ${least} or more, not ${off}`,
        `give whole numbers from ${least} on`,
      );
    if (value?.kind !== "list") continue;
    const finding = checkList(name, value.items, axes);
    if (finding !== null) return finding;
  }
  return null;
}

function checkList(name: string, items: readonly Value[], axes: 1 | 2): Finding | null {
  if (SINGLE.has(name)) return wrong(`\`${name}\` is one number, not a list`, "write the number alone");
  if (name === "padding") {
    if (items.length === 2) return null;
    return wrong(
      `a list for \`padding\` is what goes before and after every axis, and this one has ${items.length} numbers`,
      "write `[before, after]`; for axes that differ, `pad` them first",
    );
  }
  if (axes === 2 && items.length === 2) return null;
  return axes === 2
    ? wrong(
        `a list for \`${name}\` has a number for each of the two axes, not ${items.length}`,
        "write one number, or `[h, w]`",
      )
    : wrong(`\`${name}\` is one number here, where windows have one axis`, "write the number alone");
}

function checkSame({ value }: GivenToLibrary): Finding | null {
  const [padding, stride] = [value("padding"), value("stride")];
  const isSame =
    padding?.kind === "function" && padding.file.isStd && padding.declaration.name.text === "same";
  const strides = stride?.kind === "list" ? stride.items : [stride];
  if (!isSame || strides.every((item) => item?.kind !== "number" || item.value === 1)) return null;
  return wrong(
    "with a stride no padding keeps the size, so `same` is for stride 1",
    "write how many entries go before and after, `padding = [0, 1]`",
  );
}

function checkGroups({ node, number, value }: GivenToLibrary): Finding | null {
  const groups = number("groups");
  const counts: readonly (readonly [string, number | null])[] = [
    ["channels of x", channelsOf(node("x"))],
    ["channels", value("channels")?.kind === "number" ? number("channels") : null],
  ];
  for (const [what, count] of counts) {
    if (groups === null || count === null || count % groups === 0) continue;
    return wrong(
      `the ${count} ${what} do not make ${groups} groups`,
      "the number of groups divides the channels of x, and those of the result",
    );
  }
  return null;
}

function channelsOf(x: Node | null): number | null {
  const last = x?.shape.at(-1);
  return last === undefined || isFree(last) ? null : countOf(last);
}
