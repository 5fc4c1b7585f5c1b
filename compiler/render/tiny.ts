/**
 * Products of a few columns and as little depth: rows of the batch side by side in the lanes,
 * columns and depth written out. So the epilogue, which is most of the work of so small a layer,
 * computes four rows at once.
 */
import { CompilerFault } from "../fault.ts";
import { countOf, isKnown, isZero } from "../ir/size.ts";
import type { Product } from "../schedule/kernel.ts";
import type { ProductPlan } from "../schedule/kernel-plan.ts";
import type { Split } from "../schedule/split.ts";
import { addressName, advance, further } from "./address.ts";
import { paddedText, sizeText } from "./affine.ts";
import { cover } from "./cover.ts";
import { multiplyAdd } from "./tile.ts";
import { loadVector } from "./lanes.ts";
import { type KernelTools, type CodeSite, Values } from "./values.ts";
import { shareOf } from "./workers.ts";

const ROWS = 0;
const COLUMNS = 1;

/**
 * Writes the body of the function that runs `product`, whose columns and depth are known and whose
 * form is `unrolled`.
 * @param split how workers divide it
 */
export function renderTiny(
  product: Product,
  tools: KernelTools,
  {
    plan: { known, padded },
    fused,
    split,
  }: { readonly plan: ProductPlan; readonly fused: boolean; readonly split: Split | null },
): void {
  const { format, writer, constants } = tools;
  const { loops, operands, left, right, depth, stores } = product;
  const [rows, columns] = loops as [Product["depth"], Product["depth"]];
  if (!isKnown(columns) || !isKnown(depth) || split?.loop === COLUMNS)
    throw new CompilerFault("a product is not tiny");
  const [outside, inRows] = known;
  const productValue = product.values.findIndex(({ kind }) => kind === "product");
  const bases = operands.map(({ name }) => addressName(name));
  const i = writer.fresh("i");

  const siteAt = (at: readonly string[], vectorLoop: number | null, column: number): CodeSite => ({
    vectorLoop,
    suffix: "",
    address: (operand) =>
      further({ base: at[operand]!, offset: 0 }, operands[operand]!.strides[COLUMNS]!, column * format.bytes),
    index: (loop) => (loop === ROWS ? i : String(column * format.bytes)),
  });

  const values = new Values(tools);
  for (const index of outside!) values.compute(index, siteAt(bases, null, 0));
  const whole = (padded ? paddedText : sizeText)(rows, format.bytes);
  const range =
    split?.loop === ROWS
      ? shareOf(split, { size: rows, bytes: format.bytes, total: whole }, 16)
      : padded
        ? { from: "0", end: whole }
        : { size: rows, unit: format.bytes };
  cover(writer, i, range, padded ? [16] : [16, format.bytes], (step) => {
    const vectorLoop = step === format.bytes ? null : ROWS;
    const at = operands.map(({ name, strides }, operand) => {
      if (isZero(strides[ROWS]!)) return bases[operand]!;
      return writer.usize(`${addressName(name)}Row`, advance(bases[operand]!, i, strides[ROWS]!));
    });
    const here = values.inside();
    for (const index of inRows!) here.compute(index, siteAt(at, vectorLoop, 0));
    /** An expression for a factor's entries at a step of depth. */
    const load = (factor: number, d: number, column: number): string => {
      const operand = operands[factor]!;
      const start = siteAt(at, vectorLoop, column).address(factor);
      const place = further(start, operand.strides.at(-1)!, d * format.bytes);
      return loadVector(format, operand, { vectorLoop }, place);
    };
    const lefts = Array.from({ length: countOf(depth) }, (_, d) => writer.vector("left", load(left, d, 0)));
    for (let column = 0; column < countOf(columns); column++) {
      let sum = constants.float(format, 0);
      for (const [d, value] of lefts.entries())
        sum = writer.vector("sum", multiplyAdd(format.vector, fused, value, load(right, d, column), sum));
      const site = siteAt(at, vectorLoop, column);
      const own = here.inside();
      own.set(productValue, { text: sum, lanes: "number" });
      for (const index of product.values.keys()) own.compute(index, site);
      for (const store of stores) own.store(store, site);
    }
  });
}
