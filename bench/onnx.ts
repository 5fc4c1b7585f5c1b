/**
 * ONNX files (protobuf, opset 17) of the benchmark's jobs: a chain of nodes with constant tensors.
 * Field numbers are those of onnx.proto.
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { Floats, FunctionName, Layer, Network, ProductForm } from "./job.ts";

const IR_VERSION = 8;
const OPSET = 17;
const FLOAT = 1;
const ATTRIBUTE_INT = 2;

interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, number>>;
}

interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Floats;
}

interface Graph {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly nodes: readonly Node[];
  readonly constants: readonly Constant[];
  /** Of the output, which is named `result`. */
  readonly shape: readonly number[];
}

type Write = (writer: BinaryWriter) => void;

const message = (writer: BinaryWriter, field: number, write: Write): void => {
  writer.tag(field, 2).fork();
  write(writer);
  writer.join();
};
const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, 2).string(value);
const integer = (writer: BinaryWriter, field: number, value: number): BinaryWriter =>
  writer.tag(field, 0).int64(value);

/** ValueInfoProto: a float tensor with its shape. */
const value =
  (name: string, shape: readonly number[]): Write =>
  (writer) => {
    text(writer, 1, name);
    message(writer, 2, (type) =>
      message(type, 1, (tensor) => {
        integer(tensor, 1, FLOAT);
        message(tensor, 2, (dimensions) => {
          for (const size of shape) message(dimensions, 1, (dimension) => integer(dimension, 1, size));
        });
      }),
    );
  };

/** NodeProto */
const node =
  ({ op, inputs, output, attributes = {} }: Node): Write =>
  (writer) => {
    for (const input of inputs) text(writer, 1, input);
    text(writer, 2, output);
    text(writer, 4, op);
    for (const [name, number] of Object.entries(attributes)) {
      message(writer, 5, (attribute) => {
        text(attribute, 1, name);
        integer(attribute, 3, number);
        integer(attribute, 20, ATTRIBUTE_INT);
      });
    }
  };

/** TensorProto */
const constant =
  ({ name, shape, values }: Constant): Write =>
  (writer) => {
    for (const size of shape) integer(writer, 1, size);
    integer(writer, 2, FLOAT);
    text(writer, 8, name);
    writer.tag(9, 2).bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  };

/** ModelProto */
function encode({ inputs, nodes, constants, shape }: Graph): Uint8Array {
  const writer = new BinaryWriter();
  integer(writer, 1, IR_VERSION);
  message(writer, 7, (graph) => {
    for (const each of nodes) message(graph, 1, node(each));
    text(graph, 2, "bench");
    for (const each of constants) message(graph, 5, constant(each));
    for (const [name, size] of Object.entries(inputs)) message(graph, 11, value(name, size));
    message(graph, 12, value("result", shape));
  });
  message(writer, 8, (opset) => integer(text(opset, 1, ""), 2, OPSET));
  return writer.finish();
}

/** A network's outputs: a Gemm and an activation a layer, the batch fixed. */
export function networkToOnnx(network: Network, layers: readonly Layer[], batch: number): Uint8Array {
  const nodes: Node[] = [];
  const constants: Constant[] = [];
  const hidden = network.activation === "sigmoid" ? "Sigmoid" : "Tanh";
  const last = network.loss === "cross_entropy" ? "Softmax" : "Sigmoid";
  let h = "x";
  for (const [i, { weight, bias, inputs, outputs }] of layers.entries()) {
    constants.push({ name: `weight.${i}`, shape: [outputs, inputs], values: weight });
    constants.push({ name: `bias.${i}`, shape: [outputs], values: bias });
    nodes.push({
      op: "Gemm",
      inputs: [h, `weight.${i}`, `bias.${i}`],
      output: `z.${i}`,
      attributes: { transB: 1 },
    });
    const end = i === layers.length - 1;
    h = end ? "result" : `h.${i}`;
    nodes.push({ op: end ? last : hidden, inputs: [`z.${i}`], output: h });
  }
  const width = (size: number | undefined): number[] => [batch, size ?? 0];
  return encode({
    inputs: { x: width(network.sizes[0]) },
    nodes,
    constants,
    shape: width(network.sizes.at(-1)),
  });
}

const operators: Readonly<Record<Exclude<FunctionName, "gelu_erf">, string>> = {
  exp: "Exp",
  log: "Log",
  tanh: "Tanh",
  sigmoid: "Sigmoid",
  softplus: "Softplus",
  sin: "Sin",
};

/** Gelu became an operator with opset 20; until then it is written so, and fused by the runtime. */
const gelu: readonly Node[] = [
  { op: "Div", inputs: ["x", "root"], output: "scaled" },
  { op: "Erf", inputs: ["scaled"], output: "erf" },
  { op: "Add", inputs: ["erf", "one"], output: "both" },
  { op: "Mul", inputs: ["x", "both"], output: "product" },
  { op: "Mul", inputs: ["product", "half"], output: "result" },
];
const scalar = (name: string, number: number): Constant => ({
  name,
  shape: [],
  values: Float32Array.of(number),
});

export function functionToOnnx(name: FunctionName, count: number): Uint8Array {
  const own: readonly Node[] =
    name === "gelu_erf" ? gelu : [{ op: operators[name], inputs: ["x"], output: "result" }];
  const constants =
    name === "gelu_erf" ? [scalar("root", Math.SQRT2), scalar("one", 1), scalar("half", 0.5)] : [];
  return encode({ inputs: { x: [count] }, nodes: own, constants, shape: [count] });
}

/** `w` is a constant, as a layer's weight is, so that the runtime may pack it. */
export function productToOnnx(form: ProductForm, n: number, w: Floats): Uint8Array {
  const square = [n, n];
  const two = form === "xᵀ·y";
  return encode({
    inputs: two ? { x: square, y: square } : { x: square },
    nodes: [
      {
        op: "Gemm",
        inputs: ["x", two ? "y" : "w"],
        output: "result",
        attributes: { transA: two ? 1 : 0, transB: form === "x·wᵀ" ? 1 : 0 },
      },
    ],
    constants: two ? [] : [{ name: "w", shape: square, values: w }],
    shape: square,
  });
}
