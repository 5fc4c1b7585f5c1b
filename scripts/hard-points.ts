/**
 * Writes the tables of `docs/hard-points.md` from runs of PyTorch and TensorFlow.js on this
 * machine; JAX's column is data.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { MARK, python, tables, tfjsAnswers, torchAnswers } from "../test/helpers/hard-points.ts";

if (python === undefined) throw new Error("this needs a Python with PyTorch on the path");
const page = new URL("../docs/hard-points.md", import.meta.url);
const [text] = readFileSync(page, "utf8").split(MARK);
const answers = { torch: torchAnswers(python), tfjs: await tfjsAnswers() };
writeFileSync(page, `${text}${MARK}\n\n${tables(answers)}\n`);
