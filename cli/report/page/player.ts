/** Films with a slider and a button. */
import { drawFrame } from "./draw.ts";
import type { Film } from "./film.ts";

/** Milliseconds that a film takes at most, and a frame at most. */
const LENGTH = 6000;
const FRAME = 250;

/** Where each film stood when its part of the page was replaced: null at its end. */
let place: number | null = null;

/** Sets up all films of the page, or those of a part that was replaced. */
export function setUpPlayers(root: ParentNode): void {
  for (const player of root.querySelectorAll<HTMLElement>(".player")) setUp(player);
}

/** Draws all films anew: the colors or the sizes are others. */
export function redrawPlayers(): void {
  for (const player of document.querySelectorAll(".player")) player.dispatchEvent(new Event("redraw"));
}

function setUp(player: HTMLElement): void {
  const canvas = player.querySelector("canvas");
  const slider = player.querySelector("input");
  const button = player.querySelector("button");
  const output = player.querySelector("output");
  if (canvas === null || slider === null || button === null || output === null) return;
  // Written by `sections/function.ts`.
  const film = JSON.parse(player.dataset["film"] ?? "") as Film;
  const last = film.labels.length - 1;
  let timer: ReturnType<typeof setInterval> | undefined;
  const show = (at: number): void => {
    slider.value = String(at);
    output.textContent = film.labels[at] ?? "";
    place = at === last ? null : at;
    drawFrame(canvas, film, at);
  };
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
    button.textContent = "▶";
    button.setAttribute("aria-label", "play");
  };
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  button.addEventListener("click", () => {
    if (timer !== undefined) return stop();
    button.textContent = "❚❚";
    button.setAttribute("aria-label", "pause");
    let at = Number(slider.value) === last ? 0 : Number(slider.value);
    show(at);
    timer = setInterval(
      () => {
        if (!player.isConnected || at >= last) return stop();
        show(++at);
      },
      Math.min(FRAME, LENGTH / (last + 1)),
    );
  });
  player.addEventListener("redraw", () => drawFrame(canvas, film, Number(slider.value)));
  show(Math.min(place ?? last, last));
}
