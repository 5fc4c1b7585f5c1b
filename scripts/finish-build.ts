/**
 * What tsc leaves undone: `npx nndsl` in this checkout runs the built command itself, which must be
 * executable.
 */
import { chmodSync } from "node:fs";

chmodSync(new URL("../dist/cli/bin.js", import.meta.url), 0o755);
