/** What the engine has made of a module's functions: V8 prints its machine code when asked. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the engine has made of a kernel's innermost loops. */
export interface LoopCode {
  /** Vectors that they load from or store to the stack. */
  readonly spills: number;
  /**
   * For each multiplication of two vectors, in the loop that takes the fewest: that of the largest
   * tile.
   */
  readonly instructions: number;
}

/** By the number of a function. Undefined where node does not print code. */
export async function codesOf(wasm: Uint8Array): Promise<Map<string, LoopCode> | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "nndsl-profile-"));
  try {
    const file = join(folder, "module.wasm");
    await writeFile(file, wasm);
    const script = `const m = new WebAssembly.Module(require("node:fs").readFileSync(${JSON.stringify(file)})); new WebAssembly.Instance(m);`;
    const flags = ["--print-wasm-code", "--no-liftoff", "--no-wasm-lazy-compilation"];
    const { stdout, status } = spawnSync(process.execPath, [...flags, "-e", script], {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    });
    if (status !== 0 || !/vmulps|vfmadd|fmla|mulps/.test(stdout)) return undefined;
    const found = new Map<string, LoopCode>();
    for (const part of stdout.split(/^name: /m).slice(1)) {
      const name = /^wasm-function\[(\d+)\]/.exec(part)?.[1];
      const code = loopCode(part);
      if (name !== undefined && code !== undefined) found.set(name, code);
    }
    return found;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Loops end with a jump back; an innermost one holds no other. Undefined where none multiplies
 * vectors.
 */
function loopCode(code: string): LoopCode | undefined {
  const lines = [...code.matchAll(/^0x[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +(.*)$/gm)].map((match) => ({
    at: parseInt(match[1] ?? "", 16),
    text: match[2] ?? "",
  }));
  const loops = lines.flatMap(({ at, text }) => {
    const target = /^j\w+ .*<\+0x([0-9a-f]+)>/.exec(text)?.[1];
    const start = target === undefined ? NaN : parseInt(target, 16);
    return start <= at ? [{ start, end: at }] : [];
  });
  const innermost = loops.filter(
    (loop) => !loops.some((other) => other !== loop && other.start >= loop.start && other.end <= loop.end),
  );
  const counts = innermost.flatMap(({ start, end }) => {
    const body = lines.filter(({ at }) => at >= start && at <= end);
    const multiplications = body.filter(({ text }) => /^v(fmadd|mulps)/.test(text)).length;
    const stack = body.filter(({ text }) => /xmm/.test(text) && /\[r[bs]p[-+\]]/.test(text)).length;
    return multiplications >= 4 ? [{ stack, instructions: body.length / multiplications }] : [];
  });
  if (counts.length === 0) return undefined;
  return {
    spills: counts.reduce((sum, { stack }) => sum + stack, 0),
    instructions: Math.min(...counts.map(({ instructions }) => instructions)),
  };
}
