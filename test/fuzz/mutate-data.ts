/** Changes of data files: of bytes, blindly, and of structure, as programs and people make them. */
import type { DataFile } from "./data-files.ts";
import type { Random } from "./random.ts";

export interface Mutation {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether the numbers must be read as before. */
  readonly harmless: boolean;
}

export function mutated(file: DataFile, random: Random): Mutation {
  const roll = random.below(20);
  if (roll === 0) return { name: "none", bytes: file.bytes, harmless: true };
  const structural = file.kind === "gz" ? null : structure(file, random);
  if (structural !== null && roll < 10) return structural;
  let { bytes } = file;
  const names: string[] = [];
  for (let times = 1 + random.below(3); times > 0; times--) {
    const name = random.pick(byteMutations);
    names.push(name);
    bytes = changed(bytes, name, random);
  }
  return { name: names.join(" + "), bytes, harmless: false };
}

const byteMutations = ["flip", "flip", "replace", "insert", "delete", "repeat", "cut", "append"] as const;

function changed(bytes: Uint8Array, name: (typeof byteMutations)[number], random: Random): Uint8Array {
  const at = random.below(Math.max(1, bytes.length));
  const length = 1 + random.below(8);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  const noise = (): Uint8Array =>
    random.below(2) === 0
      ? Buffer.from(random.pick([",", ";", "\n", '"', "-", "0", "9", "e", " ", "\t", "nan", "#", ".", "\r"]))
      : Uint8Array.from({ length }, () => random.below(256));
  switch (name) {
    case "flip": {
      const copy = Uint8Array.from(bytes);
      if (copy.length > 0) copy[at]! ^= 1 << random.below(8);
      return copy;
    }
    case "replace": {
      const other = noise();
      return Buffer.concat([before, other, after.subarray(other.length)]);
    }
    case "insert":
      return Buffer.concat([before, noise(), after]);
    case "delete":
      return Buffer.concat([before, after.subarray(length)]);
    case "repeat":
      return Buffer.concat([before, after.subarray(0, length), after]);
    case "cut":
      return Uint8Array.from(before);
    case "append":
      return Buffer.concat([bytes, noise()]);
    default:
      return name satisfies never;
  }
}

function structure(file: DataFile, random: Random): Mutation | null {
  switch (file.inner) {
    case "csv":
    case "tsv":
      return ofTable(Buffer.from(file.bytes).toString(), random);
    case "npy":
    case "npz":
    case "safetensors":
    case "idx":
      return ofBinary(file, random);
    default:
      return file.inner satisfies never;
  }
}

const dresses = ["17,4", "31,415", "23%", "$5.50", "\u22123", "1 234", "1\u00a0234", "0x1F", "1d5", "(5)"];
const missing = ["NA", "null", "-", "nan", "inf", "?", "", "2024-01-31", "12:30", "five", "x".repeat(5000)];

function ofTable(text: string, random: Random): Mutation {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = text.split(end).slice(0, -1);
  const mark = ["\t", ";", "|", ","].find((m) => lines[0]!.includes(m)) ?? ",";
  const cells = lines.map((line) => line.split(mark));
  const hasHeader = cells[0]!.includes("width");
  const row = random.below(lines.length);
  const column = random.below(cells[0]!.length);
  const joined = (rows: readonly (readonly string[])[], ends: () => string = () => end): string =>
    rows.map((r) => r.join(mark) + ends()).join("");
  const withCell = (text: string): string =>
    joined(cells.map((r, i) => (i === row ? r.map((c, j) => (j === column ? text : c)) : r)));
  const harmless = (name: string, content: string): Mutation => ({
    name,
    bytes: Buffer.from(content),
    harmless: true,
  });
  const open = (name: string, content: string): Mutation => ({ ...harmless(name, content), harmless: false });
  const own = cells[row]![column]!;
  return random.pick([
    (): Mutation =>
      harmless(
        "line ends",
        joined(cells, () => random.pick(["\n", "\r\n", "\r"])),
      ),
    () => harmless("quotes", joined(cells.map((r) => r.map((c) => (random.below(2) === 0 ? `"${c}"` : c))))),
    () =>
      harmless(
        "spaces",
        joined(cells.map((r) => r.map((c) => random.pick([" ", ""]) + c + random.pick([" ", ""])))),
      ),
    () => harmless("spaces and quotes", joined(cells.map((r) => r.map((c) => ` "${c}" `)))),
    () => harmless("byte order mark", `\uFEFF${text}`),
    () => harmless("empty lines at the end", text + end.repeat(1 + random.below(3))),
    () => harmless("no last line end", text.slice(0, -end.length)),
    () => harmless("a delimiter at each end", joined(cells.map((r) => (r.length > 1 ? [...r, ""] : r)))),
    () => harmless("a comment", `# written by a program${end}${text}`),
    () => open("dress", withCell(random.pick(dresses))),
    () => open("quoted dress", withCell(`"${random.pick(dresses)}"`)),
    () => open("missing", withCell(random.pick(missing))),
    () => open("an exponent", withCell(`${own}e${random.below(700) - 350}`)),
    () => open("a cell more", joined(cells.map((r, i) => (i === row ? [...r, "1"] : r)))),
    () => open("a cell less", joined(cells.map((r, i) => (i === row ? r.slice(1) : r)))),
    () => open("an empty line", joined(cells.map((r, i) => (i === row ? ["", ...r] : r))).replace(mark, end)),
    () =>
      open(
        "a header of numbers",
        joined([cells[0]!.map((_, i) => String(i)), ...cells.slice(hasHeader ? 1 : 0)]),
      ),
    () => open("a repeated header", joined([...cells, cells[0]!])),
    () => open("an open quote", withCell(`"${own}`)),
    () => ({ name: "UTF-16", bytes: Buffer.from(`\uFEFF${text}`, "utf16le"), harmless: false }),
  ])();
}

/** A number of the header becomes another one. */
function ofBinary({ bytes, inner }: DataFile, random: Random): Mutation {
  const copy = Buffer.from(bytes);
  const done = (name: string): Mutation => ({ name, bytes: copy, harmless: false });
  if (inner === "idx") {
    copy.writeUInt32BE(random.pick([0, 1, 2, 7, 2 ** 31, 2 ** 32 - 1]), random.pick([4, 8]));
    return done("a size");
  }
  if (inner === "npz") {
    // Fields of four bytes in the directory and in the end record.
    const directory = copy.readUInt32LE(copy.length - 6);
    const at = directory + random.below(copy.length - directory - 4);
    copy.writeUInt32LE(random.pick([0, 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1]), at);
    return done("a field of the directory");
  }
  const end = inner === "npy" ? 128 : 8 + copy.readUInt32LE(0);
  const digits = [...copy.subarray(0, end).entries()].filter(([, byte]) => byte >= 0x30 && byte <= 0x39);
  const [at] = random.pick(digits);
  if (random.below(4) > 0) {
    copy[at] = 0x30 + random.below(10);
    return done("a digit of the header");
  }
  const longer = Buffer.concat([
    copy.subarray(0, at),
    Buffer.from("9".repeat(1 + random.below(20))),
    copy.subarray(at + 1),
  ]);
  return { name: "digits in the header", bytes: longer, harmless: false };
}
