/** The command `asc` as its users have it, with its own library: beside what the compiler makes of a text. */
import asc from "assemblyscript/asc";

/**
 * The module that `asc m.ts` makes of a text.
 * @param flags its options, as on a command line
 * @throws Error with asc's messages
 */
export async function ascCommand(text: string, flags: string): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["m.ts", "--outFile", "m.wasm", ...flags.split(" ")], {
    readFile: (name) => (name === "m.ts" ? text : null),
    writeFile: (_, data) => {
      if (typeof data !== "string") binary = data;
    },
    listFiles: () => [],
  });
  if (binary === undefined) throw new Error(`${error?.message}\n${stderr.toString()}`);
  return new Uint8Array(binary);
}
