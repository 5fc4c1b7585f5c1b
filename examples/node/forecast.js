// Learns the weather of three years, and forecasts the fourth:
//
//   npx nndsl compile examples/weather.nn -o out
//   node examples/node/forecast.js out/weather.js weather.svg --epochs 20
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { epochs: { type: "string", default: "20" }, seed: { type: "string", default: "1" } },
});
const [modulePath, picture] = positionals;
if (modulePath === undefined) {
  console.error("usage: node forecast.js WEATHER.js [OUT.svg] [--epochs 20] [--seed 1]");
  process.exit(2);
}
const { load } = await import(pathToFileURL(resolve(modulePath)).href);
const seed = Number(options.seed);
const net = await load(undefined, { seed });
const shapeOf = (name) => net.manifest.inputs.find((input) => input.name === name).shape;
const [DAYS, AHEAD] = [shapeOf("past")[1], shapeOf("y")[1]];

const days = readFileSync(new URL("../data/weather.csv", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => {
    const [date, ...figures] = line.split(",");
    return { date, figures: figures.map(Number), highest: Number(figures[1]) };
  });

const dayOfYear = (date) => (Date.parse(date) - Date.parse(`${date.slice(0, 4)}-01-01`)) / 86_400_000;

/** All windows whose days to come lie in [from, to). */
function windows(from, to) {
  const [past, day, y] = [[], [], []];
  for (let t = Math.max(from, DAYS); t + AHEAD <= to; t++) {
    past.push(days.slice(t - DAYS, t).map(({ figures }) => figures));
    day.push(dayOfYear(days[t].date));
    y.push(days.slice(t, t + AHEAD).map(({ highest }) => highest));
  }
  return { past, day, y };
}

const last = days.findIndex(({ date }) => date.startsWith("2015"));
const seen = windows(0, last);
const unseen = windows(last, days.length);
await net.fit(seen, {
  epochs: Number(options.epochs),
  seed,
  onEpoch({ epoch, loss }) {
    if (epoch % 5 === 0) console.log(`epoch ${epoch}: loss ${loss.toFixed(3)}`);
  },
});

/** The root of the mean squared error of each day ahead. */
const errors = (forecast) =>
  Array.from({ length: AHEAD }, (_, k) => {
    const squares = unseen.y.map((row, i) => (forecast(i, k) - row[k]) ** 2);
    return Math.sqrt(squares.reduce((sum, square) => sum + square) / squares.length);
  });
const { data } = net.predict(unseen).forecast;
const found = [
  ["as today", errors((i) => unseen.past[i][DAYS - 1][1])],
  ["the net", errors((i, k) => data[i * AHEAD + k])],
];
for (const [who, error] of found)
  console.log(
    `${who}: off by ${error[0].toFixed(2)} °C tomorrow, ${error[AHEAD - 1].toFixed(2)} °C in ${AHEAD} days`,
  );
net.dispose();

if (picture !== undefined) {
  writeFileSync(picture, chart(found));
  console.log(picture);
}

/** The errors by days ahead, as SVG: a line for each forecast. */
function chart(lines) {
  const [width, height, left, bottom] = [460, 240, 50, 200];
  const most = Math.ceil(Math.max(...lines.flatMap(([, error]) => error)));
  const x = (k) => left + 20 + (k * 280) / (AHEAD - 1);
  const y = (off) => bottom - (off * 180) / most;
  const text = (at, line, content, anchor = "middle", color = "#444") =>
    `<text x="${at.toFixed(1)}" y="${line.toFixed(1)}" text-anchor="${anchor}" fill="${color}">${content}</text>`;
  const parts = [`<rect width="${width}" height="${height}" fill="white"/>`];
  for (let off = 0; off <= most; off++) {
    parts.push(`<path d="M${left} ${y(off)}H${x(AHEAD - 1) + 10}" stroke="#ddd"/>`);
    parts.push(text(left - 8, y(off) + 4, off, "end"));
  }
  for (let k = 0; k < AHEAD; k++) parts.push(text(x(k), bottom + 18, k + 1));
  parts.push(text(x((AHEAD - 1) / 2), bottom + 35, "days ahead"));
  parts.push(
    `<text transform="translate(16 110) rotate(-90)" text-anchor="middle" fill="#444">error, °C</text>`,
  );
  for (const [i, [who, error]] of lines.entries()) {
    const color = ["#888", "#1f77b4"][i];
    const points = error.map((off, k) => `${x(k).toFixed(1)},${y(off).toFixed(1)}`);
    parts.push(`<polyline points="${points.join(" ")}" fill="none" stroke="${color}" stroke-width="2"/>`);
    parts.push(text(x(AHEAD - 1) + 14, y(error[AHEAD - 1]) + 4, who, "start", color));
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return `${head} font-family="sans-serif" font-size="12">\n${parts.join("\n")}\n</svg>\n`;
}
