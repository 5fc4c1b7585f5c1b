/**
 * The order of an entry's kernels: each after what it reads, and so that few values are alive at a
 * time.
 */
import { CompilerFault } from "../fault.ts";
import { type Size, sizeAt, USUAL_ROWS } from "../ir/size.ts";
import { peakOf, rangesOf } from "./liveness.ts";
import { kernelsOf, readBy, type Task, writtenBy } from "./task.ts";

/** A task, and what choosing among tasks asks of it again and again. */
interface Step {
  readonly task: Task;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /**
   * The last of its nodes in the graph's order: an update of a parameter comes when its gradient is
   * there.
   */
  readonly place: number;
}

/**
 * Of two orders the one with the smaller peak: that of the graph, and the greedy one that next runs
 * the kernel which frees most. Where values are to be made again, memory is wanted away from the
 * peak too, and in both passes alike: then the order in which each update comes as soon as it can.
 * @param sizeOf of a temporary; `null` for a buffer that is always there
 * @param sparing whether values are to be made again
 */
export function orderTasks(
  tasks: readonly Task[],
  sizeOf: (buffer: number) => Size | null,
  sparing: boolean,
): Task[] {
  const steps = tasks.map((task): Step => {
    const nodes = kernelsOf(task).flatMap(({ group }) => group.items.map(({ node }) => node.id));
    return {
      task,
      reads: [...new Set(readBy(task).map(({ buffer }) => buffer))],
      writes: [...new Set(writtenBy(task).map(({ buffer }) => buffer))],
      place: Math.max(...nodes),
    };
  });
  const sizes = new Map<number, number>();
  for (const buffer of steps.flatMap(({ reads, writes }) => [...reads, ...writes])) {
    const size = sizeOf(buffer);
    sizes.set(buffer, size === null ? 0 : sizeAt(size, USUAL_ROWS));
  }
  const peak = (order: readonly Step[]): number => {
    const ranges = rangesOf(order.map(({ reads, writes }) => [...reads, ...writes]));
    return peakOf(Array.from(ranges, ([buffer, range]) => ({ range, bytes: sizes.get(buffer)! })));
  };
  const tasksOf = (order: readonly Step[]): Task[] =>
    order.map(({ task }) =>
      task.kind === "kernel" ? task : { ...task, tasks: orderTasks(task.tasks, sizeOf, sparing) },
    );
  if (sparing) return tasksOf(run(endsFirst(steps), sizes, "graph"));
  const plain = run(steps, sizes, "graph");
  const greedy = run(steps, sizes, "greedy");
  return tasksOf(peak(greedy) < peak(plain) ? greedy : plain);
}

/**
 * The steps with places in another order: kernels that no other waits for, those that wait for the
 * shortest chain first, and before each what it still wants. An update wants its gradient first,
 * and then the readers of the old value.
 */
function endsFirst(steps: readonly Step[]): Step[] {
  const byTask = new Map(steps.map((step) => [step.task, step]));
  const depths = new Map<Task, number>();
  const order = new Map<Task, number>();
  /**
   * Calls `done` for all that `ends` wait for, and for themselves, each after what it waits for.
   */
  const visit = (
    ends: readonly Step[],
    known: ReadonlyMap<Task, number>,
    done: (step: Step) => void,
  ): void => {
    const stack = ends.toReversed();
    for (let step = stack.at(-1); step !== undefined; step = stack.at(-1)) {
      const { task, reads } = step;
      const missing = [...task.before].filter((earlier) => !known.has(earlier));
      if (missing.length === 0) {
        stack.pop();
        if (!known.has(task)) done(step);
        continue;
      }
      const wanted = missing.map((earlier) => byTask.get(earlier)!);
      const isRead = ({ writes }: Step): number => (writes.some((buffer) => reads.includes(buffer)) ? 1 : 0);
      // The last on the stack is the first to be done.
      stack.push(...wanted.toSorted((a, b) => isRead(a) - isRead(b) || b.place - a.place));
    }
  };
  const sorted = steps.toSorted((a, b) => a.place - b.place);
  visit(sorted, depths, ({ task }) => {
    depths.set(task, 1 + Math.max(0, ...[...task.before].map((earlier) => depths.get(earlier)!)));
  });
  const waited = new Set(steps.flatMap(({ task }) => [...task.before]));
  const ends = sorted.filter(({ task }) => !waited.has(task));
  visit(
    ends.toSorted((a, b) => depths.get(a.task)! - depths.get(b.task)!),
    order,
    ({ task }) => order.set(task, order.size),
  );
  return steps.map((step) => ({ ...step, place: order.get(step.task)! }));
}

function run(steps: readonly Step[], sizes: ReadonlyMap<number, number>, by: "graph" | "greedy"): Step[] {
  const waiting = new Map<Task, number>(steps.map(({ task }) => [task, task.before.size]));
  const after = new Map<Task, Step[]>(steps.map(({ task }) => [task, []]));
  for (const step of steps) for (const earlier of step.task.before) after.get(earlier)!.push(step);
  const readers = new Map<number, number>();
  for (const { reads } of steps)
    for (const buffer of reads) readers.set(buffer, (readers.get(buffer) ?? 0) + 1);

  const live = new Set<number>();
  const gain = ({ reads, writes }: Step): number => {
    let total = 0;
    for (const buffer of reads) if (readers.get(buffer) === 1) total += sizes.get(buffer)!;
    for (const buffer of writes) if (!live.has(buffer)) total -= sizes.get(buffer)!;
    return total;
  };

  const ready = steps.filter(({ task }) => task.before.size === 0);
  const order: Step[] = [];
  while (ready.length > 0) {
    const gains = by === "greedy" ? ready.map(gain) : [];
    let best = 0;
    for (let i = 1; i < ready.length; i++) {
      const more = by === "greedy" ? gains[i]! - gains[best]! : 0;
      if (more > 0 || (more === 0 && ready[i]!.place < ready[best]!.place)) best = i;
    }
    const [step] = ready.splice(best, 1) as [Step];
    order.push(step);
    const { task, reads, writes } = step;
    for (const buffer of writes) live.add(buffer);
    for (const buffer of reads) {
      const left = readers.get(buffer)! - 1;
      readers.set(buffer, left);
      if (left === 0) live.delete(buffer);
    }
    for (const next of after.get(task)!) {
      const left = waiting.get(next.task)! - 1;
      waiting.set(next.task, left);
      if (left === 0) ready.push(next);
    }
  }
  if (order.length !== steps.length) throw new CompilerFault("kernels wait for one another");
  return order;
}
