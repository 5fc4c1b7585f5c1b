/** The script of the page: bundled by `scripts/generate.ts`, and allowed by its hash. */
import { goLive } from "./live.ts";
import { redrawPlayers, setUpPlayers } from "./player.ts";

setUpPlayers(document);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawPlayers);
new ResizeObserver(redrawPlayers).observe(document.documentElement);
goLive();
