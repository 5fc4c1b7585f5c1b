/** What the module says of itself, from the model and the memory plan. */
import type { Manifest, ManifestPlace, ManifestProbe, ManifestSize } from "../../runtime/manifest.ts";
import { CompilerFault } from "../fault.ts";
import { saidOf } from "../graph/labels.ts";
import { modelJoins } from "../graph/join.ts";
import { ownedBy, pathOf, statesOf, type Model, type Probe } from "../graph/model.ts";
import { countOf, type Shape, writtenShape } from "../ir/size.ts";
import { type Buffer, EXACT_STEP, type KernelProgram } from "../schedule/kernel.ts";

export interface ManifestFacts {
  readonly dtype: "f32" | "f64";
  readonly simd: "strict" | "relaxed";
  /** Null where nothing is shared. */
  readonly threads: NonNullable<Manifest["threads"]> | null;
  /** As the scheduler has them; null where they are not asked for. */
  readonly probes: readonly Probe[] | null;
  readonly sourceHash: string;
  readonly build: string;
}

type Find = (wanted: string, match: (role: Buffer["role"]) => boolean) => ManifestPlace;

/** By layer call, in the order of the calls. */
function probesOf(model: Model, probes: readonly Probe[], find: Find): ManifestProbe[] {
  return [...new Set(probes.map(({ call }) => call))].map((call): ManifestProbe => {
    const { path, callee } = model.layers[call]!;
    const own = probes.flatMap((probe, index) => (probe.call === call ? [{ ...probe, index }] : []));
    const placeOf = ({ figure, index }: (typeof own)[number]): ManifestPlace =>
      find(`${figure} of ${path}`, (r) => r.kind === "probe" && r.index === index);
    const byParameter = (figure: Probe["figure"]): Record<string, ManifestPlace> =>
      Object.fromEntries(
        own.flatMap((probe) =>
          probe.figure === figure ? [[pathOf(model, probe.parameter!), placeOf(probe)] as const] : [],
        ),
      );
    const alive = own.find(({ figure }) => figure === "alive");
    return {
      path,
      callee,
      units: alive === undefined ? 0 : countOf(alive.node.shape[0]!),
      places: Object.fromEntries(
        own.flatMap((probe) => (probe.parameter === null ? [[probe.figure, placeOf(probe)] as const] : [])),
      ),
      gradients: byParameter("gradients"),
      updates: byParameter("updates"),
    };
  });
}

/** The exact step number lies behind the one that formulas read. */
function stepPlace(place: ManifestPlace): number {
  if ("fixed" in place) return place.fixed + EXACT_STEP;
  throw new CompilerFault("the step number is not in the fixed part");
}

/**
 * The manifest as JSON. What JSON has no numbers for is a string there: "NaN", "Infinity",
 * "-Infinity", "-0".
 */
export const manifestText = (manifest: Manifest): string =>
  JSON.stringify(manifest, (_, value: unknown) =>
    typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))
      ? value
      : Object.is(value, -0)
        ? "-0"
        : String(value),
  );

/**
 * The manifest of a program: names and shapes from the model, places from the plan of memory.
 * @throws CompilerFault where something of the model has no place
 */
export function buildManifest(model: Model, program: KernelProgram, facts: ManifestFacts): Manifest {
  const find: Find = (wanted: string, match: (role: Buffer["role"]) => boolean): ManifestPlace => {
    const buffer = program.buffers.find((b) => match(b.role));
    const place = buffer && program.arena.places[buffer.id];
    if (place === undefined || place.part === "table") throw new CompilerFault(`no place for ${wanted}`);
    return place.part === "fixed" ? { fixed: place.offset } : { rows: place.offset };
  };
  const sizes = (shape: Shape): ManifestSize[] => writtenShape(shape, model.freeName ?? "N");
  const counts = (shape: Shape): number[] => shape.map(countOf);
  const document = (doc: string | undefined): { doc?: string } => (doc === undefined ? {} : { doc });
  const { roots, optimizer } = model;
  const joins = modelJoins(model);

  return {
    version: 1,
    model: model.name,
    source: { hash: facts.sourceHash },
    build: facts.build,
    dtype: facts.dtype,
    simd: facts.simd,
    ...(facts.threads === null ? {} : { threads: facts.threads }),
    free: model.freeName,
    inputs: model.inputs.map((input) => ({
      name: input.name,
      role: input.role,
      dtype: input.type,
      shape: sizes(input.shape),
      ...saidOf(input.labels, facts.dtype),
      place: find(input.name, (r) => r.kind === "input" && r.name === input.name),
      ...document(input.doc),
    })),
    outputs: roots.outputs.map((output, index) => ({
      name: output.name,
      shape: sizes(output.node.shape),
      join: joins.outputs[index]!,
      place: find(output.name, (r) => r.kind === "output" && r.name === output.name),
      ...document(output.doc),
    })),
    metrics: roots.metrics.map(({ name }, index) => ({
      name,
      join: joins.metrics[index]!,
      place: find(name, (r) => r.kind === "metric" && r.name === name),
    })),
    parameters: ownedBy(model).flatMap((parameter, index) => {
      const { kind, path, shape, init, doc, gradient } = parameter;
      if (kind === "layer-state") return [];
      return {
        path,
        shape: counts(shape),
        frozen: kind === "frozen",
        init,
        place: find(path, (r) => r.kind === "parameter" && r.index === index),
        gradient:
          gradient === null ? null : find(`d ${path}`, (r) => r.kind === "gradient" && r.index === index),
        ...document(doc),
      };
    }),
    states: ownedBy(model).flatMap(({ kind, path, shape, init, doc }, index) =>
      kind === "layer-state"
        ? {
            path,
            shape: counts(shape),
            init,
            place: find(path, (r) => r.kind === kind && r.index === index),
            ...document(doc),
          }
        : [],
    ),
    loss: roots.loss !== null,
    lossJoin: joins.loss,
    optimizer:
      optimizer === null
        ? null
        : {
            name: optimizer.name,
            hyper: Object.fromEntries(optimizer.hyper.map(({ name, value }) => [name, value])),
            places: Object.fromEntries(
              optimizer.hyper.map(({ name }) => [
                name,
                find(name, (r) => r.kind === "hyper" && r.name === name),
              ]),
            ),
            states: statesOf(model).map(({ path, parameter, name }) => ({
              parameter: pathOf(model, parameter),
              name,
              place: find(path, (r) => r.kind === "state" && r.parameter === parameter && r.name === name),
            })),
            ...(optimizer.groups.every(({ paths }) => paths === null)
              ? {}
              : {
                  groups: optimizer.groups.map(({ name, paths, parameters }) => ({
                    name,
                    for: paths,
                    parameters: parameters.map((index) => pathOf(model, index)),
                  })),
                }),
          },
    ...(facts.probes === null ? {} : { probes: probesOf(model, facts.probes, find) }),
    step: { fixed: stepPlace(find("step", (r) => r.kind === "step")) },
    arena: { fixed: program.arena.fixed, perRow: program.arena.perRow },
    settings: model.settings,
  };
}
