/**
 * Several threads on one memory. Each has an instance of the module, and all run the same calls: how a kernel's results are divided, and where the
 * threads wait for one another, is in the module (docs/abi.md). So a call here is: say which, wake the others, and do one's own part.
 */
import type { ModuleExports } from "./arena.ts";

/** Words of the module's control region, behind those with which instances meet: see `member`, which has the numbers again. */
const FAILED = 2;
const JOB = 4;
const ENTRY = 5;
const CAPACITY = 6;
const SEED = 7;
const ARGUMENTS = 8;
const WORDS = 32;
/** The most instances that a module has room for. */
const MOST = 16;
const entries = ["initialize", "predict", "evaluate", "gradients", "step", "train"] as const;

interface Threaded extends ModuleExports {
  readonly control: WebAssembly.Global<"i32">;
  readonly worker: WebAssembly.Global<"i32">;
  readonly workers: WebAssembly.Global<"i32">;
  readonly sleeps: WebAssembly.Global<"i32">;
}

interface Start {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly names: readonly string[];
  readonly worker: number;
  readonly workers: number;
}

/** What browsers' and Node's threads have in common, and how each tells of its end. */
interface Thread {
  postMessage(message: unknown): void;
  terminate(): unknown;
  addEventListener?(event: string, listener: (cause: unknown) => void): void;
  on?(event: string, listener: (cause: unknown) => void): void;
  unref?(): void;
}

interface Host {
  process?: {
    getBuiltinModule?(name: string): {
      readonly Worker: new (text: string, options: object) => Thread;
      readonly parentPort: typeof globalThis;
    };
  };
}

/** What a thread runs. It is sent as text, so it refers to nothing outside. */
function member(): void {
  const node = (globalThis as Host).process?.getBuiltinModule?.("node:worker_threads");
  const host = node?.parentPort ?? globalThis;
  const run = ({ module, memory, names, worker, workers }: Start): void => {
    // What a module exports that can be shared.
    const own = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Threaded &
      Record<string, (...numbers: number[]) => void>;
    const words = new Int32Array(memory.buffer, own.control.value, 32);
    own.worker.value = worker;
    own.workers.value = workers;
    own.sleeps.value = 1;
    let job = words[4]!;
    host.postMessage("ready");
    for (;;) {
      for (let patience = 0; Atomics.load(words, 4) === job; patience++) {
        if (patience > 20000) Atomics.wait(words, 4, job);
      }
      job = words[4]!;
      const name = names[words[5]!];
      if (!name) return host.close();
      own.capacity.value = words[6]!;
      own.seed.value = words[7]!;
      try {
        own[name]!(...words.subarray(8, 18));
      } catch (cause) {
        Atomics.store(words, 2, 1);
        Atomics.notify(words, 1);
        throw cause;
      }
    }
  };
  host.onmessage = (event: { data: Start }) => run(event.data);
}

function startThread(): Thread {
  const text = `(${String(member)})()`;
  if (typeof Worker === "function") {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    try {
      return new Worker(url);
    } finally {
      URL.revokeObjectURL(url);
    }
  }
  const node = (globalThis as Host).process?.getBuiltinModule?.("node:worker_threads");
  if (!node) throw new Error("there are no workers here");
  const thread = new node.Worker(text, { eval: true });
  // A net that nobody disposes of does not keep the process.
  thread.unref?.();
  return thread;
}

/** A number in LEB128, and where the next one begins. */
function readNumber(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

/** As five bytes, whatever the number. */
const number = (n: number): number[] =>
  [0, 7, 14, 21, 28].map((s, i) => ((n >>> s) & 127) | (i < 4 ? 128 : 0));

/**
 * The module with its own memory made one that it imports as `env.memory` and shares: of the sections, `memory` is taken out and `import` put in
 * before `function`, where the format has it.
 */
function importMemory(bytes: Uint8Array, most: number): { bytes: Uint8Array<ArrayBuffer>; least: number } {
  const out: Uint8Array[] = [bytes.subarray(0, 8)];
  let least = 0;
  let place = 1;
  for (let at = 8; at < bytes.length;) {
    const [size, body] = readNumber(bytes, at + 1);
    const end = body + size;
    const id = bytes[at];
    if (id === 5) least = readNumber(bytes, body + 2)[0];
    else out.push(bytes.subarray(at, end));
    if (id === 1) place = out.length;
    at = end;
  }
  const section = [
    1,
    3,
    101,
    110,
    118,
    6,
    109,
    101,
    109,
    111,
    114,
    121,
    2,
    3,
    ...number(least),
    ...number(most),
  ];
  out.splice(place, 0, Uint8Array.of(2, section.length, ...section));
  const whole = new Uint8Array(out.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of out) {
    whole.set(part, to);
    to += part.length;
  }
  return { bytes: whole, least };
}

/** Pages: what 32-bit addresses reach, and what a host with little room may still grant. */
const REACHES = [65536, 16384, 4096];

function sharedMemory(initial: number): { memory: WebAssembly.Memory; most: number } {
  let refused: unknown;
  for (const most of REACHES) {
    try {
      return { memory: new WebAssembly.Memory({ initial, maximum: most, shared: true }), most };
    } catch (cause) {
      refused = cause;
    }
  }
  throw refused;
}

/** A module that several threads run, or why it cannot be. */
export type Crew =
  | { readonly exports: ModuleExports; readonly count: number; readonly stop: () => void }
  | { readonly reason: string };

/**
 * Starts `count` threads, this one included; each call of an export is then the work of all.
 * @param fail what a call does once a thread has failed
 */
export async function startThreads(
  source: BufferSource,
  count: number,
  fail: (why: string) => never,
): Promise<Crew> {
  if (typeof SharedArrayBuffer === "undefined") {
    return {
      reason:
        "there is no SharedArrayBuffer; a page needs the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
    };
  }
  const workers = Math.min(count, MOST);
  const threads: Thread[] = [];
  let broken = "";
  let words = new Int32Array();
  const stop = (): void => {
    broken ||= "it has been stopped";
    if (words.length > 0) {
      words[ENTRY] = -1;
      Atomics.add(words, JOB, 1);
      Atomics.notify(words, JOB);
    }
    for (const thread of threads) void thread.terminate();
  };
  try {
    const bytes = ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);
    const { memory, most } = sharedMemory(importMemory(bytes, 0).least);
    const shared = await WebAssembly.compile(importMemory(bytes, most).bytes);
    const instance = await WebAssembly.instantiate(shared, { env: { memory } });
    // What a module exports that can be shared.
    const own = instance.exports as unknown as Threaded;
    words = new Int32Array(memory.buffer, own.control.value, WORDS);
    for (let worker = 1; worker < workers; worker++) {
      const thread = startThread();
      threads.push(thread);
      await new Promise<void>((resolve, reject) => {
        const hear = (event: string, listener: (cause: unknown) => void): void => {
          if (thread.on) thread.on(event, listener);
          else thread.addEventListener?.(event, listener);
        };
        const lose = (cause: unknown): void => {
          const why = cause instanceof Error ? cause.message : "it ended";
          broken ||= why;
          Atomics.store(words, FAILED, 1);
          reject(new Error(why, { cause }));
        };
        hear("message", () => resolve());
        hear("error", lose);
        hear("exit", lose);
        thread.postMessage({ module: shared, memory, names: entries, worker, workers } satisfies Start);
      });
    }
    own.workers.value = workers;
    // A page's own thread may not sleep.
    own.sleeps.value = Number(typeof document === "undefined");
    const exports: Record<string, unknown> = { ...own };
    for (const [index, name] of entries.entries()) {
      const run = own[name] as ((...numbers: number[]) => number) | undefined;
      if (!run) continue;
      exports[name] = (...numbers: number[]): number => {
        if (broken) return fail(broken);
        words[ENTRY] = index;
        words[CAPACITY] = own.capacity.value;
        words[SEED] = own.seed.value;
        for (let i = 0; i < numbers.length; i++) words[ARGUMENTS + i] = numbers[i] ?? 0;
        Atomics.add(words, JOB, 1);
        Atomics.notify(words, JOB);
        try {
          return run(...numbers);
        } catch (cause) {
          broken ||= cause instanceof Error ? cause.message : String(cause);
          return fail(broken);
        }
      };
    }
    return { exports: exports as unknown as ModuleExports, count: workers, stop };
  } catch (cause) {
    stop();
    return { reason: cause instanceof Error ? cause.message : String(cause) };
  }
}
