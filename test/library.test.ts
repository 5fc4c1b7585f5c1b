/** The package as JavaScript uses it, where nothing holds a caller to types or to an engine. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { analyze, check, compile, format } from "../compiler/index.ts";

const source = "model M {\n  input x: [N, 2]\n  output y = x * 2\n}\n";

test.each<[string, RegExp, unknown]>([
  ["thread", /`thread`.*`file`/, { thread: 2 }],
  ["setting", /did you mean `settings`\?/, { setting: {} }],
  ["null", /not null/, null],
  ["a number", /not a number/, 5],
])("%s is no option of the compiler", async (_, message, options) => {
  const refusal = expect.objectContaining({ code: "wrong-option", message: expect.stringMatching(message) });
  // Deliberately untyped: what a caller without types might give.
  for (const call of [analyze, check, compile]) {
    await expect(call(source, options as never)).rejects.toEqual(refusal);
  }
});

test("format takes the name of a file", async () => {
  expect(format(source).text).toBe(source);
  expect(() => format(source, { width: 80 } as never)).toThrow(
    expect.objectContaining({ code: "wrong-option" }),
  );
});

test("every option that the types know is known", async () => {
  const compiled = await compile(source, {
    file: "m.nn",
    settings: {},
    model: "M",
    readImport: async () => null,
    simd: "strict",
    fallback: false,
    dtype: "f64",
    reportRows: 8,
    memory: { bytes: 2 ** 20 },
  });
  expect(compiled.name).toBe("m");
});

/** A Node older than the compiler needs, where this machine has one. */
const oldNode = ["/usr/bin/node", "/usr/local/bin/node"].find((path) => {
  if (!existsSync(path)) return false;
  const [major = 0, minor = 0] = execFileSync(path, ["-p", "process.versions.node"], { encoding: "utf8" })
    .split(".")
    .map(Number);
  return major < 22 || (major === 22 && minor < 12);
});

test.skipIf(oldNode === undefined)("an old Node is told which one the compiler needs", () => {
  const index = pathToFileURL(fileURLToPath(new URL("../dist/compiler/index.js", import.meta.url))).href;
  const script = `import(${JSON.stringify(index)}).then(() => console.log("loaded"), (e) => console.log(e.message))`;
  const said = execFileSync(oldNode!, ["-e", script], { encoding: "utf8" });
  expect(said).toMatch(
    /^nndsl's compiler needs Node 22\.12 or newer, but this is \d+\.\d+\.\d+; what it compiles runs in older ones\.\n$/,
  );
});
