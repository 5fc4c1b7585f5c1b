/** What a compiled module says of itself: JSON in its custom section `nndsl`. */

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
    /** By line, where a line says what it trains: of each the paths as written, null for the rest. */
    readonly groups?: readonly {
      readonly name: string;
      readonly for: readonly string[] | null;
      /** Paths of the parameters that it trains. */
      readonly parameters: readonly string[];
    }[];
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
