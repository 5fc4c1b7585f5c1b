/** Holds the arrows of ARCHITECTURE.md: which folder may import which, and who may import what from outside. */
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
  cli: [/^node:/, /^(commander|picocolors|papaparse|fflate)$/, /^@tensorflow\/tfjs$/],
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

  test("has op records that import no pass", () => {
    const wrong = found.filter(
      ({ from, to }) =>
        from.startsWith("compiler/ops/") && /compiler\/(passes|schedule|render|elaborate)/.test(to),
    );
    expect(wrong).toEqual([]);
  });

  test("lets data flow one way through the stages", () => {
    const order = ["elaborate", "passes", "schedule", "render", "assemble"];
    const wrong = found.filter(({ from, to, typesOnly }) => {
      const [a, b] = [from, to].map((path) => order.indexOf(path.split("/")[1] ?? ""));
      // A stage may read the data that the one before it makes, but call nothing of another stage.
      return a !== -1 && b !== -1 && a !== b && !(typesOnly && b! < a!) && !to.endsWith("schedule/kernel.ts");
    });
    expect(wrong).toEqual([]);
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
