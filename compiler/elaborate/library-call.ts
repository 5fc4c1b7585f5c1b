/** What checks of the library's calls are given, and what they find. */
import type { Node } from "../ir/node.ts";
import type { Value } from "./values.ts";

/** What a call was given: tensors as nodes, and numbers. */
export interface GivenToLibrary {
  readonly node: (parameter: string) => Node | null;
  readonly number: (parameter: string) => number | null;
  readonly value: (parameter: string) => Value | null;
  readonly freeName: string;
}

export interface Finding {
  /** An error where no numbers give the call a meaning. */
  readonly severity: "error" | "warning";
  readonly code:
    | "bad-size"
    | "shape-mismatch"
    | "single-column"
    | "stretched-target"
    | "logits-as-probabilities"
    | "float-labels"
    | "idle-argument"
    | "out-of-range"
    | "type-mismatch";
  readonly message: string;
  readonly help: string;
  /** What is amiss is what this parameter was given. */
  readonly parameter?: string;
}
