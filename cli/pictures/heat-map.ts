/** A value that depends on two others, as colors. */
import { titleOf, type Quantity, type Saying } from "./axes.ts";
import type { Picture } from "./render.ts";

export interface Cell {
  readonly x: string;
  readonly y: string;
  /** Its color; a cell that is not finite has none. */
  readonly value: number;
  /** What is written in it. */
  readonly label: string;
}

/** A table whose cells are colored by a value, with the values in them. The first of `rows` is at the top. */
export function heatMap(
  saying: Saying,
  x: { readonly name: string; readonly columns: readonly string[] },
  y: { readonly name: string; readonly rows: readonly string[] },
  value: Quantity,
  cells: readonly Cell[],
): Picture {
  const size = { width: 64, height: 36 };
  const numbers = cells.map((cell) => cell.value).filter(Number.isFinite);
  const scale = value.logarithmic === true ? Math.log : (number: number): number => number;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)].map(scale) as [number, number];
  // Cividis is light in its upper half: there text is dark.
  const isLight = (number: number): boolean => (scale(number) - low) / (high - low || 1) > 0.45;
  const values = cells.filter((cell) => Number.isFinite(cell.value));
  const labels = (ink: string, of: readonly Cell[]) => ({
    data: { values: of },
    mark: { type: "text" as const, color: ink },
    encoding: { text: { field: "label", type: "nominal" as const } },
  });
  const width = Math.max(size.width * x.columns.length, 200);
  return {
    title: titleOf(saying, width),
    description: saying.description,
    width,
    height: size.height * y.rows.length,
    encoding: {
      x: {
        field: "x",
        type: "nominal",
        title: x.name,
        scale: { domain: [...x.columns] },
        axis: { labelAngle: 0, ticks: false, domain: false },
      },
      y: {
        field: "y",
        type: "nominal",
        title: y.name,
        scale: { domain: [...y.rows] },
        axis: { ticks: false, domain: false },
      },
    },
    layer: [
      {
        data: { values },
        mark: { type: "rect" },
        encoding: {
          color: {
            field: "value",
            type: "quantitative",
            title: value.name,
            scale:
              value.logarithmic === true
                ? { type: "log", scheme: "cividis" }
                : { zero: false, scheme: "cividis" },
            legend: { gradientLength: Math.min(180, Math.max(60, size.height * y.rows.length)) },
          },
        },
      },
      {
        data: { values: cells.filter((cell) => !Number.isFinite(cell.value)) },
        mark: { type: "text" as const },
        encoding: { text: { field: "label", type: "nominal" as const } },
      },
      labels(
        "#000000",
        values.filter((cell) => isLight(cell.value)),
      ),
      labels(
        "#ffffff",
        values.filter((cell) => !isLight(cell.value)),
      ),
    ],
  };
}
