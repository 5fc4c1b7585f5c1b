/** What happens inside: what `--probe` saw of each layer. */
import { pageSvg, stepsChart } from "../charts.ts";
import { count, figure } from "../../terminal/numbers.ts";
import { markup, type Html } from "../html.ts";
import type { LayerProbe } from "../../../runtime/index.ts";
import type { Curve, LayerCurves, RunFacts, RunState } from "../run.ts";
import { absent, named, table, type Section } from "./section.ts";

/** Parameters that a chart shows; of more, the weights. */
const MOST_UPDATES = 12;

/** Units that are named one by one. */
const MOST_UNITS = 40;

export async function layers(facts: RunFacts, { layers: seen }: RunState): Promise<Section> {
  const body =
    seen === null
      ? absent(
          facts.probed
            ? "Nothing was probed yet."
            : markup`<code>--probe</code> looks into the layers: norms of gradients, spread of activations, dead
                units and the size of updates.`,
        )
      : markup`<div class="charts">${await charts(seen, facts)}</div>
          ${lastSeen(seen.last)}`;
  return { id: "layers", title: "Inside the layers", body };
}

async function charts(
  { gradients, deviations, dead, updates }: LayerCurves,
  { parameters }: RunFacts,
): Promise<readonly Html[]> {
  const weights = new Set(parameters.filter(({ shape }) => shape.length > 1).map(({ path }) => path));
  const many = updates.length > MOST_UPDATES;
  const drawn = await Promise.all([
    chart(
      "Norm of the loss's gradient at each layer's output",
      "Norms that shrink towards the first layers are gradients that vanish.",
      "gradient norm",
      gradients,
    ),
    chart(
      "Spread of each layer's output",
      "The standard deviation over all entries.",
      "deviation",
      deviations,
    ),
    dead.some(({ points }) => points.some(({ y }) => y > 0))
      ? chart(
          "Units that were 0 on every row",
          "The share of each layer's units.",
          "dead units (share)",
          dead,
          true,
        )
      : Promise.resolve(null),
    chart(
      `Size of a step's update to each ${many ? "weight" : "parameter"}`,
      "Its norm in proportion to what it changes; about 0.001 is usual.",
      "‖update‖ / ‖value‖",
      many ? updates.filter(({ name }) => weights.has(name)) : updates,
    ),
  ]);
  return drawn.flatMap((figure) => (figure === null ? [] : [figure]));
}

async function chart(
  title: string,
  description: string,
  value: string,
  curves: readonly Curve[],
  zero = false,
): Promise<Html | null> {
  const shown = curves
    .filter(({ points }) => points.length > 1)
    .map((curve) => ({ ...curve, name: named(curve.name) }));
  if (shown.length === 0) return null;
  const more = { legend: "", ...(zero ? { zero } : {}) };
  return markup`<figure>
    ${await pageSvg(stepsChart({ title, subtitle: description, description }, value, shown, more))}
  </figure>`;
}

const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

const lastSeen = (probes: readonly LayerProbe[]): Html =>
  markup`<h3>As last seen</h3>
    ${table(
      [
        { title: "layer" },
        { title: "is a" },
        { title: "mean", kind: "number" },
        { title: "deviation", kind: "number" },
        { title: "least", kind: "number" },
        { title: "largest", kind: "number" },
        { title: "zeros", kind: "number" },
        { title: "dead units", kind: "number" },
        { title: "gradient", kind: "number" },
      ],
      probes.map((probe) => [
        named(probe.path),
        named(probe.callee),
        figure(probe.mean),
        figure(probe.std),
        figure(probe.min),
        figure(probe.max),
        percent(probe.zeros),
        deadUnits(probe),
        figure(probe.gradient),
      ]),
    )}`;

function deadUnits({ dead, units, deadUnits }: LayerProbe): string | Html {
  const share = `${count(dead)} of ${count(units)}`;
  if (dead === 0 || deadUnits.length === 0) return share;
  const more = deadUnits.length > MOST_UNITS ? ", …" : "";
  return markup`<details>
    <summary>${share}</summary>
    units ${deadUnits.slice(0, MOST_UNITS).join(", ")}${more}
  </details>`;
}
