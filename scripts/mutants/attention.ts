/**
 * The definitions of `std/attention.nn` with one operator exchanged: their values must leave those
 * that PyTorch has.
 */
import { stdSources } from "../../compiler/generated/std-sources.ts";
import { shapeAt } from "../../compiler/ir/size.ts";
import { modelOf, valueOf } from "../../test/helpers/elaborated.ts";
import { digestDistance, drawTensor, oracle, program } from "../../test/oracle/data.ts";
import { exchangedOperators } from "./exchanged-operators.ts";
import type { Outcome, Tried } from "./outcome.ts";

/** Between two operands; what is written of them in documentation and comments is no code. */
const OPERATOR = /(?<=^(?! *\/\/).*) ([-+*/]|<=) /gm;

/** A few rows have every kind of mask. */
const ROWS = 3;
const TOLERANCE = 1e-9;

export async function attentionMutants(): Promise<Tried[]> {
  const text = stdSources.get("attention.nn") ?? "";
  const outcomes: { name: string; outcome: Outcome }[] = [];
  for (const { name, sign, line, mutant } of exchangedOperators(text, OPERATOR)) {
    // A bias of the keys adds one number to a whole row of the softmax, and so nothing.
    if (sign === "+" && /^ *k = .*$/.test(line)) continue;
    outcomes.push({ name, outcome: (await isWrong(mutant)) ? "caught" : "missed" });
  }
  return [{ name: "attention.nn", unsound: await isWrong(text), outcomes }];
}

/** Whether any value of the two programs that hold attention is another one, or cannot be had. */
async function isWrong(definitions: string): Promise<boolean> {
  for (const name of ["attention", "transformers"]) {
    try {
      if (!((await distanceOf(name, definitions)) <= TOLERANCE)) return true;
    } catch {
      return true;
    }
  }
  return false;
}

/** Of all outputs but gradients, which the evaluator does not take. */
async function distanceOf(name: string, definitions: string): Promise<number> {
  const { inputs, parameters, batches } = oracle.cases[name]!;
  const model = await modelOf(`${program(name)}\n${definitions}`);
  const outputs = model.roots.outputs.filter((output) => !/_d+$/.test(output.name));
  const found = valueOf(
    outputs.map(({ node }) => node),
    {
      n: ROWS,
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([input, spec]) => [input, drawTensor(spec, ROWS)]),
      ),
      parameters: new Map(
        model.persistent.map(({ path }, index) => [index, drawTensor(parameters[path]!, 1)]),
      ),
    },
  );
  const distances = outputs.map((output, k) => {
    const tensor = { data: found[k]!, shape: shapeAt(output.node.shape, ROWS) };
    return digestDistance(tensor, batches[ROWS]!.outputs[output.name]!);
  });
  return Math.max(...distances);
}
