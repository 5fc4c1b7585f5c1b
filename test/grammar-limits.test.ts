/** Nothing that a file holds may crash or hang the reader. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../grammar/diagnostic.ts";
import { format } from "../grammar/format.ts";
import { MAX_EXPRESSION_HEIGHT, MAX_NESTING, MAX_SOURCE_LENGTH } from "../grammar/limits.ts";
import { parse, parseExpression } from "../grammar/parse.ts";
import { printTree } from "../grammar/print-tree.ts";
import { renderDiagnostic } from "../grammar/render-diagnostic.ts";

const DEEP = 100_000;
const expressions: Readonly<Record<string, readonly [code: string, text: string]>> = {
  "nested parentheses": ["nesting-too-deep", "(".repeat(DEEP) + "1" + ")".repeat(DEEP)],
  "parentheses that nobody closes": ["nesting-too-deep", "(".repeat(DEEP)],
  "nested lists": ["nesting-too-deep", "[".repeat(DEEP) + "]".repeat(DEEP)],
  "nested calls": ["nesting-too-deep", "f(".repeat(DEEP) + "1" + ")".repeat(DEEP)],
  "a long sum": ["expression-too-long", "1" + " + 1".repeat(DEEP)],
  "a tower of powers": ["expression-too-long", "2" + "^2".repeat(DEEP)],
  "a long pipe": ["expression-too-long", "x" + " |> f".repeat(DEEP)],
  "a chain of minuses": ["expression-too-long", "-".repeat(DEEP) + "1"],
  "a chain of nots": ["expression-too-long", "not ".repeat(DEEP) + "a"],
  "a chain of primes": ["expression-too-long", "a" + "'".repeat(DEEP)],
  "a chain of indices": ["expression-too-long", "a" + "[0]".repeat(DEEP)],
  "a chain of members": ["expression-too-long", "a" + ".b".repeat(DEEP)],
  "a chain of calls": ["expression-too-long", "a" + "()".repeat(DEEP)],
  "a chain of lambdas": ["expression-too-long", "a => ".repeat(DEEP) + "1"],
  "a chain of reductions": ["expression-too-long", "sum[i] ".repeat(DEEP / 2) + "x"],
  "reductions inside one another's ranges": ["nesting-too-deep", "sum[i in ".repeat(DEEP / 2)],
  "brackets and operators together": [
    "expression-too-long",
    `${"-".repeat(900)}(`.repeat(MAX_NESTING - 8) + "1" + ")".repeat(MAX_NESTING - 8),
  ],
};
const files: Readonly<Record<string, readonly [code: string, text: string]>> = {
  "nested blocks": ["nesting-too-deep", "fn f() {" + "if a {".repeat(DEEP / 2)],
  "else if after else if": ["nesting-too-deep", "fn f() { if a {}" + " else if b {}".repeat(DEEP / 5) + "}"],
  "indices that nobody closes": ["nesting-too-deep", "model M {" + "y[".repeat(DEEP)],
  "bindings of entries": ["bad-index-name", "model M {" + "y[0] = 1\n".repeat(DEEP / 5)],
  "a file of a gigabyte's beginning": ["source-too-large", " ".repeat(MAX_SOURCE_LENGTH + 1)],
  "nothing but words": ["bare-expression", "a ".repeat(DEEP)],
  "nothing but errors": ["too-many-errors", ") = $\n".repeat(DEEP / 2)],
  "nothing but quotes": ["unexpected-string", '"'.repeat(DEEP)],
  "comments that nobody closes": ["foreign-syntax", "/* ".repeat(DEEP)],
  "binary rubbish": ["unknown-character", "\0\u0001\ud800\udc00\ud800 ".repeat(DEEP / 10)],
};

/**
 * What takes time in proportion to the text is done in a tenth of this, also on a busy machine;
 * what does not takes minutes.
 */
const SECONDS = 15;

/** Time of the processor, since tests share the machine. */
function secondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

describe("what has no end", () => {
  it.each(Object.entries(expressions))("%s", (_name, [code, text]) => {
    const codes = (diagnostics: readonly Diagnostic[]): string[] => diagnostics.map((d) => d.code);
    const seconds = secondsOf(() => {
      expect(codes(parse(`const c = ${text}`, "x").diagnostics)).toEqual([code]);
    });
    expect(codes(parseExpression(text, "x").diagnostics)).toEqual([code]);
    expect(seconds).toBeLessThan(SECONDS);
  });

  it.each(Object.entries(files))("%s", (_name, [code, text]) => {
    const seconds = secondsOf(() => {
      const { diagnostics } = parse(text, "x");
      expect(diagnostics.map((d) => d.code)).toContain(code);
      expect(diagnostics.length).toBeLessThanOrEqual(101);
      for (const d of diagnostics) renderDiagnostic(d, new Map([["x", text]]), { color: false });
    });
    expect(seconds).toBeLessThan(SECONDS);
  });

  it("allows what is within the limits", () => {
    const brackets = MAX_NESTING;
    expect(parseExpression("(".repeat(brackets) + "1" + ")".repeat(brackets), "x").diagnostics).toEqual([]);
    const sum = `const c = 1${" + 1".repeat(MAX_EXPRESSION_HEIGHT - 1)}\n`;
    expect(parse(sum, "x").diagnostics).toEqual([]);
    expect(parse(format(sum, "x").text, "x").diagnostics).toEqual([]);
    const list = `const c = [${"-1, ".repeat(DEEP / 2)}]`;
    expect(parse(list, "x").diagnostics).toEqual([]);
  });

  it("lays out and prints lists, blocks and comments of any length", () => {
    const texts = [
      `const c = [${"1, ".repeat(DEEP)}2]\n`,
      `fn f() { ${"a = 1 ".repeat(DEEP / 2)} return a }`,
      `const c = [\n${"// a\n".repeat(0.7 * DEEP)}]\n`,
    ];
    for (const text of texts) {
      const laidOut = format(text, "x").text;
      expect(laidOut.split("\n").length).toBeGreaterThan(DEEP / 2);
      expect(printTree(parse(laidOut, "x").file.declarations)).toBe(
        printTree(parse(text, "x").file.declarations),
      );
    }
  });
});

describe("any text", () => {
  const words = [
    ..."()[]{}=+-*/@^'.,:;~<>|&!%#$\"\\\n\r\t \0",
    ..."import const fn layer model return if else for in frozen true false and or not param input target".split(" "),
    ..."output metric loss optimizer state from as def lambda let elif True x y 0 1.5 .5 1. ** && => |> .. ...".split(" "),
    "// c\n", "/// d\n", "/*", "*/", "\uFEFF", "\ud800", "é", "😀", " ", " ",
  ]; // prettier-ignore

  it("never throws, and is shown with its diagnostics", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 200 }), (soup) => {
        const text = soup.join("");
        const { diagnostics } = parse(text, "x");
        for (const d of diagnostics) {
          for (const { span } of d.labels) {
            expect(span.start).toBeGreaterThanOrEqual(0);
            expect(span.end).toBeGreaterThan(span.start);
            expect(span.start).toBeLessThanOrEqual(text.length);
          }
          expect(d.help ?? d.message).not.toMatch(/undefined|NaN/);
          expect(renderDiagnostic(d, new Map([["x", text]]), { color: false })).not.toMatch(/undefined|NaN/);
        }
        if (diagnostics.length === 0) {
          const once = format(text, "x").text;
          expect(format(once, "x")).toEqual({ text: once, diagnostics: [] });
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("never throws for characters of any kind", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 100 }), (text) => {
        for (const d of parse(text, "x").diagnostics)
          renderDiagnostic(d, new Map([["x", text]]), { color: true });
      }),
      { numRuns: 500 },
    );
  });

  it("is not made wrong by its comments and blank lines", () => {
    const parts = [
      "fn f(a, b = [1, 2]) {",
      "x = a",
      "+ b",
      "@ g(",
      "a,",
      "b)",
      "return x",
      "}",
      "const c =",
      "1",
    ];
    const between = fc.constantFrom(
      " ",
      "\n",
      "\n\n\n",
      " // c\n",
      "\n// c\n",
      "\n  // c\n\n",
      "/// d\n",
      "\n/// d\n",
    );
    fc.assert(
      fc.property(fc.array(between, { minLength: 10, maxLength: 10 }), (gaps) => {
        const text = parts.map((part, i) => part + gaps[i]).join("");
        const once = format(text, "x");
        expect(once.diagnostics).toEqual([]);
        expect(format(once.text, "x").text, text).toBe(once.text);
        expect(once.text.match(/\/\/+ [cd]/g) ?? []).toEqual(text.match(/\/\/+ [cd]/g) ?? []);
      }),
      { numRuns: 500 },
    );
  });
});
