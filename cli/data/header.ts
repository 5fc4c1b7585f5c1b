/** Whether the first row of a table names its columns. */
import { DataError } from "../failures.ts";
import { dressOf, isMissing, readCell, type Decimal } from "./cells.ts";
import { cut } from "../terminal/cut.ts";

/**
 * True where no cell of the first row is a number. Numbers that may well be names, as pandas writes
 * 0, 1, 2 … of a table without names, are not guessed at.
 *
 * @param head the first rows of the table, the first of all among them
 * @throws DataError where one has to say
 */
export function hasHeader(
  head: readonly (readonly string[])[],
  decimal: Decimal,
  file: string,
  row: number,
): boolean {
  const [first = [], ...body] = head;
  const filled = first.filter((cell) => cell !== "");
  const isNumber = (cell: string): boolean =>
    readCell(cell, decimal).kind !== "text" || isMissing(cell) || dressOf(cell)?.kind === "number";
  if (!filled.some(isNumber)) return true;
  if (!mayBeNames(first, body, decimal)) return false;
  throw new DataError(
    "data-header-unclear",
    `the first row, \`${cut(first.join(","))}\`, may be a header or data`,
    { file, row },
    { help: "say which: `--header` if it names the columns, `--no-header` if it is data" },
  );
}

function mayBeNames(
  first: readonly string[],
  body: readonly (readonly string[])[],
  decimal: Decimal,
): boolean {
  // The name of pandas' index is empty, and data is not.
  if (first.length > 1 && first[0] === "" && first.slice(1).every((cell) => cell !== "")) return true;
  const numbered = [...first.entries()].filter(([, cell]) => /^\d+$/.test(cell));
  const isText = (cell: string): boolean => readCell(cell, decimal).kind === "text";
  const others = first.length - numbered.length;
  const inTurn = numbered.every(([, cell], k) => k === 0 || Number(cell) === Number(numbered[k - 1]![1]) + 1);
  if (!inTurn || numbered.length < 2 || first.filter(isText).length !== others) return false;
  if (numbered.length === first.length && Number(first[0]) === 0) return true;
  if (numbered.length < 3 && others === 0) return false;
  // Years, or 1, 2, 3, above numbers of another kind.
  return body.some((row) =>
    numbered.some(([column]) => {
      const cell = readCell(row[column] ?? "", decimal);
      return cell.kind === "number" && !Number.isInteger(cell.value);
    }),
  );
}
