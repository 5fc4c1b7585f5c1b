/** Definitions of the library are read one at a time; each is as in its whole file. */
import { expect, test } from "vitest";
import { stdDeclaration, stdNames, stdTexts } from "../compiler/standard-library.ts";
import { parse } from "../grammar/parse.ts";

test("reads each definition as it stands in its file, documentation and places included", () => {
  const whole = [...stdTexts].flatMap(([file, text]) => parse(text, file).file.declarations);
  const names = whole.map((declaration) =>
    declaration.kind === "import" ? "import" : declaration.name.text,
  );
  expect(stdNames).toEqual(names);
  expect(new Set(names).size).toBe(names.length);
  expect(stdNames.map((name) => stdDeclaration(name))).toEqual(whole);
});

test("knows no other name, and reads a definition once", () => {
  expect(stdDeclaration("toString")).toBeUndefined();
  expect(stdDeclaration("dense")).toBe(stdDeclaration("dense"));
});
