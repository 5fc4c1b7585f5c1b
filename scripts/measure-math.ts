/**
 * Measures the vector functions at 2^20 points each and writes the tables of `docs/math.md`: about
 * two minutes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { format } from "node:util";
import {
  errorTable,
  mathModule,
  measure,
  POINTS,
  subjects,
  type Dtype,
  type Figures,
} from "../test/helpers/math-errors.ts";
import { MARK, specialTables } from "../test/helpers/math-specials.ts";

async function figures(dtype: Dtype): Promise<Figures[]> {
  const net = await mathModule(dtype);
  return subjects.map((subject) => {
    const found = measure(net, subject, POINTS, dtype);
    process.stderr.write(
      format("%s %s: %s ulp at %s\n", dtype, subject.name, found.most.toFixed(3), found.at.join(", ")),
    );
    return found;
  });
}

const page = new URL("../docs/math.md", import.meta.url);
const [text] = readFileSync(page, "utf8").split(MARK);
const table = errorTable(await figures("f32"), await figures("f64"));
writeFileSync(page, `${text}${MARK}\n\n## Errors\n\n${table}\n\n${specialTables()}\n`);
