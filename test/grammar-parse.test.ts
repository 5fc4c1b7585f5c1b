/**
 * Reading programs: how expressions group, what is a keyword where, where things stand, and what
 * survives errors.
 */
import { describe, expect, it } from "vitest";
import type { Declaration, ModelDeclaration, Statement } from "../grammar/ast.ts";
import { parse, parseExpression } from "../grammar/parse.ts";
import { Parser } from "../grammar/parser.ts";
import { programs } from "./grammar/programs.ts";
import { show } from "./grammar/show.ts";

function tree(text: string): string {
  const { expression, diagnostics } = parseExpression(text, "--set");
  expect(diagnostics, text).toEqual([]);
  return expression ? show(expression) : "nothing";
}

function declarations(text: string): readonly Declaration[] {
  const { file, diagnostics } = parse(text, "a.nn");
  expect(diagnostics).toEqual([]);
  return file.declarations;
}

function model(text: string): ModelDeclaration {
  const found = parse(text, "a.nn").file.declarations.find((d) => d.kind === "model");
  if (!found) throw new Error("no model");
  return found;
}

const kinds = (statements: readonly Statement[]): string => statements.map((s) => s.kind).join(" ");

describe("operators", () => {
  // Each pair: what is written, and how the language's reference says it groups.
  it.each([
    ["a + b * c", "(a + (b * c))"],
    ["a - b - c", "((a - b) - c)"],
    ["a @ b / c * d", "(((a @ b) / c) * d)"],
    ["a ^ b ^ c", "(a ^ (b ^ c))"],
    ["-x^2", "(- (x ^ 2))"],
    ["2^-1", "(2 ^ (- 1))"],
    ["2^-x^y * z", "((2 ^ (- (x ^ y))) * z)"],
    ["x'^2", "((x)' ^ 2)"],
    ["-x * y", "((- x) * y)"],
    ["a * -b + c", "((a * (- b)) + c)"],
    ["x @ w' + b", "((x @ (w)') + b)"],
    ["beta1^step", "(beta1 ^ step)"],
    ["a < b and not c == d or e", "(((a < b) and (not (c == d))) or e)"],
    ["not not a", "(not (not a))"],
    ["0..n + 1", "(0 .. (n + 1))"],
    ["0..3 == a", "((0 .. 3) == a)"],
    ["x |> f(2) |> g", "((x |> f(2)) |> g)"],
    ["a or b |> f", "((a or b) |> f)"],
    ["z => z |> f", "(z => (z |> f))"],
    ["a => b => a + b", "(a => (b => (a + b)))"],
    ["x |> z => z + 1", "(x |> (z => (z + 1)))"],
    ["(a, b) => a", "(a b => a)"],
    ["() => 1", "( => 1)"],
    ["(a)(b)", "a(b)"],
    ["f(a, lr = 1e-3,)", "f(a lr=1e-3)"],
    ["h.0.1.weight", "(((h . 0) . 1) . weight)"],
    ["h.0..3", "((h . 0) .. 3)"],
    ["x[:, 0]", "x[_:_:_ 0]"],
    ["x[1:3, ..., -1, ::2, a:b:c, :b]", "x[1:3:_ ... (- 1) _:_:2 a:b:c _:b:_]"],
    ["[[1, 2], [3], []]", "[[1 2] [3] []]"],
    ["[...sizes, 3, ...0..2]", "[...sizes 3 ...(0 .. 2)]"],
    ["[... a, [...b]]", "[...a [...b]]"],
    ["1_000.5e-3", "1_000.5e-3"],
    ["loss - param.state * output(metric = input)", "(loss - ((param . state) * output(metric=input)))"],
    ["inf + pi + e + training", "(((inf + pi) + e) + training)"],
    ["true == not_a", "(true == not_a)"],
  ])("%s", (text, grouped) => {
    expect(tree(text)).toBe(grouped);
  });

  it("reads numbers to the nearest float", () => {
    const { expression } = parseExpression("1_000.5e-3", "x");
    expect(expression).toMatchObject({ kind: "number", value: 1.0005, text: "1_000.5e-3" });
  });
});

describe("programs", () => {
  it.each(Object.entries(programs))("%s", (_name, text) => {
    expect(declarations(text).length).toBeGreaterThan(0);
  });

  it("takes a soft keyword for a name where `=` follows, and in expressions", () => {
    const text = programs["words that are names too"] ?? "";
    expect(kinds(model(text).body.statements)).toBe(
      "input input param bind output metric loss bind loss optimizer for param",
    );
  });

  it("needs neither newlines nor semicolons", () => {
    expect(
      kinds(model("model M { input x: [N, 2] h = x; ; z = h output z loss z loss h }").body.statements),
    ).toBe("input bind bind output loss loss");
  });

  it("attaches documents to what follows, and not comments, drawn lines or what stands inside", () => {
    const text = [
      "/// one",
      "///   two  ",
      "// aside",
      "",
      "model M {",
      "  //// drawn",
      "  input x: [N] /// not this",
      "  /// the sum",
      "  output y = f(x,",
      "    /// nor this",
      "    1)",
      "  z = x",
      "  /// nor this at the end",
      "}",
      "const a = 1",
    ].join("\n");
    const found = model(text);
    expect(found.doc).toBe("one\n  two");
    const [x, y, z] = found.body.statements;
    expect(x).not.toHaveProperty("doc");
    expect(y).toHaveProperty("doc", "the sum");
    expect(z).not.toHaveProperty("doc");
    expect(declarations(text)[1]).not.toHaveProperty("doc");
  });

  it("knows where things stand", () => {
    const text = "const c = (a + b)' @ f(x = 1)";
    const [declaration] = declarations(text);
    if (declaration?.kind !== "const" || declaration.value.kind !== "binary")
      throw new Error("not as written");
    const at = (node: { span: { start: number; end: number } }): string =>
      text.slice(node.span.start, node.span.end);
    expect(at(declaration)).toBe(text);
    expect(at(declaration.name)).toBe("c");
    expect(at(declaration.value)).toBe("(a + b)' @ f(x = 1)");
    expect(text.slice(declaration.value.operatorSpan.start, declaration.value.operatorSpan.end)).toBe("@");
    expect(at(declaration.value.left)).toBe("(a + b)'");
    expect(at(declaration.value.right)).toBe("f(x = 1)");
  });

  it("reads the byte order mark, carriage returns and an empty file", () => {
    expect(declarations("\uFEFFconst a = 1\r\nconst b = 2\r")).toHaveLength(2);
    expect(declarations("")).toEqual([]);
    expect(declarations(" // nothing\n")).toEqual([]);
  });
});

describe("with errors", () => {
  it("keeps the declarations and statements that can be read", () => {
    const text = [
      "const a = 1 +",
      "const b = 2",
      "model M {",
      "  input x: [N, 2]",
      "  h = dense(x, ",
      "  if h = 1 { z = 3 }",
      "  output y = * h",
      "  output w = x",
      "}",
      "fn f(x) = x",
    ].join("\n");
    const { file, diagnostics } = parse(text, "a.nn");
    expect(diagnostics.map((d) => d.code)).toEqual([
      "unexpected-token",
      "unclosed-bracket",
      "assignment-in-expression",
      "unexpected-token",
    ]);
    expect(file.declarations.map((d) => d.kind)).toEqual(["const", "model", "fn"]);
    expect(kinds(model(text).body.statements)).toBe("input bind output");
  });

  it("gives no expression", () => {
    expect(parseExpression("[1, 2", "x").expression).toBeUndefined();
    expect(parseExpression("1 2", "x").expression).toBeUndefined();
    expect(parseExpression("", "x").diagnostics).toHaveLength(1);
    expect(parseExpression("a = 1", "x").diagnostics.map((d) => d.code)).toEqual([
      "assignment-in-expression",
    ]);
  });
});

it("the grammar itself is unambiguous and finite, which no other parser asks", () => {
  expect(() => new Parser({ validated: true })).not.toThrow();
});
