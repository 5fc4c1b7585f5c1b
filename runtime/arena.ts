import { NndslError } from "./errors.ts";
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

/** The module's memory, seen as numbers of its format. */
export class Arena {
  readonly exports: ModuleExports;
  /** All of the memory. A new one after it has grown. */
  floats: Float32Array | Float64Array;
  /** The same as f64. */
  doubles: Float64Array = new Float64Array();
  /** Rows that there is room for. */
  capacity: number;
  readonly #layout: Manifest["arena"];
  readonly #bytes: number;
  readonly #base: number;

  constructor(exports: ModuleExports, manifest: Manifest) {
    this.exports = exports;
    this.#layout = manifest.arena;
    this.#bytes = manifest.dtype === "f64" ? 8 : 4;
    this.#base = exports.arena.value >>> 0;
    this.capacity = exports.capacity.value;
    this.floats = this.#see();
  }

  #see(): Float32Array | Float64Array {
    const { buffer } = this.exports.memory;
    this.doubles = new Float64Array(buffer, 0, buffer.byteLength >> 3);
    return this.#bytes === 8 ? this.doubles : new Float32Array(buffer);
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
    this.floats = this.#see();
    return true;
  }

  /** The index in `floats` where a tensor begins. */
  index(place: ManifestPlace): number {
    const { fixed } = this.#layout;
    const offset = "fixed" in place ? place.fixed : fixed + place.rows * this.capacity;
    return (this.#base + offset) / this.#bytes;
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
      throw new NndslError(
        "out-of-memory",
        `There is no memory for a batch of ${rows} rows: it takes ${Math.ceil(end / 2 ** 20)} MiB. Use smaller batches.`,
      );
    }
    this.capacity = this.exports.capacity.value;
    this.floats = this.#see();
  }
}
