/**
 * `import { compile, check, format } from "nndsl"` in a browser's worker: the same compiler, the
 * same bytes as in Node.
 */
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load } from "../runtime/index.ts";
import { chromiumPath, inChromium, withPage, type Site } from "./helpers/chromium.ts";
import { example } from "./helpers/model.ts";
import { skippedWithout } from "./helpers/skip.ts";

/**
 * What a bundler makes of the package, without a word of configuration but the names of the
 * entries.
 */
async function bundle(): Promise<Record<string, string>> {
  const path = (file: string): string => new URL(`../${file}`, import.meta.url).pathname;
  const build = await rolldown({
    input: {
      nndsl: path("compiler/index.ts"),
      worker: path("compiler/assemble/worker.ts"),
      runtime: path("runtime/index.ts"),
    },
    platform: "browser",
    // assemblyscript and binaryen import modules of Node's where they run in Node.
    logLevel: "silent",
  });
  const { output } = await build.generate({
    format: "esm",
    minify: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
  });
  await build.close();
  return Object.fromEntries(output.flatMap((o) => (o.type === "chunk" ? [[`/${o.fileName}`, o.code]] : [])));
}

const data = { x: [0, 0, 0, 1, 1, 0, 1, 1], y: [0, 1, 1, 0] };

const app = `
import { check, compile, format, CompilerFault, DiagnosticError } from "./nndsl.js";
import { load } from "./runtime.js";
onmessage = async ({ data: { source, data } }) => {
  try {
    const { wasm, diagnostics, stages, name } = await compile(source, { file: "xor.nn", wat: true });
    const net = await load(wasm, { seed: 1 });
    for (let step = 0; step < 300; step++) net.step(data);
    const wrong = await compile("model M { input x: [N, 2]; output z = x @ [1, 2, 3] }").catch((error) =>
      error instanceof DiagnosticError ? error.diagnostics.map((d) => d.code) : String(error));
    const again = await compile(source, { file: "xor.nn", settings: {}, simd: "relaxed" });
    postMessage({
      name,
      wasm: Array.from(wasm),
      weights: Array.from(net.save()),
      predictions: Array.from(net.predict(data).p.data),
      wat: stages.wat.includes('(export "step"'),
      relaxed: WebAssembly.validate(again.wasm),
      workers: performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/worker.js")).length,
      asc: performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/asc.js")).length,
      diagnostics,
      wrong,
      checked: (await check("model M { output z = nothing }")).map((d) => d.code),
      formatted: format("model M{output z=1}").text,
    });
  } catch (error) {
    postMessage({ error: String(error && error.stack || error) });
  }
};
`;

const page = `
const worker = new Worker("./app.js", { type: "module" });
const report = (value) => { document.querySelector("#report").textContent = JSON.stringify(value); };
worker.onmessage = ({ data }) => report(data);
worker.onerror = (event) => report({ error: event.message });
worker.postMessage(await (await fetch("./task.json")).json());
`;

describe.skipIf(skippedWithout(chromiumPath))(
  inChromium("the compiler in a worker, under a content security policy"),
  () => {
    let chunks: Record<string, string>;
    let site: Site;
    beforeAll(async () => {
      chunks = await bundle();
      site = {
        ...chunks,
        "/index.html":
          '<!doctype html><title>Compiler</title><p id="report"></p><script type="module" src="./page.js"></script>',
        "/page.js": page,
        "/app.js": app,
        "/task.json": JSON.stringify({ source: example("xor"), data }),
      };
    });

    const visit = (pages: Site): Promise<{ report: Record<string, unknown>; errors: readonly string[] }> =>
      withPage(pages, async ({ page: opened, errors }) => {
        await opened.waitForFunction(() => document.querySelector("#report")?.textContent, undefined, {
          // A second's work, on a machine with nothing else to do.
          timeout: 55_000,
        });
        const text = (await opened.textContent("#report")) ?? "";
        return { report: JSON.parse(text) as Record<string, unknown>, errors };
      });

    const expectXor = async (report: Record<string, unknown>): Promise<void> => {
      expect(report["error"]).toBeUndefined();
      const compiled = await compile(example("xor"), { file: "xor.nn" });
      expect(report).toMatchObject({
        name: "xor",
        wat: true,
        relaxed: true,
        diagnostics: [],
        wrong: ["shape-mismatch"],
        checked: ["unknown-name"],
        formatted: "model M { output z = 1 }\n",
      });
      expect(report["wasm"]).toEqual(Array.from(compiled.wasm));
      const net = await load(new Uint8Array(compiled.wasm), { seed: 1 });
      for (let step = 0; step < 300; step++) net.step(data);
      expect(report["weights"]).toEqual(Array.from(net.save()));
      expect((report["predictions"] as number[]).map(Math.round)).toEqual(data.y);
    };

    test("compiles XOR to the bytes that Node gives, with asc in a worker of its own; what it compiled trains", async () => {
      const { report, errors } = await visit(site);
      await expectXor(report);
      expect(errors).toEqual([]);
    });

    test("does so too where nobody published asc's worker beside it", async () => {
      const { "/worker.js": _, ...rest } = site;
      const { report, errors } = await visit(rest);
      await expectXor(report);
      expect(report).toMatchObject({ asc: 1 });
      expect(errors.filter((error) => !error.includes("404"))).toEqual([]);
    });

    test("the front end is 298 KB gzipped with the runtime, and asc a part of its own that nothing loads before it is needed", () => {
      const fixed = ["/nndsl.js", "/worker.js", "/runtime.js"].map((file) => chunks[file]!);
      expect(gzipSync(fixed.join("")).length).toBeLessThan(298_000);
      expect(Object.keys(chunks).length).toBeGreaterThan(fixed.length);
      for (const chunk of fixed)
        expect(chunk).not.toMatch(/\bfrom ?["']\.\/asc\.js["']|\bimport ?["']\.\/asc/);
    });
  },
);
