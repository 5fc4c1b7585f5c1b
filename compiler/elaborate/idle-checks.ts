/**
 * Arguments of the library's definitions that change nothing beside the others of the call: what
 * they say is not done, and was meant to be.
 */
import type { Finding, GivenToLibrary } from "./library-call.ts";
import type { Value } from "./values.ts";

const idle = (parameter: string, message: string, help: string): Finding => ({
  severity: "warning",
  code: "idle-argument",
  message,
  help,
  parameter,
});

/** `rnn`, `gru`, `lstm` and `bidirectional`. */
export function checkIdle(name: string, given: GivenToLibrary): Finding | null {
  return (name === "bidirectional" ? idleBesideCell(given) : null) ?? idleDropout(name, given);
}

/** PyTorch warns of it; in Keras `dropout` acts on what the layer is given. */
function idleDropout(name: string, { value, number }: GivenToLibrary): Finding | null {
  const units = value("units");
  if (units === null || (units.kind === "list" && units.items.length > 1)) return null;
  const rate = number("dropout");
  if (rate === null || rate === 0) return null;
  return idle(
    "dropout",
    `\`dropout\` of \`${name}\` acts between its layers, and there is one: nothing is dropped`,
    `give a list of units for several layers, or write \`dropout(x, ${rate})\` before the layer or after it`,
  );
}

/** What a bidirectional layer does not hand on to its cells. */
function idleBesideCell({ value, number }: GivenToLibrary): Finding | null {
  const cell = nameInLibrary(value("cell"));
  const unread = [
    ...(cell !== "rnn" && nameInLibrary(value("act")) !== "tanh" ? ["act"] : []),
    ...(cell === null && !isBoolean(value("mask"), true) ? ["mask"] : []),
    ...(cell === null && isBoolean(value("use_bias"), false) ? ["use_bias"] : []),
    ...(cell === null && number("dropout") !== 0 ? ["dropout"] : []),
  ];
  const [first] = unread;
  if (first === undefined) return null;
  const help =
    cell === null
      ? "the layer is called with `x`, `units` and `reverse`: what else it needs stands in its definition"
      : "gates of `gru` and `lstm` have functions of their own; `cell = rnn` takes another";
  return idle(
    first,
    `a cell that is ${cell === null ? "a layer of one's own" : `\`${cell}\``} is not given \`${first}\``,
    help,
  );
}

/** Arguments of the library's optimizer `name`. */
export function checkIdleOptimizer(name: string, value: (parameter: string) => Value | null): Finding | null {
  if (name !== "sgd" || !isNumber(value("momentum"), 0)) return null;
  const idleBeside = isBoolean(value("nesterov"), true)
    ? "nesterov"
    : isNumber(value("dampening"), 0)
      ? null
      : "dampening";
  if (idleBeside === null) return null;
  return idle(
    idleBeside,
    `\`${idleBeside}\` of \`sgd\` does nothing without a momentum`,
    "give one, such as `momentum = 0.9`",
  );
}

const isNumber = (value: Value | null, x: number): boolean => value?.kind === "number" && value.value === x;
const isBoolean = (value: Value | null, x: boolean): boolean =>
  value?.kind === "boolean" && value.value === x;

/** What the library calls a function of its own; null of any other value. */
function nameInLibrary(value: Value | null): string | null {
  if (value?.kind === "primitive") return value.name;
  return value?.kind === "function" && value.file.isStd ? value.declaration.name.text : null;
}
