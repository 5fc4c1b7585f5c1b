/**
 * Ends `nndsl train` and `nndsl compile` at random moments, mostly by SIGKILL, and holds what is
 * left to what is promised: the weights of a run that goes on are in the end those of a run that
 * was never ended; the files of a compilation are of one, or refuse each other.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readSafetensors } from "../../runtime/safetensors.ts";

export interface KillOptions {
  /** How many processes to end. */
  readonly kills: number;
  readonly seed: number;
  /** Empty, to work in. */
  readonly folder: string;
  /** The script of the command line. */
  readonly cli: string;
  readonly progress?: (kills: number) => void;
}

export interface KillReport {
  /** Processes ended, by what ended them. */
  readonly kills: Readonly<Record<string, number>>;
  /** By what was found afterwards. */
  readonly found: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

/** Uniform in [0, 1), mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Counts {
  readonly #counts: Record<string, number> = {};

  add(name: string): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
  }

  all(): Readonly<Record<string, number>> {
    return this.#counts;
  }
}

/**
 * When a process is ended: milliseconds after it begins, says a word on stderr, or begins to write
 * a file.
 */
interface Moment {
  readonly after: "start" | "word" | "file";
  readonly milliseconds: number;
  readonly signal: NodeJS.Signals;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether the signal was sent at all: the process may have been faster. */
  readonly sent: boolean;
  /** Milliseconds from its start, and from the word, to its end. */
  readonly took: number;
  readonly tookAfterWord: number;
  readonly stderr: string;
}

/** Runs a command line in a folder. @param word on stderr, that it has begun in earnest */
function run(
  { cli, folder }: KillOptions,
  args: readonly string[],
  word: string,
  writes: string,
  moment: Moment | null,
): Promise<Ended> {
  const begun = performance.now();
  let wordAt = begun;
  let stderr = "";
  let sent = false;
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let timer: NodeJS.Timeout | undefined;
  const at = (point: Moment["after"]): void => {
    if (moment?.after !== point || timer !== undefined) return;
    timer = setTimeout(() => {
      if (child.exitCode === null && child.signalCode === null) sent = child.kill(moment.signal);
    }, moment.milliseconds);
  };
  const watcher = watch(join(folder, writes), (_, name) => {
    if (name?.endsWith(".tmp") === true) at("file");
  });
  at("start");
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (!stderr.includes(word) && (stderr + text).includes(word)) {
      wordAt = performance.now();
      at("word");
    }
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      watcher.close();
      const now = performance.now();
      resolve({ code, signal, sent, took: now - begun, tookAfterWord: now - wordAt, stderr });
    });
  });
}

const temporaries = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".tmp"));

const digest = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

const model = (lr: number): string => `model Line {
  input x: [N, 2]
  target y: [N, 1]
  h = x |> dense(4, tanh) |> dropout(0.1) |> dense(1)
  output p = h
  loss mse(h, y)
  optimizer adam(lr = ${lr})
}
`;

const signalCodes: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * A run of training is ended and resumed until it is done, and then another, until so many
 * processes have been ended.
 */
export async function fuzzTrain(options: KillOptions): Promise<KillReport> {
  const { folder, kills, progress } = options;
  const next = random(options.seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  const killed = new Counts();
  const found = new Counts();
  const wrong: string[] = [];
  mkdirSync(join(folder, "out"));
  writeFileSync(join(folder, "line.nn"), model(0.01));
  const rows = Array.from({ length: 101 }, (_, i) => `${Math.sin(i)},${Math.cos(2 * i)},${Math.sin(3 * i)}`);
  writeFileSync(join(folder, "line.csv"), `a,b,y\n${rows.join("\n")}\n`);
  const file = join(folder, "out", "w.safetensors");
  const train = [
    "train",
    "line.nn",
    "--data",
    "x=line.csv:a,b",
    "y=line.csv:y",
    "--batch",
    "2",
    "--epochs",
    "60",
  ];
  const command = [...train, "--checkpoint", "1", "-o", join("out", "w.safetensors")];
  const go = (args: readonly string[], moment: Moment | null): Promise<Ended> =>
    run(options, args, "training", "out", moment);

  const whole = await go(command, null);
  if (whole.code !== 0) throw new Error(`training fails without being ended:\n${whole.stderr}`);
  const wanted = digest(file);
  let { took, tookAfterWord } = whole;
  rmSync(file);

  const steps = (): number =>
    existsSync(file) ? Number(readSafetensors(readFileSync(file)).metadata["step"]) : 0;
  let ended = 0;
  // The last run is let come to its own end.
  for (let links = 0; ended < kills || existsSync(file); links++) {
    const signal: NodeJS.Signals = next() < 0.75 ? "SIGKILL" : pick(["SIGINT", "SIGTERM", "SIGHUP"] as const);
    const after = pick(["start", "word", "word", "word", "file", "file"] as const);
    const length = after === "start" ? took : after === "word" ? tookAfterWord : 5;
    const moment: Moment = { after, signal, milliseconds: next() * length };
    const before = steps();
    const resumed = existsSync(file);
    const args = resumed ? [...command, "--resume", join("out", "w.safetensors")] : command;
    // A run is let go on to its end now and then, so that many are compared.
    const ending = await go(args, ended >= kills || links % 8 === 7 ? null : moment);
    const about = `${moment.signal} ${moment.milliseconds.toFixed(1)} ms after ${after}, ${JSON.stringify(ending.stderr.slice(-400))}`;
    if (ending.code === 0) {
      found.add(resumed ? "same bytes after going on" : "same bytes at once");
      if (digest(file) !== wanted) wrong.push(`other weights in the end: ${about}`);
      const left = temporaries(join(folder, "out"));
      if (left.length > 0) wrong.push(`left over: ${left.join(" ")}`);
      // How long it takes changes with what else the machine does.
      if (!resumed) ({ took, tookAfterWord } = ending);
      rmSync(file);
      links = 0;
      continue;
    }
    if (!ending.sent) {
      wrong.push(`ends with ${ending.code} by itself: ${about}`);
      rmSync(file, { force: true });
      continue;
    }
    ended++;
    progress?.(ended);
    killed.add(signal);
    // Before it listens for signals, and by SIGKILL, it is ended by the system.
    const told = ending.code !== null;
    if (told && ending.code !== signalCodes[signal]) wrong.push(`exit code ${ending.code}: ${about}`);
    try {
      const now = steps();
      // Ended after the last save: the run is done, and its file would begin another.
      if (now > 0 && readSafetensors(readFileSync(file)).metadata["run"] === undefined) {
        found.add("done already");
        if (digest(file) !== wanted) wrong.push(`other weights in the end: ${about}`);
        rmSync(file);
        continue;
      }
      if (now < before) wrong.push(`${before} steps were kept, and now ${now}: ${about}`);
      found.add(
        now === 0
          ? "nothing trained"
          : now === before
            ? "the file as before"
            : told
              ? "saved when told"
              : "a checkpoint",
      );
    } catch (error) {
      wrong.push(`the file is damaged (${String(error)}): ${about}`);
      rmSync(file, { force: true });
    }
  }
  return { kills: killed.all(), found: found.all(), wrong };
}

/** Two versions of a model are compiled over each other. */
export async function fuzzCompile(options: KillOptions): Promise<KillReport> {
  const { folder, kills, progress } = options;
  const next = random(options.seed);
  const killed = new Counts();
  const found = new Counts();
  const wrong: string[] = [];
  const versions = ["a", "b"] as const;
  const go = (version: string, to: string, moment: Moment | null): Promise<Ended> => {
    mkdirSync(join(folder, to), { recursive: true });
    return run(options, ["compile", `${version}.nn`, "-o", to], "compiling", to, moment);
  };
  /** Names and contents, but for temporary files. */
  const contents = (to: string): Map<string, string> =>
    new Map(
      readdirSync(join(folder, to))
        .filter((name) => !name.endsWith(".tmp"))
        .sort()
        .map((name) => [name, digest(join(folder, to, name))]),
    );
  const same = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
    a.size === b.size && [...a].every(([name, content]) => b.get(name) === content);

  let took = 0;
  for (const [i, version] of versions.entries()) {
    writeFileSync(join(folder, `${version}.nn`), model(0.01 * (i + 1)));
    const ending = await go(version, version, null);
    if (ending.code !== 0) throw new Error(`compiling fails without being ended:\n${ending.stderr}`);
    ({ took } = ending);
  }
  const wanted = versions.map((version) => contents(version));
  let imported = 0;
  /** What `load` of the files in `out` comes to. */
  const loaded = async (): Promise<string> => {
    const url = `${pathToFileURL(join(folder, "out", "line.js")).href}?${imported++}`;
    const { load } = await import(url);
    try {
      const net = await load();
      net.predict({ x: [[1, 2]] });
      return "loads";
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : String(error);
    }
  };

  let ended = 0;
  for (let turn = 0; ended < kills; turn++) {
    const version = versions[turn % 2]!;
    const before = existsSync(join(folder, "out")) ? contents("out") : new Map<string, string>();
    const after = next() < 0.7 ? "file" : "start";
    const moment = {
      after,
      signal: "SIGKILL",
      milliseconds: next() * (after === "start" ? took : 8),
    } as const;
    const ending = await go(version, "out", turn % 8 === 7 ? null : moment);
    const now = contents("out");
    const about = `${moment.milliseconds.toFixed(1)} ms after ${after}, ${[...now.keys()].join(" ")}`;
    if (ending.code === 0) {
      took = ending.took;
      found.add("done");
      if (!same(now, wanted[turn % 2]!)) wrong.push(`done, and other files: ${about}`);
      const left = temporaries(join(folder, "out"));
      if (left.length > 0) wrong.push(`left over: ${left.join(" ")}`);
      continue;
    }
    if (!ending.sent) {
      wrong.push(`ends with ${ending.code} by itself: ${ending.stderr}`);
      continue;
    }
    ended++;
    progress?.(ended);
    killed.add(moment.signal);
    if (same(now, before)) found.add(now.size === 0 ? "nothing yet" : "the old files");
    else if (same(now, wanted[turn % 2]!)) found.add("the new files");
    else {
      // Between two renames: what loads must be of one compilation, and anything else say that it
      // is not.
      const result = now.has("line.js") ? await loaded() : "no script";
      found.add("a mixture that says so");
      const noticed = ["wrong-build", "fetch-failed", "no script"].includes(result);
      if (!noticed) wrong.push(`a mixture ${result}: ${about}`);
    }
  }
  if (existsSync(join(folder, "out"))) {
    await go("a", "out", null);
    if (!same(contents("out"), wanted[0]!)) wrong.push("the last compilation left other files");
    if (temporaries(join(folder, "out")).length > 0) wrong.push("the last compilation left temporary files");
    const result = await loaded();
    if (result !== "loads") wrong.push(`the last compilation does not load: ${result}`);
  }
  return { kills: killed.all(), found: found.all(), wrong };
}

/** `500 ended (SIGKILL 380, SIGTERM 40 …): a checkpoint 200, … ; 0 wrong` */
export function describeKills({ kills, found, wrong }: KillReport): string {
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  const total = Object.values(kills).reduce((sum, count) => sum + count, 0);
  return `${total} ended (${list(kills)}); found: ${list(found)}; ${wrong.length} wrong`;
}
