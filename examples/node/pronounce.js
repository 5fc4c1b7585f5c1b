// One sequence from another inside a Node program: trains on words of the pronouncing dictionary of CMU, and says words that it has not seen.
//
//   npx nndsl compile examples/phonemes.nn -o out
//   node examples/node/pronounce.js out/phonemes.js --epochs 4 gradient tensor
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { dictionary } from "cmu-pronouncing-dictionary";

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: "string", default: "4" },
    // Of the 84,000 words, how many are trained on.
    words: { type: "string", default: "16000" },
    seed: { type: "string", default: "1" },
  },
});
const [modulePath, ...asked] = positionals;
if (modulePath === undefined || asked.some((word) => !/^[a-z]{1,8}$/.test(word))) {
  console.error(
    "usage: node pronounce.js PHONEMES.js [--epochs 4] [--words 16000] [--seed 1] [words of a to z, up to eight letters]",
  );
  process.exit(2);
}
const { load } = await import(pathToFileURL(resolve(modulePath)).href);

/** Letters of the longest word; of phonemes there are as many, and one place for what ends them. */
const LETTERS = 8;
const STEPS = LETTERS + 1;
const A = "a".charCodeAt(0);

/** Words of three to eight letters with their phonemes, without the stress of the vowels. */
const words = Object.entries(dictionary)
  .filter(([word]) => /^[a-z]{3,8}$/.test(word))
  .map(([word, sounds]) => ({ word, sounds: sounds.replace(/ #.*|\d/g, "").split(" ") }))
  .filter(({ sounds }) => sounds.length <= LETTERS);
const phonemes = [...new Set(words.flatMap(({ sounds }) => sounds))].sort();
const unseen = words.filter((_, i) => i % 10 === 0);
const rest = words.filter((_, i) => i % 10 !== 0);
// Spread over the alphabet.
const count = Math.min(Number(options.words), rest.length);
const seen = Array.from({ length: count }, (_, i) => rest[Math.floor((i * rest.length) / count)]);

/** Each word as its letters. */
function lettersOf(list) {
  const letters = new Float32Array(list.length * LETTERS);
  list.forEach((word, row) => {
    for (let t = 0; t < word.length; t++) letters[row * LETTERS + t] = word.charCodeAt(t) - A + 1;
  });
  return letters;
}

/** Words beside their phonemes, and the phonemes that come before them. */
function rows(list) {
  const before = new Float32Array(list.length * STEPS);
  // What comes after a word is not asked for.
  const y = new Float32Array(list.length * STEPS).fill(-1);
  list.forEach(({ sounds }, row) => {
    sounds.forEach((sound, t) => {
      y[row * STEPS + t] = before[row * STEPS + t + 1] = phonemes.indexOf(sound) + 1;
    });
    y[row * STEPS + sounds.length] = 0;
  });
  return { letters: lettersOf(list.map(({ word }) => word)), before, y };
}

/** The likeliest phoneme, again and again, until the end is the likeliest. */
function say(net, list) {
  const letters = lettersOf(list);
  const before = new Float32Array(list.length * STEPS);
  const said = list.map(() => []);
  const done = new Set();
  const classes = phonemes.length + 1;
  for (let t = 0; t < STEPS && done.size < list.length; t++) {
    const { data } = net.predict({ letters, before }).next;
    list.forEach((_, row) => {
      if (done.has(row)) return;
      const at = (row * STEPS + t) * classes;
      const scores = data.subarray(at, at + classes);
      const best = scores.indexOf(scores.reduce((most, score) => Math.max(most, score)));
      if (best === 0 || t === LETTERS) done.add(row);
      if (best > 0 && t < LETTERS) {
        said[row].push(phonemes[best - 1]);
        before[row * STEPS + t + 1] = best;
      }
    });
  }
  return said;
}

/** How many phonemes are to be replaced, left out or put in to make b of a: Levenshtein's distance. */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  a.forEach((sound, i) => {
    const next = [i + 1];
    b.forEach((other, j) =>
      next.push(Math.min(row[j] + (sound === other ? 0 : 1), row[j + 1] + 1, next[j] + 1)),
    );
    row = next;
  });
  return row[b.length];
}

const [batch, epochs, seed] = [32, Number(options.epochs), Number(options.seed)];
const net = await load(undefined, { seed });
net.hyper.steps = epochs * Math.ceil(seen.length / batch);
await net.fit(rows(seen), {
  epochs,
  batch,
  seed,
  onEpoch: ({ epoch, loss }) => console.log(`epoch ${epoch}: loss ${loss.toFixed(3)}`),
});

const some = unseen.filter((_, i) => i % 8 === 0);
const said = say(
  net,
  some.map(({ word }) => word),
);
const errors = said.map((sounds, i) => distance(sounds, some[i].sounds));
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const wrong = sum(errors) / sum(some.map(({ sounds }) => sounds.length));
const whole = errors.filter((error) => error === 0).length / errors.length;
console.log(
  `of ${some.length} words not seen: ${(100 * wrong).toFixed(1)} % of phonemes wrong, ${(100 * whole).toFixed(1)} % of words right`,
);
const known = new Map(words.map(({ word, sounds }) => [word, sounds]));
const shown = asked.length > 0 ? asked : some.filter((_, i) => i % 100 === 0).map(({ word }) => word);
say(net, shown).forEach((sounds, i) => {
  const right = known.get(shown[i])?.join(" ");
  const note = right === undefined || right === sounds.join(" ") ? "" : ` (${right})`;
  console.log(`${shown[i]}: ${sounds.join(" ")}${note}`);
});
net.dispose();
