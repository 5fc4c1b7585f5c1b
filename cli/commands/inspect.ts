/** `nndsl inspect`: what the compiler made of a model, as tables. */
import type { Command } from "commander";
import type { Report } from "../../compiler/index.ts";
import { USUAL_ROWS } from "../../compiler/ir/size.ts";
import {
  addModelOptions,
  dtypeOption,
  memoryOption,
  memoryOptions,
  simdOption,
  sourceOptions,
  type SharedOptions,
} from "../options.ts";
import type { Output } from "../output.ts";
import { openProgram, planProgram } from "../program.ts";
import { bytes, count, counted, operations } from "../terminal/numbers.ts";
import { priceOf } from "../terminal/price.ts";
import { table, type Cell } from "../terminal/table.ts";

interface InspectArguments extends SharedOptions {
  readonly memory?: number;
  readonly kernels?: boolean;
  readonly simd: "strict" | "relaxed";
  readonly dtype: "f32" | "f64";
}

export function addInspect(program: Command, output: Output): Command {
  return addModelOptions(program.command("inspect"), { seed: "Inspecting uses no random numbers." })
    .description("show a model's layers, parameters, operations, stored values, memory and kernels")
    .argument("<file>", "a program, FILE.nn")
    .addOption(memoryOption())
    .option(
      "--kernels",
      "how each kernel computes and why, its cost, and the share of peak performance to expect",
    )
    .addOption(simdOption())
    .addOption(dtypeOption())
    .addHelpText(
      "after",
      `
Examples:
  nndsl inspect mnist.nn --batch 128
  nndsl inspect deep.nn --memory 4MB           what is recomputed, and what that costs
  nndsl inspect mnist.nn --kernels --simd relaxed
  nndsl inspect mnist.nn --set sizes=[512] --json | jq .flops

FLOPs are per row of a batch. "Stored" lists the values that a step keeps from the kernel that writes them to the last kernel that
reads them; "at" is their offset in bytes. Memory is reused once a value is dead. "over parts" says how a value over all rows of the
data follows from its values over parts of the rows; a "coupled" value needs all rows in one call.`,
    )
    .action((file: string, options: InspectArguments) => inspectCommand(file, options, output));
}

async function inspectCommand(file: string, options: InspectArguments, output: Output): Promise<void> {
  const program = await openProgram(file);
  output.aside(`compiling ${file}`);
  const { report } = await planProgram(
    program,
    {
      ...sourceOptions(options),
      ...memoryOptions(options),
      reportRows: options.batch ?? USUAL_ROWS,
      simd: options.simd,
      dtype: options.dtype,
    },
    output,
  );
  output.write(
    output.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : `${options.kernels === true ? kernelsText(report, options, output) : reportText(report, options.batch ?? USUAL_ROWS, output)}\n`,
  );
}

/** A block for each kernel, the costliest of a step first. */
function kernelsText({ kernels, model }: Report, options: InspectArguments, output: Output): string {
  const { bold, dim } = output.colors;
  const entries = ["step", "gradients", "predict", "evaluate", "initialize"] as const;
  const rank = ({ calls }: Report["kernels"][number]): number =>
    entries.findIndex((entry) => calls[entry] !== undefined);
  /** In operations that the processor could do meanwhile; what only copies has none. */
  const time = ({ flops, peakShare }: Report["kernels"][number]): number =>
    flops > 0 ? flops / peakShare : 0;
  const sorted = kernels.toSorted((a, b) => rank(a) - rank(b) || time(b) - time(a));
  const blocks = sorted.map((k) => {
    const called = Object.entries(k.calls)
      .map(([entry, calls]) => (calls === 1 ? entry : `${entry} ×${calls}`))
      .join(", ");
    const work = `${operations(k.flops)}, ${bytes(k.bytes)}, ${Math.round(100 * k.peakShare)} % of the peak`;
    const divided = k.divided === null ? "by the first thread" : `${k.divided} divided among threads`;
    return [
      `${bold(k.name)}  ${dim(`${k.loops || "once"}; in ${called}`)}`,
      `  ${k.formula}`,
      `  ${k.form}${k.because === "" ? "" : `: ${k.because}`}`,
      `  ${work}; ${divided}`,
    ].join("\n");
  });
  const head = `${bold(`${model}: ${counted(kernels.length, "kernel")}`)}, ${options.simd} SIMD, for ${counted(options.batch ?? USUAL_ROWS, "row")}`;
  return [head, ...blocks].join("\n\n");
}

type Draw = (header: readonly string[], rows: readonly (readonly Cell[])[]) => string;

function reportText(report: Report, batch: number, output: Output): string {
  const { bold } = output.colors;
  const draw: Draw = (header, rows) => table(header, rows, output.colors, output.dataColumns);
  const { forward, backward } = report.flops;
  const total = report.parameters.reduce((sum, p) => sum + p.count, 0);
  const section = (title: string, body: string): string => `${bold(title)}\n${body}`;
  const arena = report.arena.fixed + batch * report.arena.perRow;

  return [
    section(
      report.model,
      draw(
        ["name", "role", "shape", "over parts"],
        [
          ...report.inputs.map((i) => [
            i.name,
            i.role,
            `${i.dtype === "float" ? "" : i.dtype}[${i.shape.join(", ")}]`,
            "",
          ]),
          ...report.outputs.map((o) => [o.name, "output", `[${o.shape.join(", ")}]`, o.join]),
          ...(report.loss === null ? [] : [["loss", "loss", "[]", report.loss.join]]),
          ...report.metrics.map((m) => [m.name, "metric", "[]", m.join]),
        ],
      ),
    ),
    ...(report.layers.length === 0
      ? []
      : [
          section(
            `Layers: ${count(total)} parameters`,
            draw(
              [
                "layer",
                "is a",
                "numbers",
                report.states.length === 0 ? "parameters" : "parameters and states",
              ],
              report.layers.map((layer) => [
                layer.path || report.model,
                layer.path === "" ? "model" : layer.callee,
                layer.count,
                [...layer.parameters, ...layer.states]
                  .map((path) => path.slice(layer.path === "" ? 0 : layer.path.length + 1))
                  .join(", "),
              ]),
            ),
          ),
          section("Parameters", parametersText(report, draw)),
          ...(report.states.length === 0
            ? []
            : [
                section(
                  "States",
                  draw(
                    ["path", "shape", "count", "starts as"],
                    report.states.map((s) => [s.path, `[${s.shape.join(", ")}]`, s.count, s.init]),
                  ),
                ),
              ]),
        ]),
    section(
      "Operations a row",
      `  forward ${operations(forward)}, backward ${operations(backward)}${forward > 0 && backward > 0 ? ` (${(backward / forward).toFixed(1)} times as many)` : ""}`,
    ),
    ...(report.stored.length === 0
      ? []
      : [
          section(
            `Stored for the backward pass`,
            draw(
              ["value", "size", "bytes", "at", "from", "until", "because"],
              report.stored.map((s) => [
                s.name,
                s.size,
                `${count(s.bytes)}${s.perRow ? " a row" : ""}`,
                `${s.perRow ? "row" : "fixed"} ${s.offset}`,
                s.from,
                s.until,
                s.because,
              ]),
            ),
          ),
        ]),
    ...(report.recomputed === null ? [] : [section("Made again", `  ${priceOf(report.recomputed)}`)]),
    section(
      "Memory",
      [
        draw(
          ["bytes for", "fixed", "a row"],
          [
            ...report.arena.parts.map((part) => [partNames[part.of], part.fixed, part.perRow]),
            ["in all", report.arena.fixed, report.arena.perRow],
          ],
        ),
        `  ${bytes(report.arena.fixed)} and ${bytes(report.arena.perRow)} a row: ${bytes(arena)} for ${count(batch)} rows`,
      ].join("\n"),
    ),
    section(
      `Kernels: ${report.kernels.length}`,
      draw(
        ["kernel", "loops", "called by", "formula"],
        report.kernels.map((k) => [
          k.name,
          k.loops,
          Object.entries(k.calls)
            .map(([entry, calls]) => (calls === 1 ? entry : `${entry} ×${calls}`))
            .join(", "),
          k.formula,
        ]),
      ),
    ),
  ].join("\n\n");
}

/** Which line trains each is told where an `optimizer` line names what it trains. */
function parametersText({ parameters }: Report, draw: Draw): string {
  const grouped = parameters.some((p) => p.trainedBy?.includes(" for "));
  const rest = parameters.filter((p) => p.trainedBy === null && !p.frozen);
  const drawn = draw(
    ["path", "shape", "count", "starts as", ...(grouped ? ["trained by"] : [])],
    parameters.map((p) => [
      p.path,
      `[${p.shape.join(", ")}]`,
      p.count,
      `${p.init}${p.frozen ? ", frozen" : ""}`,
      ...(grouped ? [p.trainedBy ?? "nothing"] : []),
    ]),
  );
  if (!grouped || rest.length === 0) return drawn;
  const numbers = rest.reduce((sum, p) => sum + p.count, 0);
  const one = rest.length === 1;
  return `${drawn}\n  No \`optimizer\` line trains ${listed(rest.map((p) => p.path))} (${counted(numbers, "number")}): training leaves ${one ? "it as it is" : "them as they are"}.`;
}

/** a, b and c */
const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

/**
 * Values between kernels take turns: one that is no longer read gives its place to a later one, of
 * this entry or of another.
 */
const partNames = {
  inputs: "inputs",
  parameters: "parameters",
  states: "states of layers",
  optimizer: "optimizer: states, arguments, step number",
  gradients: "gradients",
  outputs: "outputs",
  "loss and metrics": "loss and metrics",
  probes: "probes: what a step does to each layer",
  shared: "values between kernels, in turns",
} as const satisfies Record<Report["arena"]["parts"][number]["of"], string>;
