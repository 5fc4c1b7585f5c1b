/**
 * The package's declarations and those of compiled models, as TypeScript from 5.2 on reads them,
 * without looking away from libraries.
 */
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nndsl-declarations-"));
/**
 * `NNDSL_TSC` names the compiler of another version: one of 5.2 is not installed here, where `tsc`
 * would be two.
 */
const tsc = process.env["NNDSL_TSC"] ?? join(root, "node_modules/typescript/bin/tsc");

beforeAll(async () => {
  const { dts } = await compile(readFileSync(join(root, "examples/xor.nn"), "utf8"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/nndsl"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  writeFileSync(join(folder, "xor.js"), "");
  writeFileSync(join(folder, "xor.d.ts"), dts);
  writeFileSync(
    join(folder, "use.ts"),
    `import { compile } from "nndsl";
import { load as loadAny } from "nndsl/runtime";
import { load } from "./xor.js";
export async function use(): Promise<number> {
  const { wasm } = await compile("");
  const any = await loadAny(wasm, { threads: 2 });
  any.restore(any.save());
  const net = await load(undefined, { seed: 1 });
  const { data } = net.predict({ x: [[0, 1]] }).p;
  const first: number | undefined = data[0];
  return net.step({ x: [[0, 1]], y: [[1]] }) + (first ?? 0);
}
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["node16", "node16"],
  ["bundler", "esnext"],
])("check strictly with the libraries of ES2020, by %s", (moduleResolution, module) => {
  const compilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: false,
    target: "es2022",
    lib: ["ES2020", "DOM"],
    module,
    moduleResolution,
    types: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
  const run = (): string => execFileSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
  expect(run()).toBe("");
});

test("name no type arguments of typed arrays, which TypeScript has from 5.7 on", () => {
  const dist = join(root, "dist");
  const texts = readdirSync(dist, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".d.ts") && !name.startsWith("cli"))
    .map((name) => [name, readFileSync(join(dist, name), "utf8")] as const);
  const found = texts.filter(([, text]) =>
    /\b(?:Uint|Int|Float|BigInt|BigUint)\d+(?:Clamped)?Array</.test(text),
  );
  expect(texts.length).toBeGreaterThan(20);
  expect(found.map(([name]) => name)).toEqual([]);
});
