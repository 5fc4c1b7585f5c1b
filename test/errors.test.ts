/**
 * Programs with mistakes, and what nndsl says of each: `errors/NAME.nn` beside `errors/NAME.txt`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { read } from "./helpers/elaborated.ts";

const folder = new URL("errors/", import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, folder), "utf8");
const names = readdirSync(folder).flatMap((name) => (name.endsWith(".nn") ? [name.slice(0, -3)] : []));
const files = Object.fromEntries(
  readdirSync(new URL("parts/", folder)).map((name) => [`parts/${name}`, text(`parts/${name}`)]),
);

/** `// --set name=value` lines at the head of a program are its settings. */
const settingsIn = (source: string): Record<string, string> =>
  Object.fromEntries([...source.matchAll(/^\/\/ --set (\w+)=(.*)$/gm)].map((m) => [m[1]!, m[2]!]));

test("there are enough of them", () => {
  expect(names.length).toBeGreaterThanOrEqual(40);
});

test.each(names)("%s", async (name) => {
  const source = text(`${name}.nn`);
  const { rendered, diagnostics, model } = await read(source, {
    file: `${name}.nn`,
    files,
    settings: settingsIn(source),
  });
  expect(diagnostics.length).toBeGreaterThan(0);
  expect(model === null).toBe(diagnostics.some((d) => d.severity === "error"));
  for (const d of diagnostics) {
    expect(d.code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(d.labels.length).toBeGreaterThan(0);
    if (d.code !== "unexpected-token") expect(d.help, `${d.code}: ${d.message}`).toBeDefined();
  }
  await expect(`${rendered}\n`).toMatchFileSnapshot(`errors/${name}.txt`);
});
