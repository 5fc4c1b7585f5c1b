/** Formulas with indices: what they are worth, against numbers worked out by hand and by plain loops. */
import { expect, it } from "vitest";
import { elementOf, outputsAt } from "./helpers/indexed.ts";

it("defines tensors entry by entry, and sums over what is written", async () => {
  const outputs = await outputsAt(`model Trace {
    param a = [[1, 2], [3, 4]]
    output trace = sum[i] a[i, i]
    output outer[i, j] = a[0, i] * a[1, j]
    output lower[i, j] = where(j <= i, a[i, j], 0)
    output turned[i] = a[1 - i, 0]
    output last[j] = a[-1, j]
    output both[i, j] = sum[k] a[i, k] * a[k, j] + a[i, j]
    loss sum[i, j] a[i, j] * a[j, i]
  }`);
  expect(outputs).toEqual({
    trace: 5,
    outer: [[3, 4], [6, 8]],
    lower: [[1, 0], [3, 4]],
    turned: [3, 1],
    last: [3, 4],
    both: [[8, 12], [18, 26]],
  }); // prettier-ignore
});

it("reduces by every reducer", async () => {
  const outputs = await outputsAt(
    `model Reductions {
    param a = [[1, 2, 4], [3, 5, 0]]
    output sums[i] = sum[j] a[i, j]
    output products[i] = prod[j] a[i, j]
    output largest[i] = max[j] a[i, j]
    output smallest[j] = min[i] a[i, j]
    output middle = mean[i, j] a[i, j]
    output soft[i] = exp(logsumexp[j] log(a[i, j] + 1))
    output place[i] = argmax[j] a[i, j]
    output count = sum[i in 0..3, j in 0..i_count] 2
    loss 0 * sum(a)
  }`.replace("i_count", "4"),
  );
  expect(outputs).toMatchObject({
    sums: [7, 8],
    products: [8, 0],
    largest: [4, 5],
    smallest: [1, 2, 0],
    middle: 2.5,
    place: [2, 1],
    count: 24,
  });
  [10, 11].forEach((sum, i) => expect(elementOf(outputs["soft"], i)).toBeCloseTo(sum, 12));
});
