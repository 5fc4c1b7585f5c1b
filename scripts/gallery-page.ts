/** What docs/gallery.md tells to run, and what it shows. */

export interface Gallery {
  /** The words of each command, without `npx nndsl`. */
  readonly commands: readonly (readonly string[])[];
  /** Files of `docs/gallery`. */
  readonly pictures: readonly string[];
}

export function galleryOf(page: string): Gallery {
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
    block.trim().split("\n"),
  );
  return {
    commands: blocks.map((line) =>
      // Words, of which some stand in quotes.
      [...line.replace(/^npx nndsl /, "").matchAll(/"([^"]*)"|(\S+)/g)].map(
        ([, quoted, plain]) => quoted ?? plain ?? "",
      ),
    ),
    pictures: [...page.matchAll(/\]\(gallery\/(\S+?)\)/g)].map(([, file = ""]) => file),
  };
}
