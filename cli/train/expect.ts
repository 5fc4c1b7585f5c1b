/** What a run needs of the command line, the model and the file that it goes on from. */
import { basename, join, resolve } from "node:path";
import type { Manifest } from "../../runtime/manifest.ts";
import { ModelError, UsageError } from "../failures.ts";
import { shellWord } from "../shell.ts";
import { didYouMean } from "../suggest.ts";
import { expectWritable, isSpecial } from "../write-files.ts";
import type { TrainArguments } from "./arguments.ts";

/** Other formats' endings, in place of which ours is proposed. */
const otherEndings =
  /\.(pth?|bin|ckpt|h5|hdf5|keras|pkl|pickle|joblib|onnx|tflite|pb|np[yz]|msgpack|gguf|safetensor|st|csv|json|wasm|nn)$/i;

/**
 * Weights are written as safetensors, and under that name alone: no other program is misled by the
 * ending.
 * @throws UsageError, also where the file cannot be written
 */
export function expectWeightsFile(path: string, program: string): void {
  expectWritable(path);
  if (/\.safetensors$/i.test(path) || isSpecial(path)) return;
  const named = /[/\\]$/.test(path) ? join(path, basename(program, ".nn")) : path.replace(otherEndings, "");
  throw new UsageError(
    "bad-option",
    `weights are written as safetensors, but ${path} has another extension`,
    {
      file: path,
      help: `write -o ${shellWord(`${named}.safetensors`)}; PyTorch, JAX and others read it`,
    },
  );
}

/** @throws UsageError where it is the weights' own file, or cannot be written */
export function expectHistoryFile({ history = "", output, resume }: TrainArguments, program: string): void {
  expectWeightsFile(history, program);
  for (const [option, path] of [
    ["-o", output],
    ["--resume", resume],
  ] as const) {
    if (path === undefined || resolve(path) !== resolve(history)) continue;
    throw new UsageError("bad-option", `--history and ${option} are the same file`, {
      file: history,
      help: "give --history a file of its own",
    });
  }
}

/** @throws UsageError where a run is to go on from one file and to begin with another */
export function expectOneStart({ resume, weights }: Pick<TrainArguments, "resume" | "weights">): void {
  if (resume === undefined || weights === undefined) return;
  throw new UsageError("bad-usage", "--resume and --weights exclude each other", {
    help: "--resume continues a run of this model with its optimizer; --weights starts a new run, by path and shape",
  });
}

/** A file goes on with the seed in it. @throws UsageError where another is asked for */
export function expectSeed(saved: number | null, asked: number, path: string): void {
  if (saved === null || saved === asked) return;
  throw new UsageError(
    "cannot-resume",
    `${path} continues with its own seed, ${saved}, not with --seed ${asked}`,
    {
      file: path,
      help: "omit --seed",
    },
  );
}

export function expectTrainable(manifest: Manifest, file: string): void {
  if (!manifest.loss) {
    throw new ModelError(
      "no-loss",
      `${manifest.model} has no loss, so it cannot be trained`,
      file,
      "add a line such as `loss mse(p, y)`",
    );
  }
  if (manifest.optimizer === null) {
    throw new ModelError(
      "no-optimizer",
      `${manifest.model} has no optimizer`,
      file,
      "add a line such as `optimizer adam(lr = 1e-3)`",
    );
  }
}

/** `--lr` and `--opt` as one record of arguments that this optimizer has. */
export function checkHyper(
  manifest: Manifest,
  { lr, opt }: Pick<TrainArguments, "lr" | "opt">,
): Record<string, number> {
  const given = { ...(lr === undefined ? {} : { lr }), ...opt };
  const names = Object.keys(manifest.optimizer?.hyper ?? {});
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const help = didYouMean(name, names) ?? "it has none";
    throw new UsageError(
      "unknown-hyper",
      `the optimizer ${manifest.optimizer?.name} has no argument \`${name}\` to set`,
      {
        help: `${help}; arguments that change the formula are set in the model`,
      },
    );
  }
  return given;
}
