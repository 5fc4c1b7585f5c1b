/** What is derived, and what of: the data that `derive` gives. */

/** One gradient. */
export interface DerivedFormula {
  /** What is differentiated: `loss`, or an output's name. */
  readonly of: string;
  /** The path of the parameter, the input or the binding. */
  readonly wrt: string;
  /** Lines `name = formula`, in the order of their making, the gradient last. */
  readonly text: string;
  /** The same as one `aligned` environment, or a single formula. */
  readonly latex: string;
}

export interface Line {
  readonly text: string;
  readonly latex: string;
}

export interface Derivation {
  /**
   * What the gradients are written in: named values of the forward pass, then what is
   * differentiated.
   */
  readonly forward: readonly Line[];
  /** The lines of all formulas, each once. */
  readonly backward: readonly Line[];
  /** Where no loss closes the model: what stands for the gradient that arrives at an output. */
  readonly given: readonly string[];
  readonly formulas: readonly DerivedFormula[];
}

export interface DeriveOptions {
  /** Paths of parameters, inputs or bindings; all trained parameters without it. */
  readonly wrt?: readonly string[];
  /** A function of the library, by its name: its result is written f(z), its derivative f'(z). */
  readonly functionName?: string;
}

/** There is nothing to derive, or not by that. */
export class DerivationError extends Error {
  readonly code: string;
  readonly help: string;

  constructor(code: string, message: string, help: string) {
    super(message);
    this.name = "DerivationError";
    this.code = code;
    this.help = help;
  }
}
