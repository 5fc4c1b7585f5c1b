/**
 * In which order a program's mistakes are told, and that one of syntax does not hide or make up
 * others.
 */
import { expect, test } from "vitest";
import { check } from "../compiler/index.ts";
import { lineAndColumn } from "../grammar/text-position.ts";

async function said(text: string, files: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const found = await check(text, { file: "main.nn", readImport: async (path) => files[path] ?? null });
  return found.map(({ code, labels: [first] }) => {
    const source = first?.span.file === "main.nn" ? text : (files[first?.span.file ?? ""] ?? "");
    const line = lineAndColumn(source, first?.span.start ?? 0).line;
    return `${first?.span.file === "main.nn" ? "" : `${first?.span.file} `}${line} ${code}`;
  });
}

test("errors and warnings of names, shapes and gradients come in the order of lines", async () => {
  const found = await said(`model M {
  input x: [N, 4]
  input idle: [N]
  a = x @ ones([3, 3])
  b = unknown(x)
  c = softmax(x, axis = 7)
  d = nowhere + 1
  output e = dense(x, 2, activation = relu)
}
fn later(x) = missing(x)`);
  const lines = found.map((text) => Number(text.split(" ")[0]));
  expect(lines).toEqual(lines.toSorted((a, b) => a - b));
  expect(found).toEqual([
    "4 shape-mismatch",
    "5 unknown-name",
    "6 bad-axis",
    "7 unknown-name",
    "8 argument-unknown",
    "10 unknown-name",
  ]);
});

test("imports that do not resolve come first, and the names elsewhere are still looked at", async () => {
  const files = { "there.nn": "fn here(x) = x + lost" };
  expect(
    await said(
      `import { here } from "./there.nn"
model M {
  input x: [N, 4]
  output y = here(gone(x)) + unknown
}
import { gone } from "./gone.nn"`,
      files,
    ),
  ).toEqual(["6 import-missing", "4 unknown-name", "there.nn 1 unknown-name"]);
});

const broken: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "an error of syntax in one model leaves the names of another",
    "model A {\n  input x: [N, 2]\n  y = x + * 2\n  output y\n}\nmodel B {\n  input x: [N, 2]\n  output y = relu(z)\n}",
    ["3 unexpected-token", "8 unknown-name"],
  ],
  [
    "what the broken declaration may bind is no error in it",
    "model A {\n  input x: [N, 2]\n  y = (x +\n  z = y * 2\n  output w = z + unbound\n}",
    [],
  ],
  [
    "nor is the name of a definition that could not be read, where it is used",
    "fn broken(x = { x + \nmodel B {\n  input x: [N, 2]\n  output y = broken(x)\n}",
    [],
  ],
];

test.each(broken)("%s", async (_, text, exactly) => {
  const found = await said(text);
  expect(found.length).toBeGreaterThan(0);
  if (exactly.length > 0) expect(found).toEqual(exactly);
  else expect(found.filter((d) => d.endsWith("unknown-name"))).toEqual([]);
});

test("a file with errors of syntax is not said to lack what it may define", async () => {
  const files = { "there.nn": "fn here(x = x + \nfn other(x) = x" };
  const found = await said(
    'import { here } from "./there.nn"\nmodel M { input x: [N, 1] output y = here(x) }',
    files,
  );
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((d) => /import-name|unknown-name/.test(d))).toEqual([]);
});
