/**
 * Functions of one number with their derivatives, as numbers: an expression is put into a small model, differentiated as
 * any model is, and computed in f64.
 */
import { DiagnosticError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { closest } from "../../grammar/suggest.ts";
import { parse } from "../../grammar/parse.ts";
import { analyze } from "../analyze.ts";
import { stdDeclaration, stdNames } from "../standard-library.ts";
import { evaluate } from "../graph/evaluate.ts";
import type { Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { sameShape } from "../ir/size.ts";
import type { SourceOptions } from "../options.ts";
import { numberFunctions } from "../ops/elementwise.ts";
import { DerivationError } from "./derivation.ts";

export interface FunctionOfOneNumber {
  /** As it was written. */
  readonly name: string;
  /** The values at these numbers, of itself and of its first and second derivative. */
  readonly evaluate: (xs: Float64Array) => readonly [Values, Values, Values];
}

type Values = ArrayLike<number>;

/** The program that an expression may take its names from, beside the library. */
export interface Surroundings extends Pick<SourceOptions, "file" | "readImport"> {
  readonly text: string;
}

const ALONE: Surroundings = { text: "", file: "function.nn" };

/**
 * Reads `gelu`, `leaky_relu(negative_slope = 0.1)`, `z => z^2`, or a formula of z such as `z^2 + 1`.
 * @throws DerivationError `unknown-function`, `not-one-number`, with those that are
 */
export async function functionOfOneNumber(
  written: string,
  surroundings: Surroundings = ALONE,
): Promise<FunctionOfOneNumber> {
  const read = await readFunction(written, surroundings);
  if (read.kind === "function") return { name: written, evaluate: read.evaluate };
  throw await refusal(written, surroundings, read.why);
}

/** The names of all functions of one number: of the library, and of the program's own. */
export async function functionsOfOneNumber(surroundings: Surroundings = ALONE): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of declared(surroundings).functions) {
    if ((await readFunction(name, surroundings)).kind === "function") found.push(name);
  }
  return found;
}

type Read =
  | { readonly kind: "function"; readonly evaluate: FunctionOfOneNumber["evaluate"] }
  | { readonly kind: "none"; readonly why: string };

/** The drawn-up model's name, which no program has. */
const MODEL = "NndslFunctionOfOneNumber";

/** Numbers at which it must not matter which others are computed beside them. */
const PROBES = [-1.7, -0.3, 0.4, 1.9] as const;

async function readFunction(written: string, { text, ...options }: Surroundings): Promise<Read> {
  // A formula of z as it is; else what z is piped into.
  const isFormula = /\bz\b/.test(written) && !written.includes("=>");
  const call = isFormula ? written : `z |> ${written.includes("=>") ? `(${written})` : written}`;
  const model = `model ${MODEL} {
  input z: [N]
  output f_ = ${call}
  output d_ = grad(sum(f_), z)
  output dd_ = grad(sum(d_), z)
}`;
  try {
    const { joint } = await analyze(`${text}\n${model}`, { ...options, model: MODEL });
    const [value, first, second] = joint.roots.outputs.map(({ node }) => node);
    if (joint.persistent.length > 0) return { kind: "none", why: "it has parameters" };
    const roots = [value!, first!, second!] as const;
    const z = joint.inputs[0]!;
    if (!sameShape(value!.shape, z.shape) || value!.type === "bool")
      return { kind: "none", why: "it does not give one number for each" };
    const compute = (xs: Float64Array): readonly [Values, Values, Values] => at(joint, roots, xs);
    const together = compute(Float64Array.from(PROBES))[0];
    const differs = PROBES.some((x, i) => !Object.is(compute(Float64Array.of(x))[0][0], together[i]));
    return differs
      ? { kind: "none", why: "an entry of the result depends on the other entries" }
      : { kind: "function", evaluate: compute };
  } catch (error) {
    if (error instanceof DiagnosticError) return { kind: "none", why: reason(error.diagnostics) };
    throw error;
  }
}

const reason = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics.find(({ severity }) => severity === "error")?.message ?? "it cannot be read";

function at(
  model: Model,
  roots: readonly [Node, Node, Node],
  xs: Float64Array,
): readonly [Values, Values, Values] {
  const [value, first, second] = evaluate(roots, {
    n: xs.length,
    inputs: new Map([[model.inputs[0]!.name, { shape: [xs.length], data: xs }]]),
    parameters: new Map(),
    states: new Map(),
    hyper: new Map(),
    step: 0,
    seed: 0,
  });
  return [value!.data, first!.data, second!.data];
}

async function refusal(written: string, surroundings: Surroundings, why: string): Promise<DerivationError> {
  const name = /^\s*([A-Za-z_]\w*)\s*(?:\(|$)/.exec(written)?.[1];
  const { functions, others } = declared(surroundings);
  const usable = await functionsOfOneNumber(surroundings);
  const near =
    name === undefined
      ? undefined
      : closest(
          name,
          usable.filter((other) => other !== name),
        );
  const help = `${near === undefined ? "" : `did you mean \`${near}\`? `}functions of one number: ${usable.join(", ")}`;
  return name !== undefined && !functions.includes(name) && !others.includes(name)
    ? new DerivationError("unknown-function", `there is no function \`${name}\``, help)
    : new DerivationError("not-one-number", `\`${written}\` is no function of one number: ${why}`, help);
}

/** Names of functions, and of what else could be called. */
function declared({ text, file }: Surroundings): {
  readonly functions: readonly string[];
  readonly others: readonly string[];
} {
  const functions = new Set<string>([...numberFunctions.map(([op]) => op), "softplus"]);
  const others = new Set<string>();
  const own = parse(text, file ?? "function.nn").file.declarations;
  for (const declaration of [...stdNames.map((name) => stdDeclaration(name)), ...own]) {
    if (declaration?.kind === "fn") functions.add(declaration.name.text);
    if (declaration?.kind === "layer" || declaration?.kind === "optimizer") others.add(declaration.name.text);
  }
  // What the program may not name is for the library's own use.
  return { functions: [...functions].filter((name) => !name.startsWith("_")).sort(), others: [...others] };
}
