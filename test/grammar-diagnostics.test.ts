/**
 * What a stranger reads when a program is wrong. The wording is kept in `grammar/diagnostics.txt`;
 * read it as a whole.
 */
import { describe, expect, it } from "vitest";
import type { Diagnostic, Label } from "../grammar/diagnostic.ts";
import { parse } from "../grammar/parse.ts";
import { lineAndColumn, renderDiagnostic } from "../grammar/render-diagnostic.ts";
import { closest } from "../grammar/suggest.ts";
import { wrong } from "./grammar/wrong-programs.ts";

describe("wrong programs", () => {
  it("are explained", async () => {
    const pages = Object.entries(wrong).map(([title, text]) => {
      const { diagnostics } = parse(text, "a.nn");
      expect(diagnostics.length, title).toBeGreaterThan(0);
      const shown = diagnostics.map((d) => renderDiagnostic(d, new Map([["a.nn", text]]), { color: false }));
      return [`==== ${title}`, text, ...shown].join("\n\n");
    });
    await expect(pages.join("\n\n\n") + "\n").toMatchFileSnapshot("grammar/diagnostics.txt");
  });

  it("each say what to do", () => {
    for (const text of Object.values(wrong)) {
      for (const d of parse(text, "a.nn").diagnostics) {
        expect(d.code).toMatch(/^[a-z]+(-[a-z]+)*$/);
        expect(d.help, d.message).toBeDefined();
        expect(d.labels.length).toBeGreaterThan(0);
      }
    }
  });
});

/** The first place where `part` stands in the text. */
function at(file: string, text: string, part: string, label?: string): Label {
  const start = text.indexOf(part);
  return { span: { file, start, end: start + part.length }, ...(label !== undefined && { text: label }) };
}

function draw(text: string, labels: readonly Label[], extra: Partial<Diagnostic> = {}, width = 100): string {
  const diagnostic: Diagnostic = { code: "c", severity: "error", message: "m", labels, notes: [], ...extra };
  return renderDiagnostic(diagnostic, new Map([["a.nn", text]]), { color: false, width });
}

describe("a diagnostic is drawn", () => {
  it("as in the language's description", () => {
    const text = `${"\n".repeat(8)}  z = h @ readout'\n`;
    const shown = draw(
      text,
      [at("a.nn", text, "h", "[N, 128]"), at("a.nn", text, "readout'", "[10, 256]', so 256 comes first")],
      { notes: ["128 is `units` of dense"], help: "readout should be [10, 128]" },
    );
    expect(shown).toBe(`error[c]: m
  --> a.nn:9:7
   |
 9 |   z = h @ readout'
   |       ^   -------- [10, 256]', so 256 comes first
   |       |
   |       [N, 128]
   = note: 128 is \`units\` of dense
   = help: readout should be [10, 128]`);
  });

  it("with several labels of a line, of other lines and of another file", () => {
    const text = "a b c\nd\ne\nf\n\n\n\n\n\ng\n";
    const other = { span: { file: "b.nn", start: 0, end: 1 }, text: "there" };
    const unknown = { span: { file: "c.nn", start: 0, end: 1 }, text: "not shown" };
    const labels = [
      at("a.nn", text, "b", "second"), at("a.nn", text, "a", "first"), at("a.nn", text, "c", "third"),
      at("a.nn", text, "g", "far"), at("a.nn", text, "e"), other, unknown,
    ]; // prettier-ignore
    const sources = new Map([["a.nn", text], ["b.nn", "z"]]); // prettier-ignore
    const diagnostic: Diagnostic = {
      code: "c",
      severity: "warning",
      message: "m",
      labels,
      notes: ["one\ntwo"],
    };
    expect(renderDiagnostic(diagnostic, sources, { color: false })).toBe(`warning[c]: m
   --> a.nn:1:3
    |
  1 | a b c
    | - ^ - third
    | | |
    | | second
    | first
  2 | d
  3 | e
    | -
...
 10 | g
    | - far
   ::: b.nn:1:1
    |
  1 | z
    | - there
   ::: c.nn
    = not shown
    = note: one
            two`);
  });

  it("under labels that overlap or begin together", () => {
    const text = "abc def";
    const labels = [
      at("a.nn", text, "abc def", "all"),
      at("a.nn", text, "abc", "left"),
      at("a.nn", text, "c", "inner"),
    ];
    expect(draw(text, labels)).toBe(
      `error[c]: m
  --> a.nn:1:1
   |
 1 | abc def
   | ---^^^^
   | | |
   | | inner
   | all
   | left`,
    );
  });

  it("with tabs, wide characters and carriage returns in their columns", () => {
    const text = "\tx\t= 漢字 + é😀 + y\r\nz";
    expect(draw(text, [at("a.nn", text, "y", "here"), at("a.nn", text, "漢字", "wide")])).toBe(
      `error[c]: m
  --> a.nn:1:${text.indexOf("y") + 1}
   |
 1 |     x   = 漢字 + é😀 + y
   |           ----         ^ here
   |           |
   |           wide`,
    );
  });

  it("with what cannot be shown made visible", () => {
    const shown = draw("a\u001B[31m\0\u202Eb\ud800", [at("a.nn", "a", "a", "\u001B[0m")], {
      message: "x\u0007",
    });
    // eslint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u202E]/);
    expect(shown).toContain("1 | a␛[31m␀\uFFFDb\uFFFD");
  });

  it("with a long line clipped around its labels, twice where they lie far apart", () => {
    const text = `${"a".repeat(300)}X${"b".repeat(300)}Y${"c".repeat(300)}`;
    const lines = draw(text, [at("a.nn", text, "X", "ex"), at("a.nn", text, "Y", "why")], {}, 60).split("\n");
    expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(66);
    for (const [mark, letter] of [
      ["^ ex", "X"],
      ["- why", "Y"],
    ] as const) {
      // prettier-ignore
      const row = lines.findIndex((l) => l.includes(mark));
      expect(lines[row - 1]?.[lines[row]?.indexOf(mark) ?? -1]).toBe(letter);
      expect(lines[row - 1]).toMatch(/\| ….*…$/);
    }
  });

  it("at the end of the file, past it, and over several lines", () => {
    expect(draw("ab", [{ span: { file: "a.nn", start: 2, end: 2 } }])).toContain(" 1 | ab\n   |   ^");
    expect(draw("ab", [{ span: { file: "a.nn", start: 99, end: 120 } }])).toContain("--> a.nn:1:3");
    expect(draw("ab\n  cd\n", [{ span: { file: "a.nn", start: 1, end: 6 }, text: "t" }])).toContain(
      " 1 | ab\n   |  ^ t",
    );
    expect(draw("ab", [])).toBe("error[c]: m");
  });

  it("in color by the palette it is given", () => {
    const d: Diagnostic = {
      code: "c",
      severity: "error",
      message: "m",
      labels: [at("a.nn", "x", "x", "t")],
      notes: [],
      help: "h",
    };
    const mark = (name: string) => (text: string) => `<${name}>${text}</>`;
    const palette = {
      error: mark("e"), warning: mark("w"), secondary: mark("s"), gutter: mark("g"),
      message: mark("m"), help: mark("h"), plain: (text: string) => text,
    }; // prettier-ignore
    expect(renderDiagnostic(d, new Map([["a.nn", "x"]]), { color: true, palette })).toBe(
      [
        "<e>error[c]</><m>: m</>",
        "  <g>--></> a.nn:1:1",
        "   <g>|</>",
        "<g> 1 |</> x",
        "   <g>|</> <e>^</> <e>t</>",
        "   <g>=</> <h>help:</> h",
      ].join("\n"),
    );
    expect(renderDiagnostic(d, new Map([["a.nn", "x"]]), { color: true })).toContain("\u001B[1;31m");
  });
});

describe("lines and columns", () => {
  it.each([
    ["", 0, 1, 1],
    ["ab", 1, 1, 2],
    ["ab\ncd", 2, 1, 3],
    ["ab\ncd", 3, 2, 1],
    ["ab\r\ncd", 4, 2, 1],
    ["ab\rcd", 3, 2, 1],
    ["ab\n", 3, 2, 1],
    ["\n\n", 99, 3, 1],
    ["a😀b", 3, 1, 4],
    ["ab", -1, 1, 1],
    ["ab", NaN, 1, 1],
  ])("%j at %d is %d:%d", (text, offset, line, column) => {
    expect(lineAndColumn(text, offset)).toEqual({ line, column });
  });
});

describe("a suggestion", () => {
  it.each([
    ["ouput", "output"],
    ["Output", "output"],
    ["retrun", "return"],
    ["loses", "loss"],
    ["xyz", undefined],
    ["a", undefined],
  ])("for %s is %s", (word, expected) => {
    expect(closest(word, ["output", "return", "loss", "is"])).toBe(expected);
  });
});
