/** Memories beyond 2 GB, whose sizes are negative to whoever shifts them. */
import { expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";

const PAGE = 65536;
const MEMORY_SECTION = 5;

/** The module with a memory that begins with so many pages; none is touched, so none is there. */
function withPages(wasm: Uint8Array, pages: number): Uint8Array<ArrayBuffer> {
  const leb128 = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...leb128(value >>> 7)];
  for (let at = 8; at < wasm.length;) {
    let [next, size] = [at + 1, 0];
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[next++]!;
      size |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (wasm[at] === MEMORY_SECTION) {
      const memory = [1, 0, ...leb128(pages)];
      return Uint8Array.from([
        ...wasm.subarray(0, at),
        MEMORY_SECTION,
        memory.length,
        ...memory,
        ...wasm.subarray(next + size),
      ]);
    }
    at = next + size;
  }
  throw new Error("the module has no memory");
}

test("a model with more than 2 GB of memory predicts", async () => {
  const { wasm } = await compile(`model M {
    input x: [N, 2]
    output y = 3 * x
  }`);
  const net = await load(withPages(wasm, (2.5 * 2 ** 30) / PAGE));
  expect(Array.from(net.predict({ x: [1, 2] })["y"]!.data)).toEqual([3, 6]);
});
