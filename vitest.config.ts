import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/helpers/longest-first.ts";

/** One replaces a module of the compiler, one counts what V8 allocates: both want a fresh process. */
const isolated = ["test/threads-bits.test.ts", "test/runtime-allocation.test.ts"];

/** What is under test there is asc itself, and how it is run. */
const assembling = ["test/assemble.test.ts", "test/determinism.test.ts"];

/**
 * asc reads its own library anew for every module. In V8's usual space for what is new that is copied
 * several times while it is in use, a quarter of the whole time; in a large one it is gone before.
 */
const roomForNew = ["--min-semi-space-size=128", "--max-semi-space-size=128"];

const helper = (name: string): string => fileURLToPath(new URL(`test/helpers/${name}.ts`, import.meta.url));

export default defineConfig({
  test: {
    // Compiling a model costs tenths of a second; training real digits costs several.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    setupFiles: [helper("equal-bytes")],
    projects: [
      // The assembler takes seconds to load and to warm up: the files of one worker share it.
      {
        extends: true,
        // Many tests compile the same programs, and most of the time goes into assembling.
        resolve: { alias: [{ find: /^\.\/isolate\.ts$/, replacement: helper("assembled-once") }] },
        test: {
          name: "suite",
          include: ["test/**/*.test.ts"],
          exclude: [...isolated, ...assembling],
          isolate: false,
          execArgv: roomForNew,
          globalSetup: helper("assembled-folder"),
          setupFiles: [helper("warm-assembler")],
        },
      },
      {
        extends: true,
        test: {
          name: "assembling",
          include: assembling,
          isolate: false,
          execArgv: roomForNew,
          setupFiles: [helper("warm-assembler")],
        },
      },
      { extends: true, test: { name: "isolated", include: isolated } },
    ],
  },
});
