/**
 * Programs damaged at random: the texts of the project, cut, doubled, crossed with one another, and
 * with odd words put in.
 */
import { readdirSync, readFileSync } from "node:fs";
import { programBlocks, page } from "../helpers/markdown.ts";

/** Numbers from [0, 1), the same for the same seed on every machine: xorshift32. */
export function randomNumbers(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Every program that the project holds: examples, cases, the standard library, the pages. */
export function corpus(): readonly string[] {
  const folders = ["examples", "test/cases", "std"];
  const files = folders.flatMap((folder) => {
    const at = new URL(`../../${folder}/`, import.meta.url);
    return readdirSync(at)
      .filter((name) => name.endsWith(".nn"))
      .sort()
      .map((name) => readFileSync(new URL(name, at), "utf8"));
  });
  const pages = ["language.md", "diagnostics.md", "memory.md"];
  return [...files, ...pages.flatMap((name) => programBlocks(page(name)).map(({ text }) => text))];
}

/** Words at which a compiler may stumble. */
// prettier-ignore
const ODDITIES = [
  "0", "-0", "1e999", "1e-999", "9007199254740993", "0x10", "1_000", ".5", "1.", "inf", "pi", "N", "[]", "[[], []]", "[1, [2]]",
  "(", ")", "{", "}", "[", "]", "'", "''", "^", "|>", "=>", "..", "...", "@", "@recompute", "~", ";", "//", "///", "\"", "\"./x.nn\"",
  "if", "for", "in", "model", "layer", "fn", "param", "frozen", "state", "input", "target", "output", "metric", "loss", "optimizer",
  "import", "return", "grad(", "jacobian(", "x[", "x[:, 0]", "x[1:-1]", "x[..., 0]", "dense(", "softmax(", "where(true, 1, 0)",
  "axis = -1", "axis = [0, 0]", "keep = true", "zeros([N])", "zeros([0])", "zeros([1000000, 1000000])", "reshape(x, [N, -1])",
  "__proto__", "constructor", "\u0000", "\u200b", "\ufeff", "\ud800", "é", "日本", "😀", "\r", "\r\n", "\t", "−", "“", "\u202e",
  "for i in 0..1000000 { h = i }", "fn f(x) = f(x)", "a = a", "x = x'",
] as const;

/** One damaged program. */
export function mutant(programs: readonly string[], random: () => number): string {
  const below = (count: number): number => Math.floor(random() * count);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  let text = pick(programs);
  const words = (of: string): RegExpExecArray[] => [...of.matchAll(/\w+|[^\s\w]/g)];
  for (let left = 1 + below(4); left > 0; left--) {
    const found = words(text);
    const word = found.length === 0 ? { 0: "", index: 0 } : pick(found);
    const [at, end] = [word.index, word.index + word[0].length];
    const other = pick(programs);
    switch (below(9)) {
      case 0: // A word less.
        text = text.slice(0, at) + text.slice(end);
        break;
      case 1: // A word twice.
        text = `${text.slice(0, end)} ${word[0]}${text.slice(end)}`;
        break;
      case 2: // Another word in its place, of this text.
        text = text.slice(0, at) + (found.length === 0 ? "" : pick(found)[0]) + text.slice(end);
        break;
      case 3: // An odd word in its place.
        text = `${text.slice(0, at)} ${pick(ODDITIES)} ${text.slice(end)}`;
        break;
      case 4: // A line out, or moved.
        text = moved(text.split("\n"), below, random() < 0.5).join("\n");
        break;
      case 5: {
        // The end of another program.
        const from = below(other.length);
        text = text.slice(0, at) + other.slice(from, from + 200);
        break;
      }
      case 6: // A character changed.
        text = text.slice(0, at) + String.fromCodePoint(below(0x250)) + text.slice(at + 1);
        break;
      case 7: // A span many times.
        text = text.slice(0, at) + text.slice(at, at + 20).repeat(1 + below(200)) + text.slice(at);
        break;
      case 8: // Another program behind it.
        text = `${text}\n${other}`;
        break;
    }
  }
  return text;
}

function moved(lines: string[], below: (count: number) => number, again: boolean): string[] {
  const [line = ""] = lines.splice(below(lines.length), 1);
  if (again) lines.splice(below(lines.length + 1), 0, line);
  return lines;
}
