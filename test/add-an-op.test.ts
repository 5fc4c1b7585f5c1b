/**
 * Walks the list "Add an op" of ARCHITECTURE.md: where the name alone is new, the type checker asks
 * for every other file of the list; with all of them written, nothing else is missing, and the op's
 * module and derivatives are right.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));

interface Addition {
  readonly before: string;
  readonly text: string;
}

/** softsign x = x / (1 + |x|), by file. */
const additions: Readonly<Record<string, Addition>> = {
  "compiler/ir/node.ts": {
    before: "  relu: {};",
    text: "  softsign: {};",
  },
  "compiler/ops/functions.ts": {
    before: "  relu: {",
    text: `  softsign: {
    formula: "x / (1 + |x|)",
    result: "float",
    evaluate: (x) => x / (1 + Math.abs(x)),
    // d softsign x = dx / (1 + |x|)²
    vjp(b, g, [x]) {
      const d = b.add(b.abs(x!), 1);
      return [b.div(g, b.mul(d, d))];
    },
    range: always(WITHIN_ONE),
    finite: "kept",
    flops: 3,
    doc: "x / (1 + |x|)",
    domain: [ANY],
    kinks: [0],
  },`,
  },
  "compiler/render/elementwise.ts": {
    before: '  erf: call("erf"),',
    text: `  softsign: unary(([a], { format: { vector }, format, constants }) =>
    \`\${vector}.div(\${a}, \${vector}.add(\${vector}.abs(\${a}), \${constants.float(format, 1)}))\`),`,
  },
  "compiler/compare/tape-elements.ts": {
    before: "  relu = (",
    text: `  softsign = (x: Variable): Variable => this.div(x, this.add(this.abs(x), this.like(x, 1)));`,
  },
  "compiler/compare/torch-ops.ts": {
    before: '  relu: call("torch.relu"),',
    text: '  softsign: call("F.softsign"),',
  },
  "cli/compare/tfjs-elements.ts": {
    before: "    relu: tf.relu,",
    text: "    softsign: (x) => tf.div(x, tf.add(tf.abs(x), 1)),",
  },
};
const files = Object.keys(additions);

const folder = mkdtempSync(join(tmpdir(), "nndsl-add-an-op-"));
const at = (path: string): string => join(folder, path);

function add(file: string): void {
  const { before, text } = additions[file]!;
  const source = readFileSync(at(file), "utf8");
  expect(source.split(`\n${before}`), `${file} has one place before ${before}`).toHaveLength(2);
  writeFileSync(
    at(file),
    source.replace(`\n${before}`, () => `\n${text}\n${before}`),
  );
}

/** What the type checker says of the product. */
function typeErrors(): string {
  const { stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", "."], { cwd: folder });
  return stdout.toString();
}

beforeAll(() => {
  for (const part of ["cli", "compiler", "grammar", "runtime", "std", "test/helpers", "package.json"]) {
    cpSync(join(root, part), at(part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), at("node_modules"));
  const { compilerOptions } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8")) as {
    compilerOptions: object;
  };
  const include = ["cli", "compiler", "grammar", "runtime"];
  writeFileSync(at("tsconfig.json"), JSON.stringify({ compilerOptions, include }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the page lists the files", () => {
  const [, section] = readFileSync(join(root, "ARCHITECTURE.md"), "utf8").split("\n## Add an op\n");
  const listed = section!.split("\n## ")[0]!.matchAll(/^\d\. \[`([^`]+)`\]/gm);
  expect([...listed].map((match) => match[1])).toEqual(files);
  expect(files.length).toBeLessThanOrEqual(6);
});

test("the name alone: the type checker asks for every other file", { timeout: 120_000 }, () => {
  const [first, ...others] = files;
  add(first!);
  const errors = typeErrors();
  for (const file of others) expect(errors).toContain(`${file}(`);
});

test(
  "all files: it is a function of the language, right in modules, in derivatives and on the tape",
  { timeout: 240_000 },
  () => {
    for (const file of files.slice(1)) add(file);
    expect(typeErrors()).toBe("");

    const run = (...args: readonly string[]): string =>
      execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    const check = `import { faultOf } from "./test/helpers/derivatives.ts"; console.log(faultOf("softsign"));`;
    expect(run("--input-type=module", "-e", check)).toBe("null\n");

    writeFileSync(
      at("model.nn"),
      "model M {\n  input x: [N, 3]\n  z = softsign(dense(x, 4, softsign))\n  output z\n  loss sum(z * z)\n  optimizer sgd(lr = 0.1)\n}\n",
    );
    const compared = JSON.parse(run("cli/bin.ts", "compare", "model.nn", "--against", "tape", "--json")) as {
      readonly ok: boolean;
    };
    expect(compared.ok).toBe(true);
  },
);
