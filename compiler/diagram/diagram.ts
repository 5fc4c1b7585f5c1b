/**
 * A model as a picture before it has places: boxes, arrows, groups. What a formula on tensors does
 * not spell out (broadcasts, reshapes, numbers) is not drawn.
 */
import type { Model, NamedNode } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";

export type Pass = "forward" | "backward";
export type What = Pass | "joint";

export interface Box {
  readonly id: string;
  /**
   * An `input` and a `parameter` are given, an `operation` computes, a `layer` is folded, a
   * `result` is what is asked for, and what is `kept` is a value of the forward pass where the
   * backward pass reads it.
   */
  readonly kind: "input" | "parameter" | "operation" | "layer" | "result" | "kept";
  readonly pass: Pass;
  /** What it does, `+`, `σ`; or what it is called. */
  readonly label: string;
  /** The name of its result in the source; the formula of a folded layer. */
  readonly caption: string | null;
  readonly shape: string;
  /** Whether the backward pass reads what it computed. */
  readonly stored: boolean;
  readonly group: string | null;
  /** Gradients of parameters that a folded layer's backward pass ends in. */
  readonly gradients: readonly NamedNode[];
  /** The nodes that it stands for, its result last. */
  readonly nodes: readonly Node[];
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** `stored`: from a forward value to where the backward pass reads it. */
  readonly kind: Pass | "stored";
  readonly shape: string;
  /** The tensor that goes along it. */
  readonly source: Node;
  /**
   * The nodes that take it, and as which of their operands: several in a folded layer, none at a
   * result.
   */
  readonly targets: readonly Target[];
}

export interface Target {
  readonly node: Node;
  readonly operand: number;
}

export interface Group {
  readonly id: string;
  readonly label: string;
  readonly pass: Pass;
  /** Of a backward group: the forward one. */
  readonly of?: string;
}

export interface Diagram {
  readonly title: string;
  readonly what: What;
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
  readonly groups: readonly Group[];
  /**
   * The forward layer of a folded backward one, by the ids of their boxes: where every box of the
   * backward pass has one, so that each can stand under its own. Empty where not.
   */
  readonly backOf: ReadonlyMap<string, string>;
  /** The model that its nodes are of: without views of `grad`, in the form that is drawn. */
  readonly model: Model;
  /** What the values flow to: the loss, or all outputs. */
  readonly results: readonly Node[];
  readonly hasLoss: boolean;
}

export interface DiagramOptions {
  readonly what: What;
  /** Layers drawn as one box; by default all, where the picture would be large. */
  readonly fold?: boolean;
}

/** There is nothing to draw. */
export class DiagramError extends Error {
  readonly code: string;
  readonly help: string;

  constructor(code: string, message: string, help: string) {
    super(message);
    this.name = "DiagramError";
    this.code = code;
    this.help = help;
  }
}
