/**
 * Holds the arrows of ARCHITECTURE.md: which folder may import which, and who may import what from
 * outside.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { version } from "../compiler/version.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

interface ImportStatement {
  readonly from: string;
  readonly to: string;
  readonly typesOnly: boolean;
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^;"']*?from\s*"([^"]+)"|import\(\s*"([^"]+)"\s*\)/g;

function importsOf(folder: string): ImportStatement[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => {
      const file = join(root, folder, name);
      return [...readFileSync(file, "utf8").matchAll(importPattern)].map((match) => {
        const target = match[2] ?? match[3] ?? "";
        return {
          from: relative(root, file),
          to: target.startsWith(".") ? relative(root, join(dirname(file), target)) : target,
          typesOnly: match[1] !== undefined,
        };
      });
    });
}

/** Folders that a folder may take values from; types are a matter of the second list. */
const arrows: Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }> = {
  grammar: { values: ["grammar"], types: [] },
  runtime: { values: ["runtime"], types: [] },
  compiler: { values: ["compiler", "grammar"], types: ["runtime"] },
  cli: { values: ["cli", "compiler", "grammar", "runtime"], types: [] },
};

const packages: Record<string, readonly RegExp[]> = {
  grammar: [/^chevrotain$/],
  runtime: [],
  compiler: [/^(assemblyscript|binaryen)/, /^node:worker_threads$/, /^@dagrejs\/dagre$/],
  cli: [
    /^node:/,
    /^(commander|picocolors|papaparse|fflate)$/,
    /^@tensorflow\/tfjs$/,
    /^(vega|vega-lite|d3-contour|@resvg\/resvg-js)$/,
    /^katex$/,
  ],
};

describe.each(Object.keys(arrows))("%s/", (folder) => {
  const found = importsOf(folder);

  test("imports its own folders alone", () => {
    const { values, types } = arrows[folder]!;
    const wrong = found.filter(({ to, typesOnly }) => {
      const target = to.split("/")[0]!;
      if (!(target in arrows)) return false;
      return !values.includes(target) && !(typesOnly && types.includes(target));
    });
    expect(wrong).toEqual([]);
  });

  test("imports its own libraries alone", () => {
    const wrong = found.filter(
      ({ to }) => !(to.split("/")[0]! in arrows) && !packages[folder]!.some((pattern) => pattern.test(to)),
    );
    expect(wrong).toEqual([]);
  });
});

test("cli/ keeps the drawing of pictures in pictures/, and loads its libraries when one is drawn", () => {
  const found = importsOf("cli").filter(({ to }) =>
    /^(vega|vega-lite|d3-contour|@resvg\/resvg-js)$/.test(to),
  );
  expect(found.filter(({ from }) => !from.startsWith("cli/pictures/"))).toEqual([]);
  // What `import(…)` loads is written without `from`.
  const texts = new Map(found.map(({ from }) => [from, readFileSync(join(root, from), "utf8")]));
  const early = found.filter(
    ({ from, to, typesOnly }) => !typesOnly && !texts.get(from)!.includes(`import("${to}")`),
  );
  expect(early).toEqual([]);
});

describe("compiler/", () => {
  const found = importsOf("compiler");

  test("keeps assemblyscript, binaryen and threads in assemble/, and the layout of graphs in diagram/", () => {
    const outside = found.filter(
      ({ from, to }) =>
        packages["compiler"]!.some((p) => p.test(to)) &&
        !from.startsWith(to === "@dagrejs/dagre" ? "compiler/diagram/" : "compiler/assemble/"),
    );
    expect(outside).toEqual([]);
  });

  test("lets data flow one way through the stages", () => {
    // Programs as data, which is what rendering is handed.
    const PROGRAM = /schedule\/(kernel|call-tree)\.ts$/;
    const order = ["elaborate", "passes", "schedule", "render", "assemble"];
    const wrong = found.filter(({ from, to, typesOnly }) => {
      const [a, b] = [from, to].map((path) => order.indexOf(path.split("/")[1] ?? ""));
      // A stage may read the data that the one before it makes, but call nothing of another stage.
      return a !== -1 && b !== -1 && a !== b && !(typesOnly && b! < a!) && !PROGRAM.test(to);
    });
    expect(wrong).toEqual([]);
  });
});

/**
 * What each folder of the product may import besides itself; files that stand in `compiler/` and
 * `cli/` are for all of theirs.
 */
const below: Readonly<Record<string, readonly string[]>> = {
  grammar: [],
  runtime: [],
  "compiler/generated": [],
  "compiler/ir": ["grammar"],
  "compiler/ops": ["compiler/ir", "compiler/generated"],
  "compiler/graph": ["grammar", "compiler", "compiler/ir", "compiler/ops", "runtime"],
  "compiler/elaborate/primitives": ["compiler/ir", "compiler/ops", "compiler/graph", "compiler/elaborate"],
  "compiler/elaborate/indices": [
    "grammar",
    "compiler/ir",
    "compiler/graph",
    "compiler/elaborate",
    "compiler/elaborate/primitives",
  ],
  "compiler/elaborate": [
    "grammar",
    "compiler",
    "compiler/ir",
    "compiler/ops",
    "compiler/graph",
    "compiler/elaborate/indices",
    "compiler/elaborate/primitives",
  ],
  "compiler/passes/rules": ["compiler/ir", "compiler/ops", "compiler/graph", "compiler/passes"],
  "compiler/passes": ["grammar", "compiler/ir", "compiler/ops", "compiler/graph", "compiler/passes/rules"],
  "compiler/schedule": ["grammar", "compiler", "compiler/ir", "compiler/ops", "compiler/graph"],
  "compiler/render": ["compiler", "compiler/ir", "compiler/schedule", "compiler/render/math"],
  "compiler/render/math": ["compiler/ir", "compiler/render"],
  "compiler/assemble": ["grammar", "compiler", "runtime"],
  "compiler/report": [
    "compiler",
    "compiler/ir",
    "compiler/ops",
    "compiler/graph",
    "compiler/schedule",
    "runtime",
  ],
  "compiler/emit": [
    "compiler",
    "compiler/ir",
    "compiler/graph",
    "compiler/schedule",
    "compiler/generated",
    "runtime",
  ],
  "compiler/compare": ["compiler/ir", "compiler/ops", "compiler/graph"],
  "compiler/derive": [
    "grammar",
    "compiler",
    "compiler/ir",
    "compiler/ops",
    "compiler/graph",
    "compiler/passes",
    "compiler/passes/rules",
  ],
  "compiler/diagram": [
    "grammar",
    "compiler/ir",
    "compiler/ops",
    "compiler/graph",
    "compiler/passes",
    "compiler/derive",
  ],
  compiler: [
    "grammar",
    "runtime",
    "compiler/generated",
    "compiler/ir",
    "compiler/ops",
    "compiler/graph",
    "compiler/elaborate",
    "compiler/passes",
    "compiler/schedule",
    "compiler/render",
    "compiler/assemble",
    "compiler/report",
    "compiler/emit",
  ],
  "cli/pictures": ["cli", "grammar"],
  "cli/plot": [
    "cli",
    "cli/data",
    "cli/pictures",
    "cli/terminal",
    "cli/train",
    "compiler/derive",
    "grammar",
    "runtime",
  ],
  "cli/live": ["cli", "cli/report", "cli/report/page", "cli/report/sections", "cli/terminal", "cli/train"],
  "cli/report": [
    "cli",
    "cli/data",
    "cli/generated",
    "cli/pictures",
    "cli/report/sections",
    "cli/terminal",
    "cli/train",
    "compiler",
    "compiler/derive",
    "compiler/diagram",
    "runtime",
  ],
  "cli/report/page": [],
  "cli/report/sections": ["cli/pictures", "cli/report", "cli/report/page", "cli/terminal", "runtime"],
  "cli/terminal": ["cli", "grammar", "compiler"],
  "cli/data": ["cli", "cli/terminal", "grammar", "runtime"],
  "cli/compare": [
    "cli",
    "cli/commands",
    "cli/data",
    "cli/terminal",
    "compiler",
    "compiler/ir",
    "compiler/ops",
    "compiler/graph",
    "compiler/compare",
    "runtime",
  ],
  "cli/sweep": ["cli", "cli/data", "cli/pictures", "cli/terminal", "cli/train", "compiler", "runtime"],
  "cli/train": [
    "cli",
    "cli/data",
    "cli/terminal",
    "compiler",
    "compiler/ir",
    "compiler/ops",
    "compiler/graph",
    "runtime",
  ],
  "cli/commands": [
    "grammar",
    "cli",
    "cli/compare",
    "cli/data",
    "cli/plot",
    "cli/sweep",
    "cli/live",
    "cli/report",
    "cli/templates",
    "cli/terminal",
    "cli/train",
    "compiler",
    "compiler/ir",
    "compiler/graph",
    "compiler/derive",
    "compiler/diagram",
    "runtime",
  ],
  cli: ["grammar", "runtime", "compiler", "cli/commands", "cli/data", "cli/terminal"],
};

describe("folders", () => {
  const found = Object.keys(arrows).flatMap(importsOf);
  // Templates of `new` are text for another project.
  const within = found.filter(({ from, to }) => !from.startsWith("cli/templates/") && to.endsWith(".ts"));

  test("all are known", () => {
    const folders = new Set(within.map(({ from }) => dirname(from)));
    expect([...folders].filter((folder) => !(folder in below)).sort()).toEqual([]);
  });

  test("import what lies below them", () => {
    const wrong = within.filter(({ from, to }) => {
      const [a, b] = [dirname(from), dirname(to)];
      return a !== b && !below[a]?.includes(b);
    });
    expect(wrong).toEqual([]);
  });

  test("no file imports itself by way of others, its types included", () => {
    const targets = new Map<string, string[]>();
    for (const { from, to } of within) targets.set(from, [...(targets.get(from) ?? []), to]);
    const settled = new Set<string>();
    const open: string[] = [];
    const circles: string[] = [];
    const visit = (file: string): void => {
      if (settled.has(file)) return;
      const at = open.indexOf(file);
      if (at >= 0) {
        circles.push([...open.slice(at), file].join(" → "));
        return;
      }
      open.push(file);
      for (const to of targets.get(file) ?? []) visit(to);
      open.pop();
      settled.add(file);
    };
    for (const file of targets.keys()) visit(file);
    expect(circles).toEqual([]);
  });
});

test("the standard library holds no TypeScript", () => {
  expect(readdirSync(join(root, "std")).filter((name) => !name.endsWith(".nn"))).toEqual([]);
});

test("the version is the package's", () => {
  const { version: packaged } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    version: string;
  };
  expect(version).toBe(packaged);
});
