/** From the text of a program to its graph, with what was said on the way as a person reads it. */
import { elaborate } from "../../compiler/elaborate/elaborate.ts";
import { loadProgram } from "../../compiler/elaborate/load.ts";
import { inOrder } from "../../compiler/elaborate/order.ts";
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { parametersOf as parameters, type Model } from "../../compiler/graph/model.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { showShape } from "../../compiler/ir/size.ts";
import type { Values } from "../../compiler/ops/op.ts";
import { renderDiagnostic } from "../../grammar/render-diagnostic.ts";

export interface ReadOptions {
  readonly file?: string;
  readonly model?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

export async function read(text: string, options: ReadOptions = {}) {
  const { file = "m.nn", files = {}, ...rest } = options;
  const { program, diagnostics } = await loadProgram(text, file, async (path) => files[path] ?? null);
  const result = elaborate(program, rest);
  const all = inOrder(program, [...diagnostics, ...result.diagnostics]);
  const sources = new Map([program.main, ...program.imports].map((source) => [source.file, source.text]));
  const rendered = all.map((d) => renderDiagnostic(d, sources, { color: false })).join("\n\n");
  return { model: result.model, diagnostics: all, rendered };
}

/** The model of a program that is in order. */
export async function modelOf(text: string, options: ReadOptions = {}): Promise<Model> {
  const { model, rendered } = await read(text, options);
  if (model === null) throw new Error(rendered);
  return model;
}

/** `["h.weight [2, 2]", …]` */
export const parametersOf = (model: Model): string[] =>
  parameters(model).map((p) => `${p.path} ${showShape(p.shape)}${p.kind === "frozen" ? " frozen" : ""}`);

export const outputsOf = (model: Model): string[] =>
  model.roots.outputs.map((o) => `${o.name} ${showShape(o.node.shape, model.freeName ?? "N")}`);

export interface Given {
  readonly inputs?: Readonly<Record<string, Values>>;
  readonly n?: number;
  readonly step?: number;
  readonly hyper?: Readonly<Record<string, number>>;
  readonly parameters?: ReadonlyMap<number, Values>;
  readonly states?: ReadonlyMap<string, Values>;
}

export const values = (shape: readonly number[], data: readonly number[]): Values => ({
  shape,
  data: Float64Array.from(data),
});

/** What nodes of a graph without `grad` are worth, in f64. */
export const valueOf = (roots: readonly Node[], given: Given = {}): number[][] =>
  evaluate(roots, {
    n: given.n ?? 1,
    inputs: new Map(Object.entries(given.inputs ?? {})),
    parameters: given.parameters ?? new Map(),
    states: given.states ?? new Map(),
    hyper: new Map(Object.entries(given.hyper ?? {})),
    step: given.step ?? 0,
    seed: 1,
  }).map((v) => [...v.data]);
