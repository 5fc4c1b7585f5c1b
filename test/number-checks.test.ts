/** Numbers that the library cannot use, and arguments that do nothing: told at the argument. */
import { describe, expect, test } from "vitest";
import { check } from "../compiler/index.ts";

const codes = ["out-of-range", "idle-argument", "type-mismatch"];

/** What is said of a line, beside what it is said of. */
async function found(line: string, definitions = ""): Promise<string[]> {
  const source = `${definitions}
  layer own(x, units, reverse = false) = gru(x, units, reverse = reverse)
  model M {
    input x: [N, 4, 3]
    input words: int[N, 4]
    param w = 1
    ${line}
    ${line.startsWith("optimizer") ? "" : "optimizer sgd"}
    loss w^2${line.startsWith("h =") ? " + sum(h) / N" : ""}
  }`;
  return (await check(source)).flatMap(({ code, severity, message, help, labels }) => {
    const { start, end } = labels[0]!.span;
    return codes.includes(code)
      ? [`${severity} ${code} at ${source.slice(start, end)}: ${message}; ${help}`]
      : severity === "error"
        ? [`error ${code}: ${message}`]
        : [];
  });
}

const told: readonly (readonly [line: string, what: RegExp])[] = [
  [
    "optimizer adam(lr = cosine(step, 0.01, 500))",
    /^error type-mismatch at step: `lr` of `cosine` must be a number, not the number of the step; .*cosine\(1e-3, steps = 1000\)/,
  ],
  ["optimizer adam(lr = cosine(0.01, step))", /^error type-mismatch at step: `steps` of `cosine`/],
  ["optimizer adam(lr = step)", /^error type-mismatch at step: `lr` of `adam` must be a number/],
  [
    "optimizer adam(lr = cosine(500, 0.01))",
    /^error out-of-range at 0.01: `steps` of `cosine` must be 1 or more, not 0.01/,
  ],
  [
    "optimizer adam(lr = cosine(0.1, 100, 1e-5))",
    /^error out-of-range at 1e-5: `warmup` of `cosine` .*`final`/,
  ],
  [
    "optimizer adam(lr = cosine(0.1, steps = 100, warmup = 200))",
    /^warning out-of-range at 200: the rate warms up for 200 steps, and the schedule has 100/,
  ],
  ["optimizer adam(lr = linear(0.01, 0.001, 500))", /^error out-of-range at 0.001: `steps` of `linear`/],
  [
    "optimizer adam(weight_decay = exponential(0.01, 0))",
    /^error out-of-range at 0: `gamma` of `exponential` must be more than 0/,
  ],
  [
    "optimizer adam(lr = step_decay(0.01, 0.1, 30))",
    /^error out-of-range at 0.1: `step_size` of `step_decay`/,
  ],
  [
    "optimizer adam(lr = one_cycle(0.01, 100, pct_start = 30))",
    /^error out-of-range at 30: `pct_start` of `one_cycle` must be from 0 to 1/,
  ],
  ["optimizer adam(lr = one_cycle(0.01, 100, div_factor = 0))", /^error out-of-range at 0: `div_factor`/],
  [
    "optimizer adam(clip_norm = -1)",
    /^error out-of-range at -1: `clip_norm` of `adam` must be more than 0, not -1; .*`inf`/,
  ],
  [
    "optimizer lion(clip_value = 0)",
    /^error out-of-range at 0: `clip_value` of `lion` must be more than 0, not 0; .*`inf`/,
  ],
  [
    "optimizer adam(clip_norm = true)",
    /^error type-mismatch at true: `clip_norm` of `adam` must be a number, not a boolean/,
  ],
  ["optimizer adam(ema = 1)", /^error out-of-range at 1: `ema` of `adam` must be 0 or more, and less than 1/],
  ["optimizer adam(0.1, 1)", /^error out-of-range at 1: `beta1`/],
  ["optimizer adadelta(rho = -0.1)", /^error out-of-range at -0.1: `rho`/],
  ["optimizer adam(eps = -1)", /^error out-of-range at -1: `eps`/],
  ["optimizer lamb(clamp_value = 0)", /^error out-of-range at 0: `clamp_value`/],
  [
    "optimizer sgd(lr = -1)",
    /^warning out-of-range at -1: `lr` of `sgd` must be 0 or more, not -1; .*larger/,
  ],
  ["optimizer sgd(momentum = 1)", /^warning out-of-range at 1: `momentum`/],
  ["optimizer sgd(weight_decay = -1)", /^warning out-of-range at -1: `weight_decay`/],
  [
    "optimizer sgd(nesterov = true)",
    /^warning idle-argument at true: `nesterov` of `sgd` does nothing without a momentum/,
  ],
  ["optimizer sgd(dampening = 0.1)", /^warning idle-argument at 0.1: `dampening`/],
  ["h = dropout(x, 30)", /^error out-of-range at 30: `rate` of `dropout` must be from 0 to 1/],
  ["h = gru(x, [4, 4], dropout = 2)", /^error out-of-range at 2: `dropout` of `gru`/],
  [
    "h = transformer_block(x, 3, dropout = -1)",
    /^error out-of-range at -1: `dropout` of `transformer_block`/,
  ],
  [
    "h = gru(x, 4, dropout = 0.2)",
    /^warning idle-argument at 0.2: `dropout` of `gru` .* there is one: .*`dropout\(x, 0.2\)`/,
  ],
  ["h = bidirectional(x, [4], dropout = 0.2)", /^warning idle-argument at 0.2: `dropout` of `bidirectional`/],
  [
    "h = bidirectional(x, 4, act = relu)",
    /^warning idle-argument at relu: .*`lstm` is not given `act`; .*`cell = rnn`/,
  ],
  [
    "h = bidirectional(x, 4, cell = own, mask = words > 0)",
    /^warning idle-argument at words > 0: .* not given `mask`/,
  ],
];

const meant: readonly string[] = [
  "optimizer adam(lr = cosine(0.1, steps = 1), weight_decay = 0, eps = 0)",
  "optimizer adam(lr = cosine(0.1, 100, warmup = 100, final = 0.01))",
  "optimizer adam(lr = cosine(0.1, 100) * where(step < 5, 0.1, 1))",
  "optimizer adam(lr = 1e-3 * step, clip_norm = inf, clip_value = 0.5, ema = 0)",
  "optimizer adam(lr = exponential(0, 1.5), beta1 = 0)",
  "optimizer adam(clip_norm = linear(5, 100, final = 1))",
  "optimizer sgd(0.1, 0.9, nesterov = true, dampening = 0.1)",
  "h = dropout(x, 1)",
  "h = gru(x, [4, 4], dropout = 0.2)",
  "h = gru(x, 4, dropout = 0)",
  "h = bidirectional(x, 4, cell = rnn, act = relu)",
  "h = bidirectional(x, [4, 4], dropout = 0.5, mask = words > 0)",
  "h = bidirectional(x, 4, cell = own)",
];

describe("told, with what is meant", () => {
  test.each(told)("%s", async (line, what) => {
    const said = await found(line);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(what);
  });

  test("clipping in an optimizer of one's own", async () => {
    const own = `optimizer mine(lr = 0.1, most = 0) { param = param - lr * clipped(grad, grads, most) }`;
    expect((await found("optimizer mine(most = 1)", own)).length).toBe(0);
    expect((await found("optimizer mine", own))[0]).toMatch(
      /^error out-of-range at most: `clip_norm` of `clipped`/,
    );
  });
});

describe("nothing is said of", () => {
  test.each(meant)("%s", async (line) => {
    expect(await found(line)).toEqual([]);
  });

  test("definitions of one's own by the same names", async () => {
    const own = `fn cosine(lr, steps) = lr / steps
      optimizer adam(lr = 0.1, clip_norm = 1) { param = param - lr * clip_norm * grad }`;
    expect(await found("optimizer adam(lr = cosine(step, 0.1), clip_norm = -1)", own)).toEqual([]);
  });
});
