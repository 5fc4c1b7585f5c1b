/**
 * The public types of the runtime, in one file that needs no other but the manifest: the compiler
 * copies it into every generated `NAME.d.ts`, where `ModelTypes` is filled in with the model's own
 * names and shapes.
 */
import type { Manifest } from "./manifest.ts";

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
/** What the optimizer keeps for a parameter: `optimizer.average.h.weight` is shaped like `h.weight`. */
export type OptimizerPath<
  M extends ModelTypes,
  P extends keyof M["parameters"],
> = `optimizer.${string}.${P & string}`;
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

  /** A copy of a parameter, or of a state of a layer or the optimizer. @throws `unknown-parameter` */
  get<K extends keyof Owned<M>>(path: K): Tensor<Owned<M>[K], Floats<M>>;
  get<P extends keyof M["parameters"]>(path: OptimizerPath<M, P>): Tensor<M["parameters"][P], Floats<M>>;
  /**
   * Copies values into a parameter, or a state. @throws `unknown-parameter`, `wrong-size`,
   * `wrong-type`
   */
  set<K extends keyof Owned<M>>(path: K, data: Data<Owned<M>[K]>): void;
  set<P extends keyof M["parameters"]>(path: OptimizerPath<M, P>, data: Data<M["parameters"][P]>): void;
  /**
   * The live memory of a parameter or a state. Void once the memory grows: for a larger batch than any before,
   * or in `fit`. @throws `unknown-parameter`
   */
  view(path: keyof Owned<M> | OptimizerPath<M, keyof M["parameters"]>): Floats<M>;

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
