/** What fusing leaves: kernel calls of an entry and loops of them, and what has to be done before each. */
import type { Loop } from "../ir/loop.ts";
import type { Body } from "./formed.ts";
import type { Group } from "./group.ts";
import type { Region } from "./place.ts";

export type Task = KernelTask | LoopTask;

export interface KernelTask {
  readonly kind: "kernel";
  readonly group: Group;
  readonly body: Body;
  readonly before: ReadonlySet<Task>;
}

/** Tasks that are done at every place of a loop, in no order but what each has to come after. */
export interface LoopTask {
  readonly kind: "loop";
  readonly loop: Loop;
  readonly tasks: readonly Task[];
  readonly before: ReadonlySet<Task>;
}

/** The kernels of a task, those of the loops in it too. */
export const kernelsOf = (task: Task): readonly KernelTask[] =>
  task.kind === "kernel" ? [task] : task.tasks.flatMap(kernelsOf);

export const readBy = (task: Task): Region[] =>
  kernelsOf(task).flatMap(({ body }) => body.reads.map(({ region }) => region));
export const writtenBy = (task: Task): Region[] =>
  kernelsOf(task).flatMap(({ body }) => body.writes.map(({ region }) => region));
