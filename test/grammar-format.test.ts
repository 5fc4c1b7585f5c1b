/**
 * Writing programs: what is printed reads back as the same tree, and printing again changes
 * nothing.
 */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SourceFile } from "../grammar/ast.ts";
import { format, print } from "../grammar/format.ts";
import { parse } from "../grammar/parse.ts";
import { programs } from "./grammar/programs.ts";
import { declaration, expression } from "./grammar/random-ast.ts";

/** A tree without its places, to compare trees of different texts. */
function bare(tree: unknown): unknown {
  return JSON.parse(
    JSON.stringify(tree, (key, value: unknown) =>
      key === "span" || key === "operatorSpan" || key === "head" ? undefined : value,
    ),
  );
}

function fileOf(declarations: SourceFile["declarations"]): SourceFile {
  return { file: "random.nn", text: "", declarations, comments: [] };
}

function layOut(text: string): string {
  const { text: out, diagnostics } = format(text, "a.nn");
  expect(diagnostics).toEqual([]);
  return out;
}

describe("any tree", () => {
  it("reads back as it was printed, and prints the same again", () => {
    fc.assert(
      fc.property(fc.array(declaration, { maxLength: 4 }), (declarations) => {
        const text = print(fileOf(declarations));
        const again = parse(text, "random.nn");
        expect(again.diagnostics, text).toEqual([]);
        expect(bare(again.file.declarations), text).toEqual(bare(declarations));
        expect(layOut(text), text).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it("has no parentheses that could go", () => {
    fc.assert(
      fc.property(expression, (value) => {
        const span = { file: "random.nn", start: 0, end: 0 };
        const text = print(fileOf([{ kind: "const", name: { text: "c", span }, value, span }]));
        const tree = JSON.stringify(bare(parse(text, "random.nn").file.declarations));
        for (const [open, close] of groupsOf(text)) {
          const without = `${text.slice(0, open)} ${text.slice(open + 1, close)} ${text.slice(close + 1)}`;
          const other = parse(without, "random.nn");
          const same =
            other.diagnostics.length === 0 && JSON.stringify(bare(other.file.declarations)) === tree;
          // A lambda as an operand reads well only in parentheses, needless as they are at the end;
          // and `1 .x` is no way to write `(1).x`.
          // So does the name of a tensor called `sum` before its subscripts.
          const asked =
            /=>/.test(text.slice(open, close)) || text[close + 1] === "." || text[close + 1] === "[";
          if (same && !asked) expect.fail(`${text}\n${without}`);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/**
 * The places of `(…)` that follow no operand, so that they are neither a call nor a lambda's names.
 */
function groupsOf(text: string): [number, number][] {
  const groups: [number, number][] = [];
  const open: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") open.push(i);
    if (text[i] !== ")") continue;
    const start = open.pop() ?? 0;
    if (!/[\w)\]']$|\b(?:true|false)$/.test(text.slice(0, start)) && !text.startsWith(" =>", i + 1))
      groups.push([start, i]);
  }
  return groups;
}

describe.each(Object.entries(programs))("the program %s", (_name, text) => {
  it("keeps its tree and its comments, and is laid out the same again", () => {
    const before = parse(text, "a.nn");
    const out = layOut(text);
    const after = parse(out, "a.nn");
    expect(bare(after.file.declarations)).toEqual(bare(before.file.declarations));
    // Two comments inside one operand may come to stand on one line.
    const words = (comments: SourceFile["comments"]): string =>
      comments.map((c) => c.text.trimEnd()).join(" ");
    expect(words(after.file.comments)).toEqual(words(before.file.comments));
    expect(layOut(out)).toBe(out);
  });
});

describe("layout", () => {
  it("indents by two, puts one space around operators and none around `^`", () => {
    expect(layOut("fn f(x,c=1){y=c*x ^ 2+-x return y@x '}")).toBe(
      "fn f(x, c = 1) {\n  y = c * x^2 + -x\n  return y @ x'\n}\n",
    );
  });

  it("leaves a minus bare after `^` and `@recompute`, and keeps it from a power that is not its own", () => {
    const laidOut = (value: string): string => layOut(`const c = ${value}`).slice("const c = ".length, -1);
    expect(laidOut("2^(-x)")).toBe("2^-x");
    expect(laidOut("@recompute (-x)")).toBe("@recompute -x");
    expect(laidOut("2^(@recompute (-(x^2)))")).toBe("2^@recompute -x^2");
    expect(laidOut("(@recompute (-x))^2")).toBe("(@recompute -x)^2");
    expect(laidOut("(@recompute @recompute (-x))^2")).toBe("(@recompute @recompute -x)^2");
    expect(laidOut("@recompute (-x) * y")).toBe("@recompute -x * y");
    expect(laidOut("(@recompute x)^2")).toBe("@recompute x^2");
  });

  it("keeps one statement on the line of its block where it stood there, and breaks it where it did not fit", () => {
    const short = "fn f(x) {\n  for n in x { x = n }\n  if x { y = 1 } else { y = 2 }\n  return y\n}\n";
    expect(layOut(short)).toBe(short);
    const long = `fn f(x) {\n  for n in ${"x".repeat(90)} { x = n }\n}\n`;
    expect(layOut(long)).toBe(`fn f(x) {\n  for n in ${"x".repeat(90)} {\n    x = n\n  }\n}\n`);
  });

  it("breaks long calls and lists an element a line, and long sums before their operators", () => {
    const name = "a".repeat(40);
    expect(layOut(`const c = f(${name}, ${name}, [${name}])`)).toBe(
      `const c = f(\n  ${name},\n  ${name},\n  [${name}],\n)\n`,
    );
    expect(layOut(`const c = ${name} + ${name} - ${name}`)).toBe(
      `const c = ${name}\n  + ${name}\n  - ${name}\n`,
    );
  });

  it("keeps comments where they are", () => {
    const text = [
      "// about the file",
      "",
      "/// documents f",
      "fn f( // open",
      "  a, // first",
      "  // before b",
      "  b, /// not a document",
      "  // at the end",
      ") { // block",
      "  // alone",
      "",
      "  x = a // operand",
      "    + b // sum",
      "",
      "  return x",
      "  // last",
      "} // end",
      "// end of file",
      "",
    ].join("\n");
    expect(layOut(text)).toBe(text);
  });

  it("keeps at most one blank line, and none at the edges of a block", () => {
    expect(layOut("\n\nconst a = 1\n\n\n\nfn f(x) {\n\n  y = x\n\n\n  return y\n\n}\n\n")).toBe(
      "const a = 1\n\nfn f(x) {\n  y = x\n\n  return y\n}\n",
    );
  });

  it("writes `else if` as it stood", () => {
    const text =
      "fn f(x) {\n  if x {\n    y = 1\n  } else if z {\n    y = 2\n  } else {\n    if w {\n      y = 3\n    }\n  }\n}\n";
    expect(layOut(text)).toBe(text);
  });

  it("drops semicolons, the byte order mark and carriage returns", () => {
    expect(layOut("\uFEFFfn f(x) {\r\n  y = x;; z = y;\r\n  return z\r\n}\r\n")).toBe(
      "fn f(x) {\n  y = x\n  z = y\n  return z\n}\n",
    );
  });

  const library = new URL("../std/", import.meta.url);
  it.each(readdirSync(library))("finds std/%s laid out", (name) => {
    const text = readFileSync(new URL(name, library), "utf8");
    expect(layOut(text)).toBe(text);
  });

  it("leaves a program with errors as it is", () => {
    const text = "fn f( = x\n";
    const out = format(text, "a.nn");
    expect(out.text).toBe(text);
    expect(out.diagnostics.map((d) => d.code)).toContain("unclosed-bracket");
  });
});
