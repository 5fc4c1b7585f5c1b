/** What the command line may ask for. */
import { parseArgs } from "node:util";
import type { Pace } from "./rounds.ts";

export const usage = `npm run bench -- [options]

  --only NAME      only workloads whose name begins so, or \`compile\`, \`start\`, \`data\`, \`size\`, \`memory\`, \`profile\`; may be repeated
  --rounds N       rounds that are counted (15)
  --quick          few short rounds: to see that everything runs
  --json FILE      the figures as JSON, too
  --markdown FILE  the page of benchmarks, in another place
  --no-chromium    leaves the pages out
  --no-node        leaves Node out
  --help

A whole run writes docs/benchmarks.md and docs/profile.md, one with --only profile the latter; one with another --only, --quick, --no-node or --no-chromium does not.`;

export interface Options {
  readonly pace: Pace;
  readonly chromium: boolean;
  readonly node: boolean;
  readonly json?: string;
  readonly markdown?: string;
  /** Whether something of that name is asked for. */
  wants(name: string): boolean;
  /** Whether the run may write the page of the documentation. */
  readonly whole: boolean;
  /** The same of the profile's. */
  readonly wholeProfile: boolean;
}

const QUICK: Pace = { rounds: 3, warmUps: 1, firstSlice: 60, slice: 8, kernel: 20 };
const FULL: Pace = { rounds: 15, warmUps: 3, firstSlice: 500, slice: 30, kernel: 1000 };

/** @returns undefined where help is asked for. @throws Error for what is not understood */
export function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      markdown: { type: "string" },
      "no-chromium": { type: "boolean", default: false },
      "no-node": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const pace = values.quick ? QUICK : FULL;
  const rounds = values.rounds === undefined ? pace.rounds : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number from 1 on.");
  const { only } = values;
  const whole = only === undefined && !values.quick && !values["no-chromium"] && !values["no-node"];
  return {
    pace: { ...pace, rounds },
    chromium: !values["no-chromium"],
    node: !values["no-node"],
    ...(values.json !== undefined && { json: values.json }),
    ...(values.markdown !== undefined && { markdown: values.markdown }),
    wants: (name) => only === undefined || only.some((start) => name.startsWith(start)),
    whole,
    wholeProfile: whole || (only?.includes("profile") === true && !values.quick),
  };
}
