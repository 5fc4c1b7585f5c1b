/**
 * Holds `docs/diagnostics.md`: every code that the sources can give is described, no other is, and
 * each example gives its code.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadData } from "../cli/data/load-data.ts";
import { DataError } from "../cli/failures.ts";
import { analyze, check } from "../compiler/analyze.ts";
import { plan } from "../compiler/plan.ts";
import { DiagnosticError, type Diagnostic } from "../grammar/diagnostic.ts";
import { modelManifest, type InputSketch } from "./data/manifest.ts";
import { optionOf, page, programBlocks, settingsOf, type ProgramBlock } from "./helpers/markdown.ts";

const markdown = page("diagnostics.md");

// ---------------------------------------------------------------------------------------------------------- codes

/** Codes raised by op records for graphs that the elaborator never builds. */
const unreachable = new Set(["bad-slice"]);

const CODE = /"([a-z]+(?:-[a-z]+)*)"/g;

/**
 * How the sources raise a problem; the first group holds the code, or several of which one is
 * chosen.
 */
const raising: readonly RegExp[] = [
  /\b(?:OpError|UsageError|ModelError|DataError)\(\s*([^,()]*"[a-z-]+")\s*,/g,
  /(?:\bproblem|\breport|#problem|#report|#error|#warning|\bmismatch)\(\s*(?:machine,\s*\w+,\s*)?("[a-z-]+")/g,
  /\bdiagnose\(\s*"(?:error|warning)",\s*("[a-z-]+")/g,
  /\bcode:\s*("[a-z-]+"(?:\s*\|\s*"[a-z-]+")*)/g,
];

function codesIn(folder: string): Set<string> {
  const root = new URL(`../${folder}/`, import.meta.url);
  const codes = new Set<string>();
  for (const name of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts") || name.startsWith("generated")) continue;
    const source = readFileSync(new URL(name, root), "utf8");
    for (const pattern of raising) {
      for (const [, given = ""] of source.matchAll(pattern)) {
        for (const [, code = ""] of given.matchAll(CODE)) codes.add(code);
      }
    }
  }
  return codes;
}

const documented = (pattern: RegExp): string[] => [...markdown.matchAll(pattern)].map((m) => m[1]!);
const headings = documented(/^### `([a-z-]+)`$/gm);
const rows = documented(/^\| `([a-z-]+)` +\|/gm);
const inRuntimePage = [...page("runtime.md").matchAll(/^\| `([a-z-]+)` +\|/gm)].map((m) => m[1]!);

describe("the codes", () => {
  const language = new Set([...codesIn("grammar"), ...codesIn("compiler")]);
  const outside = codesIn("cli");

  test("of the language are those with a section", () => {
    const raised = [...language].filter((code) => !unreachable.has(code));
    expect(raised.length).toBeGreaterThan(80);
    expect(headings.toSorted()).toEqual(raised.toSorted());
  });

  test("of data and commands are those of the tables", () => {
    const raised = [...outside].filter((code) => !inRuntimePage.includes(code) || rows.includes(code));
    expect(raised.length).toBeGreaterThan(40);
    expect(rows.toSorted()).toEqual(raised.toSorted());
  });

  test("stand in sections that are not repeated", () => {
    expect(headings).toEqual([...new Set(headings)]);
    expect(rows).toEqual([...new Set(rows)]);
  });
});

// ------------------------------------------------------------------------------------------------------- programs

const ones = (count: number, separator: string): string =>
  Array.from({ length: count }, () => "1").join(separator);

/** Programs that the page describes, since they would fill it. */
const described: Readonly<
  Record<string, { readonly text: string; readonly files?: Readonly<Record<string, string>> }>
> = {
  "expression-too-long": { text: `const total = ${ones(1001, " + ")}` },
  "import-limit": {
    text: 'import { f } from "./a0.nn"',
    files: Object.fromEntries(
      Array.from({ length: 101 }, (_, i) => [`a${i}.nn`, `import { f } from "./a${i + 1}.nn"\nfn f(x) = x`]),
    ),
  },
  "import-unreadable": { text: 'import { f } from "./pipe.nn"' },
  "nesting-too-deep": { text: `const deep = ${"(".repeat(129)}1${")".repeat(129)}` },
  "source-too-large": { text: `const table = [${"0, ".repeat(200_000)}]` },
  "too-many-indices": {
    text: `model M {\n  output y[${Array.from({ length: 65 }, (_, i) => `i${i} in 0..1`).join(", ")}] = 1\n}`,
  },
  "too-many-models": {
    text: Array.from({ length: 501 }, (_, i) => `model M${i} { input x: [N, 1] output y = x }`).join("\n"),
  },
  "too-many-errors": { text: `model M {\n${"1 1 1 1\n".repeat(101)}}` },
};

/** What depends on the machine; test/assemble.test.ts has it. */
const elsewhere = new Set(["module-too-large"]);

interface Example {
  readonly code: string;
  readonly text: string;
  readonly files: ReadonlyMap<string, string>;
  readonly block?: ProgramBlock;
}

function examplesIn(blocks: readonly ProgramBlock[]): Example[] {
  return headings
    .filter((code) => !elsewhere.has(code))
    .map((code) => {
      const own = blocks.filter((block) => block.heading === code);
      const block = own.find((b) => optionOf(b, "file") === undefined);
      const files = new Map(own.map((b) => [optionOf(b, "file") ?? "main.nn", b.text]));
      const made = described[code];
      if (block !== undefined) return { code, text: block.text, files, block };
      return { code, text: made?.text ?? "", files: new Map(Object.entries(made?.files ?? {})) };
    });
}

async function diagnosticsOf({ text, files, block }: Example): Promise<readonly Diagnostic[]> {
  const model = block && optionOf(block, "model");
  const options = {
    file: "main.nn",
    readImport: async (path: string) => {
      if (path === "pipe.nn") throw new Error("it is a pipe");
      return files.get(path) ?? null;
    },
    settings: block ? settingsOf(block) : {},
    ...(model === undefined ? {} : { model }),
  };
  const memory = block && optionOf(block, "memory");
  if (!block || (optionOf(block, "command") === undefined && memory === undefined))
    return check(text, options);
  try {
    if (memory !== undefined) {
      return (await plan(text, { ...options, memory: { bytes: Number(memory) } })).diagnostics;
    }
    return (await analyze(text, options)).diagnostics;
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics;
    throw error;
  }
}

const severityIn = (code: string): string | undefined =>
  new RegExp(`^### \`${code}\`\\n\\n(Error|Warning)\\.`, "m").exec(markdown)?.[1]?.toLowerCase();

test.each(examplesIn(programBlocks(markdown)).map((example) => [example.code, example] as const))(
  "%s",
  async (code, example) => {
    expect(example.block !== undefined || code in described, "there is an example").toBe(true);
    const diagnostics = await diagnosticsOf(example);
    const others = example.block && optionOf(example.block, "with");
    // A file with a hundred errors has those too.
    const found = new Set(diagnostics.map((d) => d.code));
    if (code === "too-many-errors") found.delete("bare-expression");
    expect([...found].toSorted()).toEqual([code, ...(others === undefined ? [] : [others])].toSorted());
    expect(diagnostics.find((d) => d.code === code)?.severity).toBe(severityIn(code));
  },
);

// ----------------------------------------------------------------------------------------------------------- data

const inputs: Readonly<Record<string, InputSketch>> = {
  x: { name: "x", shape: ["N", 2] },
  y: { name: "y", role: "target", dtype: "int", shape: ["N"], classes: 3 },
  b: { name: "b", dtype: "bool", shape: ["N"] },
};

const tables = [...markdown.matchAll(/^\| `(data-[a-z-]+)` +\| `([a-z])(:[^`]+)?` = `([^`]+)` +\|/gm)].map(
  ([, code, input, columns = "", cells]) => [code!, input!, columns, cells!] as const,
);

test("half of the tables' codes have an example", () => {
  expect(tables.length).toBeGreaterThanOrEqual(12);
});

test.each(tables)("%s", async (code, input, columns, cells) => {
  const file = join(mkdtempSync(join(tmpdir(), "nndsl-docs-")), "table.csv");
  writeFileSync(
    file,
    cells
      .split(" ⏎ ")
      .map((line) => `${line}\n`)
      .join(""),
  );
  const wanted = inputs[input] ?? inputs["x"]!;
  const loading = loadData([`${input}=${file}${columns}`], modelManifest([wanted]), {
    option: "--data",
    targets: true,
    folders: [],
  });
  await expect(loading).rejects.toBeInstanceOf(DataError);
  await expect(loading).rejects.toMatchObject({ code });
});
