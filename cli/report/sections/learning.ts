/** Loss and metrics over the steps. */
import { pageSvg, stepsChart } from "../charts.ts";
import { markup, type Html } from "../html.ts";
import type { Curve, MetricCurves, RunFacts, RunState } from "../run.ts";
import { absent, named, type Section } from "./section.ts";

export async function learning(facts: RunFacts, state: RunState): Promise<Section> {
  const charts = [lossChart(facts, state), ...state.metrics.map((metric) => metricChart(facts, metric))];
  const drawn = (await Promise.all(charts)).flatMap((chart) => (chart === null ? [] : [chart]));
  const body =
    drawn.length === 0
      ? absent("Curves begin with the second step.")
      : markup`<div class="charts">${drawn}</div>
          ${facts.validated ? null : absent(markup`<code>--validate 0.1</code> holds rows out, and shows loss and metrics on them.`)}`;
  return { id: "learning", title: "Learning", body };
}

async function lossChart({ model }: RunFacts, state: RunState): Promise<Html | null> {
  const curves: readonly Curve[] = [
    // Where an epoch is one step, both would be one curve.
    { name: "each step", points: state.losses.length > state.epochLosses.length ? state.losses : [] },
    { name: "mean of epoch", points: state.epochLosses },
    { name: "validation", points: state.validationLosses },
  ].filter(({ points }) => points.length > 1);
  if (curves.length === 0) return null;
  return markup`<figure>
    ${await pageSvg(
      stepsChart(
        {
          title: "Loss over the steps of training",
          description: `The loss of ${named(model)} at each step, its means over epochs, and on held-out rows where there are some.`,
        },
        "loss",
        curves,
        { legend: "", firstIsFaint: state.losses.length > state.epochLosses.length },
      ),
    )}
  </figure>`;
}

async function metricChart({ model }: RunFacts, metric: MetricCurves): Promise<Html | null> {
  const curves = [
    { name: "training", points: metric.training },
    { name: "validation", points: metric.validation },
  ].filter(({ points }) => points.length > 1);
  if (curves.length === 0) return null;
  const name = named(metric.name);
  return markup`<figure>
    ${await pageSvg(
      stepsChart(
        {
          title: `${name} after each epoch${metric.training.length > 1 ? "" : ", on held-out rows"}`,
          description: `The metric ${name} of ${named(model)} by step.`,
        },
        name,
        curves,
        { legend: "" },
      ),
    )}
  </figure>`;
}
