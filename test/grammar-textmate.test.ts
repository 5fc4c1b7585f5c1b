/** The highlighting grammar of editors knows the words that the lexer knows. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as tokens from "../grammar/tokens.ts";

interface Rule {
  readonly match?: string;
  readonly include?: string;
  readonly patterns?: readonly Rule[];
}
const { patterns, repository } = JSON.parse(
  readFileSync(new URL("../grammar/nndsl.tmLanguage.json", import.meta.url), "utf8"),
) as { patterns: readonly Rule[]; repository: Record<string, Rule> }; // the shape of a TextMate grammar

function matches(rule: Rule | undefined): string[] {
  if (!rule) return [];
  return [...(rule.match === undefined ? [] : [rule.match]), ...(rule.patterns ?? []).flatMap(matches)];
}

/** The words in `(a|b|c)` groups of a pattern. */
function wordsOf(rule: Rule | undefined): string[] {
  const groups = matches(rule).flatMap((match) => [...match.matchAll(/\((\w+(?:\|\w+)+)\)/g)]);
  return [...new Set(groups.flatMap((group) => (group[1] ?? "").split("|")))].sort();
}

const isWord = (pattern: unknown): pattern is string =>
  typeof pattern === "string" && /^[a-z]+$/.test(pattern);

it("has the hard keywords and the soft ones", () => {
  const words = tokens.allTokens.filter((type) => isWord(type.PATTERN));
  const soft = words.filter((type) => tokens.isName(type)).map((type) => String(type.PATTERN));
  const hard = words.filter((type) => !tokens.isName(type)).map((type) => String(type.PATTERN));
  expect(hard.length).toBeGreaterThan(10);
  expect(wordsOf(repository["keyword"])).toEqual(hard.sort());
  expect(wordsOf(repository["statement"])).toEqual(soft.sort());
});

it("has patterns that compile, and includes that exist", () => {
  for (const rule of Object.values(repository))
    for (const match of matches(rule)) expect(() => new RegExp(match)).not.toThrow();
  for (const { include } of patterns) expect(Object.keys(repository)).toContain(include?.slice(1));
});

it("colors a reduction over indices, and a name that is bound entry by entry", () => {
  const found = (rule: string, text: string): string[] =>
    matches(repository[rule]).flatMap((match) => [...text.matchAll(new RegExp(match, "g"))].map((m) => m[0]));
  expect(found("reduction", "y[i] = sum[j, u in 0..3] x[i, j] * max[k] z[k] + sum(w) - sum[0]")).toEqual([
    "sum",
    "max",
  ]);
  expect(found("binding", "y[..., i in 0..3] = x[i] == 3")).toEqual(["y"]);
});
