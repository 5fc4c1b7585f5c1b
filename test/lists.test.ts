/**
 * Lists: what their items are, how they are joined, and what becomes of booleans and whole numbers
 * in them.
 */
import { describe, expect, test } from "vitest";
import { check, format } from "../compiler/index.ts";
import { build, start } from "./helpers/model.ts";

const inModel = (body: string): string => `model M { input x: [N, 3]  input y: int[N]\n${body} }`;
const given = { x: [1, 2, 3, 4, 5, 6], y: [0, 2] };
const codes = async (source: string): Promise<string[]> => (await check(source)).map((d) => d.code);

describe("booleans in lists are conditions", () => {
  const mask = "[[true, false, false], [true, true, false]]";
  const cases: readonly (readonly [formula: string, wanted: readonly number[]])[] = [
    [`where(${mask}, x, 0)`, [1, 0, 0, 4, 5, 0]],
    [`where(not ${mask}, x, 0)`, [0, 2, 3, 0, 0, 6]],
    [`where(${mask} and [true, false, true], [[1, 2, 3], [4, 5, 6]], 0)`, [1, 0, 0, 4, 0, 0]],
    [`where([false, false, true] or ${mask}, [[1, 2, 3], [4, 5, 6]], 0)`, [1, 0, 3, 4, 5, 6]],
    [`where(${mask} == [true, true, false], 1, 0)`, [1, 0, 1, 1, 1, 1]],
    [`where(${mask} != [[true], [false]], 1, 0)`, [0, 1, 1, 1, 1, 0]],
    [`where(transpose(reshape(${mask}, [3, 2])), 1, 0)`, [1, 0, 1, 0, 1, 0]],
    [`where(${mask}[:, ::-1], 1, 0)`, [0, 0, 1, 0, 1, 1]],
    [`where(concat([${mask}, [[x[0, 0] > 0, false, true]]]), 1, 0)`, [1, 0, 0, 1, 1, 0, 1, 0, 1]],
    [`where(stack([[true, false], [false, true]], axis = 1), 1, 0)`, [1, 0, 0, 1]],
    [`where([x[0] > 1.5, x[1] > 4.5], 1, 0)`, [0, 1, 1, 0, 1, 1]],
    [`sum(${mask}, axis = 0) * 1`, [2, 1, 0]],
    [`x[0] * [true, false, true]`, [1, 0, 3]],
    [`where([[true]], x, 0)`, [1, 2, 3, 4, 5, 6]],
    [`where(m, x[0], 0)`, [1, 0, 3]],
  ];
  test.each(["f32", "f64"] as const)("%s", async (dtype) => {
    const outputs = cases.map(([formula], i) => `output r${i} = ${formula}`).join("\n");
    const { net, compiled } = await build(
      `model M { input x: [2, 3]  k = 1  m = [k == 1, k > 1, true]\n${outputs} }`,
      { dtype },
    );
    const got = net.predict({ x: given.x });
    expect(cases.map(([formula], i) => [formula, [...got[`r${i}`]!.data]])).toEqual(cases);
    expect(compiled.diagnostics).toEqual([]);
  });

  test("in settings, in the gradient and in training", async () => {
    const net = await start(
      "model M(mask = [true, true]) { param w = [3, 4]  loss sum(where(mask, w, 0)^2)  optimizer sgd(lr = 0.25) }",
      { settings: { mask: "[true, false]" } },
    );
    expect([...net.gradients({}).gradients["w"]!.data]).toEqual([6, 0]);
    net.step({});
    expect([...net.get("w").data]).toEqual([1.5, 4]);
  });

  test("and mixed with numbers are refused", async () => {
    expect(await codes(inModel("output r = x * [1, true, 0]"))).toContain("type-mismatch");
    expect(await codes(inModel("output r = where([[1, 0, 0]], x, 0)"))).toContain("type-mismatch");
  });
});

describe("lists are joined by `...`", () => {
  test("among other items", async () => {
    const cases: readonly (readonly [formula: string, wanted: readonly number[]])[] = [
      ["[...a, 3]", [1, 2, 3]],
      ["[0, ...a, ...a]", [0, 1, 2, 1, 2]],
      ["[...0..3, ...[], 7]", [0, 1, 2, 7]],
      ["[...shape(x)[:-1], 5]", [2, 5]],
      ["[...[...a]]", [1, 2]],
      ["concat([...parts, a])", [1, 2, 1, 2, 1, 2]],
      ["ones([...a, 2]) + 0", [1, 1, 1, 1]],
    ];
    const outputs = cases.map(([list], i) => `output r${i} = ${list}`).join("\n");
    const net = await start(
      `model M { input x: [2, 3]  a = [1, 2]  parts = [a]  parts = [...parts, a]\n${outputs}  output s = x }`,
    );
    const got = net.predict({ x: given.x });
    expect(cases.map(([list], i) => [list, [...got[`r${i}`]!.data]])).toEqual(cases);
  });

  test("so that a loop may gather its results", async () => {
    const net = await start(
      "model M { input x: [N, 1]  h = x  all = []  for i in 1..4 { h = h * i  all = [...all, h] }  output r = concat(all, axis = 1) }",
    );
    expect([...net.predict({ x: [1, 10] }).r!.data]).toEqual([1, 2, 6, 10, 20, 60]);
  });

  test("and not by `+`, which says so", async () => {
    for (const sum of ["a + [3]", "[x] + [x]", "[] + [x]", "[...a, 1] + a"]) {
      const [found] = await check(inModel(`a = [1, 2]  output r = ${sum}`));
      expect(found!.code).toBe("type-mismatch");
      expect(found!.help).toContain("[...a, x]");
    }
    const net = await start(
      "model M { output r = [[1, 2], [3, 4]] + [[1], [2]]  output s = [1, 2] - [3, 4] }",
    );
    expect([...net.predict({}).r!.data]).toEqual([2, 3, 5, 6]);
  });

  test("of lists alone", async () => {
    expect(await codes(inModel("output r = [...x]"))).toEqual(["type-mismatch"]);
    expect(await codes(inModel("output r = [...3]"))).toEqual(["type-mismatch"]);
    expect(await codes(inModel("output r = [...]"))).not.toEqual([]);
    const grows = "a = [1, 2, 3, 4]  for i in 0..40 { a = [...a, ...a] }  output r = x";
    expect(await codes(inModel(grows))).toEqual(expect.arrayContaining(["list-too-large"]));
  });

  test("and formatted like items", () => {
    const source = "const a = [...  b,3 ,...  c ]\n";
    expect(format(source, "a.nn").text).toBe("const a = [...b, 3, ...c]\n");
  });
});

test("whole numbers stay whole", async () => {
  const cases: readonly (readonly [indices: string, wanted: readonly number[]])[] = [
    ["transpose([[0, 1], [2, 0]])[0]", [1, 6]],
    ["[[0, 1], [2, 0]]'[1]", [2, 4]],
    ["reshape([[2], [1]], [2])", [3, 5]],
    ["[0, 1, 2][1:]", [2, 6]],
    ["[[0], [1], [2]][::-2, 0]", [3, 4]],
    ["concat([[2], [0]])", [3, 4]],
    ["stack([1, 2])", [2, 6]],
    ["stack([[1], [2]])[:, 0]", [2, 6]],
    ["0..2", [1, 5]],
    ["1..3", [2, 6]],
    ["2 - iota(2)", [3, 5]],
    ["broadcast([1], [2])", [2, 5]],
    ["concat([y[:1], y[1:]])", [1, 6]],
    ["stack([y[0], y[1]])", [1, 6]],
    ["where(x[:, 0] > 1, y, [1, 1])", [2, 6]],
  ];
  const outputs = cases.map(
    ([indices], i) =>
      `output r${i} = gather(x, ${indices})  output h${i} = sum(one_hot(${indices}, 3) * [1, 2, 3], axis = 1)`,
  );
  const net = await start(`model M { input x: [2, 3]  input y: int[2]\n${outputs.join("\n")} }`);
  const got = net.predict(given);
  expect(cases.map(([indices], i) => [indices, [...got[`r${i}`]!.data]])).toEqual(cases);
  cases.forEach(([, wanted], i) =>
    expect([...got[`h${i}`]!.data]).toEqual(wanted.map((v) => ((v - 1) % 3) + 1)),
  );
});

test("what is not whole is refused", async () => {
  expect(await codes(inModel("output r = gather(x, [0.5, 1])  output s = x * y[0]"))).toContain(
    "type-mismatch",
  );
  expect(await codes(inModel("output r = gather(x, [[0.5, 1]]'[:, 0])  output s = x * y[0]"))).toContain(
    "type-mismatch",
  );
});
