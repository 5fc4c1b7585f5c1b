/** `--weights`: a new run that begins with what another model has learned. */
import type { Net } from "../../runtime/index.ts";
import { readSafetensors } from "../../runtime/safetensors.ts";
import { ModelError } from "../failures.ts";
import { readBytes } from "../files.ts";
import { blame } from "../net.ts";
import { counted } from "../terminal/numbers.ts";

/** Names that a note lists before it only counts. */
const mostListed = 6;

/**
 * Copies each tensor of a weights file that has the path and the shape of a parameter, or of a
 * state of a layer. All others keep the values that were drawn. Nothing of an optimizer is read.
 * @returns a note: how many tensors were copied, and which were not
 * @throws UsageError where there is no such file; ModelError where it is no weights file, holds NaN,
 * or fits nowhere
 */
export async function startFrom(net: Net, path: string): Promise<string> {
  const bytes = await readBytes(path);
  try {
    const { tensors } = readSafetensors(bytes);
    const { model, parameters, states } = net.manifest;
    const owned = [...parameters, ...states];
    const others: string[] = [];
    const fitting = owned.flatMap(({ path: name, shape }) => {
      const tensor = tensors.get(name);
      if (tensor !== undefined && show(tensor.shape) === show(shape)) return [[name, tensor] as const];
      others.push(tensor === undefined ? name : `${name} (${show(tensor.shape)} there, ${show(shape)} here)`);
      return [];
    });
    if (fitting.length === 0) throw fitsNowhere(path, model, others, [...tensors.keys()]);
    for (const [name, { data }] of fitting) {
      if (data.some((value) => Number.isNaN(value)))
        throw new ModelError("bad-weights", `its \`${name}\` holds NaN`, path);
    }
    for (const [name, tensor] of fitting) net.set(name, tensor);
    const rest = others.length === 0 ? "" : `; drawn: ${listed(others)}`;
    return `${fitting.length} of ${counted(owned.length, "tensor")} of ${model} from ${path}${rest}`;
  } catch (error) {
    throw blame(error, path);
  }
}

const fitsNowhere = (
  path: string,
  model: string,
  needed: readonly string[],
  held: readonly string[],
): ModelError =>
  new ModelError(
    "bad-weights",
    `none of its tensors has the path and the shape of a parameter of ${model}`,
    path,
    `${model} has ${listed(needed)}; the file has ${listed(held)}`,
  );

const show = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, names.length > mostListed ? mostListed - 1 : mostListed);
  const more = names.length - shown.length;
  return shown.join(", ") + (more === 0 ? "" : ` and ${more} more`);
}
