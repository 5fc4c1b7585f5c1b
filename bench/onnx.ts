/** The benchmark's dense nets, functions and products as ONNX. */
import type { Floats, FunctionName, Layer, Network, ProductForm } from "./job.ts";
import { encode, type Constant, type Node } from "./onnx-file.ts";

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

const operators: Readonly<Record<FunctionName, string>> = {
  exp: "Exp",
  log: "Log",
  tanh: "Tanh",
  sigmoid: "Sigmoid",
  softplus: "Softplus",
  gelu_erf: "Gelu",
  sin: "Sin",
};

export function functionToOnnx(name: FunctionName, count: number): Uint8Array {
  const nodes: readonly Node[] = [{ op: operators[name], inputs: ["x"], output: "result" }];
  return encode({ inputs: { x: [count] }, nodes, constants: [], shape: [count] });
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
