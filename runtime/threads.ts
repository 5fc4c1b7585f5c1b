/**
 * Several threads on one memory. Each has an instance of the module, and all run the same calls:
 * how a kernel's results are divided, and where the threads wait for one another, is in the module
 * (docs/abi.md). So a call here is: say which, wake the others, and do one's own part.
 */
import type { ModuleExports } from "./arena.ts";
import type { Manifest } from "./manifest.ts";

/**
 * Words of the module's control region, behind those with which instances meet. `member` has the
 * numbers again.
 */
const FAILED = 2;
const JOB = 4;
const ENTRY = 5;
const CAPACITY = 6;
const ARGUMENTS = 8;
const WORDS = 32;
const entries = [
  ...(["initialize", "predict", "evaluate", "gradients", "step", "train"] as const),
  ...(["probe", "probed_step"] as const),
];

/**
 * How often a thread looks for the others before it lets go of its processor: for some 0.1 ms where
 * each has one of its own.
 */
const LOOKS = { each: 50_000, shared: 10_000 };

/** Milliseconds that a thread may take to start: a browser that refuses one need not say so. */
const PATIENCE = 10_000;

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
  readonly looks: number;
}

/** What browsers' and Node's threads have in common, and how each tells of its end. */
interface Thread {
  postMessage(message: unknown): void;
  terminate(): unknown;
  addEventListener?(event: string, listener: (cause: unknown) => void): void;
  on?(event: string, listener: (cause: unknown) => void): void;
  unref?(): void;
}

/** Of Node, and of Deno and Bun, whose own `Worker` keeps the process. */
interface NodeThreads {
  readonly Worker: new (text: string, options: object) => Thread;
  readonly parentPort: typeof globalThis | null;
}

interface Host {
  process?: { getBuiltinModule?(name: string): NodeThreads | undefined };
}

/**
 * What a thread runs. It is sent as text, so it refers to nothing outside; and no function in it
 * has a name, since some bundlers add calls to keep names.
 */
function member(): void {
  const host =
    (globalThis as Host).process?.getBuiltinModule?.("node:worker_threads")?.parentPort ?? globalThis;
  host.onmessage = ({ data }: { data: Start }) => {
    const { memory, names, worker, workers, looks } = data;
    const { exports } = new WebAssembly.Instance(data.module, { env: { memory } });
    // What a module exports that can be shared.
    const own = exports as unknown as Threaded & Record<string, (...numbers: number[]) => void>;
    const words = new Int32Array(memory.buffer, own.control.value, 32);
    own.worker.value = worker;
    own.workers.value = workers;
    own.sleeps.value = looks;
    let job = Atomics.load(words, 4);
    host.postMessage("ready");
    for (;;) {
      for (let patience = 0; Atomics.load(words, 4) === job; patience++) {
        if (patience > 20000) Atomics.wait(words, 4, job);
      }
      job = Atomics.load(words, 4);
      const name = names[words[5]!];
      if (!name) return host.close();
      own.capacity.value = words[6]!;
      try {
        own[name]!(...words.subarray(8, 18));
      } catch (cause) {
        // Those who wait in a meeting sleep at word 1.
        Atomics.compareExchange(words, 2, 0, 1);
        Atomics.notify(words, 1);
        throw cause;
      }
    }
  };
}

/** Starts threads that run `member`, while it is open. */
interface Door {
  open(): Thread;
  close(): void;
}

/**
 * What a page that asks for Trusted Types takes as the address of a worker, if it lets the policy
 * `nndsl` be made: else it says no to the address.
 */
function trusted(url: string): string {
  try {
    // Types do not know it; where it is missing, or refuses, the address is as it was.
    const { trustedTypes } = globalThis as unknown as { trustedTypes: TrustedTypes };
    return trustedTypes.createPolicy("nndsl", { createScriptURL: () => url }).createScriptURL(url);
  } catch {
    return url;
  }
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
}

/** @throws Error where the host has no threads */
function doorToThreads(): Door {
  const text = `(${String(member)})()`;
  const node = (globalThis as Host).process?.getBuiltinModule?.("node:worker_threads");
  if (node) {
    // Without what the process was told to load before its program.
    const options = { eval: true, execArgv: [], env: {}, name: "nndsl" };
    return { open: () => new node.Worker(text, options), close() {} };
  }
  if (typeof Worker !== "function") throw new Error("this engine starts no thread from here");
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const address = trusted(url);
  return { open: () => new Worker(address, { name: "nndsl" }), close: () => URL.revokeObjectURL(url) };
}

/**
 * Why a thread ended: Node tells of an Error, browsers of an event, which has a message where the
 * thread ran at all.
 */
function causeOf(event: unknown): string {
  const { message } = Object(event) as { message?: unknown };
  return typeof message === "string" && message !== ""
    ? message
    : "a thread was refused: a content security policy has to allow worker-src blob:";
}

/**
 * Resolves once the thread is ready to work, and rejects where it cannot be.
 * @param lose hears why a thread that was ready has ended
 */
function enlist(thread: Thread, start: Start, lose: (why: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const hear = (event: string, listener: (cause: unknown) => void): void => {
      if (thread.on) thread.on(event, listener);
      else thread.addEventListener?.(event, listener);
    };
    const end = (why: string): void => {
      clearTimeout(timer);
      reject(new Error(why));
      lose(why);
    };
    const timer = setTimeout(() => end(`a thread has not started in ${PATIENCE / 1000} seconds`), PATIENCE);
    hear("message", () => {
      clearTimeout(timer);
      // A net that nobody disposes of does not keep the process.
      thread.unref?.();
      resolve();
    });
    hear("error", (event) => end(causeOf(event)));
    hear("exit", () => end("a thread has ended"));
    thread.postMessage(start);
  });
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

const name = (text: string): number[] => [text.length, ...new TextEncoder().encode(text)];

/**
 * A module taken apart, to be put together with a memory that it imports, shared, in place of its
 * own.
 */
class Sections {
  readonly #head: Uint8Array<ArrayBuffer>[] = [];
  readonly #tail: Uint8Array<ArrayBuffer>[] = [];
  /** Pages of its memory as it starts. */
  least = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    let part = this.#head;
    part.push(bytes.subarray(0, 8));
    for (let at = 8; at < bytes.length;) {
      const [size, body] = readNumber(bytes, at + 1);
      // Of the section `memory` the content is: how many there are, which is one; flags; the least
      // number of pages.
      if (bytes[at] === 5) this.least = readNumber(bytes, body + 2)[0];
      else part.push(bytes.subarray(at, body + size));
      // The section `type` is the first but for custom ones, and `import` follows it.
      if (bytes[at] === 1) part = this.#tail;
      at = body + size;
    }
  }

  /** The module that imports `env.memory`, with at most so many pages. */
  importing(most: number): Promise<ArrayBuffer> {
    // One import; of a memory; shared, and with a greatest size.
    const body = [1, ...name("env"), ...name("memory"), 2, 3, ...number(this.least), ...number(most)];
    return new Blob([...this.#head, Uint8Array.of(2, body.length, ...body), ...this.#tail]).arrayBuffer();
  }
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

/** Whether this thread may sleep. That of a page may not, and is told so here. */
function maySleep(words: Int32Array): boolean {
  try {
    Atomics.wait(words, JOB, Atomics.load(words, JOB), 0);
    return true;
  } catch {
    return false;
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** A module that several threads run, or why it cannot be. */
export type Crew =
  | {
      readonly exports: ModuleExports;
      /** `reason` says why there are not so many as were asked for. */
      readonly threads: { readonly count: number; readonly reason: string | null };
      readonly stop: () => void;
    }
  | { readonly reason: string };

/**
 * Starts threads until there are `wanted`, this one included, or as many as the model can be
 * divided among; each call of an export is then the work of all.
 * @param rows by entry: with fewer, this thread does all the work, as the others would take more
 * time than they save
 * @param refuse what a call does once a thread has failed
 */
export async function startThreads(
  source: BufferSource | undefined,
  wanted: number,
  { most: limit, rows }: NonNullable<Manifest["threads"]>,
  refuse: (code: "worker-failed", message: string) => never,
): Promise<Crew> {
  if (!source) return { reason: "the memory of a WebAssembly.Module cannot be shared" };
  const count = Math.min(wanted, limit);
  // The manifest may be damaged.
  if (!(count > 1 && Number.isInteger(count))) return { reason: "the model is too small to be divided" };
  const fail = (why: string): never =>
    refuse(
      "worker-failed",
      `The threads of this net are lost: ${why}. Its weights may be from the middle of a step; load it again.`,
    );
  if (typeof SharedArrayBuffer === "undefined") {
    return {
      reason:
        "there is no SharedArrayBuffer; a page needs the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
    };
  }
  const looks = count > (globalThis.navigator?.hardwareConcurrency ?? count) ? LOOKS.shared : LOOKS.each;
  const threads: Thread[] = [];
  let broken = "";
  let words = new Int32Array();
  const stop = (why = "they have been stopped"): void => {
    broken ||= why;
    if (words.length > 0) {
      words[ENTRY] = -1;
      Atomics.add(words, JOB, 1);
      Atomics.notify(words, JOB);
    }
    for (const thread of threads.splice(0)) void thread.terminate();
  };
  try {
    const sections = new Sections(
      ArrayBuffer.isView(source)
        ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
        : new Uint8Array(source),
    );
    const { memory, most } = sharedMemory(sections.least);
    const module = await WebAssembly.compile(await sections.importing(most));
    const instance = await WebAssembly.instantiate(module, { env: { memory } });
    // What a module exports that can be shared.
    const own = instance.exports as unknown as Threaded;
    words = new Int32Array(memory.buffer, own.control.value, WORDS);
    const door = doorToThreads();
    try {
      const start = { module, memory, names: entries, workers: count, looks };
      await Promise.all(
        Array.from({ length: count - 1 }, async (_, i) => {
          const thread = door.open();
          threads.push(thread);
          await enlist(thread, { ...start, worker: i + 1 }, stop);
        }),
      );
    } finally {
      door.close();
    }
    own.workers.value = count;
    own.sleeps.value = maySleep(words) ? looks : 0;
    const exports: Record<string, unknown> = { ...own };
    for (const [index, entry] of entries.entries()) {
      const run = own[entry] as ((...numbers: number[]) => number) | undefined;
      if (!run) continue;
      const isTrain = entry === "train";
      const least = rows[isTrain ? "step" : entry] ?? Infinity;
      exports[entry] = (...numbers: number[]): number => {
        if (broken) return fail(broken);
        // First values are drawn by all, since all have to know the seed.
        if (entry !== "initialize" && (numbers[isTrain ? 4 : 0] ?? 0) < least) {
          own.workers.value = 1;
          try {
            return run(...numbers);
          } finally {
            own.workers.value = count;
          }
        }
        words[ENTRY] = index;
        words[CAPACITY] = own.capacity.value;
        for (let i = 0; i < numbers.length; i++) words[ARGUMENTS + i] = numbers[i] ?? 0;
        Atomics.add(words, JOB, 1);
        Atomics.notify(words, JOB);
        try {
          return run(...numbers);
        } catch (cause) {
          // The module says whether another thread trapped, or did not come to a meeting.
          const failures = [messageOf(cause), "a thread has trapped", "a thread does not answer"];
          stop(failures[words[FAILED] ?? 0]);
          return fail(broken);
        }
      };
    }
    const reason = wanted > limit ? `the work can be divided among at most ${limit} threads` : null;
    return { exports: exports as unknown as ModuleExports, threads: { count, reason }, stop: () => stop() };
  } catch (cause) {
    stop();
    return { reason: messageOf(cause) };
  }
}
