/** What docs/gallery.md tells to run, and what it shows. */

/** `npx nndsl …`, or a script: `node …`. */
export interface Command {
  readonly program: "nndsl" | "node";
  readonly words: readonly string[];
}

export interface Gallery {
  readonly commands: readonly Command[];
  /** Files of `docs/gallery`. */
  readonly pictures: readonly string[];
}

export function galleryOf(page: string): Gallery {
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
    block.trim().split("\n"),
  );
  return {
    commands: blocks.map((line) => ({
      program: line.startsWith("node ") ? "node" : "nndsl",
      // Words, of which some stand in quotes.
      words: [...line.replace(/^(npx nndsl|node) /, "").matchAll(/"([^"]*)"|(\S+)/g)].map(
        ([, quoted, plain]) => quoted ?? plain ?? "",
      ),
    })),
    pictures: [...page.matchAll(/\]\(gallery\/(\S+?)\)/g)].map(([, file = ""]) => file),
  };
}
