/** nndsl as a page uses it: the compiled module and `load` of the runtime. */
import { load, type Manifest, type Net } from "../../dist/runtime/index.js";
import {
  floatsOf,
  labelsOf,
  layersOf,
  valuesOf,
  type Floats,
  type FunctionJob,
  type Job,
  type Labels,
  type NetworkJob,
  type ProductJob,
  type ProgramJob,
  type Read,
} from "../job.ts";
import { firstLosses, sample, Unavailable, type Contestant, type Work } from "./contestant.ts";

type Simd = "strict" | "relaxed";

/** The module's interface in `docs/abi.md`, as far as it is used here. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly arena: WebAssembly.Global<"i32">;
  readonly capacity: WebAssembly.Global<"i32">;
  reserve(rows: number): number;
  initialize(seed: number): void;
  predict(rows: number): void;
}

async function moduleOf(job: Job, simd: Simd, read: Read): Promise<ArrayBuffer> {
  const file = job.modules[simd];
  if (file === undefined) throw new Unavailable(`the job has no ${simd} module`);
  return read(file);
}

async function opened(job: Job, simd: Simd, threads: number, read: Read): Promise<Net> {
  const bytes = await moduleOf(job, simd, read);
  const net = await load(bytes, { seed: 1, threads });
  const { count, reason } = net.threads;
  if (count !== threads) throw new Unavailable(reason ?? `${count} threads`);
  return net;
}

async function loaded(job: NetworkJob, simd: Simd, threads: number, read: Read): Promise<Net> {
  const net = await opened(job, simd, threads, read);
  // Layers come in the order of the program, each its weight and then its bias.
  const paths = net.manifest.parameters.map(({ path }) => path);
  for (const [i, { weight, bias }] of (await layersOf(job, read)).entries()) {
    net.set(paths[2 * i] ?? "", weight);
    net.set(paths[2 * i + 1] ?? "", bias);
  }
  return net;
}

async function networkWork(job: NetworkJob, simd: Simd, threads: number, read: Read): Promise<Work> {
  const net = await loaded(job, simd, threads, read);
  const x = await floatsOf(job, "x", read);
  if (job.kind === "predict") {
    const name = net.manifest.outputs[0]?.name ?? "";
    const into = { [name]: new Float32Array(job.batch * (job.network.sizes.at(-1) ?? 0)) };
    const inputs = { x };
    const call = () => net.predict(inputs, into);
    return { units: 1, call, check: () => sample(call()[name] ?? []) };
  }
  const y =
    job.network.loss === "cross_entropy" ? await labelsOf(job, "y", read) : await floatsOf(job, "y", read);
  const examples = { x, y };
  if (job.kind === "train") {
    const step = () => net.step(examples);
    return { units: 1, call: step, check: () => firstLosses(step) };
  }
  if (job.kind === "fit") {
    const epochs = 20_000;
    return {
      units: epochs,
      asynchronous: true,
      call: () => net.fit(examples, { epochs, batch: job.batch }),
      check: () => firstLosses(() => net.step(examples)),
    };
  }
  const epoch = () => net.fit(examples, { epochs: 1, batch: job.batch });
  return { units: 1, asynchronous: true, call: epoch, check: async () => [(await epoch()).loss] };
}

async function programWork(job: ProgramJob, simd: Simd, threads: number, read: Read): Promise<Work> {
  const net = await opened(job, simd, threads, read);
  for (const [path, file] of Object.entries(job.parameters)) {
    // Parameters are floats.
    net.set(path, (await valuesOf(file, read)) as Floats);
  }
  const examples: Record<string, Floats | Labels> = {};
  for (const [name, file] of Object.entries(job.tensors)) examples[name] = await valuesOf(file, read);
  if (job.mode === "step") {
    const step = () => net.step(examples);
    return { units: 1, call: step, check: () => firstLosses(step) };
  }
  const inputs = Object.fromEntries(
    net.manifest.inputs.flatMap(({ name, role }) => (role === "input" ? [[name, examples[name]!]] : [])),
  );
  const { name = "", shape = [] } = net.manifest.outputs[0] ?? {};
  const entries = shape.reduce<number>((n, size) => n * (typeof size === "number" ? size : job.rows), 1);
  const into = { [name]: new Float32Array(entries) };
  const call = () => net.predict(inputs, into);
  return { units: 1, call, check: () => sample(call()[name] ?? []) };
}

/**
 * Kernels alone, by the module's own exports: what they read lies in the module's memory, as peers'
 * tensors lie in theirs.
 */
async function kernelWork(job: FunctionJob | ProductJob, simd: Simd, read: Read): Promise<Work> {
  const module = await WebAssembly.compile(await moduleOf(job, simd, read));
  // The section that the compiler wrote.
  const [section] = WebAssembly.Module.customSections(module, "nndsl");
  const manifest = JSON.parse(new TextDecoder().decode(section)) as Manifest;
  const instance = await WebAssembly.instantiate(module);
  // What `docs/abi.md` says a module exports.
  const exports = instance.exports as unknown as Exports;
  const x = await floatsOf(job, "x", read);
  const rows = job.kind === "product" ? job.n : x.length;
  if (!exports.reserve(rows)) throw new Unavailable("no memory");
  exports.initialize(1);
  const view = (place: Manifest["outputs"][number]["place"], length: number): Float32Array => {
    const offset =
      "fixed" in place ? place.fixed : manifest.arena.fixed + place.rows * exports.capacity.value;
    return new Float32Array(exports.memory.buffer, exports.arena.value + offset, length);
  };
  for (const { name, place } of manifest.inputs) view(place, x.length).set(await floatsOf(job, name, read));
  for (const { path, place } of manifest.parameters)
    view(place, x.length).set(await floatsOf(job, path, read));
  const [output] = manifest.outputs;
  if (!output) throw new Error("The module has no output.");
  const result = view(output.place, x.length);
  return {
    units: job.kind === "product" ? 2 * job.n ** 3 : x.length,
    call: () => exports.predict(rows),
    check: () => {
      exports.predict(rows);
      // A second time, since inputs must have stayed what they were.
      exports.predict(rows);
      return sample(result);
    },
  };
}

const nndsl =
  (simd: Simd, threads = 1): Contestant =>
  async (job, read) => {
    if (job.kind === "function" || job.kind === "product") {
      if (threads > 1) throw new Unavailable("kernels are measured on one thread");
      return kernelWork(job, simd, read);
    }
    if (job.kind === "program") return programWork(job, simd, threads, read);
    return networkWork(job, simd, threads, read);
  };

export const strict = nndsl("strict");
export const relaxed = nndsl("relaxed");
export const threaded = nndsl("relaxed", 2);
