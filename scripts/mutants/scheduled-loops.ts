/**
 * Loops as kernels, scheduled wrongly: stacks that are moved, what is carried overwritten too early,
 * calls in the wrong loop, memory given away while a loop still wants it. What the calls leave in planned
 * memory must differ from what the evaluator says, or the program must be refused.
 */
import { analyze } from "../../compiler/analyze.ts";
import { runPasses } from "../../compiler/passes/pipeline.ts";
import { loopModules } from "../../test/helpers/loop-modules.ts";
import { faultOfSchedule, type Scheduling } from "../../test/helpers/scheduled.ts";
import { type Mistake, tryMistakesIn } from "./changed-code.ts";
import type { Tried } from "./outcome.ts";

const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "compiler/schedule/stacks.ts": [
    ["no place more", "[fixed(loop.length + 1), ...shape]", "[fixed(loop.length), ...shape]"],
    [
      "what arrives as if in the other direction",
      "from(reverse ? 1 : 0, length)",
      "from(reverse ? 0 : 1, length)",
    ],
    [
      "what leaves as if in the other direction",
      "from(reverse ? 0 : 1, length)",
      "from(reverse ? 1 : 0, length)",
    ],
    ["what arrives is what leaves", "carried: slot(arriving)", "carried: slot(leaving)"],
    ["what leaves is what arrives", "next: slot(leaving)", "next: slot(arriving)"],
    ["the first value at the other end", "from(reverse ? length : 0, 1)", "from(reverse ? 0 : length, 1)"],
    [
      "slots that do not move",
      "view: pickView(view, loop)",
      "view: { ...view, shape, strides: view.strides.slice(1) }",
    ],
    ["every axis from there on", "start: axis === 0 ? start : 0", "start"],
  ],
  "compiler/schedule/storage.ts": [
    [
      "stacks a place off",
      "scan.operands[0] === carried ? stack.arriving : stack.leaving",
      "scan.operands[0] === carried ? stack.leaving : stack.arriving",
    ],

    [
      "overwritten before it is read",
      "buffer: region.buffer, inPlace: true",
      "buffer: region.buffer, inPlace: false",
    ],
    ["all begin with the first", "return copyOf(first[i]!, region);", "return copyOf(first[0]!, region);"],
    ["stacks begin with the first", "copyOf(first[i]!, stack.whole)", "copyOf(first[0]!, stack.whole)"],
    ["stacks begin where they lie", ", view: stack.first.view }", " }"],
    [
      "of another carried value",
      "const carried = build.carried(loop, i, first[i]!);",
      "const carried = build.carried(loop, 0, first[0]!);",
    ],

    [
      "stacks are written at one place",
      "pickView(strip ?? contiguous(scan.shape), loop)",
      "pickView(contiguous(scan.shape.toReversed()), loop)",
    ],
    ["what is carried need not stay", "if (root.inPlace || !isHere", "if (!isHere"],
    ["first values are not looked at", "this.#pending.push(...first);", ""],
    [
      "where it is read",
      "if (!this.places.has(node) && this.#around !== null) this.#around.#force(node);\n    else {",
      "{",
    ],
  ],
  "compiler/schedule/fuse.ts": [
    ["loops read before it is written", "[...reads, ...writes].flatMap(", "[...writes].flatMap("],
    [
      "loops may come at any time",
      "settle(cluster, { reads, writes }, before)",
      "settle(cluster, { reads, writes }, [])",
    ],
    [
      "nothing reads for loops",
      "settle(cluster, { reads, writes }, before)",
      "settle(cluster, { reads: [], writes }, before)",
    ],
    [
      "nothing is written by loops",
      "settle(cluster, { reads, writes }, before)",
      "settle(cluster, { reads, writes: [] }, before)",
    ],
    [
      "updates before what reads the old value",
      "if (overwrites) for (const reader of this.#clusters.readersOf(item.region)) before.add(reader);",
      "",
    ],
    ["the first loop alone", "else if (!begun.has(step)) {", "else if (begun.size === 0) {"],
  ],
  "compiler/schedule/cluster.ts": [
    [
      "parts are apart from the whole",
      "[...region.overlapping()].flatMap((other) => [...(touched.get(other) ?? [])])",
      "[...(touched.get(region) ?? [])]",
    ],
    ["none that is read waits", "note(this.#readers, region, cluster);", ""],
  ],
  "compiler/schedule/call-tree.ts": [
    ["a loop ends a call early", "open.at(-1)!.last < call", "open.at(-1)!.last <= call"],
    ["a loop never ends", "while (open.length > 0 && open.at(-1)!.last < call) open.pop();", ""],

    [
      "loops apart from one another",
      '(open.at(-1)?.steps ?? top).push({ kind: "loop"',
      'top.push({ kind: "loop"',
    ],
  ],
  "compiler/schedule/order.ts": [
    [
      "one thing it waits for is enough",
      "if (left === 0) ready.push(next);",
      "if (left <= 1) ready.push(next);",
    ],
    [
      "the last first",
      "order.push(step);\n    const { task, reads, writes }",
      "order.unshift(step);\n    const { task, reads, writes }",
    ],
    [
      "in no order in loops",
      "tasks: orderTasks(task.tasks, sizeOf, sparing)",
      "tasks: task.tasks.toReversed()",
    ],
  ],
  "compiler/schedule/liveness.ts": [
    ["loops go through once", "if (!meets || isInside) continue;", "continue;"],
    ["dead after its last reader in a loop", "last = Math.max(last, loop.last);", ""],
    ["born in a loop", "first = Math.min(first, loop.first);", ""],
    [
      "dead where it is read last",
      "a.first <= b.last && b.first <= a.last;",
      "a.first < b.last && b.first < a.last;",
    ],

    [
      "of one loop alone",
      "for (const loop of loops.toReversed()) {",
      "for (const loop of loops.slice(0, 1)) {",
    ],
  ],
  "compiler/schedule/schedule.ts": [
    [
      "loops in the order in which they end",
      "loops.splice(at, 0, { loop: task.loop",
      "loops.push({ loop: task.loop",
    ],
    ["loops end with their first call", "first, last: calls.length - 1 }", "first, last: first }"],
  ],
  "compiler/schedule/form.ts": [
    ["one read of each region", "r.isTable === isTable && sameView(r.view, view)", "r.isTable === isTable"],

    [
      "numbers of entries at any place",
      'if (movesOf(along.offset).length > 0) return new Refusal("its entries are those of a place", node);',
      "",
    ],
  ],
  "compiler/schedule/view.ts": [
    ["places along the last axis", "movingBy(loop, strides[0]!)", "movingBy(loop, strides.at(-1)!)"],
    [
      "the place alone",
      "offset: addAffine(offset, movingBy(loop, strides[0]!)),",
      "offset: movingBy(loop, strides[0]!),",
    ],
  ],
  "compiler/ir/size.ts": [
    ["places do not move", "isZero(by) ? ZERO : withMoves(affine(0), [{ loop, by }])", "ZERO"],
    ["moves of the first alone", "of [...movesOf(a), ...movesOf(b)]) {", "of movesOf(a)) {"],
    ["moves of the second alone", "of [...movesOf(a), ...movesOf(b)]) {", "of movesOf(b)) {"],
    [
      "one move for all loops",
      "const known = moves.get(loop.id);\n    moves.set(loop.id,",
      "const known = moves.get(0);\n    moves.set(0,",
    ],

    [
      "moves count as equal",
      "(terms(a).moves === terms(b).moves || sameMoves(movesOf(a), movesOf(b)))",
      "true",
    ],
  ],
};

export async function scheduledLoopMutants(): Promise<Tried[]> {
  const models = await Promise.all(
    // The most intricate first.
    Object.values(loopModules)
      .toReversed()
      .map(async (text) => runPasses((await analyze(text)).joint, "lower", "simplify-lowered")),
  );
  return tryMistakesIn<Scheduling>(mistakes, "test/helpers/interpreted.ts", (loaded) =>
    Promise.resolve(models.some((model) => faultOfSchedule(model, ROWS, loaded) !== null)),
  );
}

const ROWS = 3;
