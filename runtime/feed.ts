import type { Arena } from "./arena.ts";
import { refuse, refuseFor, shown } from "./errors.ts";
import { entries, extentOf, rowsOfLength, rowsOfShape, showShape, type Extent } from "./extent.ts";
import { isAmong, labelsOf } from "./labels.ts";
import type { ManifestInput, ManifestPlace } from "./manifest.ts";
import type { ErrorCode, TypedNumbers } from "./types.ts";

type Typed = Exclude<TypedNumbers, BigInt64Array | BigUint64Array>;

/** Entries from which on a part of an array is moved faster than its entries one by one. */
const LONG = 32;

const NOTHING = new Float64Array();

const isTyped = (value: unknown): value is TypedNumbers =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

/** What numbers may be given in; nothing else has entries that could be counted. */
export const isList = (value: unknown): value is ArrayLike<unknown> => Array.isArray(value) || isTyped(value);

/**
 * The door for one tensor. `take` reads a value from outside, in which a caller's code may run;
 * `check` judges what was taken, in which none does; `write` and `gather` put it into the module's
 * memory. So all values of a call are read before the first is checked, and checked before the
 * first is written.
 */
export class Feed {
  readonly name: string;
  readonly extent: Extent;
  readonly place: ManifestPlace;
  /** Whether it is one that `predict` does not read. */
  readonly target: boolean;
  /** How messages call it: "input `x`". */
  readonly #title: string;
  readonly #type: ManifestInput["dtype"];
  /** The least and the greatest, and others. */
  readonly #labels: readonly number[];
  /** Where a call is to write it, if it is an output, and which call. */
  #to: Float32Array | Float64Array = NOTHING;
  #call = 0;
  /** The last output, and the memory it lies in: a call of as many rows needs no new view. */
  #output: Float32Array | Float64Array = NOTHING;
  #memory: Float32Array | Float64Array = NOTHING;
  #values: Typed = NOTHING;
  /** A list that was taken instead, and its shape. */
  #list: ArrayLike<unknown> | undefined;
  #shape: readonly number[] = [];
  #count = 0;

  /** @throws `not-a-module` where it has no place in the arena */
  constructor(
    role: string,
    name: string,
    input: Pick<ManifestInput, "shape" | "place"> & Partial<ManifestInput>,
    arena: Arena,
  ) {
    const { shape, place, dtype = "float" } = input;
    this.name = name;
    this.extent = extentOf(shape);
    this.place = arena.checked(name, place, this.extent);
    this.target = role === "target";
    this.#title = `${role} \`${name}\``;
    this.#type = dtype;
    // Beyond these a float cannot hold every integer.
    const exact = arena.floats instanceof Float64Array ? Number.MAX_SAFE_INTEGER : 2 ** 24;
    this.#labels = labelsOf(input, exact);
  }

  /**
   * Reads a value, for `check` and then `write`. It is copied where it could change in between:
   * memory that other threads see, and the module's own (`net.view`), which moves when that grows.
   * Of a list only the shape is read; its numbers are when they are written or settled.
   * @returns its rows, 1 where no axis is free
   */
  take(value: unknown, arena: Arena): number {
    try {
      return this.#read(value, arena.floats.buffer);
    } catch (cause) {
      return refuseFor(cause, "wrong-type", this.#title);
    }
  }

  /** Forgets what was taken, so that it can be collected. */
  clear(): void {
    this.#values = NOTHING;
    this.#list = undefined;
  }

  /** Reads the numbers of a list, so that nothing can be wrong with them later. */
  settle(): void {
    const list = this.#list;
    if (!list) return;
    const values = new Float64Array(this.#count);
    this.#fill(list, values, 0);
    this.clear();
    this.#values = values;
  }

  /** Writes all that was taken. A list is checked meanwhile, and its owner's code may run. */
  write(arena: Arena, index = arena.index(this.place)): void {
    if (this.#list) this.#fill(this.#list, arena.floats, index);
    else arena.floats.set(this.#taken, index);
  }

  /** Notes where an output goes. */
  aim(to: Float32Array | Float64Array, call: number): void {
    this.#to = to;
    this.#call = call;
  }

  /** Copies an output to where this call wants it. */
  pour(arena: Arena, rows: number, call: number): void {
    if (this.#call !== call) return;
    const { floats } = arena;
    const count = entries(this.extent, rows);
    if (this.#memory !== floats || this.#output.length !== count) {
      const from = arena.index(this.place);
      this.#output = floats.subarray(from, from + count);
      this.#memory = floats;
    }
    this.#to.set(this.#output);
    this.#to = NOTHING;
  }

  /**
   * Writes the rows `order[from] … order[from + rows - 1]` of the `total` that were taken; without an
   * order they are in that of the data.
   */
  gather(arena: Arena, order: Uint32Array | null, from: number, rows: number, total: number): void {
    if (!this.extent.free) return this.write(arena);
    this.#pick(arena.floats, arena.index(this.place), order, from, rows, total);
  }

  /** Takes, of the `total` rows that another feed of this input has taken, those in `order`. */
  takeFrom(other: Feed, order: Uint32Array, total: number): this {
    let values = other.#taken;
    if (this.extent.free) {
      // Not its own `slice`, which a subclass may have made a view: Node's Buffer has.
      const count = entries(this.extent, order.length);
      // Of the same type as what it is called on, whatever it is typed as.
      values = Float64Array.prototype.slice.call(values, 0, count) as Typed;
      other.#pick(values, 0, order, 0, order.length, total);
    }
    this.#values = values;
    this.#count = values.length;
    return this;
  }

  #pick(to: Typed, at: number, order: Uint32Array | null, from: number, rows: number, total: number): void {
    const { outer, inner } = this.extent;
    const values = this.#taken;
    for (let o = 0; o < outer; o++) {
      for (let r = from; r < from + rows; r++) {
        const start = (o * total + (order ? order[r]! : r)) * inner;
        if (inner >= LONG) to.set(values.subarray(start, start + inner), at);
        else for (let i = 0; i < inner; i++) to[at + i] = values[start + i]!;
        at += inner;
      }
    }
  }

  /**
   * What was taken. Typed arrays are no copies, and a caller may take their buffers away, or resize
   * them.
   */
  get #taken(): Typed {
    this.settle();
    const values = this.#values;
    if (values.length !== this.#count) this.#fail("wrong-size", "has changed in the meantime");
    return values;
  }

  #read(value: unknown, own: ArrayBufferLike): number {
    const { extent } = this;
    let list = value;
    let rows: number | undefined;
    if (typeof value === "number" || typeof value === "boolean") list = [value];
    else if (
      typeof value === "object" &&
      value !== null &&
      !isList(value) &&
      "data" in value &&
      "shape" in value
    ) {
      const { data, shape } = value;
      if (isList(data) && isList(shape)) {
        // What it holds is compared with the sizes of the extent, and those that are free are
        // divided.
        rows = this.#rows(shape as ArrayLike<number>);
        const count = data.length;
        if (count !== entries(extent, rows)) {
          this.#fail(
            "wrong-size",
            `says shape ${showShape(shape as ArrayLike<number>)} but holds ${count} numbers`,
          );
        }
        list = data;
      }
    }
    if (!isList(list)) {
      return this.#fail(
        "wrong-type",
        `must be numbers (a typed array, nested lists or a tensor), not ${shown(value)}`,
      );
    }
    const first = list[0];
    const typed =
      isTyped(list) && typeof first !== "bigint" && list.buffer !== own && list.buffer instanceof ArrayBuffer;
    const shape = [list.length];
    let level: unknown = list;
    if (!typed && rows === undefined && isList(first)) {
      // Deeper than the rank is wrong already; a list that holds itself would have no end.
      for (let next: unknown = first; isList(next) && shape.length <= extent.sizes.length; next = next[0]) {
        shape.push(next.length);
        level = next;
      }
      rows = this.#rows(shape);
    }
    rows ??= this.#rowsOf(list.length);
    this.#count = entries(extent, rows);
    this.clear();
    // Of numbers, as its first is no bigint.
    if (typed) this.#values = list as Typed;
    else {
      this.#list = list;
      this.#shape = shape;
      if (isTyped(level) && level.buffer === own) this.settle();
    }
    return rows;
  }

  /** Writes the numbers of a list, as they are read. @throws what `check` does, and `wrong-size` */
  #fill(list: ArrayLike<unknown>, to: Typed, start: number): void {
    const shape = this.#shape;
    let at = 0;
    const fill = (level: ArrayLike<unknown>, axis: number): void => {
      const length = shape[axis + 1];
      for (let i = 0; i < shape[axis]!; i++) {
        const entry = level[i];
        const kind = typeof entry;
        if (length !== undefined) {
          if (isList(entry) && entry.length === length) fill(entry, axis + 1);
          else {
            this.#fail(
              "wrong-size",
              `is ragged: ${this.#row(at)} has ${isList(entry) ? entry.length : shown(entry)} where others have ${length}`,
            );
          }
        } else if (kind === "number" || kind === "boolean" || kind === "bigint") {
          const number = Number(entry);
          this.#checkLabel(number, at);
          to[start + at++] = number;
        } else this.#fail("wrong-type", `must hold numbers; ${this.#row(at)} has ${shown(entry)}`);
      }
    };
    try {
      fill(list, 0);
    } catch (cause) {
      refuseFor(cause, "wrong-type", this.#title);
    }
  }

  /** The rows of a shape. */
  #rows(shape: ArrayLike<number>): number {
    const rows = rowsOfShape(this.extent, shape);
    if (rows >= 0) return rows;
    return this.#fail("wrong-size", `needs shape ${showShape(this.extent.sizes)}, not ${showShape(shape)}`);
  }

  /** The rows of so many numbers. */
  #rowsOf(length: number): number {
    const { extent } = this;
    const rows = rowsOfLength(extent, length);
    if (rows >= 0) return rows;
    const one = extent.outer * extent.inner;
    return this.#fail(
      "wrong-size",
      `needs shape ${showShape(extent.sizes)}, and ${length} numbers are ${extent.free ? `no multiple of ${one}` : `not ${one}`}`,
    );
  }

  /**
   * A list is checked as it is read.
   * @throws `not-a-number`, `label-out-of-range`, `wrong-type` for what is no label
   */
  check(): void {
    if (this.#type === "float" || this.#list) return;
    const values = this.#taken;
    for (let i = 0; i < values.length; i++) this.#checkLabel(values[i]!, i);
  }

  #checkLabel(label: number, at: number): void {
    const whole = Number.isInteger(label);
    if (this.#type === "float" || (whole && isAmong(this.#labels, label))) return;
    // NaN is not equal to itself.
    const code = whole ? "label-out-of-range" : label === label ? "wrong-type" : "not-a-number";
    const kind = this.#type === "bool" ? "booleans" : "integers";
    this.#fail(
      code,
      `must hold ${kind} from ${this.#labels[0]} to ${this.#labels.slice(1).join(" or ")}; ${this.#row(at)} has ${label}`,
    );
  }

  /** Rows and entries are counted from 0, as in the array. */
  #row(at: number): string {
    const { free, outer, inner } = this.extent;
    return free ? `row ${Math.floor(at / inner) % (this.#count / (outer * inner))}` : `entry ${at}`;
  }

  #fail(code: ErrorCode, what: string): never {
    return refuse(code, `${this.#title} ${what}.`);
  }
}
