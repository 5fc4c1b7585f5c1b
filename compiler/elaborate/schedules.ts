/**
 * Formulas of the step in the arguments of an `optimizer` line. A schedule is a `fn` like any other:
 * `step` is the number of the step wherever such a formula leads, and the numbers that its calls are
 * given stay adjustable, by names that are settled here.
 */
import type { Parameter } from "../../grammar/ast.ts";
import type { Node } from "../ir/node.ts";
import type { Frame } from "./frame.ts";
import { tensor, type Scope, type Value } from "./values.ts";

/** A number that a call in an argument is given. */
export interface ScheduledNumber {
  /** Of the optimizer. */
  readonly argument: string;
  /** The call's number among those in the argument. */
  readonly call: number;
  /** What the call's definition calls it, and whether as its first. */
  readonly parameter: string;
  readonly first: boolean;
  readonly value: number;
}

/** The arguments of an optimizer as they are read. */
export interface Schedule {
  /** Of the optimizer, the one at hand. */
  argument: string;
  /** Calls in it so far. */
  calls: number;
  readonly step: Node;
  readonly numbers: ScheduledNumber[];
  /** Names of all numbers in order; null while they are not settled: then each has its long one. */
  readonly names: readonly string[] | null;
}

/**
 * What becomes of what a call gives to its parameters: in an argument of an optimizer, numbers are
 * adjustable, and `step` has a meaning in the body, whose names are those of `scope`.
 */
export function scheduling(
  schedule: Schedule | null,
  caller: Frame,
  scope: Scope,
): (parameter: Parameter, value: Value) => Value {
  if (schedule === null) return (_, value) => value;
  scope.names.set("step", tensor(schedule.step));
  // What the bodies of schedules call has its numbers from there.
  if (caller.kind !== "model") return (_, value) => value;
  const call = schedule.calls++;
  let first = true;
  return ({ name: { text } }, value) => {
    const isFirst = first;
    first = false;
    if (value.kind !== "number") return value;
    const { numbers, names, argument } = schedule;
    const made = { argument, call, parameter: text, first: isFirst, value: value.value };
    const name = names?.[numbers.length] ?? longName(made);
    numbers.push(made);
    return { kind: "hyper", name, value: value.value };
  };
}

/** The name of a number that no other has. */
const longName = ({ argument, call, parameter }: ScheduledNumber): string =>
  `${argument}.${call}.${parameter}`;

/**
 * The names of numbers in schedules: that of the schedule's argument, unless two numbers of the line
 * would share it. Then the optimizer's argument stands before it, `weight_decay.steps`, and alone
 * for the schedule's first; of several calls in one argument with its number too.
 * @param own the optimizer's arguments that are numbers themselves
 * @param used long names of those that formulas read: no other is in the way
 */
export function namesOf(
  own: readonly string[],
  numbers: readonly ScheduledNumber[],
  used: ReadonlySet<string>,
): readonly string[] {
  const live = numbers.filter((number) => used.has(longName(number)));
  const bare = [...own, ...live.map(({ parameter }) => parameter)];
  const isAlone = (name: string): boolean => bare.filter((other) => other === name).length === 1;
  const full = ({ argument, call, parameter, first }: ScheduledNumber): string => {
    const several = live.some((other) => other.argument === argument && other.call !== call);
    const base = several ? `${argument}.${call}` : argument;
    return first ? base : `${base}.${parameter}`;
  };
  const short = (number: ScheduledNumber): string =>
    isAlone(number.parameter) ? number.parameter : full(number);
  const all = [...own, ...live.map(short)];
  const name = new Set(all).size === all.length ? short : full;
  return numbers.map((number) => (used.has(longName(number)) ? name(number) : longName(number)));
}
