/** What passes over a row leave for later ones, in a room of the worker's own. */
import { countOf } from "../ir/size.ts";
import type { Nest } from "../schedule/kernel.ts";
import type { Placed, RowRoom } from "../schedule/row-room.ts";
import { immediate, type Location } from "./address.ts";
import type { CodeSite, KernelTools, Values } from "./values.ts";

interface Here {
  readonly values: Values;
  readonly site: CodeSite;
}

export class RowRoomWriter {
  readonly #tools: KernelTools;
  readonly #wide: boolean;
  /** Bytes of a row. */
  readonly #row: number;
  readonly #at: string;

  /** @param reserve the address of so many bytes */
  constructor(
    { loops }: Nest,
    { slots, wide }: Pick<RowRoom, "slots" | "wide">,
    tools: KernelTools,
    reserve: (bytes: number) => string,
  ) {
    this.#tools = tools;
    this.#wide = wide;
    const entry = tools.format.bytes * (wide ? tools.format.lanes : 1);
    // Rows begin where a vector does.
    this.#row = Math.ceil((countOf(loops.at(-1)!) * entry) / 16) * 16;
    this.#at = tools.writer.usize("room", reserve(slots * this.#row));
  }

  /** @param at the index in the row, and bytes beyond it */
  take(takes: readonly Placed[], { values, site }: Here, at: Location): void {
    const { format, writer } = this.#tools;
    for (const { value, slot } of takes) {
      const { base, offset } = this.#place(slot, at);
      const load = this.#isWhole(site) ? "v128.load" : `v128.load_splat<${format.dtype}>`;
      const text = writer.vector(`t${value}${site.suffix}`, `${load}(${base}${immediate(offset)})`);
      values.set(value, { text, lanes: "number" });
    }
  }

  put(puts: readonly Placed[], { values, site }: Here, at: Location): void {
    const { format, writer } = this.#tools;
    for (const { value, slot } of puts) {
      const { base, offset } = this.#place(slot, at);
      const text = values.number(value, site);
      writer.line(
        this.#isWhole(site)
          ? `v128.store(${base}, ${text}${immediate(offset)});`
          : `v128.store_lane<${format.dtype}>(${base}, ${text}, 0${immediate(offset)});`,
      );
    }
  }

  #isWhole = (site: CodeSite): boolean => this.#wide || site.vectorLoop !== null;

  #place(slot: number, { base, offset }: Location): Location {
    const step = this.#wide ? this.#tools.format.lanes : 1;
    const index = step === 1 ? base : `${base} * ${step}`;
    return { base: `${this.#at} + ${index}`, offset: slot * this.#row + offset };
  }
}
