/**
 * Makes the pictures of docs/gallery.md anew: runs the commands of that page, and copies what it
 * shows from `out/gallery` to `docs/gallery`. After `npm run build`.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { galleryOf } from "./gallery-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { commands, pictures } = galleryOf(readFileSync(join(root, "docs/gallery.md"), "utf8"));

const made = join(root, "out/gallery");
rmSync(made, { recursive: true, force: true });
mkdirSync(made, { recursive: true });
for (const { program, words } of commands) {
  console.error(`${program} ${words.join(" ")}`);
  const script = program === "nndsl" ? [join(root, "dist/cli/bin.js")] : [];
  const { status } = spawnSync(process.execPath, [...script, ...words], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) process.exit(1);
}
const shown = join(root, "docs/gallery");
rmSync(shown, { recursive: true, force: true });
for (const picture of pictures) {
  mkdirSync(dirname(join(shown, picture)), { recursive: true });
  copyFileSync(join(made, picture), join(shown, picture));
}
