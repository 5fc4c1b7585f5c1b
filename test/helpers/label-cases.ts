/** What the values of an `int` input may be, by what is done with it. */
import type { LabelRange } from "../../compiler/graph/model.ts";
import type { modelOf } from "./elaborated.ts";

const range = (least: number, most: number, ...besides: number[]): LabelRange => ({ least, most, besides });

/** Of `k`, where these are outputs of a model of `x: [N, 4]`, `k: int[N]` and `table: [5, 3]`. */
export const labelCases: readonly (readonly [uses: readonly string[], labels: LabelRange | undefined])[] = [
  [["gather(x, k)"], range(0, 3)],
  [["gather(x, k - 1)"], range(1, 4)],
  [["gather(x, 1 + k)"], range(-1, 2)],
  [["gather(x, 3 - k)"], range(0, 3)],
  [["gather(x, -k)"], range(-3, 0)],
  [["gather(x, k * 2)"], range(0, 1)],
  [["gather(x, -3 * k + 1)"], range(0, 0)],
  [["gather(x, max(k, 0))"], range(-Infinity, 3)],
  [["gather(x, max(-2, k + 2))"], range(-2, 1)],
  [["gather(x, min(k, 3))"], range(0, Infinity)],
  [["gather(x, max(min(k, 3), 0))"], range(-Infinity, Infinity)],
  [["gather(x, abs(k))"], range(-3, 3)],
  [["gather(x, where(k == -1, 0, k))"], range(0, 3, -1)],
  [["gather(x, where(k - 1 != -100, k - 1, 2))"], range(1, 4, -99)],
  [["gather(x, where(k == -1, 4, k))"], undefined],
  [["gather(x, where(k > 3, 3, k))"], undefined],
  [["gather(x, where(2 * k == -1, 0, k))"], undefined],
  [["gather(x, k * k)"], undefined],
  [["gather(x, reshape(reshape(k, [N, 1]), [N]) - 1)"], range(1, 4)],
  [["take(table, k - 2)"], range(2, 6)],
  [["one_hot(k + 1, 5)"], range(-1, 3)],
  [["one_hot(stack([k, 2 * k - 1], axis = 1), 9)"], range(1, 4)],
  [["k + 1"], undefined],
  [["gather(x, k - 1)", "one_hot(k, 4)"], range(1, 3)],
  [["gather(x, where(k == -1, 0, k))", "one_hot(where(k == -1, 0, k), 9)"], range(0, 3, -1)],
  [["gather(x, where(k == -1, 0, k))", "one_hot(where(k == -1, 0, k), 9)", "one_hot(k, 9)"], range(0, 3)],
];

/** @param model that of the compiler, or of one made wrong */
export async function labelsOf(
  uses: readonly string[],
  model: typeof modelOf,
): Promise<LabelRange | undefined> {
  const { inputs } = await model(`model M {
    input x: [N, 4]
    input k: int[N]
    param table: [5, 3] ~ normal
    ${uses.map((use, i) => `output o${i} = ${use}`).join("\n")}
  }`);
  return inputs[1]!.labels;
}
