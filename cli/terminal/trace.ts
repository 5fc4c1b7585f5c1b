/** A long series kept short. */

/** Points that are kept at most; more than any terminal has dots in a line. */
const limit = 1024;

/**
 * The course of a value over any number of steps, as at most `limit` means of equally many steps:
 * when it is full, neighbors become one.
 */
export class Trace {
  #means: number[] = [];
  /** Steps of one mean. */
  #stride = 1;
  #sum = 0;
  #count = 0;

  add(value: number): void {
    this.#sum += value;
    this.#count += 1;
    if (this.#count < this.#stride) return;
    this.#means.push(this.#sum / this.#count);
    [this.#sum, this.#count] = [0, 0];
    if (this.#means.length < limit) return;
    this.#means = Array.from(
      { length: limit / 2 },
      (_, i) => (this.#means[2 * i]! + this.#means[2 * i + 1]!) / 2,
    );
    this.#stride *= 2;
  }

  /** The means, and that of the steps begun. */
  values(): readonly number[] {
    return this.#count === 0 ? this.#means : [...this.#means, this.#sum / this.#count];
  }
}
