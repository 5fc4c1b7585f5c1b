import type { Arena } from "./arena.ts";
import { list, refuse, why } from "./errors.ts";
import type { Feed } from "./feed.ts";
import type { Manifest } from "./manifest.ts";
import { savedCount, savedHyper } from "./metadata.ts";
import { readSafetensors, type StoredTensor } from "./safetensors.ts";
import type { Net } from "./types.ts";

type Tensors = ReadonlyMap<string, StoredTensor>;
type Feeds = ReadonlyMap<string, Feed>;

/** What a file of weights holds for a net, to be written. */
export interface Weights {
  readonly feeds: readonly Feed[];
  readonly seed: number;
  readonly step: number;
  readonly hyper: Readonly<Record<string, number>>;
}

/** Reads a file of weights, and changes nothing yet. @throws `bad-weights` */
export function readWeights(
  bytes: ArrayBuffer | ArrayBufferView,
  net: Pick<Net, "manifest" | "seed" | "hyper" | "get">,
  arena: Arena,
  kept: Feeds,
): Weights {
  const { tensors, metadata } = readSafetensors(bytes);
  const { optimizer } = net.manifest;
  // The state of another optimizer is of no use to this one.
  const resumes = optimizer && metadata["optimizer"] === optimizer.name;

  const held = new Map(tensors);
  for (const { path, frozen } of net.manifest.parameters) {
    if (frozen && !held.has(path)) held.set(path, net.get(path));
  }
  const feeds = [...kept.values()].filter(({ name }) => resumes || !name.startsWith("optimizer."));
  for (const feed of feeds) takeTensor(feed, held, arena);
  refuseOthers(tensors, kept, net.manifest);
  return {
    feeds,
    seed: resumes ? savedCount("seed", metadata["seed"], 2 ** 32 - 1) : net.seed,
    step: resumes ? savedCount("step", metadata["step"], Number.MAX_SAFE_INTEGER) : 0,
    hyper: resumes ? savedHyper(metadata["hyper"], net.hyper) : { ...net.hyper },
  };
}

/** Reads a parameter or a state from those of a file. @throws `bad-weights` */
function takeTensor(feed: Feed, tensors: Tensors, arena: Arena): void {
  const { name } = feed;
  const tensor = tensors.get(name);
  if (!tensor) {
    return refuse("bad-weights", `The file has no \`${name}\`; it holds: ${list(tensors.keys())}.`);
  }
  try {
    feed.take(tensor, arena);
  } catch (cause) {
    refuse("bad-weights", why(cause), { cause });
  }
  for (const entry of tensor.data) {
    if (Number.isNaN(entry)) refuse("bad-weights", `The file's \`${name}\` holds NaN.`);
  }
}

/** Refuses a file of another model. @throws `bad-weights` */
function refuseOthers(tensors: Tensors, kept: Feeds, { model, parameters }: Manifest): void {
  for (const name of tensors.keys()) {
    // PyTorch counts the batches of a batch norm, and needs the count for nothing here.
    if (kept.has(name) || /^optimizer\.|\.num_batches_tracked$/.test(name)) continue;
    refuse(
      "bad-weights",
      `The file has \`${name}\`, which ${model} does not have; its parameters: ${list(parameters.map(({ path }) => path))}.`,
    );
  }
}
