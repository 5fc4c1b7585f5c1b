/** Mistakes that show when a model has been read: in its paths, its two graphs, its results. */
import type { ModelDeclaration } from "../../grammar/ast.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { reachable } from "../graph/graph.ts";
import { sameShape } from "../ir/size.ts";
import type { Known, Machine } from "./machine.ts";
import { brief, diagnose } from "./problem.ts";
import { statementsIn } from "./syntax.ts";

/** Files of weights keep the states of optimizers under `optimizer.STATE.PATH`. */
export const checkPaths = ({ paths, parameters }: Known): Diagnostic[] =>
  paths.flatMap((path, index) => {
    if (!path.startsWith("optimizer.")) return [];
    const message = `the path of a parameter cannot begin with \`optimizer.\`: this one is \`${path}\``;
    const help = "bind it to another name than `optimizer`";
    return [diagnose("error", "name-reserved", parameters[index]!.span, message, { help })];
  });

/** The training graph has the same parameters, or weights could not be shared. */
export function checkTraining(
  { name }: ModelDeclaration,
  known: Known,
  { parameters: made }: Machine,
): Diagnostic[] {
  const same =
    made.length === known.parameters.length &&
    made.every(
      (p, i) => sameShape(p.shape, known.parameters[i]!.shape) && p.kind === known.parameters[i]!.kind,
    );
  if (same) return [];
  const odd =
    made.find((p, i) => p.span.start !== known.parameters[i]?.span.start) ??
    known.parameters[made.length] ??
    made[0];
  const things = odd?.kind === "layer-state" ? "states" : "parameters";
  const message = `the ${things} are not the same in training as in prediction`;
  const help = `create ${things} outside of \`if training\``;
  return [diagnose("error", "training-parameters", odd?.span ?? name.span, message, { help })];
}

/** @param text of the file that declares the model */
export function checkResults(
  declaration: ModelDeclaration,
  text: string,
  predicting: Machine,
  training: Machine,
): Diagnostic[] {
  const { name } = declaration;
  const [optimizer] = training.optimizers;
  const lossMeant = boundAs(declaration, text, "loss", (value) => `loss ${value}`);
  const found: Diagnostic[] = [];
  if (predicting.outputs.length === 0 && predicting.losses.length === 0) {
    const help =
      boundAs(declaration, text, "output", (value) => `output name = ${value}`) ??
      lossMeant ??
      "end it with `output name = …`";
    const message = `${name.text} has neither an output nor a loss`;
    found.push(diagnose("error", "no-output", name.span, message, { help }));
  }
  found.push(...targetsInOutputs(predicting));
  if (optimizer !== undefined && training.losses.length === 0) {
    const help = lossMeant ?? "add `loss mse(prediction, y)`, or remove the optimizer";
    const message = "an optimizer needs a loss to minimize";
    found.push(diagnose("error", "optimizer-without-loss", optimizer.span, message, { help }));
  }
  if (
    optimizer !== undefined &&
    training.losses.length > 0 &&
    training.parameters.every((p) => p.kind !== "parameter")
  ) {
    const help = "add a layer or a `param`, or remove the optimizer";
    found.push(
      diagnose("error", "nothing-to-train", optimizer.span, "there is no parameter to train", { help }),
    );
  }
  return found;
}

function targetsInOutputs({ outputs, inputs, inputSpans }: Machine): Diagnostic[] {
  const targets = new Set(inputs.filter(({ role }) => role === "target").map(({ name }) => name));
  return outputs.flatMap(({ name, node, span }) => {
    const target = reachable([node]).find((n) => n.op === "input" && targets.has(n.attributes.name));
    if (target?.op !== "input") return [];
    const found = target.attributes.name;
    const at = inputSpans.get(found);
    const message = `the output \`${name}\` depends on the target \`${found}\`, which is not given to \`predict\``;
    return [
      diagnose("error", "target-in-output", span, message, {
        ...(at === undefined ? {} : { also: [{ span: at, text: "the target" }] }),
        help: `declare it as \`input ${found}\`, or make this a metric`,
      }),
    ];
  });
}

/** Where the model has `loss = …`, which only binds a name: what was meant. */
function boundAs(
  { body }: ModelDeclaration,
  text: string,
  keyword: string,
  meant: (value: string) => string,
): string | undefined {
  for (const statement of statementsIn(body)) {
    if (statement.kind !== "bind" || statement.name.text !== keyword) continue;
    const { start, end } = statement.value.span;
    const value = brief(text.slice(start, end));
    return `\`${keyword} = …\` only binds a name; write \`${meant(value)}\``;
  }
  return undefined;
}

/** What is declared and then left out of every formula. */
export function unusedInputs(predicting: Machine, training: Machine): Diagnostic[] {
  const results = [...predicting.outputs, ...predicting.metrics].map((r) => r.node);
  const all = reachable([...results, ...predicting.losses, ...training.losses]);
  const used = new Set(all.flatMap((n) => (n.op === "input" ? [n.attributes.name] : [])));
  return predicting.inputs.flatMap(({ name, role }) =>
    used.has(name)
      ? []
      : [
          diagnose(
            "warning",
            "unused-input",
            predicting.inputSpans.get(name)!,
            `nothing depends on the ${role} \`${name}\``,
            { help: "use it or remove it" },
          ),
        ],
  );
}
