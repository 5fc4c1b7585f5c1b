/**
 * `--data`: from what was typed to tensors for each input of the model, or an error before anything
 * is trained on.
 */
import { printable } from "../../grammar/text-position.ts";
import { DataError, UsageError } from "../failures.ts";
import { shellWord } from "../shell.ts";
import { didYouMean } from "../suggest.ts";
import type { DataArray } from "./array.ts";
import type { Categories } from "./columns.ts";
import { expectLabelColumns, type TableOptions } from "./csv.ts";
import { columnKind, matchInput, type Tensor, type WantedInput, type WantedInputs } from "./match-input.ts";
import { cut } from "../terminal/cut.ts";
import { readMnist } from "./mnist.ts";
import { readDataFile, readInputFile, type Asked, type FileContent, type InputContent } from "./read-file.ts";
import { own } from "./own.ts";
import { parseSpec, type DataSpec, type InputFile } from "./spec.ts";
import { expectTrainedColumns } from "./trained-columns.ts";

/** What an earlier run knew of its tables, by input. */
export interface KnownTables {
  /** What text columns stand for, by column. */
  readonly categories: Readonly<Record<string, Categories>>;
  /** The columns in their order, where they had names. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
}

export interface DataOptions extends TableOptions {
  /** `--data`, as messages name it. */
  readonly option: string;
  /** Whether the targets are needed as well; they are left out where not. */
  readonly targets: boolean;
  /** Of an earlier run, which the data must go on from. */
  readonly known?: Partial<KnownTables>;
  /** Where named data sets are looked for. */
  readonly folders: readonly string[];
  /** The most bytes that a file may unpack to. */
  readonly unpackedLimit?: number;
  /** Bytes of a table that are read at a time. */
  readonly chunk?: number;
}

export interface Dataset extends KnownTables {
  /** Rows of the batch that all of it makes; 1 for a model without a free dimension. */
  readonly rows: number;
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** What a user should know, though it is no error. */
  readonly notes: readonly string[];
}

interface Found {
  readonly array: DataArray;
  /** Whether the numbers are those of classes, from text or a named data set. */
  readonly labels: boolean;
}

/**
 * @throws UsageError where the arguments or files are not to be had, DataError where the data is
 * wrong; nothing is half-loaded
 */
export async function loadData(
  texts: readonly string[],
  manifest: WantedInputs,
  options: DataOptions,
): Promise<Dataset> {
  const wanted = manifest.inputs.filter((input) => options.targets || input.role === "input");
  if (texts.length === 0 && wanted.length > 0) {
    throw new UsageError(
      "bad-usage",
      `${manifest.model} needs data for ${wanted.map((w) => `\`${w.name}\``).join(", ")}`,
      {
        help: `give ${options.option} FILE, or ${options.option} ${wanted.map((w) => `${w.name}=FILE`).join(" ")}`,
      },
    );
  }
  const spec = parseSpec(texts, options.option);
  const learnt: Learnt = {
    categories: { ...options.known?.categories },
    columns: { ...options.known?.columns },
    notes: [],
  };
  const { found, held } = await findArrays(spec, manifest, wanted, options, learnt);
  const origin = spec.kind === "named" ? spec.name : spec.kind === "whole" ? spec.path : options.option;

  // All are there before any is looked into.
  const given = wanted.map((input) => {
    const own = found.get(input.name);
    if (own === undefined) throw missingInput(input, origin, spec, held);
    return { input, ...own };
  });

  const inputs: Record<string, Tensor> = {};
  let counted: { readonly input: string; readonly file: string; readonly rows: number } | null = null;
  for (const { input, array, labels } of given) {
    const { tensor, rows } = matchInput(array, input, manifest.dtype, labels);
    if (rows !== null) {
      if (counted !== null && counted.rows !== rows) {
        throw new DataError(
          "data-row-counts",
          `\`${input.name}\` has ${rows} rows, and \`${counted.input}\` has ${counted.rows}`,
          { file: array.file },
          counted.file === array.file ? {} : { notes: [`\`${counted.input}\` is from ${counted.file}`] },
        );
      }
      counted ??= { input: input.name, file: array.file, rows };
    }
    inputs[input.name] = tensor;
  }
  return { rows: counted?.rows ?? 1, inputs, ...learnt, notes: [...new Set(learnt.notes)].map(printable) };
}

/** What the files say beside their numbers. */
interface Learnt {
  readonly categories: Record<string, Categories>;
  readonly columns: Record<string, readonly string[]>;
  readonly notes: string[];
}

async function findArrays(
  spec: DataSpec,
  manifest: WantedInputs,
  wanted: readonly WantedInput[],
  options: DataOptions,
  { categories, columns, notes }: Learnt,
): Promise<{ readonly found: ReadonlyMap<string, Found>; readonly held: readonly string[] }> {
  const names = manifest.inputs.map((input) => input.name);
  const found = new Map<string, Found>();
  const named = new Set<string>();
  const files = new FilesOnce(manifest, wanted, options);
  const take = (name: string, read: InputContent): void => {
    found.set(name, { array: read.array, labels: read.array.categories !== undefined });
    if (Object.keys(read.categories).length > 0) categories[name] = read.categories;
    if (read.names !== null) columns[name] = read.names;
    if (options.labels !== undefined) {
      const { array, names: own } = read;
      for (const column of own ?? Array.from({ length: array.shape[1] ?? 0 }, (_, c) => `${c + 1}`))
        named.add(column);
    }
    notes.push(...read.notes);
  };

  switch (spec.kind) {
    case "named": {
      const { images, labels } = await readMnist(spec.name, options.folders);
      const input = manifest.inputs.find((i) => i.role === "input" && i.dtype === "float");
      const target = manifest.inputs.find((i) => i.role === "target");
      if (input !== undefined) found.set(input.name, { array: images, labels: false });
      if (target !== undefined) found.set(target.name, { array: labels, labels: true });
      return { found, held: [] };
    }
    case "inputs":
      for (const { input, path } of spec.files) {
        if (!names.includes(input)) {
          const help = didYouMean(input, names);
          throw new DataError(
            "data-unknown-input",
            `${manifest.model} has no input \`${input}\``,
            { file: path },
            help === undefined ? {} : { help },
          );
        }
        // Targets given to `predict` are not so much as read.
        const read = await files.read(input, spec.files);
        if (read !== null) take(input, read);
      }
      if (options.targets) expectLabelColumns(options.labels ?? [], named);
      return { found, held: [] };
    case "whole": {
      const content = await readDataFile(spec.path, options.unpackedLimit);
      if (content.kind === "arrays") {
        for (const [name, array] of content.arrays) {
          if (names.includes(name)) found.set(name, { array, labels: false });
          else
            notes.push(
              `\`${cut(name)}\` in ${spec.path} is not an input of ${manifest.model} and is ignored`,
            );
        }
        return { found, held: [...content.arrays.keys()] };
      }
      const only = wanted[0];
      if (only === undefined || wanted.length > 1) {
        throw new DataError(
          "data-which-input",
          `this file is for one input, and ${manifest.model} needs ${wanted.map((w) => `\`${w.name}\``).join(", ")}`,
          { file: spec.path },
          {
            help:
              content.kind === "table"
                ? `say which columns are which: ${wanted.map((w) => shellWord(`${w.name}=${spec.path}:COLUMNS`)).join(" ")}`
                : `say which it is: ${wanted.map((w, i) => shellWord(`${w.name}=${i === 0 ? spec.path : "FILE"}`)).join(" ")}`,
          },
        );
      }
      const read = await files.read(only.name, [{ input: only.name, path: spec.path }], content);
      if (read !== null) take(only.name, read);
      if (options.targets) expectLabelColumns(options.labels ?? [], named);
      return { found, held: [] };
    }
    default:
      return spec satisfies never;
  }
}

/** Reads files for inputs, each once for all inputs that take something of it. */
class FilesOnce {
  readonly #wanted: readonly WantedInput[];
  readonly #dtype: WantedInputs["dtype"];
  readonly #options: DataOptions;
  /** What was read for inputs that are still to be asked for. */
  readonly #read = new Map<string, InputContent | DataError>();

  constructor({ dtype }: WantedInputs, wanted: readonly WantedInput[], options: DataOptions) {
    this.#wanted = wanted;
    this.#dtype = dtype;
    this.#options = options;
  }

  /**
   * What an input takes of its file; null where the input is not wanted.
   * @param files of all inputs that are to be asked for, in that order
   * @throws UsageError, DataError
   */
  async read(input: string, files: readonly InputFile[], known?: FileContent): Promise<InputContent | null> {
    const { path } = files.find((file) => file.input === input)!;
    if (!this.#wanted.some(({ name }) => name === input)) return null;
    if (!this.#read.has(input)) {
      const content = known ?? (await readDataFile(path, this.#options.unpackedLimit));
      const asked = files.flatMap((file) => (file.path === path ? this.#asked(file) : []));
      const read = await readInputFile(content, path, this.#options, asked, this.#options.chunk);
      for (const [name, one] of read) this.#read.set(name, one);
    }
    const read = this.#read.get(input)!;
    this.#read.delete(input);
    if (read instanceof DataError) throw read;
    return read;
  }

  #asked({ input: name, picked }: InputFile): Asked[] {
    const input = this.#wanted.find((one) => one.name === name);
    if (input === undefined) return [];
    const { known } = this.#options;
    const trained = own(known?.columns ?? {}, name);
    return [
      {
        input: name,
        picked,
        known: own(known?.categories ?? {}, name),
        trained,
        takes: columnKind(input),
        rounded: input.dtype === "float" && this.#dtype === "f32",
        ...(trained === undefined
          ? {}
          : { expectColumns: (found, file) => expectTrainedColumns(name, trained, found, file) }),
      },
    ];
  }
}

function missingInput(
  input: WantedInput,
  origin: string,
  spec: DataSpec,
  held: readonly string[],
): DataError {
  return new DataError(
    "data-missing-input",
    `there is no data for the ${input.role} \`${input.name}\`, ${input.dtype === "float" ? "" : input.dtype}[${input.shape.join(", ")}]`,
    { file: origin },
    {
      ...(held.length === 0
        ? {}
        : {
            notes: [
              `it holds ${held
                .slice(0, 12)
                .map((n) => `\`${cut(n)}\``)
                .join(", ")}`,
            ],
          }),
      help: spec.kind === "inputs" ? `add ${input.name}=FILE` : `it needs an array named \`${input.name}\``,
    },
  );
}
