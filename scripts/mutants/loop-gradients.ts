/**
 * Reverse mode through loops, gone wrong: loops that run back the wrong way, cotangents that are lost or
 * come from another place, blocks of places put together wrongly. Gradients must differ from central
 * differences, or what is said of them from what it was.
 */
import { isDeepStrictEqual } from "node:util";
import { analyze } from "../../compiler/analyze.ts";
import { reachable } from "../../compiler/graph/graph.ts";
import { listRoots, type Model } from "../../compiler/graph/model.ts";
import { verify } from "../../compiler/graph/verify.ts";
import * as right from "../../compiler/passes/differentiate.ts";
import {
  type Data,
  faultOfSlopes,
  flatLoop,
  inputsOf,
  longLoops,
  type LoopProgram,
  loopPrograms,
  namedLoop,
  outputs,
  saidOf,
  slopesOf,
  textOf,
} from "../../test/helpers/loop-gradients.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/passes/loops-back.ts": [
    [
      "forward once more",
      "b.graph.loop(loop.length, !loop.reverse)",
      "b.graph.loop(loop.length, loop.reverse)",
    ],
    ["nothing from what the loop leaves", "b.pick(cotangent, back)", "b.zeros(value!.shape)"],
    ["carried as the first of all", "b.carried(back, i, leaf)", "b.carried(back, 0, leaf)"],
    ["to the first of what is carried on", "next[leaf.attributes.index]!", "next[0]!"],
    ["1 behind the last place", "b.zeros(shape))", "b.constant(1, shape))"],
    [
      "of what is outside the first place alone",
      "b.reshape(b.sum(stacked(made(flow)), [0]), to.shape)",
      "b.reshape(entryOf(b, stacked(made(flow)), 0), to.shape)",
    ],

    [
      "nothing to entries",
      "if (swept.cotangents.has(leaf)) flowTo",
      "if (swept.cotangents.size === 0) flowTo",
    ],
    ["the other end", "lastPlace(back)", "back.length - 1 - lastPlace(back)"],
    ["to the first of first values", "first[leaf.attributes.index]!", "first[0]!"],
    ["nothing to first values", "if (moving.has(start))", "if (!moving.has(start))"],
    ["what nothing flows to is carried", "left.length === live.length", "left.length <= live.length"],
  ],
  "compiler/passes/forward-values.ts": [
    ["of the loop itself", "b.pick(stack, back)", "b.pick(stack, loop)"],
    ["entries of the loop itself", "b.pick(node.operands[0]!, back)", "node"],
    [
      "all that is read is stacked",
      "values.has(node) && !isMadeAgain(node, loop)",
      "!isMadeAgain(node, loop)",
    ],

    [
      "inner loops the other way",
      "b.graph.loop(inner.length, inner.reverse)",
      "b.graph.loop(inner.length, !inner.reverse)",
    ],
    [
      "what inner loops carry is stacked",
      'node.op === "carried" && node.attributes.loop.id === loop.id;',
      'node.op === "carried";',
    ],
    ["inner loops as they were", "id === loop.id || loops.has(id)", "id === loop.id"],
    [
      "entries of inner loops too",
      'node.op === "pick" && node.attributes.loop.id === loop.id)',
      'node.op === "pick")',
    ],
    ["down to what is had alone", "if (!isStacked(node)) stack.push", "if (isStacked(node)) stack.push"],
  ],
  "compiler/passes/sweep.ts": [
    ["twice the scalar", "start.constant(1)", "start.constant(2)"],
    ["from the last reader alone", "others?.push(flow);", "if (others) others[0] = flow;"],
    ["entries one by one too", "if (loop.id === this.#loop?.id) return;", ""],
    [
      "all entries but the one",
      "b.eq(b.iota(0, whole!.shape), place), cotangent, 0",
      "b.eq(b.iota(0, whole!.shape), place), 0, cotangent",
    ],
    [
      "every stack must have a cotangent",
      "!step.scans.some((scan) => this.#cotangents.has(scan))",
      "!step.scans.every((scan) => this.#cotangents.has(scan))",
    ],
    [
      "of the first stack alone",
      "for (const scan of step.scans) {",
      "for (const scan of step.scans.slice(0, 1)) {",
    ],
    ["stacks in a body are outside", "for (const stack of stacks) this.#values.add(stack);", ""],
    ["outside the first reader alone", "[[node, accumulate(from, flows, null)]]", "[[node, flows[0]!]]"],
    ["nothing is outside", "this.#values.has(node) ? [] :", "!this.#values.has(node) ? [] :"],
    ["names of what is made anew", "made.get(cotangent) ?? cotangent", "cotangent"],
    ["flat where the loop ends", "stack.push(...arrivesFrom(node, loops));", "stack.push(...node.operands);"],
    ["flat in itself", 'operand.type === "float" ? node : operand', "operand"],
    [
      "a row from its first reader alone",
      "for (const flow of flows) this.flowTo(row!",
      "for (const flow of flows.slice(0, 1)) this.flowTo(row!",
    ],
    ["no word of what is flat in loops", "this.#flat.push(...swept.flat);", ""],
  ],
  "compiler/passes/accumulate.ts": [
    ["the last of all alone", "addends.reduce((sum, addend) => b.add(sum, addend))", "addends.at(-1)!"],
    [
      "products of the last rows alone",
      "const inOrder = matrices.toReversed()",
      "const inOrder = matrices.slice(0, 1)",
    ],
  ],
  "compiler/passes/moving.ts": [
    ["first values move nothing", "arrivesFrom(node, loops)", "node.operands"],
    ["once over the loops", "if (loops.size === 0) break;", "break;"],
  ],
  "compiler/passes/entries.ts": [
    ["the first of all entries", "entriesOf(b, stack, place, 1)", "entriesOf(b, stack, 0, 1)"],

    ["one entry further", "axis === 0 ? start : 0", "axis === 0 ? start + 1 : 0"],
  ],
  "compiler/passes/blocks.ts": [
    ["the rest is forgotten", "length - blocks * places;", "0;"],
    ["blocks from the first place on", "start: rest, restStart: 0", "start: 0, restStart: 0"],
    ["the rest after one block", "restStart: blocks * places", "restStart: places"],
    [
      "blocks of as many places",
      "[fixed(blocks), fixed(places), ...x",
      "[fixed(places), fixed(blocks), ...x",
    ],
    ["blocks the other way", "graph.loop(blocks, loop.reverse)", "graph.loop(blocks, !loop.reverse)"],
    ["places the other way", "graph.loop(places, loop.reverse)", "graph.loop(places, !loop.reverse)"],
    ["the rest the other way", "graph.loop(rest, loop.reverse)", "graph.loop(rest, !loop.reverse)"],
    ["each block from the first values", "inner, carried, blockOf", "inner, begin, blockOf"],
    [
      "the rest from the first values",
      "graph.loop(rest, loop.reverse), after()",
      "graph.loop(rest, loop.reverse), begin",
    ],
    [
      "the first place of a block goes on",
      "entryOf(b, stack(value), lastPlace(part))",
      "entryOf(b, stack(value), part.length - 1 - lastPlace(part))",
    ],
    ["the first block goes on", "carries), lastPlace(outer))", "carries), blocks - 1 - lastPlace(outer))"],
    ["the rest behind", "loop.reverse ? parts.toReversed() : parts", "parts"],
    ["others carried", "b.carried(part, leaf.attributes.index, leaf)", "b.carried(part, 0, leaf)"],
    ["loops in it under the same numbers", "inLoop(node, this.#loops), operands", "node, operands"],
  ],
};

type Differentiation = typeof right;

interface Sloped {
  readonly formulas: Model;
  readonly inputs: Data;
  readonly slopes: ReadonlyMap<string, readonly number[]>;
}

async function sloped(program: LoopProgram): Promise<Sloped> {
  const { formulas } = await analyze(textOf(program));
  const inputs = inputsOf(formulas, program.given);
  return { formulas, inputs, slopes: slopesOf({ model: right.differentiate(formulas), inputs }) };
}

export async function loopGradientMutants(): Promise<Tried[]> {
  const all = (programs: typeof loopPrograms): Promise<Sloped[]> =>
    Promise.all(Object.values(programs).map(sloped));
  const [short, long] = await Promise.all([loopPrograms, longLoops].map(all));
  const [flat, named] = await Promise.all([flatLoop, namedLoop].map(({ text }) => analyze(text)));
  const isWrong = ({ formulas, inputs, slopes }: Sloped, pass: Differentiation["differentiate"]): boolean => {
    const model = pass(formulas);
    verify(model, "differentiate");
    return faultOfSlopes(outputs(model, inputs), slopes) !== null;
  };
  const isNoticed = ({ differentiate, differentiateInBlocks }: Differentiation): Promise<boolean> => {
    const said = saidOf(differentiate(flat!.formulas).warnings);
    const names = reachable(listRoots(differentiate(named!.formulas))).map(({ origin }) => origin.name);
    return Promise.resolve(
      short!.some((one) => isWrong(one, differentiate)) ||
        long!.some((one) => isWrong(one, differentiateInBlocks)) ||
        !isDeepStrictEqual(said.warnings, flatLoop.warnings) ||
        said.ends.some((end) => end !== flatLoop.end) ||
        namedLoop.names.some((name) => !names.includes(name)),
    );
  };
  return tryMistakesIn<Differentiation>(mistakes, "compiler/passes/differentiate.ts", isNoticed);
}
