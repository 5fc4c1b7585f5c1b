/** `docs/recipes.md`, taken apart: each recipe with its programs, scripts, commands and peer. */
import type { Manifest } from "../../runtime/index.ts";

export interface Block {
  readonly language: string;
  /** What follows the language on the line of the fence. */
  readonly options: readonly string[];
  readonly text: string;
  /** Of its fence, from 1. */
  readonly line: number;
}

export interface Recipe {
  readonly chapter: string;
  readonly title: string;
  readonly blocks: readonly Block[];
  /** All that is no block. */
  readonly prose: string;
}

export function recipesOf(markdown: string): Recipe[] {
  const recipes: { chapter: string; title: string; blocks: Block[]; prose: string }[] = [];
  let chapter = "";
  let open: { tag: string; line: number; lines: string[] } | null = null;
  for (const [i, line] of markdown.split("\n").entries()) {
    const recipe = recipes.at(-1);
    if (open !== null) {
      if (line !== "```") open.lines.push(line);
      else {
        const [language = "", ...options] = open.tag.split(/\s+/);
        recipe?.blocks.push({ language, options, text: open.lines.join("\n"), line: open.line });
        open = null;
      }
    } else if (line.startsWith("```")) open = { tag: line.slice(3), line: i + 1, lines: [] };
    else if (line.startsWith("## ")) chapter = line.slice(3);
    else if (line.startsWith("### ")) recipes.push({ chapter, title: line.slice(4), blocks: [], prose: "" });
    else if (recipe !== undefined) recipe.prose += `${line}\n`;
  }
  if (open !== null) throw new Error(`the block in line ${open.line} is never closed`);
  return recipes;
}

export const peersOf = ({ blocks }: Recipe): Block[] =>
  blocks.filter(({ language, options }) => language === "python" || options.includes("tfjs"));
export const programsOf = ({ blocks }: Recipe): Block[] =>
  blocks.filter(({ language }) => language === "nndsl");
export const scriptsOf = ({ blocks }: Recipe): Block[] =>
  blocks.filter(({ language, options }) => language === "js" && !options.includes("tfjs"));
export const commandsOf = ({ blocks }: Recipe): string[] =>
  blocks.flatMap(({ language, text }) => (language === "sh" ? text.trim().split("\n") : []));

/** The models of a program, in order. */
export const modelsOf = ({ text }: Block): string[] =>
  [...text.matchAll(/^model (\w+)/gm)].map(([, name = ""]) => name);

// ----------------------------------------------------------------------------------------------------------- data

type Nested = number | readonly Nested[];
export type Data = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>
>;

/** Even in [0, 1), from two whole numbers. */
function even(a: number, b: number): number {
  let h = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

/**
 * Examples that can be learned: inputs are drawn, and targets follow from linear functions of the
 * row's inputs, as 0 or 1, or as the class whose function is largest.
 */
export function dataFor(inputs: Manifest["inputs"], rows: number): Data {
  const data: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
  const rowsOf = new Map<string, number>();
  const ordered = [...inputs].sort((a, b) => Number(a.role === "target") - Number(b.role === "target"));
  for (const [k, { name, role, shape, dtype, classes }] of ordered.entries()) {
    const sizes = shape.map((size) => (typeof size === "number" ? size : rows));
    const perRow = sizes.slice(1).reduce((product, size) => product * size, 1);
    /** A linear function of a row, by its number. */
    const score = (row: number, which: number): number => {
      let sum = 0;
      let at = 0;
      for (const [given, width] of rowsOf) {
        const own = data[given]!.data;
        for (let i = 0; i < width; i++)
          sum += (even(which, at++) - 0.5) * (own[row * width + i]! - (ordered[0]!.dtype === "int" ? 1 : 0));
      }
      return sum;
    };
    const numbers = Float32Array.from({ length: rows * perRow }, (_, at) => {
      const row = Math.floor(at / perRow);
      const place = at % perRow;
      if (role === "input") {
        if (dtype === "int") return Math.floor(even(k, at) * (classes ?? 2));
        return 2 * (even(k, at) + even(k + 50, at) + even(k + 90, at)) - 3;
      }
      if (dtype !== "int") return score(row, 100 * k + place) > 0 ? 1 : 0;
      const scores = Array.from({ length: classes ?? 2 }, (__, c) => score(row, 1000 * k + 40 * place + c));
      return scores.indexOf(Math.max(...scores));
    });
    data[name] = { shape: sizes, data: numbers };
    if (role === "input") rowsOf.set(name, perRow);
  }
  return data;
}

/** As nested lists. */
export function nested(values: ArrayLike<number>, shape: readonly number[], from = 0): Nested {
  const [size, ...rest] = shape;
  if (size === undefined) return values[from]!;
  const width = rest.reduce((product, one) => product * one, 1);
  return Array.from({ length: size }, (_, i) => nested(values, rest, from + i * width));
}
