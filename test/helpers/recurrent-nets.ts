/** Recurrent nets in a program beside the same nets of torch.nn (`oracle/recurrence_oracle.py`). */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Net {
  readonly cell: "rnn" | "gru" | "lstm";
  readonly units: readonly number[];
  readonly act?: "tanh" | "relu";
  readonly reverse?: boolean;
  readonly bidirectional?: boolean;
  /** Sequences of several lengths, padded at their ends. */
  readonly masked?: boolean;
  /** Whether it begins with states that are given. */
  readonly started?: boolean;
  readonly bias?: boolean;
}

export const FEATURES = 3;
const UNITS = 4;

const one = { units: [UNITS] };
const two = { units: [UNITS, UNITS] };

/** By their names in the program. */
export const nets: Readonly<Record<string, Net>> = Object.fromEntries([
  ...(["rnn", "gru", "lstm"] as const).flatMap((cell): [string, Net][] => [
    [`${cell}_plain`, { cell, ...one }],
    [`${cell}_reverse`, { cell, ...one, reverse: true }],
    [`${cell}_masked`, { cell, ...one, masked: true }],
    [`${cell}_started`, { cell, ...two, started: true }],
    [`${cell}_both`, { cell, ...two, bidirectional: true }],
    [`${cell}_both_masked`, { cell, ...two, bidirectional: true, masked: true }],
    [`${cell}_unbiased`, { cell, ...one, bias: false }],
  ]),
  ["rnn_relu", { cell: "rnn", ...two, act: "relu" }],
  ["rnn_both_relu", { cell: "rnn", ...one, act: "relu", bidirectional: true }],
] satisfies [string, Net][]);

const widthOf = ({ units, bidirectional }: Net): number => units.at(-1)! * (bidirectional ? 2 : 1);

/** What the net begins with, of each layer: inputs by their names, one for h and one for c. */
const startsOf = (name: string, { cell }: Net): string[] =>
  (cell === "lstm" ? ["h", "c"] : ["h"]).map((state) => `${name}_${state}`);

/** The nets in one model: of each its results, and the gradient of its part of the loss by what it is given. */
export function programOf(steps: number, some: Readonly<Record<string, Net>> = nets): string {
  const lines = Object.entries(some).flatMap(([name, net]) => {
    const { cell, units, act, reverse, bidirectional, masked, started, bias } = net;
    const starts = startsOf(name, net);
    const perLayer = units.map((_, l) => {
      const states = starts.map((start) => `${start}[:, ${l}]`);
      return cell === "lstm" ? `[${states.join(", ")}]` : states[0]!;
    });
    const depth = `[${units.join(", ")}]`;
    const given = [
      "x",
      // One layer is told by a number as well.
      units.length === 1 ? String(units[0]) : depth,
      ...(bidirectional ? [cell] : []),
      ...(act === undefined ? [] : [`act = ${act}`]),
      ...(reverse ? ["reverse = true"] : []),
      ...(masked ? ["mask = there"] : []),
      ...(started ? [`first = [${perLayer.join(", ")}]`] : []),
      ...(bias === false ? ["use_bias = false"] : []),
    ];
    const of = masked ? " * reshape(mask, [N, -1, 1])" : "";
    return [
      `input w_${name}: [N, ${steps}, ${widthOf(net)}]`,
      ...(started ? starts.map((start) => `input ${start}: [N, ${units.length}, ${units[0]}]`) : []),
      `${name} = ${bidirectional ? "bidirectional" : cell}(${given.join(", ")})`,
      `loss_${name} = sum(sin(${name}) * w_${name}${of}) / N`,
      `output y_${name} = ${name}${of}`,
      `output dx_${name} = grad(loss_${name}, x)`,
      ...(started ? starts.map((start) => `output d_${start} = grad(loss_${name}, ${start})`) : []),
      `loss loss_${name}`,
    ];
  });
  return `model Recurrent {
    input x: [N, ${steps}, ${FEATURES}]
    input mask: [N, ${steps}]
    there = mask == 1
    ${lines.join("\n")}
  }`;
}

export interface Given {
  readonly data: readonly number[];
  readonly shape: readonly number[];
}
export type Table = Readonly<Record<string, Given>>;

/** Deterministic numbers within ±size. */
function numbers(shape: readonly number[], salt: number, size: number): Given {
  const count = shape.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: count }, (_, i) => {
    const noise = Math.sin(12.9898 * (i + 1) + 78.233 * salt) * 43758.5453;
    return size * (2 * (noise - Math.floor(noise)) - 1);
  });
  return { data, shape };
}

/** All that the model of `programOf` is given, of so many rows. */
export function inputsOf(steps: number, rows: number, some: Readonly<Record<string, Net>> = nets): Table {
  const lengths = Array.from({ length: rows }, (_, row) => 1 + ((row * 7 + steps - 1) % steps));
  const mask = lengths.flatMap((length) => Array.from({ length: steps }, (_, t) => (t < length ? 1 : 0)));
  const table: Record<string, Given> = {
    x: numbers([rows, steps, FEATURES], 1, 2),
    mask: { data: mask, shape: [rows, steps] },
  };
  for (const [i, [name, net]] of Object.entries(some).entries()) {
    table[`w_${name}`] = numbers([rows, steps, widthOf(net)], 10 + i, 1);
    if (!net.started) continue;
    const { units } = net;
    for (const start of startsOf(name, net)) {
      table[start] = numbers([rows, units.length, units[0]!], 100 + i, 0.9);
    }
  }
  return table;
}

/** Drawn within PyTorch's bounds, by path. */
export const parametersOf = (
  manifest: readonly { readonly path: string; readonly shape: readonly number[] }[],
): Table =>
  Object.fromEntries(
    manifest.map(({ path, shape }, i) => [path, numbers(shape, 1000 + i, 1 / Math.sqrt(UNITS))]),
  );

export interface Answer {
  readonly output: readonly number[];
  readonly loss: number;
  /** By the name of a parameter in torch.nn; `x`, `h` and `c` are what was given. */
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

/** What torch.nn says of each net, by its name. */
export function askTorch(
  python: string,
  parameters: Table,
  inputs: Table,
  some: Readonly<Record<string, Net>> = nets,
): Map<string, Answer> {
  const cases = Object.entries(some).map(([name, net]) => {
    const own = Object.entries(parameters).filter(([path]) => path.startsWith(`${name}.`));
    const starts = net.started ? startsOf(name, net) : [];
    return {
      act: "tanh",
      reverse: false,
      bidirectional: false,
      masked: false,
      ...net,
      parameters: Object.fromEntries(own.map(([path, value]) => [path.slice(name.length + 1), value])),
      inputs: {
        x: inputs["x"],
        w: inputs[`w_${name}`],
        mask: inputs["mask"],
        ...Object.fromEntries(starts.map((start) => [start.at(-1)!, inputs[start]])),
      },
    };
  });
  const script = fileURLToPath(new URL("../oracle/recurrence_oracle.py", import.meta.url));
  const { status, stdout, stderr } = spawnSync(python, [script], {
    input: JSON.stringify(cases),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(stderr);
  const answers: readonly Answer[] = JSON.parse(stdout);
  return new Map(Object.keys(some).map((name, i) => [name, answers[i]!]));
}
