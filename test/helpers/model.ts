/** From the text of a program to a running model, through the public doors. */
import { readFileSync } from "node:fs";
import { compile, type Compiled, type CompileOptions } from "../../compiler/index.ts";
import { load, type Net } from "../../runtime/index.ts";

/** The text of `examples/NAME.nn`. */
export const example = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}.nn`, import.meta.url), "utf8");

export async function build(
  source: string,
  options: CompileOptions & { readonly seed?: number } = {},
): Promise<{ readonly net: Net; readonly compiled: Compiled }> {
  const { seed = 1, ...rest } = options;
  const compiled = await compile(source, rest);
  return { net: await load(new Uint8Array(compiled.wasm), { seed }), compiled };
}

/** A running model of a program. */
export const start = async (
  source: string,
  options: CompileOptions & { readonly seed?: number } = {},
): Promise<Net> => (await build(source, options)).net;
