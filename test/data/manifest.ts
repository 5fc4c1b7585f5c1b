import type { Manifest, ManifestInput } from "../../runtime/manifest.ts";

export type InputSketch = Pick<ManifestInput, "name" | "shape"> & Partial<ManifestInput>;

/** A manifest with these inputs and nothing else that reading data looks at. */
export function modelManifest(inputs: readonly InputSketch[]): Manifest {
  const place = { rows: 0 } as const;
  return {
    version: 1,
    model: "Sketch",
    source: { hash: "" },
    build: "",
    dtype: "f32",
    simd: "strict",
    free: "N",
    inputs: inputs.map((input) => ({ role: "input", dtype: "float", place, ...input })),
    outputs: [],
    metrics: [],
    parameters: [],
    states: [],
    loss: false,
    lossJoin: null,
    optimizer: null,
    step: { fixed: 0 },
    arena: { fixed: 0, perRow: 0 },
    settings: {},
  };
}
