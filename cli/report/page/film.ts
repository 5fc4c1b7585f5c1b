/** Frames of what a model says, as the page's script is given them: numbers in base64. */

export type Film = SurfaceFilm | LineFilm;

interface FilmBase {
  readonly features: readonly string[];
  readonly labels: readonly string[];
  readonly x: Range;
  readonly y: Range;
}

export interface SurfaceFilm extends FilmBase {
  readonly kind: "surface";
  readonly columns: number;
  readonly rows: number;
  readonly values: Range;
  readonly isShare: boolean;
  /** How many there are; 0 where the output is one number. */
  readonly classes: number;
  readonly cells: readonly string[];
  readonly points: readonly (readonly [x: number, y: number, target: number | null])[];
}

export interface LineFilm extends FilmBase {
  readonly kind: "line";
  readonly output: string;
  /** Little-endian f32. */
  readonly curves: readonly string[];
  readonly points: readonly (readonly [x: number, y: number])[];
}

type Range = readonly [low: number, high: number];
