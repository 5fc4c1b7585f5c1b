/** One reading of a model: what it is given. */
import type { SourceFile } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import type { Graph } from "../graph/graph.ts";
import type { Node } from "../ir/node.ts";
import type { Shape } from "../ir/size.ts";
import type { Limits } from "./limits.ts";
import type { Paths } from "./paths.ts";
import type { Reporter } from "./problem.ts";

/** A parameter as it was made; its path is known when the whole model has been read. */
export interface MadeParameter {
  readonly shape: Shape;
  readonly frozen: boolean;
  readonly init: string;
  readonly doc: string | undefined;
  /** In the user's words: its name, or the call into the standard library that made it. */
  readonly span: Span;
  /** Its name, where that is in the standard library. */
  readonly declared?: Span;
  /** Its first value. */
  readonly start: Node;
  readonly node: Node;
}

/** What an earlier reading of the same model found. */
export interface Known extends Paths {
  readonly parameters: readonly MadeParameter[];
}

export interface Reading {
  readonly graph: Graph;
  readonly reporter: Reporter;
  readonly limits: Limits;
  readonly sources: ReadonlyMap<string, SourceFile>;
  /** The name of the free dimension; `N` for messages where the model has none. */
  readonly freeName: string;
  readonly training: boolean;
  /** Null in the first reading, which finds the parameters. */
  readonly known: Known | null;
}
