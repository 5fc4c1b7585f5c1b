/**
 * Tables as people and programs write them: read to the numbers that stand there, or refused; never
 * other numbers.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadData, type DataOptions, type Dataset } from "../cli/data/load-data.ts";
import { DataError } from "../cli/failures.ts";
import { modelManifest, type InputSketch } from "./data/manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-tables-"));
let files = 0;

const x: InputSketch = { name: "x", shape: ["N", 2] };
const one: InputSketch = { name: "x", shape: ["N"] };
const label: InputSketch = { name: "y", role: "target", dtype: "int", shape: ["N"] };
const oneHot: InputSketch = { name: "y", role: "target", shape: ["N", 3] };
const bool: InputSketch = { name: "b", dtype: "bool", shape: ["N"] };

function read(
  text: string | Uint8Array,
  input: InputSketch,
  options: Partial<DataOptions> & { readonly columns?: string; readonly name?: string } = {},
): Promise<Dataset> {
  const { columns, name, ...rest } = options;
  const path = join(folder, name ?? `table-${files++}.csv`);
  writeFileSync(path, text);
  return loadData(
    [`${input.name}=${path}${columns === undefined ? "" : `:${columns}`}`],
    modelManifest([input]),
    { option: "--data", targets: true, folders: [], ...rest },
  );
}

const numbers = (data: Dataset): number[] =>
  Object.values(data.inputs).flatMap(({ data: values }) => [...values]);

async function refusal(loading: Promise<Dataset>): Promise<DataError> {
  const got = await loading.then(numbers, (error: unknown) => error);
  expect(got).toBeInstanceOf(DataError);
  // The line above holds it to be one.
  return got as DataError;
}

// ------------------------------------------------------------------------------------------------ the dress of numbers

/** What one cell of a float column may not be, and what its error says of it. */
const dressed: readonly (readonly [string, string, RegExp])[] = [
  ["17,4", "data-not-a-number", /--decimal comma/],
  ["31,415", "data-not-a-number", /31\.415.*thousands/],
  ["1,234,567", "data-not-a-number", /1234567/],
  ["1,234.5", "data-not-a-number", /1234\.5/],
  ["1.234,5", "data-not-a-number", /1234,5/],
  ["1 234", "data-not-a-number", /1234/],
  ["1\u00a0234", "data-not-a-number", /1234/],
  ["1\u2009234", "data-not-a-number", /1234/],
  ["1\u202f234,5", "data-not-a-number", /1234,5/],
  ["1'234", "data-not-a-number", /1234/],
  ["1_000", "data-not-a-number", /1000/],
  ["23%", "data-not-a-number", /percentage/],
  ["23,5 %", "data-not-a-number", /percentage/],
  ["$5.50", "data-not-a-number", /currency/],
  ["5,50 €", "data-not-a-number", /currency/],
  ["-£3", "data-not-a-number", /currency/],
  ["\u22123.5", "data-not-a-number", /minus/],
  ["\u20133", "data-not-a-number", /minus/],
  ["1e\u22125", "data-not-a-number", /minus/],
  ["(5.5)", "data-not-a-number", /sign/],
  ["5-", "data-not-a-number", /sign/],
  ["- 5", "data-not-a-number", /sign/],
  ["1d5", "data-not-a-number", /1e5/],
  ["1.5×10^3", "data-not-a-number", /1e5/],
  ["0x1F", "data-not-a-number", /not decimal/],
  ["0b11", "data-not-a-number", /not decimal/],
  ["'5'", "data-not-a-number", /quotes/],
  ["\uff11\uff12", "data-not-a-number", /digits/],
  ["\u0661\u0662", "data-not-a-number", /digits/],
  ["2024-01-31", "data-not-a-number", /date/],
  ["31.01.2024", "data-not-a-number", /date/],
  ["1/31/24", "data-not-a-number", /date/],
  ["2024-01-31T10:00:00Z", "data-not-a-number", /date/],
  ["12:30", "data-not-a-number", /time/],
  ["1:02:03.5", "data-not-a-number", /time/],
  ["5 kg", "data-not-a-number", /--labels/],
  ["true", "data-not-a-number", /--labels/],
  ["five", "data-not-a-number", /--labels/],
  ["1e", "data-not-a-number", /--labels/],
  ["NA", "data-missing-value", /guess/],
  ["n/a", "data-missing-value", /guess/],
  ["null", "data-missing-value", /guess/],
  ["-", "data-missing-value", /guess/],
  ["--", "data-missing-value", /guess/],
  ["?", "data-missing-value", /guess/],
  ["#N/A", "data-missing-value", /guess/],
  ["#DIV/0!", "data-missing-value", /guess/],
  ["NaN", "data-not-finite", /guess/],
  ["inf", "data-not-finite", /guess/],
  ["-Infinity", "data-not-finite", /guess/],
  ["1e999", "data-not-finite", /guess/],
  ["", "data-empty-cell", /guess/],
];

describe.each(dressed)("the cell %j", (cell, code, says) => {
  const quoted = `"${cell}"`;

  test.each([
    ["first", `a,b\n${quoted},1\n2,3\n`, 2],
    ["after numbers", `a,b\n2,3\n${quoted},1\n`, 3],
    ["in all rows", `a,b\n${quoted},1\n${quoted},3\n${quoted},4\n`, 2],
    ["with semicolons", `a;b\n${quoted};1\n2;3\n`, 2],
  ])("%s is no number", async (where, text, row) => {
    const error = await refusal(read(text, x));
    expect(error.complaint()).toMatchObject({ code, row, column: "a" });
    if (where === "first") {
      expect(error.message).toContain(cell);
      expect([...error.notes, error.help].join("; ")).toMatch(says);
    }
  });

  test("below no header is no header either", async () => {
    if (["data-empty-cell"].includes(code) || /date|time|labels/.test(says.source)) return;
    await refusal(read(`${quoted}\n${quoted}\n2\n`, one));
  });
});

test.each(["17,4", "31,415", "23%", "$5.50", "\u22123", "2024-01-31", "12:30", "NA", "-", "nan", "0x1F"])(
  "%j is no label unless one asks for it",
  async (cell) => {
    const text = `v\n"${cell}"\nb\n"${cell}"\n`;
    expect((await refusal(read(text, label))).code).toMatch(/^data-(not-a-number|missing-value|not-finite)$/);
    expect(numbers(await read(text, label, { labels: ["v"] }))).toEqual(
      [cell, "b", cell].map((value) => [cell, "b"].toSorted().indexOf(value)),
    );
  },
);

describe("labels", () => {
  test("a float input takes no texts, unless one asks", async () => {
    const text = "kind\nb\na\nb\n";
    expect((await refusal(read(text, one))).help).toContain("--labels kind");
    expect(numbers(await read(text, one, { labels: ["kind"] }))).toEqual([1, 0, 1]);
  });

  test("two columns of texts are no one-hot rows, one is", async () => {
    await refusal(read("k,l,m\na,a,a\nb,b,b\n", oneHot));
    expect(numbers(await read("k\nb\na\nc\n", oneHot))).toEqual([0, 1, 0, 1, 0, 0, 0, 0, 1]);
  });

  test("dressed numbers are no one-hot rows", async () => {
    await refusal(read('k\n"17,4"\n"0,5"\n"1,1"\n', oneHot));
  });

  test("numbers as labels where one asks, kept as texts", async () => {
    const data = await read("k\n10\n2\n10\n", label, { labels: ["k"] });
    expect(numbers(data)).toEqual([0, 1, 0]);
    expect(data.categories).toEqual({ y: { k: ["10", "2"] } });
  });

  test("--labels with a name that no column has", async () => {
    await expect(read("k\na\nb\n", label, { labels: ["kk"] })).rejects.toMatchObject({ code: "bad-option" });
  });

  test("a label as long as a page is refused, and not printed whole", async () => {
    const error = await refusal(read(`k\n${"ab ".repeat(100_000)}\nb\n`, label));
    expect(error.code).toBe("data-long-label");
    expect(JSON.stringify(error.complaint()).length).toBeLessThan(1000);
  });

  test("a bool input takes true and false, whichever of them there are", async () => {
    expect(numbers(await read("b\nTrue\nTRUE\n1\n", bool))).toEqual([1, 1, 1]);
    expect(numbers(await read("b\nfalse\nTrue\n0\n", bool))).toEqual([0, 1, 0]);
    expect((await refusal(read("b\nyes\nno\n", bool))).code).toBe("data-not-a-boolean");
  });
});

describe("--decimal comma", () => {
  test.each([
    ["semicolons", "a;b\n17,4;0,61\n-1,5e1;3\n", [17.4, 0.61, -15, 3]],
    ["semicolons without a header", "17,4;0,61\n16,85;0,5\n", [17.4, 0.61, 16.85, 0.5]],
    ["tabs", "a\tb\n17,4\t0,61\n1\t,5\n", [17.4, 0.61, 1, 0.5]],
    ["quotes and commas", 'a,b\n"17,4","0,61"\n"1,5",3\n', [17.4, 0.61, 1.5, 3]],
  ])("%s", async (_, text, expected) => {
    const data = await read(text, x, { decimal: "comma" });
    expect(numbers(data)).toEqual(expected.map(Math.fround));
  });

  test("one column", async () => {
    expect(numbers(await read("17,4\n16,85\n3\n", one, { decimal: "comma" }))).toEqual(
      [17.4, 16.85, 3].map(Math.fround),
    );
  });

  test.each(["a;b\n17.4;0,61\n", "a;b\n1.234,5;1\n", "a;b\n1,234,5;1\n"])(
    "%j mixes its marks",
    async (text) => {
      expect((await refusal(read(text, x, { decimal: "comma" }))).code).toBe("data-not-a-number");
    },
  );
});

// ------------------------------------------------------------------------------------------ delimiters, lines, headers

describe("what parts the cells", () => {
  test.each([
    ["a header with a comma", "Temp, °C;Druck\n1;2\n3;4\n", [1, 2, 3, 4]],
    ["a comma in quotes", '"a, b",c\n1,2\n3,4\n', [1, 2, 3, 4]],
    ["semicolons in one header cell", "a;x,b\n1,2\n3,4\n", [1, 2, 3, 4]],
    ["pipes", "a|b\n1|2\n3|4\n", [1, 2, 3, 4]],
    ["tabs in a .csv", "a\tb\n1\t2\n3\t4\n", [1, 2, 3, 4]],
    ["spaces as numpy.savetxt writes", "1.0e+00 2.0e+00\n3.0e+00 4.0e+00\n", [1, 2, 3, 4]],
    ["runs of spaces", "  1   2\n 3  4  \n", [1, 2, 3, 4]],
    ["sep=;", "sep=;\na;b\n1;2\n3;4\n", [1, 2, 3, 4]],
    ["quotes after a space", 'a, b\n1, "2"\n"3" , "4" \n', [1, 2, 3, 4]],
    ["a delimiter at the end of each row", "a,b,\n1,2,\n3,4,\n", [1, 2, 3, 4]],
    ["a delimiter at the end of rows alone", "a,b\n1,2,\n3,4,\n", [1, 2, 3, 4]],
    ["a delimiter at the end of the header alone", "a,b,\n1,2\n3,4\n", [1, 2, 3, 4]],
  ])("%s", async (_, text, expected) => {
    expect(numbers(await read(text, x))).toEqual(expected);
  });

  test("a .tsv with commas for decimals has tabs", async () => {
    await refusal(read("a\tb\n1,5\t2,5\n3,5\t4,5\n", x, { name: "t.tsv" }));
  });

  test.each([
    ["decimal commas between semicolons", "grad;feuchte\n17,4;0,61\n16,85;0,5\n"],
    ["the same without a header", "17,4;0,61\n16,85;0,5\n"],
    ["quotes that go on", 'a,b\n"1"2,3\n'],
    ["a space for thousands", "a;b\n1 234;5 678\n"],
  ])("%s are refused", async (_, text) => {
    await refusal(read(text, x));
  });
});

const lineEnds = fc.constantFrom("\n", "\r\n", "\r", "\r\r\n");

test("any line ends, mixed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 2, max: 999 }), fc.integer({ min: 0, max: 999 }), lineEnds), {
        minLength: 1,
        maxLength: 8,
      }),
      lineEnds,
      fc.boolean(),
      fc.boolean(),
      async (rows, headerEnd, header, lastEnd) => {
        const body = rows.map(([a, b, end], i) => `${a},${b}${i === rows.length - 1 && !lastEnd ? "" : end}`);
        const data = await read(`${header ? `a,b${headerEnd}` : ""}${body.join("")}`, x, {
          name: "ends.csv",
        });
        expect(numbers(data)).toEqual(rows.flatMap(([a, b]) => [a, b]));
      },
    ),
    { numRuns: 100 },
  );
});

describe("the first row", () => {
  test.each([
    ["pandas' names", "0,1\n5.1,3.5\n4.9,3\n"],
    ["pandas' names and index", ",0,1\n0,5.1,3.5\n1,4.9,3\n"],
    ["an index that is named nothing", ",0\n0,5\n1,4\n"],
    ["years above shares", "2019,2020,2021\n0.1,0.2,0.3\n1,2,3\n"],
    ["years beside a name", "land,2019,2020\n1,0.5,0.25\n2,0.5,1\n"],
    ["counted columns", "1,2,3\n0.5,1,2\n3,4,5\n"],
  ])("%s are asked for", async (_, text) => {
    const error = await refusal(read(text, { name: "x", shape: ["N", 2] }));
    expect(error.complaint()).toMatchObject({ code: "data-header-unclear", row: 1 });
    expect(error.help).toMatch(/--header.*--no-header/);
  });

  test("as one says", async () => {
    const text = "0,1\n5,3\n4,2\n";
    expect(numbers(await read(text, x, { header: true }))).toEqual([5, 3, 4, 2]);
    expect(numbers(await read(text, x, { header: true, columns: "1,0" }))).toEqual([3, 5, 2, 4]);
    expect(numbers(await read(text, x, { header: false }))).toEqual([0, 1, 5, 3, 4, 2]);
    expect(numbers(await read(",0,1\n0,5,3\n1,4,2\n", x, { header: true, columns: "0,1" }))).toEqual([
      5, 3, 4, 2,
    ]);
    expect(numbers(await read("cat\ndog\n", label, { header: false }))).toEqual([0, 1]);
  });

  test("a first row that is taken for data is said to be", async () => {
    const { notes, rows } = await read("1,2\n3,4\n", x);
    expect([rows, notes.length]).toEqual([2, 1]);
    expect(notes[0]).toMatch(/no header.*`1,2`/);
    expect((await read("1,2\n3,4\n", x, { header: false })).notes).toEqual([]);
    expect((await read("a,b\n3,4\n", x)).notes).toEqual([]);
  });

  test("labels without a header do not lose their first row in silence", async () => {
    expect((await refusal(read("cat\ndog\ncat\n", label))).code).toBe("data-repeated-header");
    expect((await refusal(read("cat,red\ndog,blue\ncat,blue\n", { ...label, shape: ["N", 2] }))).code).toBe(
      "data-header-unclear",
    );
  });

  test("two files put together", async () => {
    expect((await refusal(read("kind\na\nb\nkind\na\n", label))).complaint()).toMatchObject({
      code: "data-repeated-header",
      row: 4,
    });
  });

  test("comments above the table", async () => {
    expect(numbers(await read("# made by a program\n# on a day\na,b\n1,2\n", x))).toEqual([1, 2]);
    const saved = await read("# a,b\n1,2\n3,4\n", x, { columns: "b,a" });
    expect(numbers(saved)).toEqual([2, 1, 4, 3]);
    const spaced = await read("# a b\n1.5 2\n3 4\n", x, { columns: "b,a" });
    expect(numbers(spaced)).toEqual([2, 1.5, 4, 3]);
    const { row } = (await refusal(read("# one\na,b\n1,2\n3,x\n", x))).complaint();
    expect(row).toBe(4);
    await refusal(read("a,b\n1,2\n# three,3\n4,5\n", x));
  });
});

describe("encodings", () => {
  test.each([
    ["UTF-16, little", Buffer.from("\uFEFFa,b\n1,2\n", "utf16le"), /UTF-16/],
    ["UTF-16, big", Buffer.from("\uFEFFa,b\n1,2\n", "utf16le").swap16(), /UTF-16/],
    ["UTF-16 without a mark", Buffer.from("a,b\n1,2\n", "utf16le"), /zero byte/],
    ["UTF-32", Buffer.from([0xff, 0xfe, 0, 0, 0x31, 0, 0, 0]), /UTF-32/],
    ["Latin-1", Buffer.from("größe,b\n1,2\n", "latin1"), /not UTF-8/],
  ])("%s is said", async (_, bytes, says) => {
    const error = await refusal(read(bytes, x));
    expect([error.code, error.message]).toEqual(["data-encoding", expect.stringMatching(says)]);
  });

  test("a byte order mark is not of the first name", async () => {
    expect(numbers(await read("\uFEFFa,b\n1,2\n", x, { columns: "b,a" }))).toEqual([2, 1]);
    expect(numbers(await read('\uFEFF"a","b"\n1,2\n', x, { columns: "b,a" }))).toEqual([2, 1]);
  });
});

// --------------------------------------------------------------------------------------------- the columns of training

describe("columns beside those of training", () => {
  const known = { columns: { x: ["a", "b"] } };

  test.each([
    ["the same", "a,b\n1,2\n", undefined, [1, 2]],
    ["picked in that order", "b,a\n2,1\n", "a,b", [1, 2]],
    ["one left out", "a,z,b\n1,9,2\n", "-z", [1, 2]],
    ["without a header", "1,2\n", undefined, [1, 2]],
    ["others, one by one", "c,d\n1,2\n", "d,c", [2, 1]],
  ])("%s: read", async (_, text, columns, expected) => {
    const data = await read(text, x, { known, ...(columns === undefined ? {} : { columns }) });
    expect(numbers(data)).toEqual(expected);
  });

  test("others picked one by one are said", async () => {
    const { notes } = await read("c,b\n1,2\n", x, { known, columns: "c,b" });
    expect(notes).toEqual([
      expect.stringContaining("`x` takes `c`, `b` in place of the columns it was trained on, `a`, `b`"),
    ]);
  });

  test.each([
    ["a swap", "b,a\n1,2\n", undefined],
    ["a swap that is picked", "a,b\n1,2\n", "b,a"],
    ["another name", "a,c\n1,2\n", undefined],
    ["a name in another's place", "b,c\n1,2\n", "b,c"],
    ["one more", "a,b,c\n1,2,3\n", undefined],
    ["one less", "a\n1\n", undefined],
  ])("%s: refused", async (_, text, columns) => {
    const error = await refusal(read(text, x, { known, ...(columns === undefined ? {} : { columns }) }));
    expect(error.code).toBe("data-other-columns");
    expect(error.notes.join()).toContain("trained on `a`, `b`");
    expect(error.help).toContain("order of training");
  });

  test("labels of training hold for a column of another name in its place", async () => {
    const before = { columns: { y: ["kind"] }, categories: { y: { kind: ["cat", "cow", "dog"] } } };
    expect(numbers(await read("art\ndog\ncat\n", label, { known: before, columns: "art" }))).toEqual([2, 0]);
  });
});

// -------------------------------------------------------------------------------------------------- many and long cells

test("a million columns", async () => {
  const width = 1_000_000;
  const row = (value: number): string => Array.from({ length: width }, (_, i) => (i + value) % 10).join(",");
  const before = process.memoryUsage().rss;
  const started = process.cpuUsage();
  const error = await refusal(read(`${row(3)}\n${row(5)}\n`, x));
  expect(error.code).toBe("data-wrong-shape");
  // Its own time, whatever else the machine does.
  expect(process.cpuUsage(started).user).toBeLessThan(4e6);
  expect(process.memoryUsage().rss - before).toBeLessThan(6e8);
  const data = await read(`${row(3)}\n${row(5)}\n`, { name: "x", shape: ["N", width] });
  expect([...data.inputs["x"]!.data.subarray(width - 2, width + 2)]).toEqual([1, 2, 5, 6]);
});
