import { describe, expect, test } from "vitest";
import { load } from "../runtime/index.ts";
import { bundleRuntime } from "../scripts/bundle-runtime.ts";
import { chromiumPath, inChromium, withPage } from "./helpers/chromium.ts";
import { fakeModule } from "./helpers/fake-module.ts";
import { skippedWithout } from "./helpers/skip.ts";

// The page's own scripts, as a site would have them: `page.evaluate` would go round the policy.
const app = `
import { load } from "./runtime.js";
const x = new Float32Array(64), y = new Float32Array(32);
for (let i = 0; i < 32; i++) {
  x[2 * i] = (i % 7) / 4 - 1;
  x[2 * i + 1] = (i % 5) / 3 - 1;
  y[i] = 2 * x[2 * i] - 3 * x[2 * i + 1] + 1;
}
const report = document.querySelector("#report");
try {
  const net = await load(fetch("./line.wasm"), { seed: 7 });
  let frames = 0;
  let each = () => {};
  const count = () => { frames++; each(); requestAnimationFrame(count); };
  requestAnimationFrame(count);
  const { loss } = await net.fit({ x, y }, { epochs: 40, batch: 8 });
  const weights = Array.from(net.save());
  const control = new AbortController();
  frames = 0;
  each = () => { if (frames === 5) control.abort(); };
  const end = await net.fit({ x, y }, { epochs: 1e9, signal: control.signal }).catch((error) => error.code);
  const other = await load(new URL("./line.wasm", import.meta.url), { seed: 1 });
  other.restore(new Uint8Array(weights));
  const [p] = other.predict({ x: [[1, 1]] }).p.data;
  const missing = await load(new URL("./none.wasm", import.meta.url)).catch((error) => error.code);
  let evaluated = "yes";
  try { new Function("return 1")(); } catch { evaluated = "no"; }
  report.textContent = JSON.stringify({ loss, weights, end, frames, p, missing, evaluated });
} catch (error) {
  report.textContent = JSON.stringify({ error: String(error) });
}
`;

/** What the worker does is what a page may do that must stay free. */
const worker = `
import { load } from "./runtime.js";
const net = await load(fetch("./line.wasm"), { seed: 7 });
postMessage(Array.from(net.predict({ x: [[1, 1]] }).p.data));
`;

const workerPage = `
const worker = new Worker("./worker.js", { type: "module" });
worker.onmessage = ({ data }) => { document.querySelector("#report").textContent = JSON.stringify(data); };
`;

describe.skipIf(skippedWithout(chromiumPath))(
  inChromium("the runtime under a content security policy"),
  () => {
    const html = (script: string): string =>
      `<!doctype html><title>Line</title><p id="report"></p><script type="module" src="./${script}"></script>`;
    const runtime = async (): Promise<string> =>
      `${(await bundleRuntime()).trim()}\nconst { NndslError } = nndsl;\nconst load = (source, options) => nndsl.loadWith(async () => ({}), source, options);\nexport { load, NndslError };\n`;

    test("trains as in Node, draws frames meanwhile, aborts, saves, restores and predicts", async () => {
      const wasm = await fakeModule();
      const site = {
        "/index.html": html("app.js"),
        "/app.js": app,
        "/runtime.js": await runtime(),
        "/line.wasm": wasm,
      };
      await withPage(site, async ({ page, errors }) => {
        await page.waitForFunction(() => document.querySelector("#report")?.textContent);
        const report = JSON.parse((await page.textContent("#report")) ?? "") as Record<string, unknown>;
        expect(report).toMatchObject({ end: "aborted", missing: "fetch-failed", evaluated: "no" });
        expect(report["loss"]).toBeLessThan(1e-6);
        expect(report["p"]).toBeCloseTo(0, 2);
        expect(report["frames"]).toBeGreaterThan(3);
        // What the browser logs of the file that is missing, and nothing else.
        expect(errors.filter((error) => !error.includes("404"))).toEqual([]);

        const net = await load(wasm, { seed: 7 });
        const x = Float32Array.from({ length: 64 }, (_, i) =>
          i % 2 === 0 ? ((i / 2) % 7) / 4 - 1 : (((i - 1) / 2) % 5) / 3 - 1,
        );
        const y = Float32Array.from({ length: 32 }, (_, i) => 2 * x[2 * i]! - 3 * x[2 * i + 1]! + 1);
        await net.fit({ x, y }, { epochs: 40, batch: 8 });
        expect(report["weights"]).toEqual(Array.from(net.save()));
      });
    });

    test("predicts in a worker", async () => {
      const wasm = await fakeModule();
      const site = {
        "/index.html": html("page.js"),
        "/page.js": workerPage,
        "/worker.js": worker,
        "/runtime.js": await runtime(),
        "/line.wasm": wasm,
      };
      await withPage(site, async ({ page, errors }) => {
        await page.waitForFunction(() => document.querySelector("#report")?.textContent);
        const net = await load(wasm, { seed: 7 });
        expect(JSON.parse((await page.textContent("#report")) ?? "")).toEqual(
          Array.from(net.predict({ x: [[1, 1]] }).p!.data),
        );
        expect(errors).toEqual([]);
      });
    });
  },
);
