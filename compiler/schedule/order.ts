/** The order of an entry's kernels: each after what it reads, and so that few values are alive at a time. */
import { CompilerFault } from "../fault.ts";
import { type Size, sizeAt } from "../ir/size.ts";
import type { Task } from "./fuse.ts";

/** The batch that live sizes are compared at. */
const TYPICAL_ROWS = 32;

/**
 * Of two orders the one with the smaller peak: that of the graph, and the greedy one that next runs the kernel which frees most.
 * @param sizeOf of a temporary; `null` for a buffer that is always there
 */
export function orderTasks(tasks: readonly Task[], sizeOf: (buffer: number) => Size | null): Task[] {
  const bytes = (buffer: number): number => {
    const size = sizeOf(buffer);
    return size === null ? 0 : sizeAt(size, TYPICAL_ROWS);
  };
  const byFirstNode = (a: Task, b: Task): number => firstNode(a) - firstNode(b);
  const plain = run(tasks, bytes, byFirstNode);
  const greedy = run(tasks, bytes, null);
  return greedy.peak < plain.peak ? greedy.order : plain.order;
}

/** By the last node: an update of a parameter comes when its gradient is there. */
const firstNode = (task: Task): number => Math.max(...task.group.items.map((item) => item.node.id));

function run(
  tasks: readonly Task[],
  bytes: (buffer: number) => number,
  compare: ((a: Task, b: Task) => number) | null,
): { order: Task[]; peak: number } {
  const waiting = new Map<Task, number>(tasks.map((task) => [task, task.before.size]));
  const after = new Map<Task, Task[]>(tasks.map((task) => [task, []]));
  for (const task of tasks) for (const earlier of task.before) after.get(earlier)!.push(task);
  const readers = new Map<number, number>();
  for (const task of tasks)
    for (const buffer of readBuffers(task)) readers.set(buffer, (readers.get(buffer) ?? 0) + 1);

  const live = new Set<number>();
  const gain = (task: Task): number => {
    let total = 0;
    for (const buffer of readBuffers(task)) if (readers.get(buffer) === 1) total += bytes(buffer);
    for (const buffer of writtenBuffers(task)) if (!live.has(buffer)) total -= bytes(buffer);
    return total;
  };

  const ready = tasks.filter((task) => task.before.size === 0);
  const order: Task[] = [];
  let [now, peak] = [0, 0];
  while (ready.length > 0) {
    let best = 0;
    for (let i = 1; i < ready.length; i++) {
      const [a, b] = [ready[i]!, ready[best]!];
      const better = compare === null ? gain(a) - gain(b) || firstNode(b) - firstNode(a) : compare(b, a);
      if (better > 0) best = i;
    }
    const [task] = ready.splice(best, 1) as [Task];
    order.push(task);
    for (const buffer of writtenBuffers(task)) {
      if (!live.has(buffer)) now += bytes(buffer);
      live.add(buffer);
    }
    peak = Math.max(peak, now);
    for (const buffer of readBuffers(task)) {
      const left = readers.get(buffer)! - 1;
      readers.set(buffer, left);
      if (left === 0 && live.delete(buffer)) now -= bytes(buffer);
    }
    for (const next of after.get(task)!) {
      const left = waiting.get(next)! - 1;
      waiting.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  if (order.length !== tasks.length) throw new CompilerFault("kernels wait for one another");
  return { order, peak };
}

const readBuffers = (task: Task): Set<number> => new Set(task.body.reads.map((read) => read.buffer));
const writtenBuffers = (task: Task): Set<number> => new Set(task.body.writes.map((write) => write.buffer));
