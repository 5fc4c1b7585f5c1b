/** The calls of an entry as a tree of calls and loops. */
import type { Loop } from "../ir/loop.ts";
import type { Entry } from "./kernel.ts";

export type CallStep = CallAt | CallLoop;

/** By its number in the entry. */
export interface CallAt {
  readonly kind: "call";
  readonly call: number;
}

export interface CallLoop {
  readonly kind: "loop";
  readonly loop: Loop;
  readonly steps: readonly CallStep[];
}

export function callTree({ calls, loops }: Pick<Entry, "calls" | "loops">): readonly CallStep[] {
  const top: CallStep[] = [];
  const open: { readonly last: number; readonly steps: CallStep[] }[] = [];
  let next = 0;
  for (let call = 0; call < calls.length; call++) {
    while (open.length > 0 && open.at(-1)!.last < call) open.pop();
    for (let repeat = loops[next]; repeat?.first === call; repeat = loops[++next]) {
      const steps: CallStep[] = [];
      (open.at(-1)?.steps ?? top).push({ kind: "loop", loop: repeat.loop, steps });
      open.push({ last: repeat.last, steps });
    }
    (open.at(-1)?.steps ?? top).push({ kind: "call", call });
  }
  return top;
}

/** The numbers of calls in the order in which they are made, each loop's taken `rounds` times. */
export const inRounds = (steps: readonly CallStep[], rounds: number): number[] =>
  steps.flatMap((step) => {
    if (step.kind === "call") return step.call;
    const round = inRounds(step.steps, rounds);
    return Array.from({ length: Math.min(rounds, step.loop.length) }, () => round).flat();
  });
