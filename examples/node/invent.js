// A language model inside a Node program: trains on the names, and invents new ones letter by letter.
//
//   npx nndsl compile examples/names.nn -o out
//   node examples/node/invent.js out/names.js --epochs 10 --count 20
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: "string", default: "10" },
    count: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
  },
});
const [modulePath] = positionals;
if (modulePath === undefined) {
  console.error("usage: node invent.js NAMES.js [--epochs 10] [--count 20] [--seed 1]");
  process.exit(2);
}
const { load } = await import(pathToFileURL(resolve(modulePath)).href);

/** Letters of the longest name, and one place for what ends it. */
const STEPS = 13;
const A = "a".charCodeAt(0);

const names = readFileSync(new URL("../data/names.txt", import.meta.url), "utf8")
  .trim()
  .split("\n");
const seen = names.filter((_, i) => i % 10 !== 0);
const unseen = names.filter((_, i) => i % 10 === 0);

/** Each name as its letters, and as the letters that come before them. */
function rows(list) {
  const ids = new Float32Array(list.length * STEPS);
  // What comes after a name is not asked for.
  const y = new Float32Array(list.length * STEPS).fill(-1);
  list.forEach((name, row) => {
    for (let t = 0; t < name.length; t++) {
      const letter = name.charCodeAt(t) - A + 1;
      y[row * STEPS + t] = letter;
      ids[row * STEPS + t + 1] = letter;
    }
    y[row * STEPS + name.length] = 0;
  });
  return { ids, y };
}

const seed = Number(options.seed);
const net = await load(undefined, { seed });
await net.fit(rows(seen), {
  epochs: Number(options.epochs),
  batch: 32,
  seed,
  onEpoch: ({ epoch, loss }) => console.log(`epoch ${epoch}: loss ${loss.toFixed(3)}`),
});
console.log(`names not seen: loss ${net.loss(rows(unseen)).toFixed(3)}`);

/** Numbers in [0, 1): xorshift, so that one seed gives one list of names. */
let state = seed * 2654435761 || 1;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

/** An index drawn with these probabilities. */
function draw(probabilities) {
  let left = random();
  const drawn = probabilities.findIndex((p) => (left -= p) < 0);
  return drawn < 0 ? 0 : drawn;
}

const known = new Set(names);
const count = Number(options.count);
const ids = new Float32Array(count * STEPS);
const invented = Array.from({ length: count }, () => "");
const done = new Set();
for (let t = 0; t < STEPS && done.size < count; t++) {
  const { data } = net.predict({ ids }).next;
  for (let row = 0; row < count; row++) {
    const at = (row * STEPS + t) * 27;
    const letter = draw(data.subarray(at, at + 27));
    if (letter === 0) done.add(row);
    if (done.has(row)) continue;
    invented[row] += String.fromCharCode(A + letter - 1);
    if (t + 1 < STEPS) ids[row * STEPS + t + 1] = letter;
  }
}
for (const name of invented) console.log(known.has(name) ? `${name} (there is such a name)` : name);
net.dispose();
