/** How much one program may ask of the elaborator. Each limit has a diagnostic of its own. */
export interface Limits {
  /**
   * Calls inside one another: layers, functions and lambdas. A layer that calls itself ends here.
   */
  readonly callDepth: number;
  /**
   * Expressions inside one another, over all calls; JavaScript's own stack holds several times as
   * many.
   */
  readonly expressionDepth: number;
  /** Turns of one loop. */
  readonly turns: number;
  /**
   * Expressions and statements evaluated in one reading of the model; four items of a list are one.
   */
  readonly steps: number;
  /** Statements that fail before reading stops. */
  readonly problems: number;
  /** Nodes of the graph. */
  readonly nodes: number;
  /** Numbers in one list, those of the lists inside it included. */
  readonly items: number;
  /** Lists inside lists. */
  readonly listDepth: number;
  /** Indices of a formula that are live at one place of it. */
  readonly indices: number;
  /** Entries of one tensor (for each row of the batch, where it has one): 2^31 bytes of f32. */
  readonly entries: number;
}

export const defaultLimits: Limits = {
  callDepth: 64,
  expressionDepth: 1500,
  turns: 10_000,
  steps: 1_000_000,
  problems: 300,
  nodes: 50_000,
  items: 1_000_000,
  listDepth: 32,
  indices: 64,
  entries: 2 ** 29,
};

/** Models of one file, all of which `check` reads. */
export const MAX_MODELS = 500;
