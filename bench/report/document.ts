/** A run as a page of the documentation. */
import { isQuiet, type Machine } from "../machine.ts";
import { noiseOf, type HostResults, type Results } from "../results.ts";
import { isReached, targetsOf } from "../targets.ts";
import { reasonsText } from "./reasons.ts";
import { toMarkdown, type Table } from "./table.ts";
import {
  compileTable,
  dataTable,
  gaps,
  groups,
  headings,
  memoryTable,
  missedTable,
  profileTables,
  sharingTable,
  sizesTable,
  startsTable,
  targetsTable,
  timesTable,
} from "./tables.ts";

const GIBI = 1024 ** 3;

const section = (...tables: readonly (Table | undefined)[]): string[] =>
  tables.flatMap((table) => (table ? [toMarkdown(table)] : []));

/** Nothing of it where there is no table. */
const titled = (title: string, table: Table | undefined): string[] =>
  table ? [title, toMarkdown(table)] : [];

const processorText = (machine: Machine): string =>
  `${machine.processor}, ${machine.cores} cores, ${Math.round(machine.memory / GIBI)} GiB; ${machine.system}; vectors: ${machine.vectors.join(" ") || "unknown"}; load before the run ${machine.load.toFixed(2)}${isQuiet(machine) ? "" : ", **others were at work: times are too long**"}`;

/** For the contestants whose figures the targets compare most. */
function noise(host: HostResults | undefined): string {
  const names = ["nndsl", "nndsl-relaxed", "nndsl-threads", "torch", "jax", "peak"] as const;
  const parts = names.flatMap((name) => {
    const ratio = host && noiseOf(host, name);
    return ratio === undefined ? [] : [`${headings[name]} ${ratio.toFixed(2)}`];
  });
  return `a median is so many times the least time, in the median of all workloads: ${parts.join(", ")}. On a machine of one's own all are near 1.`;
}

export function toDocument(results: Results): string {
  const { date, machine, versions, pace, hosts } = results;
  const targets = targetsOf(results).filter(({ measured }) => measured !== undefined);
  const reached = targets.filter((target) => isReached(target) === true).length;
  return [
    "# Benchmarks",
    "<!-- Written by `npm run bench` in bench/; edit nothing here. -->",
    `nndsl beside what one would take instead, in one run. [bench/](../bench/README.md) says how each is used and how times are taken;
\`cd bench && npm ci && npm run bench\` does it again and writes this page.`,
    `- **When:** ${date}
- **Machine:** ${processorText(machine)}
- **Versions:** ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}
- **Times:** medians of ${pace.rounds} rounds (fewer where one call is seconds long); in each round every contestant has ${pace.slice} ms or one call, whichever is longer, in turns. Behind a
  time stands how many times as long as nndsl's strict module it takes. All run on one thread but for the column that says two.
- **Noise:** ${noise(hosts[0])}
- **128-bit peak:** independent multiplications and additions in registers, as two instructions and as one fused; beside networks, the time that all
  of their products would take so. Targets read it on the quietest of its rounds.
  PyTorch uses the processor's wider vectors; WebAssembly has 128 bits.`,
    ...titled("## What falls behind", missedTable(results)),
    "## Targets",
    `${reached} of ${targets.length} are reached. "At the peak" is what the ratio of the least times would be if nndsl did nothing but a network's multiplications and
additions, at the 128-bit peak of the quietest of the same rounds: no code for these instructions is faster.`,
    ...section(targetsTable(results, true)),
    ...hosts.flatMap((host) => [
      `## In ${host.name} ${host.version}`,
      ...section(...groups.map((group) => timesTable(host, group))),
      ...(gaps(host).length > 0 ? [`Dashes: ${gaps(host).join("; ")}.`] : []),
    ]),
    "## Other costs",
    ...section(
      compileTable(results),
      startsTable(results),
      dataTable(results),
      sizesTable(results),
      memoryTable(results),
    ),
    "[profile.md](profile.md) has where the time of steps and products goes.",
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

/**
 * Where the time goes, as a page of its own: it takes two minutes, and what it says of kernels a
 * whole run would not say better.
 */
export function toProfilePage(results: Results): string {
  const { date, machine, versions } = results;
  return [
    "# Where the time goes",
    "<!-- Written by `npm run bench` in bench/, and by `npm run bench -- --only profile`; edit nothing here. -->",
    `The digit network's steps, and products alone, kernel by kernel: the limits behind the figures of [benchmarks.md](benchmarks.md).`,
    `- **When:** ${date}
- **Machine:** ${processorText(machine)}
- **Versions:** nndsl ${versions["nndsl"] ?? ""}, Node ${process.versions.node}
- **Times** are the least of many. Beside the measured share of the peak stands what \`nndsl inspect --kernels\` predicts.
- **Cycles and instructions** are for each multiplication of two vectors: cycles from the time, instructions counted in the loop of the largest tile, in the
  machine code that V8 prints. Where they are as 1 to 3, the kernel waits neither for registers nor for memory: a processor of this kind takes six
  instructions a cycle, but three beside a thread on the same core, such as one of another's virtual machine.
- **On the stack** are the vectors that innermost loops move to and from it, for want of registers.
- **Two threads** can take no less than half of what they divide and all of the rest; what they take more is waiting for each other.`,
    ...section(...profileTables(results), sharingTable(results)),
    "## Why targets are missed",
    `Of those in [benchmarks.md](benchmarks.md) that were worked on and are not reached:`,
    reasonsText,
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}
