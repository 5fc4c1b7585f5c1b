/**
 * Refuses engines that lack what the compiler needs, as its first module: what comes after could
 * fail in stranger ways.
 */

/** The first Node that has all of it. `cli/bin.ts` says the same of commands. */
const NEEDED = [22, 12] as const;

// A browser has no `process`; Deno and Bun have one, which says of which Node they have the
// interfaces.
const { process } = globalThis as { process?: { versions?: Readonly<Record<string, string | undefined>> } };
const { node, deno, bun } = process?.versions ?? {};
const [major = 0, minor = 0] = (node ?? "").split(".").map(Number);
if (node && !deno && !bun && (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1]))) {
  throw new Error(
    `nndsl's compiler needs Node ${NEEDED.join(".")} or newer, but this is ${node}; what it compiles runs in older ones.`,
  );
}

export {};
