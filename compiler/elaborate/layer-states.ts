/**
 * The new values of states of layers and models: what their names stand for when the body that
 * declares them has been read.
 */
import { problem } from "./complain.ts";
import type { Frame } from "./frame.ts";
import type { Machine } from "./machine.ts";
import { shaped } from "./operate.ts";
import type { ParameterScope } from "./paths.ts";
import { recovered } from "./recover.ts";
import { POISON } from "./values.ts";

/** Gives the states that the body of `frame` has declared their new values. */
export function endStates(machine: Machine, frame: Frame): void {
  const { owner } = frame;
  for (const name of owner?.states.keys() ?? []) endState(machine, frame, owner!, name);
}

/**
 * Gives a state its new value, if there is one of that name.
 */
export function endState(machine: Machine, frame: Frame, owner: ParameterScope, name: string): void {
  const state = owner.states.get(name);
  owner.states.delete(name);
  if (state === undefined || !machine.training) return;
  const { index, bound: span } = state;
  const value = frame.scope.find(name);
  if (value === undefined || value === POISON) return;
  const { shape } = machine.parameters[index]!;
  const what = `the last value of \`${name}\``;
  if (frame.loops.length > 0) {
    const help = "call the layer before the `scan`, for all places at once, or after it";
    const message = `the state \`${name}\` would get a value at every place of a \`scan\`, and has one a step`;
    throw problem(machine, frame, { code: "state-in-scan", span, message, help });
  }
  const update = (): void =>
    void machine.updates.set(index, shaped(machine, frame, value, { shape, span, what, whose: "the state" }));
  recovered(machine, update, () => {});
}
