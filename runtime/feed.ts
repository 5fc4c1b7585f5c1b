import type { Arena } from "./arena.ts";
import { NndslError } from "./errors.ts";
import { entries, extentOf, rowsOfLength, rowsOfShape, showShape, type Extent } from "./extent.ts";
import type { Manifest, ManifestInput } from "./manifest.ts";
import type { ErrorCode } from "./types.ts";

/** Typed arrays give parts of themselves. */
type Numbers = ArrayLike<number> & { subarray?(start: number, end: number): ArrayLike<number> };

/** Entries from which on a part of an array is moved faster than its entries one by one. */
const LONG = 32;

const NOTHING: Numbers = [];

const isTyped = (value: unknown): value is ArrayLike<number | bigint> =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

const isList = (value: unknown): value is ArrayLike<unknown> => Array.isArray(value) || isTyped(value);

const isTensor = (value: unknown): value is { data: ArrayLike<unknown>; shape: ArrayLike<number> } =>
  typeof value === "object" &&
  value !== null &&
  "data" in value &&
  "shape" in value &&
  isList(value.data) &&
  isList(value.shape);

/** What a wrong thing is, for a message. */
const describe = (value: unknown): string =>
  value === null
    ? "null"
    : typeof value === "string"
      ? JSON.stringify(value.slice(0, 40))
      : `a ${typeof value}`;

/**
 * The door for one tensor. `take` checks a value from outside and remembers it, `write` and `gather` put what was taken into the
 * module's memory; so all values of a call are checked before the first is written.
 */
export class Feed {
  readonly name: string;
  readonly extent: Extent;
  /** How messages call it: "input `x`". */
  readonly #title: string;
  readonly #type: ManifestInput["dtype"];
  /** Least and greatest label. */
  readonly #least: number;
  readonly #greatest: number;
  #values: Numbers = NOTHING;

  constructor(
    title: string,
    about: Pick<ManifestInput, "name" | "shape" | "dtype" | "classes">,
    format: Manifest["dtype"],
  ) {
    this.name = about.name;
    this.extent = extentOf(about.shape);
    this.#title = `${title} \`${about.name}\``;
    this.#type = about.dtype;
    // Beyond these a float cannot hold every integer.
    const exact = format === "f64" ? Number.MAX_SAFE_INTEGER : 2 ** 24;
    this.#greatest = about.dtype === "bool" ? 1 : about.classes === undefined ? exact : about.classes - 1;
    this.#least = about.dtype === "bool" || about.classes !== undefined ? 0 : -exact;
  }

  /**
   * Checks a value and keeps it for `write`. What lies in the module's own memory (`net.view`) is copied: it moves when that grows,
   * and changes when a step is made.
   * @returns its rows, 1 where no axis is free
   */
  take(value: unknown, arena: Arena): number {
    const rows = this.#read(value);
    const values = this.#values;
    if (ArrayBuffer.isView(values) && values.buffer === arena.floats.buffer)
      this.#values = Array.from(values);
    if (this.#type !== "float") this.#checkLabels(rows);
    return rows;
  }

  /** Forgets what was taken, so that it can be collected. */
  clear(): void {
    this.#values = NOTHING;
  }

  /** Writes all that was taken. */
  write(arena: Arena, index: number): void {
    arena.floats.set(this.#values, index);
  }

  /** Writes the rows `order[from] … order[from + rows - 1]` of the `total` that were taken. */
  gather(arena: Arena, index: number, order: Uint32Array, from: number, rows: number, total: number): void {
    const { free, outer, inner } = this.extent;
    if (!free) return this.write(arena, index);
    const { floats } = arena;
    const values = this.#values;
    let to = index;
    for (let o = 0; o < outer; o++) {
      for (let r = from; r < from + rows; r++) {
        const start = (o * total + (order[r] ?? 0)) * inner;
        if (inner >= LONG && values.subarray) floats.set(values.subarray(start, start + inner), to);
        else for (let i = 0; i < inner; i++) floats[to + i] = values[start + i] ?? NaN;
        to += inner;
      }
    }
  }

  #read(value: unknown): number {
    if (isTyped(value)) return this.#flat(value);
    if (isTensor(value)) {
      const rows = rowsOfShape(this.extent, value.shape);
      if (rows < 0) this.#refuseShape(value.shape);
      if (value.data.length !== entries(this.extent, rows)) {
        this.#fail(
          "wrong-size",
          `says shape ${showShape(value.shape)} but holds ${value.data.length} numbers`,
        );
      }
      this.#flat(value.data);
      return rows;
    }
    if (Array.isArray(value)) return isList(value[0]) ? this.#nested(value) : this.#flat(value);
    if (typeof value === "number" || typeof value === "boolean") return this.#flat([value]);
    return this.#fail(
      "wrong-type",
      `must be numbers (a typed array, nested lists or a tensor), not ${describe(value)}`,
    );
  }

  #flat(list: ArrayLike<unknown>): number {
    const rows = rowsOfLength(this.extent, list.length);
    if (rows < 0) {
      const one = this.extent.outer * this.extent.inner;
      this.#fail(
        "wrong-size",
        `needs shape ${showShape(this.extent.sizes)}, and ${list.length} numbers are ${this.extent.free ? `no multiple of ${one}` : `not ${one}`}`,
      );
    }
    if (isTyped(list)) {
      // A view of numbers holds numbers, or bigints in all places.
      this.#values = typeof list[0] === "bigint" ? Float64Array.from(list, Number) : (list as Numbers);
      return rows;
    }
    for (let i = 0; i < list.length; i++) {
      const entry = list[i];
      if (typeof entry !== "number" && typeof entry !== "boolean") this.#refuseEntry(entry, i, rows);
    }
    // Each entry has just been seen to be a number, or a boolean, which typed arrays take as 0 and 1.
    this.#values = list as Numbers;
    return rows;
  }

  #nested(list: ArrayLike<unknown>): number {
    const rank = this.extent.sizes.length;
    const shape: number[] = [];
    // Deeper than the rank is wrong already; a list that holds itself would have no end.
    for (let level: unknown = list; isList(level) && shape.length <= rank; level = level[0]) {
      shape.push(level.length);
    }
    const rows = rowsOfShape(this.extent, shape);
    if (rows < 0) this.#refuseShape(shape);
    const values = new Float64Array(entries(this.extent, rows));
    let at = 0;
    const fill = (level: unknown, axis: number): void => {
      if (axis === rank) {
        if (typeof level === "number" || typeof level === "boolean" || typeof level === "bigint") {
          values[at++] = Number(level);
        } else this.#refuseEntry(level, at, rows);
      } else if (isList(level) && level.length === shape[axis]) {
        for (let i = 0; i < level.length; i++) fill(level[i], axis + 1);
      } else {
        this.#fail(
          "wrong-size",
          `is ragged: ${this.#row(at, rows)} has ${isList(level) ? level.length : describe(level)} where others have ${shape[axis]}`,
        );
      }
    };
    fill(list, 0);
    this.#values = values;
    return rows;
  }

  #checkLabels(rows: number): void {
    const values = this.#values;
    for (let i = 0; i < values.length; i++) {
      const label = Number(values[i]);
      if (Number.isInteger(label) && label >= this.#least && label <= this.#greatest) continue;
      const code = Number.isNaN(label)
        ? "not-a-number"
        : Number.isInteger(label)
          ? "label-out-of-range"
          : "wrong-type";
      const kind = this.#type === "bool" ? "booleans" : "integers";
      this.#fail(
        code,
        `must hold ${kind} from ${this.#least} to ${this.#greatest}; ${this.#row(i, rows)} has ${label}`,
      );
    }
  }

  #refuseShape(shape: ArrayLike<number>): never {
    return this.#fail("wrong-size", `needs shape ${showShape(this.extent.sizes)}, not ${showShape(shape)}`);
  }

  #refuseEntry(entry: unknown, at: number, rows: number): never {
    return this.#fail("wrong-type", `must hold numbers; ${this.#row(at, rows)} has ${describe(entry)}`);
  }

  /** Rows and entries are counted from 0, as in the array. */
  #row(at: number, rows: number): string {
    return this.extent.free ? `row ${Math.floor(at / this.extent.inner) % rows}` : `entry ${at}`;
  }

  #fail(code: ErrorCode, what: string): never {
    throw new NndslError(code, `${this.#title} ${what}.`);
  }
}
