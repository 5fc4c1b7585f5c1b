/** ONNX files (protobuf): nodes and constant tensors. Field numbers are those of onnx.proto. */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { Floats } from "./job.ts";

const IR_VERSION = 8;
/** That of Gelu. */
const OPSET = 20;
const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;

/** An int, ints, a float or a text. */
type Attribute = number | readonly number[] | { readonly float: number } | string;

export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  /** One, or several. */
  readonly output: string | readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Floats | BigInt64Array;
}

export interface Graph {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Inputs that are whole numbers. */
  readonly whole?: readonly string[];
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

/** ValueInfoProto: a tensor with its shape. */
const value =
  (name: string, shape: readonly number[], type = FLOAT): Write =>
  (writer) => {
    text(writer, 1, name);
    message(writer, 2, (kind) =>
      message(kind, 1, (tensor) => {
        integer(tensor, 1, type);
        message(tensor, 2, (dimensions) => {
          for (const size of shape) message(dimensions, 1, (dimension) => integer(dimension, 1, size));
        });
      }),
    );
  };

/** AttributeProto */
const attribute =
  (name: string, given: Attribute): Write =>
  (writer) => {
    text(writer, 1, name);
    if (typeof given === "number") integer(integer(writer, 3, given), 20, ATTRIBUTE_INT);
    else if (typeof given === "string") integer(text(writer, 4, given), 20, ATTRIBUTE_STRING);
    else if ("float" in given) integer(writer.tag(2, 5).float(given.float), 20, ATTRIBUTE_FLOAT);
    else {
      for (const one of given) integer(writer, 8, one);
      integer(writer, 20, ATTRIBUTE_INTS);
    }
  };

/** NodeProto */
const node =
  ({ op, inputs, output, attributes = {} }: Node): Write =>
  (writer) => {
    for (const input of inputs) text(writer, 1, input);
    for (const name of [output].flat()) text(writer, 2, name);
    text(writer, 4, op);
    for (const [name, given] of Object.entries(attributes)) message(writer, 5, attribute(name, given));
  };

/** TensorProto */
const constant =
  ({ name, shape, values }: Constant): Write =>
  (writer) => {
    for (const size of shape) integer(writer, 1, size);
    integer(writer, 2, values instanceof Float32Array ? FLOAT : INT64);
    text(writer, 8, name);
    writer.tag(9, 2).bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  };

/** ModelProto */
export function encode({ inputs, whole = [], nodes, constants, shape }: Graph): Uint8Array {
  const writer = new BinaryWriter();
  integer(writer, 1, IR_VERSION);
  message(writer, 7, (graph) => {
    for (const each of nodes) message(graph, 1, node(each));
    text(graph, 2, "bench");
    for (const each of constants) message(graph, 5, constant(each));
    for (const [name, size] of Object.entries(inputs))
      message(graph, 11, value(name, size, whole.includes(name) ? INT32 : FLOAT));
    message(graph, 12, value("result", shape));
  });
  message(writer, 8, (opset) => integer(text(opset, 1, ""), 2, OPSET));
  return writer.finish();
}
