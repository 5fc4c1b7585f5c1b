/** A frame of a film on a canvas. */
import { css, mixed, ramp, rgbOf, styleColor, type Rgb } from "./colors.ts";
import type { Film, LineFilm, SurfaceFilm } from "./film.ts";

/** Pixels beside the plot, for its axes. */
const LEFT = 46;
const BOTTOM = 40;
const TOP = 8;
const RIGHT = 12;

interface Plot {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  readonly across: (x: number) => number;
  readonly up: (y: number) => number;
}

/** Draws frame `at`, as sharp as the screen is. */
export function drawFrame(canvas: HTMLCanvasElement, film: Film, at: number): void {
  const { width, height } = canvas.getBoundingClientRect();
  const density = Math.max(1, window.devicePixelRatio);
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const context = canvas.getContext("2d");
  if (context === null || width === 0) return;
  context.scale(density, density);
  const [inner, outer] = [width - LEFT - RIGHT, height - TOP - BOTTOM];
  const plot: Plot = {
    context,
    width: inner,
    height: outer,
    across: (x) => LEFT + ((x - film.x[0]) / (film.x[1] - film.x[0])) * inner,
    up: (y) => TOP + (1 - (y - film.y[0]) / (film.y[1] - film.y[0])) * outer,
  };
  if (film.kind === "surface") surface(plot, film, at);
  axes(plot, film);
  if (film.kind === "surface") surfacePoints(plot, film);
  else line(plot, film, at);
}

// ------------------------------------------------------------------------------------------------- surfaces

function surface({ context, width, height }: Plot, film: SurfaceFilm, at: number): void {
  const { columns, rows } = film;
  const bytes = bytesOf(film.cells[at] ?? "");
  const image = new ImageData(columns, rows);
  const colorOf = cellColors(film, bytes);
  for (let cell = 0; cell < columns * rows; cell++) {
    const [red, green, blue] = colorOf(cell);
    image.data.set([red, green, blue, 255], 4 * cell);
  }
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  small.getContext("2d")?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = film.classes === 0;
  context.drawImage(small, LEFT, TOP, width, height);
}

function cellColors({ classes, isShare }: SurfaceFilm, bytes: Uint8Array): (cell: number) => Rgb {
  if (classes === 0) {
    const color = ramp(isShare ? "two-sided" : "one-sided");
    return (cell) => color((bytes[cell] ?? 0) / 255);
  }
  const ground = rgbOf(styleColor("--chart-background"));
  // Where all are alike the largest has a share of 1 / classes.
  return (cell) => {
    const share = (bytes[2 * cell + 1] ?? 0) / 255;
    return mixed(ground, category(bytes[2 * cell] ?? 0), 0.1 + 0.5 * Math.max(0, share));
  };
}

const category = (index: number): Rgb => rgbOf(styleColor(`--chart-category-${index % 8}`));

function surfacePoints({ context, across, up }: Plot, film: SurfaceFilm): void {
  const color = ramp(film.isShare ? "two-sided" : "one-sided");
  const [low, high] = film.values;
  // The ground's own color around a dot: one of the field's color is seen on it too.
  context.strokeStyle = styleColor("--chart-background");
  context.lineWidth = 1.5;
  for (const [x, y, target] of film.points) {
    context.beginPath();
    context.arc(across(x), up(y), film.points.length > 300 ? 2.6 : 5, 0, 2 * Math.PI);
    if (target !== null) {
      context.fillStyle = css(
        film.classes > 0 ? category(target) : color((target - low) / (high - low || 1)),
      );
      context.fill();
    }
    context.stroke();
  }
}

// ---------------------------------------------------------------------------------------------------- lines

function line({ context, across, up, width, height }: Plot, film: LineFilm, at: number): void {
  context.fillStyle = styleColor("--chart-quiet");
  context.globalAlpha = film.points.length > 300 ? 0.45 : 0.8;
  for (const [x, y] of film.points) {
    context.beginPath();
    context.arc(across(x), up(y), 2.4, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
  const values = new Float32Array(bytesOf(film.curves[at] ?? "").buffer);
  context.save();
  context.beginPath();
  context.rect(LEFT, TOP, width, height);
  context.clip();
  context.beginPath();
  values.forEach((value, i) => {
    const x = LEFT + (i / (values.length - 1)) * width;
    if (i === 0) context.moveTo(x, up(value));
    else context.lineTo(x, up(value));
  });
  context.strokeStyle = styleColor("--chart-category-1");
  context.lineWidth = 2.4;
  context.lineJoin = "round";
  context.stroke();
  context.restore();
}

// ----------------------------------------------------------------------------------------------------- axes

function axes({ context, width, height, across, up }: Plot, film: Film): void {
  context.font = `11px ${styleColor("--font")}`;
  context.fillStyle = styleColor("--chart-quiet");
  context.strokeStyle = styleColor("--chart-grid");
  context.lineWidth = 1;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const tick of ticks(film.x, Math.max(2, width / 80))) {
    if (film.kind === "line") rule(context, across(tick), TOP, across(tick), TOP + height);
    context.fillText(String(tick), across(tick), TOP + height + 6);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks(film.y, Math.max(2, height / 60))) {
    if (film.kind === "line") rule(context, LEFT, up(tick), LEFT + width, up(tick));
    context.fillText(String(tick), LEFT - 6, up(tick));
  }
  context.fillStyle = styleColor("--chart-text");
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillText(film.features[0] ?? "", LEFT + width / 2, TOP + height + BOTTOM - 2, width);
  context.save();
  context.translate(11, TOP + height / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "middle";
  const upName = film.kind === "surface" ? film.features[1] : film.output;
  context.fillText(upName ?? "", 0, 0, height);
  context.restore();
}

function rule(context: CanvasRenderingContext2D, x: number, y: number, toX: number, toY: number): void {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(toX, toY);
  context.stroke();
}

/** Round numbers in a range, about `count` of them. */
function ticks([low, high]: readonly [number, number], count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const found: number[] = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(Number((k * step).toPrecision(6)));
  return found;
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
