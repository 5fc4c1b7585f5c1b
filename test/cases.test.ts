/**
 * Characteristic programs through every stage. A snapshot holds source, formulas, gradients and AssemblyScript together, without
 * the functions of vectors, which are the same for all and have tests of their own.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile } from "../compiler/index.ts";

const folder = new URL("cases/", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".nn"))
  .map((file) => file.slice(0, -3));

const section = (title: string, text: string): string => `──── ${title} ────\n\n${text.trimEnd()}\n`;

const vectorFunctions = /(^\/\/ -+ functions of vectors\n)[^]*?(^\/\/ -+ memory$)/m;

describe("cases", () => {
  it.each(names)("%s", async (name) => {
    const source = readFileSync(new URL(`${name}.nn`, folder), "utf8");
    const { stages } = await compile(source, { file: `${name}.nn` });
    const text = [
      section("source", source),
      section("formulas", stages.ir),
      section("with gradients", stages.grad),
      section("AssemblyScript", stages.as.replace(vectorFunctions, "$1…\n\n$2")),
    ].join("\n");
    await expect(text).toMatchFileSnapshot(`cases/${name}.snap`);
  });
});
