/** Text that is equal for equal data: what graphs and schedules find known nodes and kernels by. */
import type { Attributes, OpName, SliceAxis } from "./node.ts";
import { argumentOf, bySize, type Shape, type Size } from "./size.ts";

/** JSON would lose -0, NaN and the infinities. */
export const numberKey = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));
/** Of an argument its number alone, whatever it is in one call. */
export const sizeKey = (size: Size): string => {
  const argument = argumentOf(size);
  return argument === null ? bySize(size, String, (count) => `${count}N`) : `?${argument}`;
};

export function shapeKey(shape: Shape): string {
  let key = "";
  for (const size of shape) key += `${sizeKey(size)},`;
  return key;
}

/** By identity: tables are long, and passes make their nodes anew with the values that they had. */
const tables = new WeakMap<readonly number[], string>();

function tableKey(values: readonly number[]): string {
  const known = tables.get(values);
  if (known !== undefined) return known;
  const key = values.map(numberKey).join();
  tables.set(values, key);
  return key;
}

const sliceKey = (axes: readonly SliceAxis[]): string =>
  axes.map(({ start, fromEnd, step }) => `${start}${fromEnd ? "<" : ">"}${step}`).join();

type OpWithAttributes = { [K in OpName]: {} extends Attributes[K] ? never : K }[OpName];

/** Names, which may hold anything, come last. */
const keys: { readonly [K in OpWithAttributes]: (attributes: Attributes[K]) => string } = {
  sum: ({ axes }) => axes.join(),
  prod: ({ axes }) => axes.join(),
  reduce_max: ({ axes }) => axes.join(),
  reduce_min: ({ axes }) => axes.join(),
  logsumexp: ({ axes }) => axes.join(),
  argmax: ({ axes }) => axes.join(),
  softmax: ({ axis }) => String(axis),
  reshape: ({ shape }) => shapeKey(shape),
  permute: ({ axes }) => axes.join(),
  broadcast: ({ shape }) => shapeKey(shape),
  slice: ({ axes, shape }) => `${sliceKey(axes)} ${shapeKey(shape)}`,
  embed: ({ axes, shape }) => `${sliceKey(axes)} ${shapeKey(shape)}`,
  concat: ({ axis }) => String(axis),
  windows: ({ axis, size, stride, dilation }) => `${axis} ${size} ${stride} ${dilation}`,
  fold: ({ axis, length, stride, dilation }) => `${axis} ${length} ${stride} ${dilation}`,
  one_hot: ({ classes }) => String(classes),
  cumsum: ({ axis }) => String(axis),
  cumprod: ({ axis }) => String(axis),
  recur: ({ axis }) => String(axis),
  rank: ({ descending }) => String(descending),
  take: ({ batch }) => String(batch),
  scatter: ({ batch, count }) => `${batch} ${sizeKey(count)}`,
  scan: ({ loop, carries }) => `${loop.id} ${carries}`,
  pick: ({ loop }) => String(loop.id),
  carried: ({ loop, index, shape, type }) => `${loop.id} ${index} ${shapeKey(shape)} ${type}`,
  constant: ({ value, shape, type }) => `${numberKey(value)} ${shapeKey(shape)} ${type}`,
  table: ({ values, shape, type }) => `${tableKey(values)} ${shapeKey(shape)} ${type}`,
  extent: ({ size }) => sizeKey(size),
  iota: ({ axis, shape }) => `${axis} ${shapeKey(shape)}`,
  input: ({ name, shape, type }) => `${shapeKey(shape)} ${type} ${name}`,
  parameter: ({ index, shape }) => `${index} ${shapeKey(shape)}`,
  state: ({ parameter, name, shape }) => `${parameter} ${shapeKey(shape)} ${name}`,
  hyper: ({ name }) => name,
  random: ({ distribution, site, shape }) => `${distribution} ${site} ${shapeKey(shape)}`,
};

/** Of the attributes of one op. */
export function attributesKey<K extends OpName>(op: K, attributes: Attributes[K]): string {
  // A table indexed by K holds, for K, the function of K; the compiler cannot follow that through a
  // mapped type.
  const key = (keys as Partial<Record<OpName, (attributes: Attributes[K]) => string>>)[op];
  return key === undefined ? "" : key(attributes);
}
