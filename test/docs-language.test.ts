/**
 * Holds `docs/language.md`: its programs are in order, its values are those computed, and nothing
 * of the language is left out.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../compiler/analyze.ts";
import { primitives } from "../compiler/elaborate/primitives/table.ts";
import { differentiate } from "../compiler/passes/differentiate.ts";
import { lower } from "../compiler/passes/lower.ts";
import { stabilize } from "../compiler/passes/stabilize.ts";
import type { Expression } from "../grammar/ast.ts";
import { parse, parseExpression } from "../grammar/parse.ts";
import { hardWords, statementWords } from "../grammar/tokens.ts";
import { modelOf, valueOf } from "./helpers/elaborated.ts";
import { optionOf, page, programBlocks, type ProgramBlock } from "./helpers/markdown.ts";
import { countOf } from "../compiler/ir/size.ts";

const markdown = page("language.md");
const blocks = programBlocks(markdown);
const files = new Map(
  blocks.flatMap((b) => (b.options.includes("inside") ? [] : [[optionOf(b, "file"), b.text]])),
);

/** Statements are read in a model of their own. */
const programIn = (block: ProgramBlock): string =>
  block.options.includes("inside")
    ? `model Fragment {\ninput x: [N, 6]\n${block.text}\noutput y = h\n}`
    : block.text;

test.each(blocks.map((block) => [block.line, block.heading, block] as const))(
  "the program in line %i (%s) is in order",
  async (_line, _heading, block) => {
    const readImport = async (path: string): Promise<string | null> => files.get(path) ?? null;
    const diagnostics = await check(programIn(block), { file: "main.nn", readImport });
    expect(diagnostics.map((d) => `${d.code}: ${d.message}`)).toEqual([]);
  },
);

test("the page has programs", () => {
  expect(blocks.length).toBeGreaterThan(10);
});

// --------------------------------------------------------------------------------------------------------- values

/** `[[1, 2], [3, 4]]` as numbers in a row. */
function numbersOf(expression: Expression | undefined): number[] {
  switch (expression?.kind) {
    case "number":
      return [expression.value];
    case "unary":
      return numbersOf(expression.operand).map((x) => -x);
    case "list":
      return expression.items.flatMap((item) => numbersOf(item.kind === "spread" ? item.value : item));
    default:
      throw new Error(`${expression?.kind} is no number`);
  }
}

const claims = blocks
  .filter((block) => block.options.includes("values"))
  .flatMap((block) =>
    [...block.text.matchAll(/output (\w+) = .* \/\/ (.*)$/gm)].map((m) => [m[1]!, m[2]!, block] as const),
  );

test.each(claims)("%s is %s", async (name, value, block) => {
  const model = lower(differentiate(stabilize(await modelOf(block.text))));
  const starts = valueOf(model.persistent.map((p) => p.start!));
  const parameters = new Map(
    model.persistent.map((p, i) => [
      i,
      { shape: p.shape.map((size) => countOf(size)), data: Float64Array.from(starts[i]!) },
    ]),
  );
  const output = model.roots.outputs.find((o) => o.name === name)!.node;
  const [found] = valueOf([output], { parameters });
  const claimed = numbersOf(parseExpression(value, "docs").expression);
  expect(found!.length).toBe(claimed.length);
  found!.forEach((x, i) => expect(x).toBeCloseTo(claimed[i]!, 12));
});

test("values are claimed", () => {
  expect(claims.length).toBeGreaterThan(8);
});

test("parameters have the paths that the page says", async () => {
  const block = blocks.find((b) => b.heading === "Paths")!;
  const { persistent } = await modelOf(block.text);
  const comments = [...block.text.matchAll(/\/\/ (.*)$/gm)].map((m) => m[1]!).join(" ");
  const said = comments.match(/[a-z]+(?:\.\w+)+/g)!;
  expect(said.length).toBeGreaterThan(5);
  expect(persistent.map((p) => p.path)).toEqual(expect.arrayContaining(said));
});

// ---------------------------------------------------------------------------------------------------- completeness

/** Every span of code in the page's text and tables. */
const mentioned = new Set(
  [...markdown.replaceAll(/^```[\s\S]*?^```$/gm, "").matchAll(/`([^`]+)`/g)].map((m) => m[1]!),
);

/** `weight: [units, I] ~ kaiming_uniform`, as the library's layers declare them. */
const libraryParameters = [
  ...readFileSync(new URL("../std/layers.nn", import.meta.url), "utf8").matchAll(/^ *param (.*)$/gm),
].map((m) => m[1]!);

const library = readdirSync(new URL("../std/", import.meta.url)).flatMap((name) => {
  const text = readFileSync(new URL(`../std/${name}`, import.meta.url), "utf8");
  const { declarations } = parse(text, name).file;
  return declarations.flatMap((d) => {
    if (d.kind === "import" || d.kind === "const") return [];
    const parameters = d.parameters.map((p) => text.slice(p.span.start, p.span.end));
    return [`${d.name.text}(${parameters.join(", ")})`];
  });
});

describe("the page names", () => {
  test.each([...library, ...libraryParameters])("%s", (signature) => {
    expect(mentioned).toContain(signature);
  });

  test.each([...primitives].map(([name, { parameters }]) => `${name}(${parameters.join(", ")})`))(
    "%s",
    (signature) => {
      expect(mentioned).toContain(signature);
    },
  );

  test("every word of the language", () => {
    const words = [...mentioned].flatMap((code) => code.split(/\W+/));
    for (const { name } of [...hardWords, ...statementWords]) expect(words).toContain(name.toLowerCase());
  });
});

// ---------------------------------------------------------------------------------------------------------- links

/** The anchor of a heading, as GitHub makes it. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

const folder = new URL("../docs/", import.meta.url);
const pages = readdirSync(folder).filter((name) => name.endsWith(".md"));

const anchorsOf = (file: URL): string[] =>
  [...readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm)].map((m) => anchor(m[1]!));

test.each(pages)("the links of %s lead somewhere", (name) => {
  for (const [, link = ""] of page(name).matchAll(/\]\(([^)]+)\)/g)) {
    if (/^https?:/.test(link)) continue;
    const [file = "", fragment] = link.split("#");
    const target = new URL(file === "" ? name : file, folder);
    expect(existsSync(target), link).toBe(true);
    if (fragment !== undefined) expect(anchorsOf(target), link).toContain(fragment);
  }
});
