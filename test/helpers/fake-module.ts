/**
 * A module made by hand to the interface in `docs/abi.md`, so that the runtime is tested apart from
 * the compiler: linear regression p = x wᵀ + b with x: [N, 2], loss = mean((p - y)²), stochastic
 * gradient descent with momentum.
 */
import type { Manifest } from "../../runtime/manifest.ts";
import { ascCommand } from "./asc-command.ts";

type Dtype = Manifest["dtype"];

/** Offsets in the fixed part, in both formats. */
const at = {
  w: 0,
  b: 16,
  mw: 32,
  mb: 48,
  lr: 64,
  momentum: 80,
  step: 96,
  dw: 112,
  db: 128,
  r2: 144,
} as const;
const FIXED = 160;

/**
 * Row by row and entry by entry. The layout of the data is that of the inputs below: x and then y,
 * each from a multiple of 16 bytes on.
 */
const trainSource = (dtype: Dtype): string => `
function move(to: i32, from: i32, count: i32): void {
  for (let i = 0; i < count; i++) store<${dtype}>(to + i * sizeof<${dtype}>(), load<${dtype}>(from + i * sizeof<${dtype}>()));
}
export function train(data: i32, order: i32, losses: i32, total: i32, batch: i32, shuffles: i32, key: i32, epoch: i32, from: i32, steps: i32): f64 {
  const bytes: i32 = sizeof<${dtype}>();
  const targets = data + ((total * 2 * bytes + 15) / 16) * 16;
  let loss: f64 = 0;
  while (steps--) {
    if (from == 0) {
      if (shuffles) shuffle(order, total, key, epoch);
      store<f64>(losses, 0);
    }
    const rows = from + batch < total ? batch : total - from;
    for (let i = 0; i < rows; i++) {
      const row = load<i32>(order + 4 * (from + i));
      move(arena + ${FIXED} + i * 2 * bytes, data + row * 2 * bytes, 2);
      move(arena + ${FIXED} + 2 * bytes * capacity + i * bytes, targets + row * bytes, 1);
    }
    loss = step(rows);
    store<f64>(losses, load<f64>(losses) + loss * <f64>rows);
    from += rows;
    if (from == total) store<f64>(losses, load<f64>(losses) / <f64>total);
    if (!isFinite(loss)) break;
    if (from < total) continue;
    losses += 8;
    epoch++;
    from = 0;
  }
  return loss;
}
`;

const source = (dtype: Dtype, trains: boolean): string => {
  const bytes = dtype === "f64" ? 8 : 4;
  return `
export const arena: i32 = 1024;
export let capacity: i32 = 0;
export let seed: i32 = 0;

function get(offset: i32, index: i32 = 0): f64 { return <f64>load<${dtype}>(arena + offset + index * ${bytes}); }
function put(offset: i32, value: f64, index: i32 = 0): void { store<${dtype}>(arena + offset + index * ${bytes}, <${dtype}>value); }
function x(row: i32, column: i32): f64 { return get(${FIXED}, row * 2 + column); }
function y(row: i32): f64 { return get(${FIXED} + ${2 * bytes} * capacity, row); }
function p(row: i32): f64 { return x(row, 0) * get(${at.w}, 0) + x(row, 1) * get(${at.w}, 1) + get(${at.b}); }

export function reserve(rows: i32): i32 {
  const room = (rows + 3) & ~3;
  const bytes = <i64>arena + ${FIXED} + <i64>room * ${4 * bytes};
  const missing = (bytes - (<i64>memory.size() << 16) + 65535) >> 16;
  if (missing > 0 && memory.grow(<i32>missing) < 0) return 0;
  capacity = room;
  return 1;
}
export function initialize(s: i32): void {
  seed = s;
  put(${at.w}, <f64>((<u32>s * 2654435761) >> 8) / 16777216.0, 0);
  put(${at.w}, <f64>((<u32>s * 2246822519 + 1) >> 8) / 16777216.0, 1);
  put(${at.b}, 0);
  put(${at.mw}, 0, 0); put(${at.mw}, 0, 1); put(${at.mb}, 0);
  put(${at.lr}, 0.1); put(${at.momentum}, 0.5); store<f64>(arena + ${at.step}, 0);
}
export function predict(rows: i32): void {
  for (let i = 0; i < rows; i++) put(${FIXED} + ${3 * bytes} * capacity, p(i), i);
}
export function evaluate(rows: i32): f64 {
  let loss: f64 = 0, mean: f64 = 0, spread: f64 = 0;
  for (let i = 0; i < rows; i++) mean += y(i) / rows;
  for (let i = 0; i < rows; i++) {
    loss += (p(i) - y(i)) * (p(i) - y(i)) / rows;
    spread += (y(i) - mean) * (y(i) - mean) / rows;
  }
  put(${at.r2}, 1 - loss / spread);
  return loss;
}
export function gradients(rows: i32): f64 {
  let w0: f64 = 0, w1: f64 = 0, b: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const d = 2 * (p(i) - y(i)) / rows;
    w0 += d * x(i, 0); w1 += d * x(i, 1); b += d;
  }
  put(${at.dw}, w0, 0); put(${at.dw}, w1, 1); put(${at.db}, b);
  return evaluate(rows);
}
function update(parameter: i32, state: i32, gradient: i32, index: i32): void {
  put(state, get(${at.momentum}) * get(state, index) + get(gradient, index), index);
  put(parameter, get(parameter, index) - get(${at.lr}) * get(state, index), index);
}
export function step(rows: i32): f64 {
  const loss = gradients(rows);
  update(${at.w}, ${at.mw}, ${at.dw}, 0); update(${at.w}, ${at.mw}, ${at.dw}, 1);
  update(${at.b}, ${at.mb}, ${at.db}, 0);
  store<f64>(arena + ${at.step}, load<f64>(arena + ${at.step}) + 1);
  return loss;
}
export function shuffle(address: i32, count: i32, seed: i32, epoch: i32): void {
  let state: u32 = <u32>seed * 2654435761 ^ <u32>epoch * 2246822519 | 1;
  for (let i = 0; i < count; i++) store<u32>(address + 4 * i, i);
  for (let i = count - 1; i > 0; i--) {
    state ^= state << 13; state ^= state >> 17; state ^= state << 5;
    const j = <i32>(state % <u32>(i + 1));
    const kept = load<u32>(address + 4 * i);
    store<u32>(address + 4 * i, load<u32>(address + 4 * j));
    store<u32>(address + 4 * j, kept);
  }
}
${trains ? trainSource(dtype) : ""}`;
};

export function fakeManifest(dtype: Dtype = "f32"): Manifest {
  const bytes = dtype === "f64" ? 8 : 4;
  const fixed = (offset: number) => ({ fixed: offset }) as const;
  const rows = (offset: number) => ({ rows: offset }) as const;
  return {
    version: 1,
    model: "Line",
    source: { hash: "0123" },
    build: "4567",
    dtype,
    simd: "strict",
    free: "N",
    inputs: [
      { name: "x", role: "input", dtype: "float", shape: ["N", 2], place: rows(0) },
      { name: "y", role: "target", dtype: "float", shape: ["N", 1], place: rows(2 * bytes) },
    ],
    outputs: [{ name: "p", shape: ["N", 1], join: "rows", place: rows(3 * bytes) }],
    metrics: [{ name: "r2", join: "coupled", place: fixed(at.r2) }],
    states: [],
    parameters: [
      {
        path: "z.weight",
        shape: [1, 2],
        frozen: false,
        init: "uniform(0, 1)",
        place: fixed(at.w),
        gradient: fixed(at.dw),
      },
      {
        path: "z.bias",
        shape: [1],
        frozen: false,
        init: "zeros",
        place: fixed(at.b),
        gradient: fixed(at.db),
      },
    ],
    loss: true,
    lossJoin: "mean",
    optimizer: {
      name: "momentum",
      hyper: { lr: 0.1, momentum: 0.5 },
      places: { lr: fixed(at.lr), momentum: fixed(at.momentum) },
      states: [
        { parameter: "z.weight", name: "m", place: fixed(at.mw) },
        { parameter: "z.bias", name: "m", place: fixed(at.mb) },
      ],
    },
    step: fixed(at.step),
    arena: { fixed: FIXED, perRow: 4 * bytes },
    settings: {},
  };
}

const assemble = (text: string): Promise<Uint8Array> =>
  ascCommand(text, "--runtime stub --use abort= --initialMemory 1 -O2");

/** Little-endian base 128, as WebAssembly writes counts. */
const leb = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...leb(Math.floor(value / 128))];

/** A module with a custom section added. */
export function withSection(wasm: Uint8Array, name: string, text: string): Uint8Array<ArrayBuffer> {
  const utf8 = new TextEncoder();
  const content = [...leb(name.length), ...utf8.encode(name), ...utf8.encode(text)];
  return Uint8Array.from([...wasm, 0, ...leb(content.length), ...content]);
}

const bare = new Map<string, Promise<Uint8Array>>();

/**
 * The module, with its manifest or another that suits the same memory.
 * @param trains false leaves `train` out, so that the runtime makes each step itself
 */
export async function fakeModule(
  change: (manifest: Manifest) => unknown = (manifest) => manifest,
  dtype: Dtype = "f32",
  trains = true,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = `${dtype} ${trains}`;
  const wasm = bare.get(key) ?? assemble(source(dtype, trains));
  bare.set(key, wasm);
  return withSection(await wasm, "nndsl", JSON.stringify(change(fakeManifest(dtype))));
}

/** The same without its manifest. */
export async function bareModule(): Promise<Uint8Array> {
  await fakeModule();
  return (await bare.get("f32 true")) ?? new Uint8Array();
}
