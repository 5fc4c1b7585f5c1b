/** Functions of the standard library, each as a small model that `derive` can read. */
import { DiagnosticError } from "../../grammar/diagnostic.ts";
import { analyze } from "../analyze.ts";
import { stdDeclaration, stdNames } from "../standard-library.ts";
import type { Model } from "../graph/model.ts";
import { sameShape } from "../ir/size.ts";
import { closest } from "../../grammar/suggest.ts";
import { DerivationError } from "./derivation.ts";

interface Definition {
  readonly kind: "fn" | "layer" | "optimizer";
  /** Parameters without a default. */
  readonly required: readonly string[];
  /** Whether the first has a shape, such as [..., K]: then it takes rows. */
  readonly takesRows: boolean;
}

/** A definition of `std/`. */
function definitionOf(name: string): Definition | undefined {
  const declaration = stdDeclaration(name);
  switch (declaration?.kind) {
    case "fn":
    case "layer":
    case "optimizer": {
      const required = declaration.parameters.filter((p) => p.default === undefined).map((p) => p.name.text);
      return { kind: declaration.kind, required, takesRows: declaration.parameters[0]?.type !== undefined };
    }
    default:
      return undefined;
  }
}

/** Sizes that a drawn-up model gives to rows and units; they are not seen in the formulas. */
const ROW = 3;
const UNITS = 2;

/**
 * A model that calls `name`: with a tensor of single numbers where that tells all, else with rows.
 * @throws DerivationError `unknown-function`, `nothing-to-derive` where it is no function of
 * numbers
 */
export async function libraryModel(name: string): Promise<Model> {
  const definition = definitionOf(name);
  if (definition?.kind === "optimizer") {
    throw new DerivationError(
      "nothing-to-derive",
      `${name} is an optimizer: it uses gradients but has none`,
      "derive a model that it trains, with `nndsl derive FILE.nn`",
    );
  }
  let fallback: Model | null = null;
  for (const text of drafts(name, definition)) {
    const model = await readDraft(text);
    if (model === null) continue;
    const output = model.roots.outputs[0]!.node;
    const variable = model.inputs[0]!;
    const isPlain =
      output.shape.length === 0 || (sameShape(output.shape, variable.shape) && model.persistent.length === 0);
    if (output.type !== "float") continue;
    if (isPlain && variable.shape.length === 1 && isEntrywiseDraft(model)) return model;
    fallback ??= model;
    if (variable.shape.length === 2) return model;
  }
  if (fallback !== null) return fallback;
  const near = closest(name, stdNames);
  throw definition === undefined
    ? new DerivationError(
        "unknown-function",
        `the library has no \`${name}\``,
        near === undefined ? "the functions are in the folder std of nndsl" : `did you mean std:${near}?`,
      )
    : new DerivationError(
        "nothing-to-derive",
        `\`${name}\` is not a function of numeric tensors`,
        "an activation, a loss or a layer can be derived, such as std:gelu",
      );
}

async function readDraft(text: string): Promise<Model | null> {
  try {
    const { formulas } = await analyze(text, { file: "derive.nn" });
    // What the drawn-up model calls is read as if it stood alone.
    const alone = <T extends { readonly path: string }>(t: T): T => ({
      ...t,
      path: t.path.replace(PREFIX, ""),
    });
    return { ...formulas, persistent: formulas.persistent.map(alone), layers: formulas.layers.map(alone) };
  } catch (error) {
    if (error instanceof DiagnosticError) return null;
    throw error;
  }
}

/** Whether no entry is mixed with another, or the result is one number. */
const isEntrywiseDraft = (model: Model): boolean => {
  const output = model.roots.outputs[0]!.node;
  if (output.shape.length === 0) return true;
  const stack = [output];
  const seen = new Set(stack);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (["sum", "prod", "reduce_max", "reduce_min", "logsumexp", "softmax"].includes(node.op)) return false;
    for (const operand of node.operands) {
      if (seen.has(operand)) continue;
      seen.add(operand);
      stack.push(operand);
    }
  }
  return true;
};

function drafts(name: string, definition: Definition | undefined): string[] {
  const model = (inputs: readonly string[], call: string): string =>
    `model Derived { ${inputs.map((i) => `input ${i}`).join("; ")}; output ${RESULT} = ${call} }`;
  if (definition === undefined) {
    // What the language itself has: of one operand, or of two.
    return [["z"], ["x", "y"]].map((names) =>
      model(
        names.map((n) => `${n}: [N]`),
        `${name}(${names.join(", ")})`,
      ),
    );
  }
  const [first, ...others] = definition.required;
  if (first === undefined) return [];
  if (definition.kind === "layer") {
    return [model([`${first}: [N, ${ROW}]`], `${name}(${[first, ...others.map(() => UNITS)].join(", ")})`)];
  }
  const call = `${name}(${definition.required.join(", ")})`;
  const labeled = model([`${first}: [N, ${ROW}]`, ...others.map((o) => `${o}: int[N]`)], call);
  const single = model(
    definition.required.map((n) => `${n}: [N]`),
    call,
  );
  const rows = model(
    definition.required.map((n) => `${n}: [N, ${ROW}]`),
    call,
  );
  const whole = definition.takesRows ? [rows, single] : [single, rows];
  return others.length === 0 ? whole : [labeled, ...whole];
}

/** The output's name, which no parameter of the library has. */
const RESULT = "f_";
const PREFIX = new RegExp(`^${RESULT}(\\.|$)`);
