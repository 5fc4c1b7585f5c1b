/**
 * Who listens while a program is read hears every expression and every bound name with its value.
 */
import { expect, test } from "vitest";
import { elaborate } from "../compiler/elaborate/elaborate.ts";
import { loadProgram } from "../compiler/elaborate/load.ts";
import { show } from "../compiler/elaborate/values.ts";

const text = `const WIDTH = 3
fn double(a) = a * 2
model M(scale = 2) {
  input x: [N, 4]
  target t: [N, WIDTH]
  z = dense(x, WIDTH)
  for i in 0..2 { y = double(z) + i + scale }
  double = 1
  output out = double(y)
  loss mse(out, t)
  optimizer sgd(lr = 0.1)
}
`;

async function heardIn(source: string): Promise<Map<number, string>> {
  const { program } = await loadProgram(source, "m.nn");
  const heard = new Map<number, string>();
  const { diagnostics } = elaborate(program, {
    observer: (written, value, frame) => {
      const { span } = written;
      if (span.file !== "m.nn" || !("text" in written)) return;
      heard.set(span.start, `${written.text} in ${frame.name}: ${show(value, "N")}`);
    },
  });
  expect(diagnostics).toEqual([]);
  return heard;
}

test("every name of a program is heard with its value", async () => {
  const heard = await heardIn(text);
  expect([...heard].sort(([a], [b]) => a - b).map(([, line]) => line)).toMatchInlineSnapshot(`
    [
      "WIDTH in WIDTH: 3",
      "3 in WIDTH: 3",
      "a in double: [N, 3]",
      "a in double: [N, 3]",
      "2 in double: 2",
      "scale in M: 2",
      "2 in M: 2",
      "x in M: [N, 4]",
      "N in M: N",
      "4 in M: 4",
      "t in M: [N, 3]",
      "N in M: N",
      "WIDTH in M: 3",
      "z in M: [N, 3]",
      "dense in M: layer dense",
      "x in M: [N, 4]",
      "WIDTH in M: 3",
      "i in M: 1",
      "0 in M: 0",
      "2 in M: 2",
      "y in M: [N, 3]",
      "double in M: fn double",
      "z in M: [N, 3]",
      "i in M: 1",
      "scale in M: 2",
      "double in M: 1",
      "1 in M: 1",
      "out in M: [N, 3]",
      "double in M: fn double",
      "y in M: [N, 3]",
      "mse in M: fn mse",
      "out in M: [N, 3]",
      "t in M: [N, 3]",
      "sgd in M: optimizer sgd",
      "0.1 in M: 0.1",
    ]
  `);
});

test("the graph is the same whether anyone listens or not, and who listened before hears no more", async () => {
  const { program } = await loadProgram(text, "m.nn");
  let heard = 0;
  const listening = elaborate(program, { observer: () => heard++ });
  const before = heard;
  const alone = elaborate(program);
  expect(before).toBeGreaterThan(0);
  expect(heard).toBe(before);
  expect(alone.model?.graph.size).toBe(listening.model?.graph.size);
});
