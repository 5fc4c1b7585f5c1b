/**
 * Calls of the library's losses, metrics and activations that are well formed and cannot mean what
 * they say: an answer that is the same whatever the numbers are, targets that are stretched without
 * a word, logits where probabilities are wanted. They are told at the call, in the caller's words.
 */
import type { Node } from "../ir/node.ts";
import { isFree, isOne, type Shape, showShape } from "../ir/size.ts";
import { divisionChecks } from "./division-checks.ts";
import type { Finding, GivenToLibrary } from "./library-call.ts";
import { checkIdle } from "./idle-checks.ts";
import { checkNumbers } from "./number-checks.ts";
import { checkAttentionMask, checkRecurrent } from "./sequence-checks.ts";
import { checkConvolution, checkPool } from "./window-checks.ts";

type Check = (given: GivenToLibrary) => Finding | null;

/** Compared entry by entry, so that one shape is meant. */
const PAIRS: Readonly<Record<string, readonly [prediction: string, target: string]>> = {
  mse: ["prediction", "y"],
  mae: ["prediction", "y"],
  huber: ["prediction", "y"],
  bce: ["p", "y"],
  bce_with_logits: ["z", "y"],
  hinge: ["z", "y"],
  kl_div: ["log_probs", "y"],
  r2: ["prediction", "y"],
  rmse: ["prediction", "y"],
  focal: ["z", "y"],
  binary_accuracy: ["p", "y"],
};

const checks: Readonly<Record<string, Check>> = {
  ...divisionChecks,
  conv1d: (given) => checkConvolution(given, 1),
  conv2d: (given) => checkConvolution(given, 2),
  conv_transpose1d: (given) => checkConvolution(given, 1),
  conv_transpose2d: (given) => checkConvolution(given, 2),
  max_pool: checkPool,
  avg_pool: checkPool,
  ...Object.fromEntries(
    ["rnn", "gru", "lstm", "bidirectional"].map((name): [string, Check] => [
      name,
      (given) => checkRecurrent(name, given) ?? checkIdle(name, given),
    ]),
  ),
  ...Object.fromEntries(
    ["multi_head_attention", "transformer_block"].map((name): [string, Check] => [
      name,
      (given) => divisionChecks[name]!(given) ?? checkAttentionMask(given),
    ]),
  ),
  accuracy: (given) =>
    oneColumn(given, "scores", {
      severity: "error",
      message: "the largest of a single column is always that column, so this says nothing about the model",
      help: "for one column of yes or no write `binary_accuracy(p, y)`, with p = sigmoid(z), or `binary_accuracy(z, y, threshold = 0)` of logits",
    }) ?? floatLabels(given),
  soft_accuracy: (given) => checks["accuracy"]!(given),
  cross_entropy: (given) =>
    oneColumn(given, "logits", {
      severity: "error",
      message: "the softmax of a single column is always 1, so this loss is always 0",
      help: "for one column of yes or no write `bce_with_logits(z, y)`, with y in the shape of z",
    }) ?? stepsWithOneLabel(given),
  soft_cross_entropy: (given) => checks["cross_entropy"]!(given),
  softmax: (given) =>
    oneEntry(given, "z", {
      severity: "warning",
      message: "over an axis of one entry the softmax is always 1",
      help: "the probability of one logit is `sigmoid(z)`; otherwise name another axis, as in `softmax(z, axis = 0)`",
    }),
  log_softmax: (given) =>
    oneEntry(given, "z", {
      severity: "warning",
      message: "over an axis of one entry the log_softmax is always 0",
      help: "the logarithm of the probability of one logit is `-softplus(-z)`; otherwise name another axis",
    }),
  nll: (given) => probabilitiesAsLogs(given) ?? null,
  kl_div: (given) => probabilitiesAsLogs(given) ?? null,
  bce: (given) =>
    isLogit(given.node("p"))
      ? {
          severity: "warning",
          code: "logits-as-probabilities",
          message: "`bce` takes probabilities, and is given logits: no sigmoid comes after this product",
          help: "write `bce_with_logits(z, y)`, or give it `sigmoid(z)`",
        }
      : null,
  binary_accuracy: (given) => logitsBesideThreshold("binary_accuracy", given),
  ...Object.fromEntries(
    // Beside labels they take rows of scores, which may be logits.
    ["precision", "recall", "f1"].map((name): [string, Check] => [
      name,
      (given) => (isBesideLabels(given) ? null : logitsBesideThreshold(name, given)),
    ]),
  ),
};

/** What is amiss with a call of the library's `name`, or null. */
export function checkLibraryCall(name: string, given: GivenToLibrary): Finding | null {
  const check = checkNumbers(name, given) ?? (Object.hasOwn(checks, name) ? checks[name]!(given) : null);
  if (check !== null) return check;
  return Object.hasOwn(PAIRS, name) ? stretched(given, ...PAIRS[name]!) : null;
}

/** `argmax(x, axis)` is 0 over one entry. */
export function checkArgmax(x: Node | null, axis: number | null): Finding | null {
  if (x === null || axis === null) return null;
  const size = x.shape.at(axis);
  return size === undefined || !isOne(size)
    ? null
    : {
        severity: "warning",
        code: "single-column",
        message: "over an axis of one entry argmax is always 0",
        help: "name another axis; whether one number is large is a comparison, as in `p > 0.5`",
      };
}

const isBesideLabels = ({ node }: GivenToLibrary): boolean =>
  (node("y")?.shape.length ?? 0) < (node("p")?.shape.length ?? 0);

/** Logits compared with a threshold for probabilities. */
function logitsBesideThreshold(name: string, { node, number }: GivenToLibrary): Finding | null {
  if (number("threshold") !== 0.5 || !isLogit(node("p"))) return null;
  return {
    severity: "warning",
    code: "logits-as-probabilities",
    message: `\`${name}\` compares probabilities with 0.5, and is given logits: no sigmoid comes after this product`,
    help: `write \`${name}(z, y, threshold = 0)\`, or give it \`sigmoid(z)\``,
  };
}

type Told = Pick<Finding, "severity" | "message" | "help">;

function oneColumn({ node }: GivenToLibrary, parameter: string, told: Told): Finding | null {
  const columns = node(parameter)?.shape.at(-1);
  return columns !== undefined && isOne(columns) ? { ...told, code: "single-column" } : null;
}

/** All steps of a sequence, where one was meant: it has one label. */
function stepsWithOneLabel({ node, freeName }: GivenToLibrary): Finding | null {
  const [logits, y] = [node("logits"), node("y")];
  if (logits === null || y?.type !== "int" || logits.shape.length !== y.shape.length + 2) return null;
  return {
    severity: "error",
    code: "shape-mismatch",
    message: `there are logits ${showShape(logits.shape, freeName)} of every step, and labels int${showShape(y.shape, freeName)} of whole sequences`,
    help: "take one step of what the logits are made of, as in `h[:, -1]`, or its mean over the steps; or give every step a label",
  };
}

function oneEntry({ node, number }: GivenToLibrary, parameter: string, told: Told): Finding | null {
  const axis = number("axis");
  const size = axis === null ? undefined : node(parameter)?.shape.at(axis);
  return size !== undefined && isOne(size) ? { ...told, code: "single-column" } : null;
}

/** Labels are compared with the number of a column, which is whole. */
function floatLabels({ node, freeName }: GivenToLibrary): Finding | null {
  const [scores, y] = [node("scores"), node("y")];
  if (scores === null || y?.type !== "float" || y.shape.length >= scores.shape.length) return null;
  return {
    severity: "warning",
    code: "float-labels",
    message: "labels are whole numbers, but these are floats: one that is not whole is never met",
    help: `declare them as \`target y: int${showShape(y.shape, freeName)}\``,
  };
}

/**
 * Where an axis of one entry meets one of several, unless there is a single number to compare all
 * with.
 */
function stretched({ node, freeName }: GivenToLibrary, first: string, second: string): Finding | null {
  const [a, c] = [node(first), node(second)];
  if (a === null || c === null || isSingle(a.shape) || isSingle(c.shape)) return null;
  const rank = Math.min(a.shape.length, c.shape.length);
  const axes = Array.from({ length: rank }, (_, i) => -1 - i);
  const at = axes.find((axis) => {
    const [u, v] = [a.shape.at(axis)!, c.shape.at(axis)!];
    // A column beside a vector of the batch would have it on two axes, which is an error of its
    // own.
    return isOne(u) !== isOne(v) && (a.shape.length === c.shape.length || !(isFree(u) || isFree(v)));
  });
  if (at === undefined) return null;
  const [one, many] = isOne(a.shape.at(at)!) ? [first, second] : [second, first];
  const shown = (x: Node): string => showShape(x.shape, freeName);
  return {
    severity: "warning",
    code: "stretched-target",
    message: `\`${first}\` is ${shown(a)} and \`${second}\` is ${shown(c)}: each entry of \`${one}\` is compared with several of \`${many}\``,
    help: `give both one shape; where this is meant, say so with \`broadcast(${one}, ${shown(one === first ? c : a)})\``,
  };
}

const isSingle = (shape: Shape): boolean => shape.every((size) => isOne(size));

/**
 * `nll` and `kl_div` of what is an exponential, and so no logarithm of a probability: that is at
 * most 0.
 */
function probabilitiesAsLogs({ node }: GivenToLibrary): Finding | null {
  const op = node("log_probs")?.op;
  if (op !== "exp" && op !== "softmax" && op !== "sigmoid") return null;
  return {
    severity: "warning",
    code: "logits-as-probabilities",
    message: "logarithms of probabilities are expected here, but these are probabilities",
    help: "give it `log_softmax(z)`; from logits and labels `cross_entropy(z, y)` does both",
  };
}

/**
 * Whether x is a product with weights, with a bias or without, that nothing has been made of yet.
 */
function isLogit(given: Node | null): boolean {
  let x = given;
  while (x !== null && (x.op === "reshape" || x.op === "slice" || x.op === "broadcast")) x = x.operands[0]!;
  return x !== null && (x.op === "matmul" || (x.op === "add" && x.operands.some((term) => isLogit(term))));
}
