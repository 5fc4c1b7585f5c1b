/**
 * Numbers that optimizers, schedules and layers of the library are given, where they lie outside of
 * what the formulas are made for: told at the call, in the caller's words. What is known only while
 * training is not looked at.
 */
import type { Finding, GivenToLibrary } from "./library-call.ts";
import type { Value } from "./values.ts";

interface Wanted {
  readonly holds: (x: number) => boolean;
  /** What the number must be. */
  readonly what: string;
  readonly help: string;
  /** A warning where the formulas mean something all the same. */
  readonly severity?: "warning";
}

const AVERAGED = "it is the share that stays of a running mean, such as 0.9 or 0.999";
const mean = (help = AVERAGED): Wanted => ({
  holds: (x) => x >= 0 && x < 1,
  what: "0 or more, and less than 1",
  help,
});
const notNegative = (help: string): Wanted => ({
  holds: (x) => x >= 0,
  what: "0 or more",
  help,
  severity: "warning",
});
const above0 = (help: string): Wanted => ({ holds: (x) => x > 0, what: "more than 0", help });
const part = (help: string): Wanted => ({ holds: (x) => x >= 0 && x <= 1, what: "from 0 to 1", help });
const clipping = above0("leave it out, or write `inf`, where gradients are not clipped");
const rate = notNegative("a rate below 0 makes the loss larger, step by step");
const steps = (help: string): Wanted => ({
  holds: (x) => x >= 1,
  what: "1 or more",
  help,
});

type Table = Readonly<Record<string, Wanted>>;

/** By the names of their arguments, which mean one thing in all of them. */
const OPTIMIZERS: Table = {
  lr: rate,
  momentum: { ...mean("with 1 or more nothing slows down"), severity: "warning" },
  alpha: mean(),
  beta1: mean(),
  beta2: mean(),
  rho: mean(),
  eps: { holds: (x) => x >= 0, what: "0 or more", help: "it keeps a root from being 0 where it divides" },
  weight_decay: notNegative("below 0 it makes weights grow"),
  clip_norm: clipping,
  clip_value: clipping,
  clamp_value: above0("leave it out, or write `inf`, where norms have no bound"),
  ema: mean("it is the share that stays of the average, such as 0.999; without an average leave it out"),
};

const SCHEDULE: Table = {
  lr: rate,
  final: rate,
  gamma: above0("it is what the rate is multiplied by, such as 0.9"),
  warmup: {
    holds: (x) => x === 0 || x >= 1,
    what: "0, or 1 and more",
    help: "without a warm-up leave it out; what the rate ends at is `final`",
  },
  steps: steps("it is the number of all steps: of rows divided by those of a batch, times the epochs"),
  step_size: steps("it is the number of steps after which the rate falls, by the factor `gamma`"),
  pct_start: part("it is the share of the steps in which the rate rises, such as 0.3"),
  div_factor: above0("it is what `lr` is divided by at first, such as 25"),
  final_div_factor: above0("it is what the first rate is divided by in the end, such as 1e4"),
};

const DROPOUT = part("it is the share of entries that are dropped, such as 0.1");

/** Arguments of fns and layers. */
const TABLES: Readonly<Record<string, Table>> = {
  cosine: SCHEDULE,
  linear: SCHEDULE,
  exponential: SCHEDULE,
  step_decay: SCHEDULE,
  one_cycle: SCHEDULE,
  clipped: { clip_norm: clipping, clip_value: clipping },
  dropout: { rate: DROPOUT },
  ...Object.fromEntries(
    ["rnn", "gru", "lstm", "bidirectional", "multi_head_attention", "transformer_block"].map((name) => [
      name,
      { dropout: DROPOUT },
    ]),
  ),
};

/** An argument of the library's optimizer `name`. */
export function checkOptimizerNumber(name: string, parameter: string, value: Value): Finding | null {
  const wanted = Object.hasOwn(OPTIMIZERS, parameter) ? OPTIMIZERS[parameter]! : null;
  if (wanted === null) return isStep(value) ? stepGiven(name, parameter) : null;
  return outside(name, parameter, value, wanted);
}

/** Arguments of the library's fn or layer `name`. */
export function checkNumbers(name: string, { value }: GivenToLibrary): Finding | null {
  if (!Object.hasOwn(TABLES, name)) return null;
  const table = TABLES[name]!;
  for (const [parameter, wanted] of Object.entries(table)) {
    const given = value(parameter);
    const found = given === null ? null : outside(name, parameter, given, wanted);
    if (found !== null) return found;
  }
  return table === SCHEDULE ? warmupBeyond(value) : null;
}

function outside(name: string, parameter: string, value: Value, wanted: Wanted): Finding | null {
  if (isStep(value)) return stepGiven(name, parameter);
  const { holds, what, help, severity = "error" } = wanted;
  if (value.kind === "boolean") {
    const message = `\`${parameter}\` of \`${name}\` must be a number, not a boolean`;
    return { severity: "error", code: "type-mismatch", message, help, parameter };
  }
  const x = numberIn(value);
  if (x === null || holds(x)) return null;
  return {
    severity,
    code: "out-of-range",
    message: `\`${parameter}\` of \`${name}\` must be ${what}, not ${x}`,
    help,
    parameter,
  };
}

function warmupBeyond(value: GivenToLibrary["value"]): Finding | null {
  const [warmup, all] = [value("warmup"), value("steps")].map((given) =>
    given === null ? null : numberIn(given),
  );
  if (warmup == null || all == null || warmup <= all) return null;
  return {
    severity: "warning",
    code: "out-of-range",
    message: `the rate warms up for ${warmup} steps, and the schedule has ${all}: it ends while the rate still rises`,
    parameter: "warmup",
    help: "`steps` counts those of the warm-up too: make it larger, or `warmup` smaller",
  };
}

/** A schedule knows the step by itself; as a rate or a factor it is a mistake. */
const stepGiven = (name: string, parameter: string): Finding => ({
  severity: "error",
  code: "type-mismatch",
  message: `\`${parameter}\` of \`${name}\` must be a number, not the number of the step`,
  parameter,
  help: "a schedule knows the step by itself, as in `lr = cosine(1e-3, steps = 1000)`; a formula of the step is written `lr = 1e-3 * 0.99^step`",
});

const numberIn = (value: Value): number | null =>
  value.kind === "number" || value.kind === "hyper" ? value.value : null;

function isStep(value: Value): boolean {
  if (value.kind !== "tensor" && value.kind !== "scheduled") return false;
  let { node } = value;
  while (node.op === "cast") node = node.operands[0]!;
  return node.op === "step";
}
