/**
 * Loops read and run wrongly: the order of steps, what is inside of a loop, places, what goes on from one to
 * the next, which loops are one. Outputs must differ from those of the same formulas written out.
 */
import { faultOfTwins, loopTwins } from "../../test/helpers/loop-twins.ts";
import type * as running from "../../test/helpers/running-loops.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/graph/steps.ts": [
    ["places in one direction", "return reverse ? places.toReversed() : places;", "return places;"],
    ["the outermost loop around", "open.depth > deepest.depth", "open.depth < deepest.depth"],

    ["all loops side by side", "(open.parent?.members ?? top).push(open)", "top.push(open)"],

    [
      "loops do not wait for what is outside",
      "if (homes.get(operand) !== open) wait(open, open.parent, operand);",
      "",
    ],

    ["stacks are nodes of the body", 'if (node.op !== "scan") (home?.members', "(home?.members"],
    [
      "the first stack alone",
      "open.scans.push(node);",
      "if (open.scans.length === 0) open.scans.push(node);",
    ],
    ["after the first that is waited for", "if (missing.length === 0) {", "if (missing.length <= 1) {"],
  ],
  "compiler/graph/run-steps.ts": [
    ["first values at every place", "carried = next.map((node) => values.get(node)!);", ""],
    ["stacked in the order of the run", "results[i]![place] = ", "results[i]![results[i]!.length] = "],
    ["the first of what is carried", "carried[node.attributes.index]!", "carried[0]!"],
    [
      "entries of the first place",
      "this.#calculus.entry(operands[0]!, place)",
      "this.#calculus.entry(operands[0]!, 0)",
    ],
    [
      "a body is run once",
      "this.#steps(body, values, () => true)",
      "this.#steps(body, values, (node) => !values.has(node))",
    ],
    ["stacks of what the first leaves", "stack(results[i]!)", "stack(results[0]!)"],

    [
      "next values after next values",
      "carried = next.map((node) => values.get(node)!);",
      "carried = next.map(() => values.get(next[0]!)!);",
    ],
  ],
  "compiler/graph/evaluate.ts": [
    [
      "entries one further",
      "data.slice(place * count, (place + 1) * count)",
      "data.slice((place + 1) * count, (place + 2) * count)",
    ],
    ["stacked over one another", "all.set(part.data, i * data.length)", "all.set(part.data, i)"],
  ],
  "compiler/graph/unroll.ts": [
    ["entries of the first place", "{ ...whole, start: place }", "{ ...whole, start: 0 }"],
    [
      "entries of every axis",
      "axis === 0 ? { ...whole, start: place } : whole",
      "axis === 1 ? { ...whole, start: place } : whole",
    ],
  ],
  "compiler/graph/loop-table.ts": [
    ["first values are no matter", "${ids(first)} ${ids(next)}", "${ids(next)}"],

    ["bodies are no matter", "${lines.join(", "${[].join("],
    ["operands are no matter", "`${node.op}(${operands.join()})${", "`${node.op}()${"],
    ["ops are no matter", "`${node.op}(${operands.join()})${", "`(${operands.join()})${"],
    ["numbers tell loops apart", "[[loop.id, 0]]", "[[loop.id, loop.id]]"],
    ["merged loops under both numbers", "this.#merged.set(own.id, other);", ""],
  ],
  "compiler/ir/loops.ts": [
    [
      "entries are outside",
      'node.op === "carried" || node.op === "pick" ? node.attributes.loop',
      'node.op === "carried" ? node.attributes.loop',
    ],
    [
      "first values one further",
      "first: operands.slice(1, 1 + carries)",
      "first: operands.slice(0, carries)",
    ],
  ],
};

export const loopMutants = (): Promise<Tried[]> =>
  tryMistakesIn<typeof running>(mistakes, "test/helpers/running-loops.ts", async (loaded) => {
    for (const twins of Object.values(loopTwins))
      if ((await faultOfTwins(twins, loaded)) !== null) return true;
    return false;
  });
