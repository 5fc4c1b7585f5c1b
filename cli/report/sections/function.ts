/** What the model says of its one or two features, frame by frame as it learnt. */
import { markup, type Html } from "../html.ts";
import type { Film } from "../page/film.ts";
import type { Frames, Line, RunState, Surface } from "../run.ts";
import { named, type Section } from "./section.ts";

export function learntFunction({ frames }: RunState): Section | null {
  if (frames === null || frames.labels.length === 0) return null;
  const { title, text } = frames.kind === "surface" ? surfaceWords(frames) : lineWords(frames);
  const body = markup`<p>${text}${dots(frames)}</p>
    <div class="player" data-film="${JSON.stringify(filmOf(frames))}">
      <canvas role="img" aria-label="${title}"></canvas>
      <div class="bar">
        <button type="button" aria-label="play">▶</button
        ><input
          type="range"
          min="0"
          max="${frames.labels.length - 1}"
          value="${frames.labels.length - 1}"
          aria-label="moment of training"
        /><output>${frames.labels.at(-1)!}</output>
      </div>
      ${legend(frames)}
    </div>`;
  return { id: "function", title, body };
}

const dots = ({ points }: Frames): string =>
  points.length === 0 ? "." : ", with rows of the training data as dots.";

const surfaceWords = ({
  output,
  features,
  classes,
}: Surface): { readonly title: string; readonly text: string } => ({
  title: "Decision surface through training",
  text: `${classes.length > 0 ? "The likeliest class" : `The output ${named(output)}`} over ${named(features[0]!)} (across) and ${named(features[1]!)} (up)`,
});

const lineWords = ({ output, features }: Line): { readonly title: string; readonly text: string } => ({
  title: "Fit through training",
  text: `The output ${named(output)} over ${named(features[0]!)}`,
});

function legend(frames: Frames): Html | null {
  if (frames.kind === "line") return null;
  const { classes, values, isShare } = frames;
  if (classes.length > 0) {
    return markup`<ul class="legend">
      ${classes.map((name, i) => markup`<li><i style="background: var(--chart-category-${i % 8})"></i>${named(name)}</li>`)}
    </ul>`;
  }
  return markup`<p class="legend">
    <span>${Number(values[0].toPrecision(3))}</span><i class="ramp ${isShare ? "two-sided" : "one-sided"}"></i
    ><span>${Number(values[1].toPrecision(3))}</span>
  </p>`;
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

/** What the page's script is given. */
function filmOf(frames: Frames): Film {
  if (frames.kind === "surface") {
    const { cells, classes, output: _, ...rest } = frames;
    return {
      ...rest,
      features: frames.features.map(named),
      classes: classes.length,
      cells: cells.map(base64),
    };
  }
  const { curves, output, ...rest } = frames;
  const bytes = curves.map((curve) => new Uint8Array(curve.buffer, curve.byteOffset, curve.byteLength));
  return { ...rest, features: frames.features.map(named), output: named(output), curves: bytes.map(base64) };
}
