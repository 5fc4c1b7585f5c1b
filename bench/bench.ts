/** Times nndsl beside what a user would pick instead: `npm run bench -- --help`. */
import { rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { coldStarts } from "./costs/cold-start.ts";
import { compileTime } from "./costs/compile-time.ts";
import { dataCosts } from "./costs/data-cost.ts";
import { profiles, programProfiles } from "./costs/profile.ts";
import { sharings } from "./costs/threads.ts";
import { pageSizes } from "./costs/page-size.ts";
import { peakMemory } from "./costs/peak-memory.ts";
import { JobFolder } from "./folder.ts";
import { chromiumHost } from "./hosts/chromium.ts";
import { nodeHost } from "./hosts/node.ts";
import type { Host } from "./hosts/runner.ts";
import { isQuiet, machine } from "./machine.ts";
import { readOptions, usage, type Options } from "./options.ts";
import { toDocument, toProfilePage } from "./report/document.ts";
import { toJson } from "./report/json.ts";
import { toText } from "./report/table.ts";
import {
  compileTable,
  dataTable,
  gaps,
  groups,
  memoryTable,
  missedTable,
  profileTables,
  sharingTable,
  sizesTable,
  startsTable,
  targetsTable,
  timesTable,
} from "./report/tables.ts";
import type { HostResults, Results } from "./results.ts";
import { time, type Row } from "./rounds.ts";
import { versions } from "./versions.ts";
import { workloads } from "./workloads.ts";

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function timeOn(
  host: Host,
  inPages: boolean,
  folder: JobFolder,
  options: Options,
): Promise<HostResults> {
  const chosen = workloads.filter((workload) => options.wants(workload.id) && (workload.inPages || !inPages));
  const rows: Row[] = [];
  for (const [i, workload] of chosen.entries()) {
    say(`${host.name} ${i + 1}/${chosen.length}: ${workload.id}`);
    const names = host.contestants.filter((name) => workload.contestants.includes(name));
    rows.push(await time(workload, host, names, folder, options.pace));
  }
  return { name: host.name, version: host.version, contestants: host.contestants, rows };
}

function show(results: Results): string {
  const tables = [
    missedTable(results),
    ...results.hosts.flatMap((host) => [
      `In ${host.name} ${host.version}`,
      ...groups.flatMap((group) => timesTable(host, group) ?? []),
      ...gaps(host).map((gap) => `  – ${gap}`),
    ]),
    compileTable(results),
    startsTable(results),
    dataTable(results),
    sizesTable(results),
    memoryTable(results),
    ...profileTables(results),
    sharingTable(results),
    targetsTable(results, false),
  ].filter((table) => table !== undefined);
  return tables.map((table) => (typeof table === "string" ? table : toText(table))).join("\n\n");
}

const disagree = ({ hosts }: Results): boolean =>
  hosts.some(({ rows }) =>
    rows.some(({ cells }) => [...cells.values()].some(({ kind }) => kind === "wrong")),
  );

async function run(options: Options): Promise<void> {
  const before = machine();
  if (!isQuiet(before)) {
    say(`The machine is not quiet (load ${before.load.toFixed(1)}): times will be too long.`);
  }
  const folder = await JobFolder.make();
  process.once("SIGINT", () => {
    // At once: what goes on meanwhile would write to it again.
    rmSync(folder.path, { recursive: true, force: true });
    process.exit(130);
  });
  try {
    const hosts: HostResults[] = [];
    const node = nodeHost(folder.path);
    if (options.node) hosts.push(await timeOn(node, false, folder, options));
    const pages = options.chromium ? await chromiumHost(folder.path) : undefined;
    if (options.chromium && !pages) say("There is no Chromium here; CHROMIUM names another place.");
    if (pages) {
      try {
        hosts.push(await timeOn(pages, true, folder, options));
      } finally {
        await pages.close();
      }
    }
    const results: Results = {
      date: new Date().toISOString().slice(0, 10),
      machine: before,
      versions: await versions(),
      pace: options.pace,
      hosts,
      ...(options.wants("compile") && { compileTime: await compileTime(options.whole ? 5 : 2) }),
      ...(options.wants("start") && { coldStarts: await coldStarts(options.whole ? 15 : 5) }),
      ...(options.wants("data") && { dataCosts: dataCosts() }),
      ...(options.wants("size") && { pageSizes: await pageSizes() }),
      ...(options.wants("memory") && { peakMemory: await peakMemory(node.contestants, folder) }),
      ...(options.wants("profile") && {
        profiles: await profiles(options.pace.kernel),
        programProfiles: await programProfiles(options.pace.kernel / 5),
        sharings: await sharings(options.pace.kernel),
      }),
    };
    process.stdout.write(`${show(results)}\n`);
    if (options.json !== undefined) {
      await writeFile(options.json, `${JSON.stringify(toJson(results), null, 2)}\n`);
    }
    if (disagree(results))
      throw new Error("Answers differ: see the dashes above. docs/benchmarks.md stays as it is.");
    const page =
      options.markdown ?? (options.whole ? new URL("../docs/benchmarks.md", import.meta.url) : undefined);
    if (page !== undefined) await writeFile(page, toDocument(results));
    else say("A part of the benchmarks: docs/benchmarks.md stays as it is.");
    if (options.wholeProfile && options.markdown === undefined)
      await writeFile(new URL("../docs/profile.md", import.meta.url), toProfilePage(results));
  } finally {
    await folder.remove();
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options) await run(options);
  else process.stdout.write(`${usage}\n`);
  process.exit(0);
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(1);
}
