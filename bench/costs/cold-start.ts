/**
 * How long commands take from nothing to their end, each in a process of its own: `node
 * bench/costs/cold-start.ts`, after `npm run build`. Files and V8's kept code are there, as they are
 * from a user's second command on; `first` says how long it takes without that code. An empty
 * program of Node's is timed beside them, since no command can take less.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../results.ts";

const command = fileURLToPath(new URL("../../dist/cli/bin.js", import.meta.url));
const xor = fileURLToPath(new URL("../../examples/xor.nn", import.meta.url));

export interface ColdStart {
  readonly title: string;
  /** Seconds, of each time. */
  readonly seconds: readonly number[];
  /** Without kept code. */
  readonly first: number;
}

/** In turns, so that what else the machine does meanwhile falls on all of them. */
export async function coldStarts(times: number): Promise<readonly ColdStart[]> {
  const folder = await mkdtemp(join(tmpdir(), "nndsl-bench-"));
  const subjects = [
    { title: "node, an empty program", args: ["-e", "0"] },
    { title: "nndsl --version", args: [command, "--version"] },
    ...["check", "inspect", "derive"].map((name) => ({
      title: `nndsl ${name} xor.nn`,
      args: [command, name, xor],
    })),
    { title: "nndsl graph xor.nn", args: [command, "graph", xor, "-o", join(folder, "xor.svg")] },
    { title: "nndsl compile xor.nn", args: [command, "compile", xor, "-o", folder] },
  ];
  const time = (args: readonly string[], env: NodeJS.ProcessEnv): number => {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env });
    if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
    return (performance.now() - start) / 1000;
  };
  try {
    const kept = { ...process.env, NODE_COMPILE_CACHE: join(folder, "code") };
    const first = subjects.map(({ args }) => time(args, { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" }));
    const seconds = subjects.map((): number[] => []);
    for (const { args } of subjects) time(args, kept);
    for (let i = 0; i < times; i++) {
      subjects.forEach(({ args }, at) => seconds[at]!.push(time(args, kept)));
    }
    return subjects.map(({ title }, at) => ({ title, seconds: seconds[at]!, first: first[at]! }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const milliseconds = (seconds: number): string => (seconds * 1000).toFixed(0).padStart(6);
  console.log(`${"".padEnd(26)} median  least  first  (ms)`);
  for (const { title, seconds, first } of await coldStarts(15)) {
    const figures = [median(seconds), Math.min(...seconds), first];
    console.log(`${title.padEnd(26)} ${figures.map(milliseconds).join(" ")}`);
  }
}
