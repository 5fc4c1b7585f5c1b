/**
 * What it costs to read data: a table of 1,000,000 rows of ten numbers, and an array of 500 MB.
 * `node costs/data-cost.ts` makes both and says, of fresh processes, the time and the peak of memory
 * of reading alone, and of `nndsl train` to the end of one epoch.
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { highWater } from "../high-water.ts";

const ROWS = 1_000_000;
const COLUMNS = 10;
const ARRAY_ROWS = 1_250_000;
const ARRAY_COLUMNS = 100;

export interface DataCost {
  readonly what: string;
  readonly milliseconds: number;
  /** VmHWM, and what of it the process had before it read. */
  readonly peakBytes: number;
  readonly baseBytes: number;
}

const model = (columns: number): string => `model Data {
  input x: [N, ${columns}]
  target y: [N, 1]
  output p = dense(x, 1)
  loss mse(p, y)
  optimizer sgd(lr = 0.01)
}
`;

/** Numbers that have as many digits as measurements do, the same in every run. */
function* numbers(): Generator<number> {
  for (let state = 1; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 31 - 1;
  }
}

function writeTable(path: string): void {
  const file = openSync(path, "w");
  const values = numbers();
  writeSync(file, `${Array.from({ length: COLUMNS - 1 }, (_, k) => `f${k}`).join(",")},y\n`);
  for (let row = 0; row < ROWS; row += 1000) {
    const lines = Array.from({ length: 1000 }, () =>
      Array.from({ length: COLUMNS }, () => values.next().value!.toFixed(6)).join(","),
    );
    writeSync(file, `${lines.join("\n")}\n`);
  }
  closeSync(file);
}

function writeArray(path: string, rows: number, columns: number): void {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const header = Buffer.from(`\u0093NUMPY\u0001\u0000v\u0000${dictionary.padEnd(117)}\n`, "latin1");
  const part = new Float32Array(columns * 10_000);
  const values = numbers();
  for (let i = 0; i < part.length; i++) part[i] = values.next().value!;
  const file = openSync(path, "w");
  writeSync(file, header);
  for (let row = 0; row < rows; row += 10_000) writeSync(file, new Uint8Array(part.buffer));
  closeSync(file);
}

/** In a process of its own: reads, and prints what that cost. */
async function read(columns: number, specs: readonly string[]): Promise<void> {
  const { loadData } = await import("../../cli/data/load-data.ts");
  const baseBytes = highWater();
  const started = performance.now();
  await loadData(
    specs,
    {
      model: "Data",
      dtype: "f32",
      inputs: [
        { name: "x", role: "input", dtype: "float", shape: ["N", columns] },
        { name: "y", role: "target", dtype: "float", shape: ["N", 1] },
      ],
    },
    { option: "--data", targets: true, folders: [] },
  );
  const milliseconds = performance.now() - started;
  console.log(JSON.stringify({ milliseconds, peakBytes: highWater(), baseBytes }));
}

function measured(what: string, node: readonly string[]): DataCost {
  const started = performance.now();
  const said = execFileSync(process.execPath, node, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const milliseconds = performance.now() - started;
  const [last = ""] = said.trimEnd().split("\n").slice(-1);
  // What the process printed: the reading alone is timed inside.
  const own = JSON.parse(last) as Partial<DataCost> & Pick<DataCost, "peakBytes" | "baseBytes">;
  return { milliseconds, ...own, what };
}

export function dataCosts(): DataCost[] {
  const folder = mkdtempSync(join(tmpdir(), "nndsl-data-cost-"));
  const at = (name: string): string => join(folder, name);
  try {
    writeTable(at("t.csv"));
    writeArray(at("x.npy"), ARRAY_ROWS, ARRAY_COLUMNS);
    writeArray(at("y.npy"), ARRAY_ROWS, 1);
    const own = fileURLToPath(import.meta.url);
    const table = [`x=${at("t.csv")}:-y`, `y=${at("t.csv")}:y`];
    const array = [`x=${at("x.npy")}`, `y=${at("y.npy")}`];
    const train = (name: string, columns: number, data: readonly string[]): DataCost => {
      writeFileSync(at(`${name}.nn`), model(columns));
      const run = [at(`${name}.nn`), "--data", ...data, "--epochs", "1", "--batch", "10000"];
      return measured(`train, ${name}`, [own, "train", ...run]);
    };
    return [
      measured("read, table", [own, "read", String(COLUMNS - 1), ...table]),
      measured("read, array", [own, "read", String(ARRAY_COLUMNS), ...array]),
      train("table", COLUMNS - 1, table),
      train("array", ARRAY_COLUMNS, array),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In a process of its own: the command, and the peak of its memory. */
async function train(args: readonly string[]): Promise<void> {
  process.argv.splice(2, Infinity, "train", ...args);
  process.on("exit", () => console.log(JSON.stringify({ peakBytes: highWater(), baseBytes: 0 })));
  // A bundle, without types.
  const command = new URL("../../dist/cli/bin.js", import.meta.url).href;
  await import(command);
}

const [, script, what, ...args] = process.argv;
if (script === fileURLToPath(import.meta.url)) {
  if (what === "read") await read(Number(args[0]), args.slice(1));
  else if (what === "train") await train(args);
  else {
    for (const { what: name, milliseconds, peakBytes, baseBytes } of dataCosts()) {
      const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
      console.log(
        `${name}: ${(milliseconds / 1000).toFixed(2)} s, ${megabytes(peakBytes)} MB (${megabytes(baseBytes)} before)`,
      );
    }
  }
}
