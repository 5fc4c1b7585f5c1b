/** Numbers on a grid as regions: polygons in the pixels of a plot, which `geoshape` draws in place. */

/** Numbers at the crossings of a grid that reaches from edge to edge of a plot; rows from the bottom. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly values: readonly number[];
}

/** Of GeoJSON, as far as it is needed. */
export interface Region {
  readonly type: "MultiPolygon";
  readonly coordinates: number[][][][];
}

/** For each threshold where the numbers are at least that; between the crossings they are taken for straight. */
export async function regionsAbove(
  { columns, rows, values }: Grid,
  thresholds: readonly number[],
  size: { readonly width: number; readonly height: number },
): Promise<Region[]> {
  const { contours } = await import("d3-contour");
  // The library's crossings lie in the middle of cells.
  const x = (at: number): number => tenth(((at - 0.5) / (columns - 1)) * size.width);
  const y = (at: number): number => tenth(size.height - ((at - 0.5) / (rows - 1)) * size.height);
  const draw = contours().size([columns, rows]);
  return thresholds.map((threshold) => ({
    type: "MultiPolygon",
    coordinates: draw
      .contour([...values], threshold)
      .coordinates.map((polygon) => polygon.map((ring) => ring.map(([a, b]) => [x(a!), y(b!)]))),
  }));
}

/**
 * For each band that begins at one of `thresholds`, lowest first, where the numbers are in it or above; the lowest has all
 * that are numbers, so that drawn one over the other nothing shows between them.
 */
export async function bandsOf(
  grid: Grid,
  thresholds: readonly number[],
  size: { readonly width: number; readonly height: number },
): Promise<Region[]> {
  const known = { ...grid, values: grid.values.map((value) => (Number.isNaN(value) ? 0 : 1)) };
  const whole: Region = {
    type: "MultiPolygon",
    coordinates: [
      [
        [
          [0, 0],
          [0, size.height],
          [size.width, size.height],
          [size.width, 0],
          [0, 0],
        ],
      ],
    ],
  };
  const lowest = known.values.includes(0) ? await regionsAbove(known, [0.5], size) : [whole];
  return [...lowest, ...(await regionsAbove(grid, thresholds.slice(1), size))];
}

const tenth = (pixels: number): number => Math.round(pixels * 10) / 10;

/** What a mark of regions needs: their coordinates are pixels already. */
export const inPlace = { type: "identity", scale: 1, translate: [0, 0] } as const;
