import { refuse } from "./errors.ts";
import type { Extent } from "./extent.ts";
import type { Manifest, ManifestPlace } from "./manifest.ts";

/** What a compiled module exports: see `docs/abi.md`. */
export interface ModuleExports {
  readonly memory: WebAssembly.Memory;
  readonly arena: WebAssembly.Global<"i32">;
  readonly capacity: WebAssembly.Global<"i32">;
  readonly seed: WebAssembly.Global<"i32">;
  reserve(rows: number): number;
  initialize(seed: number): void;
  predict(rows: number): void;
  evaluate?(rows: number): number;
  gradients?(rows: number): number;
  step?(rows: number): number;
  probe?(rows: number): number;
  probed_step?(rows: number): number;
  train?(
    data: number,
    order: number,
    losses: number,
    total: number,
    batch: number,
    shuffle: number,
    seed: number,
    epoch: number,
    from: number,
    steps: number,
  ): number;
  shuffle(address: number, count: number, seed: number, epoch: number): void;
}

/** What 32-bit addresses reach. */
const REACH = 2 ** 32;
const PAGE = 65536;

/**
 * Whether a number of a manifest or a module, which may be damaged, is a multiple of `step` from 0
 * to `most`.
 */
const within = (value: unknown, step: number, most: number): boolean =>
  typeof value === "number" && value >= 0 && value <= most && value % step === 0;

/** The module's memory, seen as numbers of its format. */
export class Arena {
  readonly exports: ModuleExports;
  /** All of the memory. A new one after it has grown. */
  floats!: Float32Array | Float64Array;
  /** The same as f64. */
  doubles!: Float64Array;
  /** Rows that there is room for. */
  capacity!: number;
  readonly #layout: Manifest["arena"];
  readonly #bytes: number;
  readonly #base: number;

  /** @throws `not-a-module` where the manifest's arena does not lie in the module's memory */
  constructor(exports: ModuleExports, manifest: Manifest) {
    this.exports = exports;
    this.#layout = manifest.arena;
    this.#bytes = manifest.dtype === "f64" ? 8 : 4;
    this.#base = exports.arena.value >>> 0;
    this.#see();
    const { fixed, perRow } = this.#layout;
    const right =
      within(this.#base, 16, REACH) && within(fixed, 16, REACH) && within(perRow, this.#bytes, REACH);
    if (!right) this.#refuse("arena");
  }

  /** Sees the memory, and how many rows there is room for, as they are now. */
  #see(): void {
    const { buffer } = this.exports.memory;
    // No shift: beyond 2 GB it would have a sign.
    this.doubles = new Float64Array(buffer, 0, buffer.byteLength / 8);
    this.floats = this.#bytes === 8 ? this.doubles : new Float32Array(buffer);
    this.capacity = this.exports.capacity.value;
    if (!within(this.capacity, 4, REACH) || !(this.end(this.capacity) <= buffer.byteLength)) {
      this.#refuse("arena");
    }
  }

  #refuse(what: string): never {
    return refuse("not-a-module", `The module is damaged: its \`${what}\` has no place.`);
  }

  /** The address behind all that the module takes for so many rows. */
  end(rows: number): number {
    return this.#base + this.#layout.fixed + this.#layout.perRow * rows;
  }

  /** Whether the memory reaches to an address, or could be made to. */
  reach(end: number): boolean {
    const { memory } = this.exports;
    const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return true;
    try {
      memory.grow(missing);
    } catch {
      return false;
    }
    this.#see();
    return true;
  }

  /**
   * A place of the manifest, as it is.
   * @throws `not-a-module` where the tensor that lies there would not be in the arena
   */
  checked<P extends ManifestPlace>(what: string, place: P, { free, outer, inner }: Extent): P {
    const { fixed, perRow } = this.#layout;
    const [[part, at] = [], more] = Object.entries(place);
    const room = (free ? perRow : fixed) - outer * inner * this.#bytes;
    if (part !== (free ? "rows" : "fixed") || more || !within(at, free ? this.#bytes : 8, room))
      this.#refuse(what);
    return place;
  }

  /** The index in `floats` where a tensor begins. */
  index(place: ManifestPlace): number {
    const { fixed } = this.#layout;
    const offset = "fixed" in place ? place.fixed : fixed + place.rows * this.capacity;
    return (this.#base + offset) / this.#bytes;
  }

  /** The number at a place that has been checked. */
  scalar(place: ManifestPlace): number {
    return this.floats[this.index(place)]!;
  }

  /** The index in `doubles` of what lies at a place. */
  double(place: ManifestPlace): number {
    return (this.index(place) * this.#bytes) / 8;
  }

  /** Makes room for so many rows. @throws `out-of-memory`, and then nothing has changed */
  reserve(rows: number): void {
    if (rows <= this.capacity) return;
    const end = this.end(rows + 3);
    if (end > REACH || !this.exports.reserve(rows)) {
      refuse(
        "out-of-memory",
        `There is not enough memory for a batch of ${rows} rows: it takes ${Math.ceil(end / 2 ** 20)} MiB. Use smaller batches.`,
      );
    }
    this.#see();
    if (rows > this.capacity) this.#refuse("capacity");
  }
}
