/**
 * Recurrent layers beside torch.nn's, whose weights they take by name: results, and gradients by
 * weights, by inputs and by what they begin with.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { Net } from "../runtime/index.ts";
import { distance } from "./fuzz/distance.ts";
import { start } from "./helpers/model.ts";
import { askTorch, inputsOf, nets, parametersOf, programOf } from "./helpers/recurrent-nets.ts";
import { skippedWithout } from "./helpers/skip.ts";
import { warmPython } from "./helpers/warm-torch.ts";

const python = warmPython();

describe.skipIf(skippedWithout(python))(
  python === undefined ? "SKIPPED: no Python with torch on this machine" : "layers beside torch.nn's",
  () => {
    describe.each(["rnn", "gru", "lstm"])("%s", (cell) => {
      const all = Object.entries(nets).filter(([, net]) => net.cell === cell);
      describe.each(
        [1, 2, 17, 100].flatMap((steps) => [
          // In f64 all of them; f32 differs by its rounding alone.
          { steps, dtype: "f64" as const, tolerance: 1e-9, some: all },
          {
            steps,
            dtype: "f32" as const,
            tolerance: 1e-4,
            some: all.filter(([n]) => /(plain|both)$/.test(n)),
          },
        ]),
      )("$steps steps in $dtype", ({ steps, dtype, tolerance, some }) => {
        const chosen = Object.fromEntries(some);
        let net: Net;
        beforeAll(async () => {
          net = await start(programOf(steps, chosen), { dtype });
        }, 300_000);

        it.each([1, 5, 32])("%i rows", (rows) => {
          const parameters = parametersOf(net.manifest.parameters);
          for (const [path, { data }] of Object.entries(parameters)) net.set(path, data);
          const inputs = inputsOf(steps, rows, chosen);
          const outputs = net.predict(inputs);
          const { gradients } = net.gradients(inputs);
          const far: string[] = [];
          for (const [name, answer] of askTorch(python!, parameters, inputs, chosen)) {
            const held = (what: string, ours: ArrayLike<number>, theirs: ArrayLike<number>): void => {
              const e = distance(ours, theirs);
              if (!(e <= tolerance)) far.push(`${name} ${what}: ${e}`);
            };
            held("result", outputs[`y_${name}`]!.data, answer.output);
            for (const [by, theirs] of Object.entries(answer.gradients)) {
              const ours =
                by === "x"
                  ? outputs[`dx_${name}`]
                  : by === "h" || by === "c"
                    ? outputs[`d_${name}_${by}`]
                    : gradients[`${name}.${by}`];
              held(`gradient by ${by}`, ours!.data, theirs);
            }
          }
          expect(far).toEqual([]);
        });
      });
    });
  },
);

const layers = [
  "rnn(x, 4",
  "gru(x, 4",
  "lstm(x, [3, 4]",
  "bidirectional(x, 2, gru",
  "bidirectional(x, [3, 2], lstm",
];

describe("second derivatives", () => {
  it.each(layers)("of %s) are what differences say", async (call) => {
    const net = await start(
      `model M {
        input x: [N, 5, 2]
        h = ${call})
        g = grad(sum(sin(h)), x)
        loss sum(g * cos(x)) / N
      }`,
      { dtype: "f64" },
    );
    const x = Array.from({ length: 30 }, (_, i) => Math.sin(7 * i));
    const { gradients } = net.gradients({ x });
    for (const { path } of net.manifest.parameters) {
      const { data } = net.get(path);
      for (let k = 0; k < data.length; k += 3) {
        const at = (shift: number): number => {
          net.set(
            path,
            Float64Array.from(data, (value, i) => (i === k ? value + shift : value)),
          );
          return net.loss({ x });
        };
        const slope = (h: number): number => (at(h) - at(-h)) / (2 * h);
        const wanted = (4 * slope(5e-4) - slope(1e-3)) / 3;
        expect(Math.abs(gradients[path]!.data[k]! - wanted), `${path}, entry ${k}`).toBeLessThan(
          1e-8 * (1 + Math.abs(wanted)),
        );
      }
      net.set(path, data);
    }
  });
});

describe("a mask", () => {
  const [STEPS, WIDTH] = [6, 2];
  const row = (length: number): number[] =>
    Array.from({ length: length * WIDTH }, (_, i) => Math.sin(3 * i + length));
  const model = (call: string, steps: number, mask: string): string => `model M {
    input x: [N, ${steps}, ${WIDTH}]
    input lengths: [N, 1]
    h = ${call}${mask})
    output h = h
    output left = final_state(h)
    output seen = lengths
  }`;

  it.each([...layers, "gru(x, 3, reverse = true", "lstm(x, 3, reverse = true"])(
    "gives each sequence what it has without padding: %s)",
    async (call) => {
      const masked = await start(model(call, STEPS, `, mask = iota(${STEPS}) < lengths`), { dtype: "f64" });
      const all = [2, 6, 3];
      // What stands in the padding is nothing to it.
      const x = all.flatMap((length) => [
        ...row(length),
        ...Array.from({ length: (STEPS - length) * WIDTH }, () => NaN),
      ]);
      const { h, left } = masked.predict({ x, lengths: all });
      for (const [i, length] of all.entries()) {
        const alone = await start(model(call, length, ""), { dtype: "f64" });
        for (const { path } of alone.manifest.parameters) alone.set(path, masked.get(path).data);
        const wanted = alone.predict({ x: row(length), lengths: [length] });
        const width = h!.shape.at(-1)!;
        const found = h!.data.slice(i * STEPS * width, (i * STEPS + length) * width);
        expect(distance(found, wanted["h"]!.data)).toBeLessThan(1e-12);
        if (call.includes("reverse") || call.startsWith("bidirectional")) continue;
        // Behind its end there stands what is left of it.
        expect(distance(left!.data.slice(i * width, (i + 1) * width), wanted["left"]!.data)).toBeLessThan(
          1e-12,
        );
      }
    },
  );
});

describe("layers", () => {
  it("begin as PyTorch's: every parameter within ±1/√units", async () => {
    const net = await start(`model M {
      input x: [N, 3, 50]
      y = bidirectional(x, [25, 100], gru)
      output y
    }`);
    expect(net.manifest.parameters).toHaveLength(16);
    for (const { path } of net.manifest.parameters) {
      const bound = 1 / Math.sqrt(path.includes("_l0") ? 25 : 100);
      const largest = Math.max(...Array.from(net.get(path).data, Math.abs));
      expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
      expect(largest).toBeGreaterThan(bound * 0.9);
    }
  });

  it("drop out between layers, while training alone", async () => {
    const dropping = (units: string): Promise<Net> =>
      start(`model M {
        input x: [N, 3, 2]
        h = gru(x, ${units}, dropout = 0.5)
        output h
        loss mean(h^2)
        optimizer sgd(lr = 0)
      }`);
    const x = Array.from({ length: 24 }, (_, i) => Math.sin(i));
    for (const [units, drops] of [
      ["8", false],
      ["[8, 8]", true],
    ] as const) {
      const net = await dropping(units);
      const gradient = (): number[] => [...net.gradients({ x }).gradients["h.weight_ih_l0"]!.data];
      const [before, predicted] = [gradient(), [...net.predict({ x })["h"]!.data]];
      net.step({ x });
      expect([...net.predict({ x })["h"]!.data]).toEqual(predicted);
      const after = gradient();
      if (drops) expect(after).not.toEqual(before);
      else expect(after).toEqual(before);
    }
  });

  it("go on where others have ended: two halves of a sequence are the whole", async () => {
    const net = await start(
      `model M {
        input x: [N, 6, 2]
        whole = lstm(x, [3, 3])
        first = lstm(x[:, :4], [3, 3], states = true)
        rest = lstm(x[:, 4:], [3, 3], first = final_state(first))
        output whole = whole[:, 4:]
        output rest = rest
      }`,
      { dtype: "f64" },
    );
    for (const { path } of net.manifest.parameters.filter((p) => p.path.startsWith("whole."))) {
      for (const other of ["first", "rest"]) net.set(path.replace("whole", other), net.get(path).data);
    }
    const { whole, rest } = net.predict({ x: Array.from({ length: 24 }, (_, i) => Math.sin(5 * i)) });
    expect(distance(rest!.data, whole!.data)).toBeLessThan(1e-14);
  });
});
