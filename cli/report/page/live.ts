/** A page that is served while its run goes on: parts that change, and what steers the run. */
import { redrawPlayers, setUpPlayers } from "./player.ts";

/** What the server sends: parts of the page by their ids. */
export interface Update {
  /** Ids of all parts, in their order. */
  readonly order: readonly string[];
  /** HTML of those that changed. */
  readonly parts: Readonly<Record<string, string>>;
  readonly contents: string;
  readonly status: string;
  readonly title: string;
  readonly running: boolean;
  readonly paused: boolean;
  /** The learning rate; null where the optimizer has none. */
  readonly lr: number | null;
}

const byId = (id: string): HTMLElement | null => document.getElementById(id);

/** Connects the page to its server. Without one, as in a file, there is nothing to do. */
export function goLive(): void {
  const { token, place } = document.documentElement.dataset;
  if (token === undefined) return;
  const post = (what: object): void => {
    void fetch("./control", {
      method: "POST",
      headers: { "content-type": "application/json", "x-nndsl-token": token },
      body: JSON.stringify(what),
    }).then(
      // One that refuses is of another run.
      ({ ok }) => void (ok || lost()),
      () => lost(),
    );
  };
  let paused = false;
  byId("pause")?.addEventListener("click", () => post({ do: paused ? "resume" : "pause" }));
  byId("stop")?.addEventListener("click", () => post({ do: "stop" }));
  const slider = byId("lr");
  slider?.addEventListener("input", () => showRate(10 ** Number((slider as HTMLInputElement).value)));
  slider?.addEventListener("change", () => {
    const lr = Number((10 ** Number((slider as HTMLInputElement).value)).toPrecision(3));
    post({ do: "set", name: "lr", value: lr });
  });

  const events = new EventSource(`./events?since=${place ?? ""}`);
  events.addEventListener("update", ({ data }: MessageEvent<string>) => {
    // Written by `cli/live/server.ts`.
    const update = JSON.parse(data) as Update;
    paused = update.paused;
    apply(update);
  });
  // Another run has the port by now.
  events.addEventListener("reload", () => {
    events.close();
    location.reload();
  });
  events.addEventListener("open", () => byId("connection")?.replaceChildren());
  events.addEventListener("error", lost);
}

const lost = (): void => {
  const connection = byId("connection");
  if (connection !== null)
    connection.textContent = "The command is no longer there; this is what it last said.";
  for (const control of document.querySelectorAll("#controls button, #controls input"))
    control.setAttribute("disabled", "");
};

function apply(update: Update): void {
  document.title = update.title;
  fill(byId("status"), update.status);
  const main = byId("parts");
  if (main === null) return;
  let before: Element | null = null;
  for (const id of update.order) {
    let part = byId(id);
    if (part === null) {
      part = document.createElement("section");
      part.id = id;
    }
    if (part.parentElement !== main || part.previousElementSibling !== before) {
      if (before === null) main.prepend(part);
      else before.after(part);
    }
    const changed = update.parts[id];
    if (changed !== undefined) {
      fill(part, changed);
      setUpPlayers(part);
    }
    before = part;
  }
  fill(byId("contents"), update.contents);
  const controls = byId("controls");
  if (controls !== null) controls.hidden = !update.running;
  const pause = byId("pause");
  if (pause !== null) pause.textContent = update.paused ? "Resume" : "Pause";
  for (const control of document.querySelectorAll("#controls button, #controls input"))
    control.removeAttribute("disabled");
  const slider = byId("lr") as HTMLInputElement | null;
  if (slider !== null && update.lr !== null && document.activeElement !== slider) {
    slider.value = String(Math.log10(update.lr));
    showRate(update.lr);
  }
  redrawPlayers();
}

const showRate = (lr: number): void => {
  const output = byId("lr-value");
  if (output !== null) output.textContent = String(Number(lr.toPrecision(3)));
};

/** The server has escaped every text in it. */
function fill(element: HTMLElement | null, html: string): void {
  if (element !== null) element.innerHTML = html;
}
