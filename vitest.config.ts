import { defineConfig } from "vitest/config";

/** One replaces a module of the compiler, one counts what V8 allocates: both want a fresh process. */
const isolated = ["test/threads-bits.test.ts", "test/runtime-allocation.test.ts"];

export default defineConfig({
  test: {
    // Compiling a model costs tenths of a second; training real digits costs several.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    projects: [
      // The assembler takes seconds to load and to warm up: the files of one worker share it.
      {
        extends: true,
        test: {
          name: "suite",
          include: ["test/**/*.test.ts"],
          exclude: isolated,
          isolate: false,
          setupFiles: ["test/helpers/warm-assembler.ts"],
        },
      },
      { extends: true, test: { name: "isolated", include: isolated } },
    ],
  },
});
