/** Calls of the library that divide an axis into parts, where these do not come out whole. */
import { countOf, isFree } from "../ir/size.ts";
import type { Finding, GivenToLibrary } from "./library-call.ts";

interface Division {
  /** The argument that says into how many parts; a number where there is none. */
  readonly parts: string | number;
  readonly what: string;
  readonly help: string;
}

/** @param name of the argument whose last axis, or which itself, is divided */
export function checkDivision(given: GivenToLibrary, name: string, division: Division): Finding | null {
  const { parts, what, help } = division;
  const last = given.node(name)?.shape.at(-1);
  const whole = last === undefined ? given.number(name) : isFree(last) ? null : countOf(last);
  const count = typeof parts === "number" ? parts : given.number(parts);
  if (whole === null || count === null || whole % count === 0) return null;
  return {
    severity: "error",
    code: "bad-size",
    message: `${what} of ${whole} does not divide into ${count} equal parts`,
    help,
  };
}

const HEADS: Division = {
  parts: "heads",
  what: "a last axis",
  help: "each head takes as large a part of the last axis: choose a number of heads that divides it",
};

const PAIRS: Division = {
  parts: 2,
  what: "an axis",
  help: "sines and cosines go in pairs: take an even size",
};

export const divisionChecks: Readonly<Record<string, (given: GivenToLibrary) => Finding | null>> = {
  multi_head_attention: (given) => checkDivision(given, "x", HEADS),
  transformer_block: (given) => checkDivision(given, "x", HEADS),
  group_norm: (given) =>
    checkDivision(given, "x", {
      parts: "groups",
      what: "a last axis",
      help: "each group has as many channels: choose a number of groups that divides them",
    }),
  rotary: (given) => checkDivision(given, "x", PAIRS),
  sinusoidal_positions: (given) => checkDivision(given, "size", PAIRS),
};
