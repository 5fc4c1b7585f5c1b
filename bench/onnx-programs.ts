/**
 * Inference of programs that are no dense nets as ONNX. Images have their channels second, as its
 * convolutions want them; their one input is given so.
 */
import type { Floats, ProgramName } from "./job.ts";
import { encode, type Constant, type Graph, type Node } from "./onnx-file.ts";

export interface OfOnnx {
  readonly rows: number;
  readonly settings: Readonly<Record<string, number>>;
  /** By path. */
  readonly parameters: readonly Constant[];
}

type Writer = (of: OfOnnx) => Omit<Graph, "constants"> & { readonly constants?: readonly Constant[] };

const one = (op: string, inputs: readonly string[], output: string, attributes: Node["attributes"] = {}) => ({
  op,
  inputs,
  output,
  attributes,
});

const convolution = (path: string, x: string, output: string, pad = 0, groups = 1): Node =>
  one("Conv", [x, `${path}.weight`, `${path}.bias`], output, {
    pads: [pad, pad, pad, pad],
    group: groups,
  });

const relu = (x: string, output: string): Node => one("Relu", [x], output);
const pool = (x: string, output: string): Node =>
  one("MaxPool", [x], output, { kernel_shape: [2, 2], strides: [2, 2] });

/** Of features [rows, …]. */
const classes = (features: string): readonly Node[] => [
  one("Flatten", [features], "features"),
  one("Gemm", ["features", "logits.weight", "logits.bias"], "logits", { transB: 1 }),
  one("Softmax", ["logits"], "result", { axis: -1 }),
];

const digitsConv: Writer = ({ rows }) => ({
  inputs: { x: [rows, 1, 28, 28] },
  shape: [rows, 10],
  nodes: [
    convolution("first", "x", "first.z"),
    relu("first.z", "first.h"),
    pool("first.h", "first"),
    convolution("second", "first", "second.z"),
    relu("second.z", "second.h"),
    pool("second.h", "second"),
    // The classes read them place by place.
    one("Transpose", ["second"], "places", { perm: [0, 2, 3, 1] }),
    ...classes("places"),
  ],
});

const block: Writer = ({ rows, settings: { channels = 0, side = 0 } }) => ({
  inputs: { x: [rows, channels, side, side] },
  shape: [rows, 10],
  nodes: [
    convolution("first", "x", "first.z", 1),
    relu("first.z", "first"),
    convolution("second", "first", "second", 1),
    one("Add", ["x", "second"], "sum"),
    relu("sum", "h"),
    one("GlobalAveragePool", ["h"], "mean"),
    ...classes("mean"),
  ],
});

const mobile: Writer = ({ rows, settings: { channels = 0, side = 0 } }) => ({
  inputs: { x: [rows, channels, side, side] },
  shape: [rows, 10],
  nodes: [
    convolution("depthwise", "x", "depthwise.z", 1, channels),
    relu("depthwise.z", "depthwise"),
    convolution("pointwise", "depthwise", "pointwise.z"),
    relu("pointwise.z", "pointwise"),
    one("GlobalAveragePool", ["pointwise"], "mean"),
    ...classes("mean"),
  ],
});

const whole = (name: string, values: readonly number[]): Constant => ({
  name,
  shape: [values.length],
  values: BigInt64Array.from(values, BigInt),
});

const norm = (path: string, x: string): Node =>
  one("LayerNormalization", [x, `${path}.weight`, `${path}.bias`], path, {
    axis: -1,
    epsilon: { float: 1e-5 },
  });

/** x Wᵀ + b; weights are turned when the file is written. */
const linear = (
  path: string,
  x: string,
  output: string,
  weight = `${path}.weight`,
  bias = `${path}.bias`,
) => [one("MatMul", [x, weight], `${output}.product`), one("Add", [`${output}.product`, bias], output)];

function blockOf(path: string, x: string, output: string): readonly Node[] {
  const own = `${path}.self_attn`;
  const heads = (part: string): readonly Node[] => [
    one("Reshape", [`${path}.${part}`, "apart"], `${path}.${part}.apart`),
    one("Transpose", [`${path}.${part}.apart`], `${path}.${part}.heads`, {
      perm: part === "k" ? [0, 2, 3, 1] : [0, 2, 1, 3],
    }),
  ];
  return [
    norm(`${path}.norm1`, x),
    ...linear(own, `${path}.norm1`, `${path}.qkv`, `${own}.in_proj_weight`, `${own}.in_proj_bias`),
    {
      op: "Split",
      inputs: [`${path}.qkv`, "thirds"],
      output: [`${path}.q`, `${path}.k`, `${path}.v`],
      attributes: { axis: -1 },
    },
    ...["q", "k", "v"].flatMap(heads),
    one("MatMul", [`${path}.q.heads`, `${path}.k.heads`], `${path}.products`),
    one("Mul", [`${path}.products`, "scale"], `${path}.scaled`),
    one("Add", [`${path}.scaled`, "behind"], `${path}.scores`),
    one("Softmax", [`${path}.scores`], `${path}.weights`, { axis: -1 }),
    one("MatMul", [`${path}.weights`, `${path}.v.heads`], `${path}.mixed.heads`),
    one("Transpose", [`${path}.mixed.heads`], `${path}.mixed.apart`, { perm: [0, 2, 1, 3] }),
    one("Reshape", [`${path}.mixed.apart`, "together"], `${path}.mixed`),
    ...linear(`${own}.out_proj`, `${path}.mixed`, `${path}.out`),
    one("Add", [x, `${path}.out`], `${path}.h`),
    norm(`${path}.norm2`, `${path}.h`),
    ...linear(`${path}.linear1`, `${path}.norm2`, `${path}.wide`),
    one("Gelu", [`${path}.wide`], `${path}.gelu`, { approximate: "tanh" }),
    ...linear(`${path}.linear2`, `${path}.gelu`, `${path}.narrow`),
    one("Add", [`${path}.h`, `${path}.narrow`], output),
  ];
}

const gpt: Writer = ({ rows, settings }) => {
  const { width = 0, heads = 1, steps = 0, blocks = 0, symbols = 0 } = settings;
  const behind = Float32Array.from({ length: steps * steps }, (_, i) =>
    i % steps > Math.floor(i / steps) ? -Infinity : 0,
  );
  return {
    inputs: { ids: [rows, steps] },
    whole: ["ids"],
    shape: [rows, steps, symbols],
    constants: [
      whole("thirds", [width, width, width]),
      whole("apart", [rows, steps, heads, width / heads]),
      whole("together", [rows, steps, width]),
      { name: "scale", shape: [], values: Float32Array.of(1 / Math.sqrt(width / heads)) },
      { name: "behind", shape: [steps, steps], values: behind },
    ],
    nodes: [
      one("Gather", ["table", "ids"], "rows"),
      one("Add", ["rows", "places"], "h.0.x"),
      ...Array.from({ length: blocks }, (_, i) => blockOf(`h.${i}`, `h.${i}.x`, `h.${i + 1}.x`)).flat(),
      norm("last", `h.${blocks}.x`),
      one("MatMul", ["last", "logits.weight"], "logits"),
      one("Softmax", ["logits"], "result", { axis: -1 }),
    ],
  };
};

const programs: Readonly<Partial<Record<ProgramName, Writer>>> = {
  "digits-conv": digitsConv,
  block,
  mobile,
  gpt,
};

/** [out, in] as [in, out]. */
function turned({ name, shape, values }: Constant): Constant {
  const [rows = 0, columns = 0] = shape;
  const to: Floats = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    to[(i % columns) * rows + Math.floor(i / columns)] = Number(values[i]);
  }
  return { name, shape: [columns, rows], values: to };
}

/** Null where nobody has written it. */
export function programToOnnx(program: ProgramName, of: OfOnnx): Uint8Array | null {
  const written = programs[program]?.(of);
  if (written === undefined) return null;
  const products = new Set(written.nodes.flatMap(({ op, inputs }) => (op === "MatMul" ? [inputs[1]!] : [])));
  const parameters = of.parameters.map((each) => (products.has(each.name) ? turned(each) : each));
  return encode({ ...written, constants: [...parameters, ...(written.constants ?? [])] });
}
