/** What a product does with its sums: formulas on each vector of results, and stores. */
import type { Product } from "../schedule/kernel.ts";
import type { ProductPlan } from "../schedule/kernel-plan.ts";
import { addressName, advance, further, immediate } from "./address.ts";
import type { Sums, Surroundings } from "./tile.ts";
import type { KernelTools, CodeSite, Values } from "./values.ts";

export class Epilogue {
  readonly #product: Product;
  readonly #plan: ProductPlan;
  readonly #tools: KernelTools;
  readonly #around: Surroundings;
  readonly #room: (bytes: number) => string;
  readonly #rowLoop: number;
  readonly #columnLoop: number;
  readonly #loads: readonly number[];
  /** Loads that all results of a tile have in common. */
  readonly #sharedLoads: readonly number[];
  /** Where values are kept, once any is. */
  #kept: string | null = null;

  /**
   * @param around is read when code is written, and may change in between
   * @param room the address of memory of this worker's own for values that are kept, for so many
   * bytes
   */
  constructor(
    product: Product,
    plan: ProductPlan,
    tools: KernelTools,
    { around, room }: { readonly around: Surroundings; readonly room: (bytes: number) => string },
  ) {
    this.#product = product;
    this.#plan = plan;
    this.#tools = tools;
    this.#around = around;
    this.#room = room;
    this.#columnLoop = product.loops.length - 1;
    this.#rowLoop = product.loops.length - 2;
    this.#loads = [...product.values.keys()].filter((index) => product.values[index]!.kind === "load");
    const shared = new Set(plan.known.slice(0, this.#rowLoop + 1).flat());
    this.#sharedLoads = this.#loads.filter((index) => shared.has(index));
  }

  /**
   * Values that tiles inside `level` open loops have in common. What is computed is kept in memory,
   * and what is loaded is loaded by each tile: in a register it would be one too many for the loop
   * over the depth, and engines then move sums to the stack and back.
   */
  share(level: number, values: Values): void {
    for (const index of this.#plan.known[level]!) this.#keep(index, values);
    values.forget(this.#loads);
  }

  #keep(index: number, values: Values): void {
    const { kind } = this.#product.values[index]!;
    if (kind === "load") return;
    const { text, lanes } = values.compute(index, this.#site(this.#around.addresses, 1, 0, 0));
    if (kind === "constant") return;
    const at = (this.#kept ??= this.#tools.writer.usize(
      "kept",
      this.#room(this.#product.values.length * 16),
    ));
    const offset = immediate(index * 16);
    this.#tools.writer.line(`v128.store(${at}, ${text}${offset});`);
    values.set(index, { text: `v128.load(${at}${offset})`, lanes });
  }

  /** @param columns of the tile that `sums` are of */
  write(columns: number, sums: Sums, values: Values): void {
    const { left, right, operands, stores } = this.#product;
    const productValue = this.#product.values.findIndex((v) => v.kind === "product");
    const addresses = operands.map(({ name, strides }, i) => {
      const outside = this.#around.addresses[i]!;
      if (i === left || i === right) return outside;
      const text = [this.#rowLoop, this.#columnLoop].reduce(
        (base, loop) => advance(base, this.#around.indices[loop]!, strides[loop]!),
        outside,
      );
      return text === outside ? outside : this.#tools.writer.usize(`${addressName(name)}Tile`, text);
    });
    for (const index of this.#sharedLoads) values.compute(index, this.#site(addresses, 1, 0, 0));
    for (const [row, vectors] of sums.entries()) {
      for (const [v, sum] of vectors.entries()) {
        const site = this.#site(addresses, columns, row, v);
        const here = values.inside();
        here.set(productValue, { text: sum, lanes: "number" });
        for (const index of this.#product.values.keys()) here.compute(index, site);
        for (const store of stores) here.store(store, site);
      }
    }
  }

  #site(addresses: readonly string[], columns: number, row: number, vector: number): CodeSite {
    const { bytes, lanes } = this.#tools.format;
    const [rowLoop, columnLoop] = [this.#rowLoop, this.#columnLoop];
    const filled = Math.min(lanes, columns - vector * lanes);
    const apart = (loop: number): number =>
      loop === rowLoop ? row : loop === columnLoop ? vector * lanes : 0;
    return {
      vectorLoop: columns === 1 ? null : columnLoop,
      ...(columns > 1 && filled < lanes ? { filled } : {}),
      suffix: "",
      address: (operand) => {
        const { strides } = this.#product.operands[operand]!;
        return [rowLoop, columnLoop].reduce((at, loop) => further(at, strides[loop]!, apart(loop), bytes), {
          base: addresses[operand]!,
          offset: 0,
        });
      },
      index: (loop) => {
        const index = this.#around.indices[loop]!;
        return apart(loop) === 0 ? index : `${index} + ${apart(loop) * bytes}`;
      },
    };
  }
}
