/** A run as one JSON object. */
import type { ContestantName } from "../hosts/runner.ts";
import { least, median, type Results } from "../results.ts";
import type { Cell } from "../rounds.ts";
import { isReached, targetsOf } from "../targets.ts";
import { workloads } from "../workloads.ts";
import { inUnit } from "./tables.ts";

export function toJson(results: Results): object {
  const { hosts, peakMemory, ...rest } = results;
  return {
    ...rest,
    hosts: hosts.map(({ name, version, rows }) => ({
      name,
      version,
      workloads: rows.map((row) => {
        const workload = workloads.find(({ id }) => id === row.workload);
        const unit = workload?.unit ?? "ms";
        const ours = row.cells.get("nndsl");
        const contestant = (cell: Cell): object => {
          if (cell.kind !== "timing") return { [cell.kind]: cell.reason };
          const { samples } = cell;
          return {
            median: inUnit(median(samples), unit),
            best: inUnit(least(samples), unit),
            ...(ours?.kind === "timing" && { timeToNndsl: median(samples) / median(ours.samples) }),
            samples: samples.map((sample) => inUnit(sample, unit)),
          };
        };
        const entries = [...row.cells].map(([name, cell]): [ContestantName, object] => [
          name,
          contestant(cell),
        ]);
        return { id: row.workload, title: workload?.title, unit, contestants: Object.fromEntries(entries) };
      }),
    })),
    ...(peakMemory && {
      peakMemory: { node: peakMemory.node, ...Object.fromEntries(peakMemory.contestants) },
    }),
    targets: targetsOf(results).map((target) => ({ ...target, reached: isReached(target) })),
  };
}
