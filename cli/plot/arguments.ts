/** What `nndsl plot` is told. */
import type { SharedOptions, TableArguments } from "../options.ts";
import type { Theme } from "../pictures/theme.ts";
import type { ImageSize } from "./plot.ts";

export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface PlotArguments extends SharedOptions, TableArguments {
  readonly data?: readonly string[];
  readonly weights?: string;
  readonly output?: string;
  readonly range?: readonly Range[];
  readonly image?: ImageSize;
  readonly lossSurface: boolean;
  readonly history?: string;
  readonly layers: boolean;
  readonly span?: number;
  readonly points?: number;
  readonly rows?: number;
  readonly theme: Theme;
  readonly dtype: "f32" | "f64";
}
