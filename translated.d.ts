// Translated, compiled by nndsl 0.1.0.

/** The names and shapes of Translated; `number` is the size of the batch, N. */
export interface Model extends ModelTypes {
  readonly dtype: "f32";
  readonly inputs: {
    /** int[N, 5], labels 0 … 7 */
    readonly source: readonly [number, 5];
    /** int[N, 6], labels 0 … 7 */
    readonly before: readonly [number, 6];
  };
  readonly targets: {
    /** int[N, 6], labels 0 … 7 */
    readonly answer: readonly [number, 6];
  };
  readonly outputs: {
    readonly next: readonly [number, 6, 8];
  };
  readonly parameters: {
    /** starts as normal */
    readonly "memory.0.weight": readonly [8, 32];
    /** starts as xavier_uniform */
    readonly "memory.1.self_attn.in_proj_weight": readonly [96, 32];
    /** starts as zeros */
    readonly "memory.1.self_attn.in_proj_bias": readonly [96];
    /** starts as kaiming_uniform */
    readonly "memory.1.self_attn.out_proj.weight": readonly [32, 32];
    /** starts as zeros */
    readonly "memory.1.self_attn.out_proj.bias": readonly [32];
    /** starts as ones */
    readonly "memory.1.norm1.weight": readonly [32];
    /** starts as zeros */
    readonly "memory.1.norm1.bias": readonly [32];
    /** starts as kaiming_uniform */
    readonly "memory.1.linear1.weight": readonly [128, 32];
    /** starts as uniform(-1 / sqrt(I), 1 / sqrt(I)) */
    readonly "memory.1.linear1.bias": readonly [128];
    /** starts as kaiming_uniform */
    readonly "memory.1.linear2.weight": readonly [32, 128];
    /** starts as uniform(-1 / sqrt(I), 1 / sqrt(I)) */
    readonly "memory.1.linear2.bias": readonly [32];
    /** starts as ones */
    readonly "memory.1.norm2.weight": readonly [32];
    /** starts as zeros */
    readonly "memory.1.norm2.bias": readonly [32];
    /** starts as normal */
    readonly "h.0.weight": readonly [8, 32];
    /** starts as xavier_uniform */
    readonly "h.1.self_attn.in_proj_weight": readonly [96, 32];
    /** starts as zeros */
    readonly "h.1.self_attn.in_proj_bias": readonly [96];
    /** starts as kaiming_uniform */
    readonly "h.1.self_attn.out_proj.weight": readonly [32, 32];
    /** starts as zeros */
    readonly "h.1.self_attn.out_proj.bias": readonly [32];
    /** starts as ones */
    readonly "h.1.norm1.weight": readonly [32];
    /** starts as zeros */
    readonly "h.1.norm1.bias": readonly [32];
    /** starts as xavier_uniform */
    readonly "h.1.cross.in_proj_weight": readonly [96, 32];
    /** starts as zeros */
    readonly "h.1.cross.in_proj_bias": readonly [96];
    /** starts as kaiming_uniform */
    readonly "h.1.cross.out_proj.weight": readonly [32, 32];
    /** starts as zeros */
    readonly "h.1.cross.out_proj.bias": readonly [32];
    /** starts as ones */
    readonly "h.1.norm2.weight": readonly [32];
    /** starts as zeros */
    readonly "h.1.norm2.bias": readonly [32];
    /** starts as kaiming_uniform */
    readonly "h.1.linear2.0.weight": readonly [128, 32];
    /** starts as uniform(-1 / sqrt(I), 1 / sqrt(I)) */
    readonly "h.1.linear2.0.bias": readonly [128];
    /** starts as kaiming_uniform */
    readonly "h.1.linear2.1.weight": readonly [32, 128];
    /** starts as uniform(-1 / sqrt(I), 1 / sqrt(I)) */
    readonly "h.1.linear2.1.bias": readonly [32];
    /** starts as ones */
    readonly "h.1.norm3.weight": readonly [32];
    /** starts as zeros */
    readonly "h.1.norm3.bias": readonly [32];
    /** starts as kaiming_uniform */
    readonly "z.weight": readonly [8, 32];
    /** starts as uniform(-1 / sqrt(I), 1 / sqrt(I)) */
    readonly "z.bias": readonly [8];
  };
  readonly states: {};
  readonly frozen: never;
  readonly metrics: "accuracy";
  readonly hyper: "lr" | "beta1" | "beta2" | "eps";
}

/** The model Translated. */
export type TranslatedNet = Net<Model>;

/** Loads `./translated.wasm` beside this module, or `source` in its place. */
export declare function load(source?: Source | Promise<Source>, options?: LoadOptions): Promise<Net<Model>>;
export default load;

/** What every method throws for a call it refuses; the model is then as it was. */
export declare class NndslError extends Error {
  readonly code: ErrorCode;
}

// ---------------------------------------------------------------------- the interface of every compiled model

/** A size: a number, or the free dimension's name (`"N"`, `"3·N"`). */
export type ManifestSize = number | string;

/**
 * Where a tensor lies: bytes from `arena`; or, after the fixed part, bytes for each row of
 * capacity.
 */
export type ManifestPlace = { readonly fixed: number } | { readonly rows: number };

/**
 * How a value over all rows follows from its values over parts of them. `constant`: it is the same
 * for all. `rows`: the parts' entries one after another along the free axis. `mean`: their mean,
 * weighted by rows. `sum`, `max`, `min`: that of the parts. `coupled`: in no such way, so it takes
 * all rows in one call.
 */
export type Join = "constant" | "rows" | "mean" | "sum" | "max" | "min" | "coupled";

export interface ManifestInput {
  readonly name: string;
  readonly role: "input" | "target";
  readonly dtype: "float" | "int" | "bool";
  readonly shape: readonly ManifestSize[];
  /** Labels must be 0 … classes - 1. */
  readonly classes?: number;
  /** Where it is not that: the least and the greatest label, and others beside them. */
  readonly labels?: readonly number[];
  readonly place: ManifestPlace;
  readonly doc?: string;
}

export interface ManifestOutput {
  readonly name: string;
  readonly shape: readonly ManifestSize[];
  readonly join: Join;
  readonly place: ManifestPlace;
  readonly doc?: string;
}

export interface ManifestMetric {
  readonly name: string;
  readonly join: Join;
  readonly place: ManifestPlace;
}

export interface ManifestParameter {
  readonly path: string;
  readonly shape: readonly number[];
  readonly frozen: boolean;
  readonly init: string;
  readonly place: ManifestPlace;
  /**
   * Where `gradients` leaves the gradient; null for frozen parameters and models without a loss.
   */
  readonly gradient: ManifestPlace | null;
  readonly doc?: string;
}

/** What a layer or the model keeps from step to step. */
export interface ManifestLayerState {
  readonly path: string;
  readonly shape: readonly number[];
  readonly init: string;
  readonly place: ManifestPlace;
  readonly doc?: string;
}

/** A value that the optimizer keeps for a parameter, shaped like it. */
export interface ManifestState {
  /** The parameter's path. */
  readonly parameter: string;
  readonly name: string;
  readonly place: ManifestPlace;
}

/** What `probe` and `probed_step` leave of a layer call; left out is what the model has not. */
export interface ManifestProbe {
  /** `h.0` */
  readonly path: string;
  /** The layer's name. */
  readonly callee: string;
  /** Entries of the last axis of its output, 0 where it gives no tensor. */
  readonly units: number;
  readonly places: Readonly<
    Partial<
      Record<
        /** Numbers; but for each unit a number, 1 where it was other than 0 in some row, else 0. */
        "mean" | "std" | "min" | "max" | "zeros" | "gradient" | "alive",
        ManifestPlace
      >
    >
  >;
  /** By path, of the parameters that it owns itself and that are trained. */
  readonly gradients: Readonly<Record<string, ManifestPlace>>;
  readonly updates: Readonly<Record<string, ManifestPlace>>;
}

export interface Manifest {
  /** The format's version, 1. */
  readonly version: 1;
  readonly model: string;
  readonly source: { readonly hash: string };
  /** Of one compilation: `NAME.js` loads no module of another. */
  readonly build: string;
  readonly dtype: "f32" | "f64";
  readonly simd: "strict" | "relaxed";
  /**
   * How many threads its work can be shared among, and by export from how many rows of a batch on
   * that pays, `train` being like `step`; an export for which it never pays is left out, and for a
   * small model all of this.
   */
  readonly threads?: { readonly most: number; readonly rows: Readonly<Record<string, number>> };
  /**
   * The name of the free dimension, null where the model has none (then every call is of one
   * "row").
   */
  readonly free: string | null;
  readonly inputs: readonly ManifestInput[];
  readonly outputs: readonly ManifestOutput[];
  /** Scalars that `evaluate` leaves. */
  readonly metrics: readonly ManifestMetric[];
  readonly parameters: readonly ManifestParameter[];
  /** Those of layers and the model: files of weights hold them beside the parameters. */
  readonly states: readonly ManifestLayerState[];
  readonly loss: boolean;
  /** Of the loss outside training; null where there is none. */
  readonly lossJoin: Join | null;
  readonly optimizer: {
    readonly name: string;
    /** First values of the arguments. */
    readonly hyper: Readonly<Record<string, number>>;
    readonly places: Readonly<Record<string, ManifestPlace>>;
    readonly states: readonly ManifestState[];
  } | null;
  /** By layer call; only of modules compiled with probes. */
  readonly probes?: readonly ManifestProbe[];
  /** The number of steps made: one f64, whatever the module's format, and whole up to 2⁵³. */
  readonly step: ManifestPlace;
  /**
   * Bytes: of the fixed part, for each row of capacity, and how many rows the inputs of one call
   * may have at most.
   */
  readonly arena: { readonly fixed: number; readonly perRow: number };
  /** Names and values of the settings it was compiled with, as written. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Why a call was refused. Stable: programs may branch on them. */
export type ErrorCode =
  | "aborted"
  | "bad-weights"
  | "batch-mismatch"
  | "busy"
  | "disposed"
  | "diverged"
  | "empty-batch"
  | "fetch-failed"
  | "label-out-of-range"
  | "missing-input"
  | "module-failed"
  | "no-loss"
  | "no-optimizer"
  | "no-probes"
  | "no-simd"
  | "not-a-module"
  | "not-a-number"
  | "out-of-memory"
  | "unknown-hyper"
  | "unknown-input"
  | "unknown-output"
  | "unknown-parameter"
  | "worker-failed"
  | "wrong-build"
  | "wrong-option"
  | "wrong-size"
  | "wrong-type"
  | "wrong-version";

export type Shape = readonly number[];

/** Names and their shapes; `number` is the free dimension. */
export type Shapes = Readonly<Record<string, Shape>>;

/** What is known of a model when types are checked. The generated `.d.ts` narrows every member. */
export interface ModelTypes {
  readonly dtype: "f32" | "f64";
  readonly inputs: Shapes;
  readonly targets: Shapes;
  readonly outputs: Shapes;
  /** By path. */
  readonly parameters: Shapes;
  /** Of layers and the model, by path. */
  readonly states: Shapes;
  /** Paths of the parameters that are never trained. */
  readonly frozen: string;
  readonly metrics: string;
  readonly hyper: string;
}

/** The module's number format as an array. */
export type Floats<M extends ModelTypes = ModelTypes> = {
  readonly f32: Float32Array;
  readonly f64: Float64Array;
}[M["dtype"]];

/** Numbers in row-major order, and their shape. */
export interface Tensor<S extends Shape = Shape, F = Float32Array | Float64Array> {
  readonly data: F;
  readonly shape: S;
}

/** Bytes in memory of their own; a TypeScript before 5.7 knows no other than `Uint8Array`. */
export type Bytes = ReturnType<Uint8Array["slice"]>;

/** For `using`, where the libraries that types are checked with know `Symbol.dispose`. */
export type Disposer = SymbolConstructor extends { readonly dispose: infer D extends symbol }
  ? { [K in D]: () => void }
  : object;

export type TypedNumbers =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Lists of lists, as deep as the shape has axes. */
export type Nested<S extends Shape> = number extends S["length"]
  ? number | boolean | TypedNumbers | readonly Nested<Shape>[]
  : S extends readonly [number, ...infer Rest extends Shape]
    ? readonly (Nested<Rest> | (Rest extends readonly [number] ? TypedNumbers : never))[]
    : number | boolean;

/** What may be given for a tensor: flat numbers, nested lists, or numbers with their shape. */
export type Data<S extends Shape = Shape> =
  | TypedNumbers
  | readonly number[]
  | Nested<S>
  | { readonly data: TypedNumbers | readonly number[]; readonly shape: Shape };

export type Inputs<M extends ModelTypes> = { readonly [K in keyof M["inputs"]]: Data<M["inputs"][K]> };
export type Targets<M extends ModelTypes> = { readonly [K in keyof M["targets"]]: Data<M["targets"][K]> };
/** Inputs and targets: what the loss reads. */
export type Examples<M extends ModelTypes> = Inputs<M> & Targets<M>;
export type Outputs<M extends ModelTypes> = {
  readonly [K in keyof M["outputs"]]: Tensor<M["outputs"][K], Floats<M>>;
};
/** Parameters, and states of layers. */
export type Owned<M extends ModelTypes> = M["parameters"] & M["states"];
/** Paths of the parameters that are trained; any path where the model is not known. */
export type TrainedPath<M extends ModelTypes> = string extends M["frozen"]
  ? keyof M["parameters"]
  : Exclude<keyof M["parameters"], M["frozen"]>;
/** Of every parameter but the frozen ones. */
export type Gradients<M extends ModelTypes> = {
  readonly [K in TrainedPath<M>]: Tensor<M["parameters"][K], Floats<M>>;
};

export interface LoadOptions {
  /** Draws the first weights and every random number after them: 0 … 2³² - 1, 0 by default. */
  readonly seed?: number;
  /**
   * How many threads share the work, 1 by default. Results are the same to the bit. Where it cannot
   * be so many, `net.threads` says why.
   */
  readonly threads?: number;
}

/** Bytes of a module, a response or address that leads to them, or the module itself. */
export type Source = ArrayBuffer | ArrayBufferView | Response | URL | WebAssembly.Module;

/**
 * What a step does to a layer call. NaN and left out: what the model has not, for want of a loss or
 * an optimizer.
 */
export interface LayerProbe {
  /** `h.0` */
  readonly path: string;
  /** The layer's name. */
  readonly callee: string;
  /**
   * Of its output in training, over all rows and entries. The deviation is that of all entries, so
   * their number divides it.
   */
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** The share of the entries that are 0. */
  readonly zeros: number;
  /** Entries of the last axis; 1 where that is the batch, 0 where the layer gives no tensor. */
  readonly units: number;
  /** How many of them were 0 on every row, and which. */
  readonly dead: number;
  readonly deadUnits: readonly number[];
  /** The L2 norm of the loss's gradient at the output; 0 where none flows. */
  readonly gradient: number;
  /** Of its own parameters that are trained, by path: the L2 norm of the gradient. */
  readonly gradients: Readonly<Record<string, number>>;
  /** The same: ‖new - old‖ / ‖old‖ of the step. */
  readonly updates: Readonly<Record<string, number>>;
}

/** After one step of `fit`. */
export interface StepReport {
  /** 1 for the first. */
  readonly epoch: number;
  /** Which batch of the epoch, from 1, and how many there are. */
  readonly batch: number;
  readonly batches: number;
  /** How many rows this batch has; the last of an epoch may be smaller. */
  readonly rows: number;
  /** Steps made since the model was initialized. */
  readonly step: number;
  /** Of this batch, before the step. */
  readonly loss: number;
  /** Of this step, where it was probed. */
  readonly layers?: readonly LayerProbe[];
}

/** Loss and metrics of a set of rows, outside training. */
export interface Measured {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** The weights of an epoch after which none was better yet. */
export interface Best {
  readonly epoch: number;
  /** The loss that it was the best by. */
  readonly loss: number;
  /** What `save` gave then. */
  readonly weights: Bytes;
}

/** After one epoch of `fit`. */
export interface EpochReport {
  /** 1 for the first. */
  readonly epoch: number;
  readonly steps: number;
  /** The mean over rows of the losses seen during the epoch. */
  readonly loss: number;
  /** Of the steps, without what is evaluated after them and what callbacks are waited for. */
  readonly seconds: number;
  /** The optimizer's arguments at its end. */
  readonly hyper: Readonly<Record<string, number>>;
  /** Of the rows trained on, with the weights at its end: with `metrics: true`. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** With `validate`. */
  readonly validation?: Measured;
  /** The best epoch so far: with `patience`. */
  readonly best?: Best;
  /** Of the epoch's probed steps, joined; left out where there was none. */
  readonly layers?: readonly LayerProbe[];
}

/** What is kept of an epoch's report: all but the bytes of the best weights, which would add up. */
export interface PastEpoch extends Omit<EpochReport, "best"> {
  readonly best?: Omit<Best, "weights">;
}

/** What `fit` did. */
export interface FitReport {
  /** How many were made. */
  readonly epochs: number;
  readonly steps: number;
  readonly seconds: number;
  /** Of the last epoch; NaN where there was none. */
  readonly loss: number;
  readonly history: readonly PastEpoch[];
  /** Why it ended: all epochs were made, or `patience` was out. */
  readonly stopped: "epochs" | "patience";
  /** Whose weights are in the net: with `patience`, where a loss was finite. */
  readonly best?: Best;
}

export interface FitOptions<M extends ModelTypes = ModelTypes> {
  /** Passes over the data, 1 by default. */
  readonly epochs?: number;
  /** Rows of a step, 32 by default. The last batch of an epoch holds the rest. */
  readonly batch?: number;
  /** A new order each epoch, true by default. */
  readonly shuffle?: boolean;
  /** Of the orders; the net's own by default. */
  readonly seed?: number;
  /**
   * The number of the first epoch, 1 by default. Orders depend on it, so training that goes on
   * after a pause gives it.
   */
  readonly firstEpoch?: number;
  /**
   * The batch of the first epoch to begin with, 1 by default: for training that goes on in the
   * middle of an epoch. The epoch counts as one.
   */
  readonly firstBatch?: number;
  /**
   * The sum over the rows before `firstBatch` of their losses, so that the epoch's report is of all
   * its rows; 0 by default. `patience` without `validate` goes by that report, and demands it.
   */
  readonly lossBefore?: number;
  /**
   * Examples that are evaluated after each epoch and not trained on; or the share of the rows, such
   * as 0.1, that is held out for it: those that `order(rows, 0, seed)` begins with.
   */
  readonly validate?: number | Examples<M>;
  /** Whether the metrics of the rows trained on are evaluated after each epoch; false by default. */
  readonly metrics?: boolean;
  /**
   * Ends after so many epochs without a better loss: that of `validate`, else that of the epoch. In
   * the end the net is as the best epoch left it.
   */
  readonly patience?: number;
  /**
   * The best epoch before `firstEpoch`, as its report had it: for training with `patience` that goes
   * on after a pause. @throws `bad-weights`
   */
  readonly best?: Best;
  /**
   * Probes every step whose number can be divided by this: its report has `layers`, as that of the
   * epoch. Other steps cost nothing more. @throws `no-probes`
   */
  readonly probe?: number;
  /** Called after each step; a promise that it returns is awaited. */
  readonly onStep?: (report: StepReport) => unknown;
  /** Called after each epoch; a promise that it returns is awaited. */
  readonly onEpoch?: (report: EpochReport) => unknown;
  /** Aborting makes `fit` reject with `aborted`, after the step that is running. */
  readonly signal?: AbortSignal;
}

/**
 * A model in memory, with its weights. Every method throws an `NndslError` for what it cannot do
 * and then leaves the model as it was; after `dispose` all of them throw `disposed`.
 *
 * `step`, `loss`, and `predict` into arrays of one's own allocate nothing where their inputs are
 * typed arrays; lists are copied.
 */
export interface Net<M extends ModelTypes = ModelTypes> extends Disposer {
  readonly manifest: Manifest;
  /** How many share the work, and why there are not so many as were asked for. */
  readonly threads: { readonly count: number; readonly reason: string | null };
  /** Of the last `load`, `reset` or `restore`. */
  readonly seed: number;
  /** Steps of the optimizer made so far. */
  readonly steps: number;
  /**
   * The optimizer's arguments, such as `lr`; assign to change them. @throws `unknown-hyper`,
   * `not-a-number`
   */
  readonly hyper: { [K in M["hyper"]]: number };

  /** The outputs, as copies. Targets may be given too and are not read. */
  predict(inputs: Inputs<M>): Outputs<M>;
  /**
   * Writes the outputs named in `into` to the arrays there, which must be long enough, and returns
   * `into`.
   */
  predict<I extends { readonly [K in keyof M["outputs"]]?: Float32Array | Float64Array }>(
    inputs: Inputs<M>,
    into: I,
  ): I;
  /** The loss outside training. @throws `no-loss` */
  loss(examples: Examples<M>): number;
  /**
   * The loss outside training (NaN where the model has none) and the metrics. @throws `no-loss`
   * without either
   */
  evaluate(examples: Examples<M>): {
    readonly loss: number;
    readonly metrics: { readonly [K in M["metrics"]]: number };
  };
  /**
   * The loss in training and its gradient with respect to each parameter that is not frozen, as
   * copies. Changes nothing. @throws `no-loss`
   */
  gradients(examples: Examples<M>): { readonly loss: number; readonly gradients: Gradients<M> };
  /** One step of the optimizer. @returns the loss in training, before it. @throws `no-optimizer` */
  step(examples: Examples<M>): number;
  /**
   * What the next step would do to each layer call. Changes nothing.
   * @throws `no-probes` for a module that was compiled without `--probe`
   */
  probe(examples: Examples<M>): { readonly layers: readonly LayerProbe[] };
  /**
   * Steps over batches of the data; gives way to the event loop every 16 ms. Stops at a loss that
   * is not finite.
   * @throws `no-optimizer`, `aborted`, `busy`, `diverged`: its `cause` is the `StepReport` of that
   * step, with the `best` epoch so far beside it if there is `patience`. The net is then as the last
   * step left it, and so it is where a callback throws, which `fit` passes on
   */
  fit(examples: Examples<M>, options?: FitOptions<M>): Promise<FitReport>;
  /**
   * The order in which an epoch of `fit` takes so many rows. Epoch 0 is no epoch's: by its order
   * `validate` holds out a share. With the net's own seed by default. @throws `busy` during `fit`
   */
  order(rows: number, epoch: number, seed?: number): Uint32Array;

  /** A copy of a parameter, or of a state of a layer. @throws `unknown-parameter` */
  get<K extends keyof Owned<M>>(path: K): Tensor<Owned<M>[K], Floats<M>>;
  /**
   * Copies values into a parameter, or a state. @throws `unknown-parameter`, `wrong-size`,
   * `wrong-type`
   */
  set<K extends keyof Owned<M>>(path: K, data: Data<Owned<M>[K]>): void;
  /**
   * The live memory of a parameter or a state. Void once the memory grows: for a larger batch than any before,
   * or in `fit`. @throws `unknown-parameter`
   */
  view(path: keyof Owned<M>): Floats<M>;

  /**
   * Everything that training has made: weights, states, arguments of the optimizer, step and seed,
   * as safetensors. `metadata` is kept in the file beside the model's own.
   */
  save(metadata?: Readonly<Record<string, string>>): Bytes;
  /**
   * What `save` wrote; or the weights alone from any safetensors file with a tensor for each
   * path of a parameter or a layer's state, as from PyTorch's `state_dict`: then the optimizer begins afresh and keeps
   * its arguments. A frozen parameter that the file has not stays as it is.
   * @throws `bad-weights`
   */
  restore(bytes: ArrayBuffer | ArrayBufferView): void;
  /** First values of everything, drawn anew; with the net's own seed by default. */
  reset(seed?: number): void;
  /** Lets go of the memory and ends the threads. May be called again. */
  dispose(): void;
}
