/**
 * Threads as pages have them: a page's own thread may not sleep, and what a page may start is said
 * by its headers.
 */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { load, type Net } from "../runtime/index.ts";
import { chromiumPath, inChromium, POLICY, withPage, type Site } from "./helpers/chromium.ts";
import { skippedWithout } from "./helpers/skip.ts";

const source = `model Wide {
  input x: [N, 40]
  target y: int[N]
  logits = x |> dense(96, tanh) |> dropout(0.2) |> dense(64, gelu) |> dense(10)
  output p = softmax(logits)
  loss cross_entropy(logits, y)
  optimizer adam(lr = 0.01)
}`;
const rows = 53;
const x = Array.from({ length: rows * 40 }, (_, i) => ((i * 37) % 101) / 50 - 1);
const y = Array.from({ length: rows }, (_, i) => i % 10);

/** What a page or its worker does. It reports by the page's title, a worker by a message. */
const train = `
import { load } from "./wide.js";
const tell = (report) => {
  if (globalThis.document) document.title = JSON.stringify(report);
  else postMessage(report);
};
try {
  const examples = ${JSON.stringify({ x, y })};
  const net = await load(undefined, { seed: 3, threads: 3 });
  globalThis.net = net;
  net.step(examples);
  await net.fit(examples, { epochs: 4, batch: 17 });
  tell({ threads: net.threads, weights: Array.from(net.save()) });
} catch (error) {
  tell({ error: String(error) });
}
`;
const inWorker = `
const worker = new Worker("./train.js", { type: "module" });
worker.onmessage = ({ data }) => { document.title = JSON.stringify(data); };
`;

const isolated = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
const allowed = { "Content-Security-Policy": `${POLICY}; worker-src 'self' blob:` };

describe.skipIf(skippedWithout(chromiumPath))(inChromium("threads"), () => {
  let site: Site;
  let weights: number[];
  beforeAll(async () => {
    const { wasm, js, threads } = await compile(source);
    site = {
      "/wide.js": js,
      "/wide.threads.js": threads!,
      "/wide.wasm": wasm,
      "/train.js": train,
      "/page.js": inWorker,
    };
    const net = await load(wasm, { seed: 3 });
    net.step({ x, y });
    await net.fit({ x, y }, { epochs: 4, batch: 17 });
    weights = Array.from(net.save());
  });

  const visit = (
    script: string,
    headers: Readonly<Record<string, string>>,
    look: (report: unknown, page: Page) => unknown,
  ): Promise<unknown> =>
    withPage(
      { ...site, "/index.html": `<!doctype html><script type="module" src="./${script}"></script>` },
      async ({ page }) => {
        await page.waitForFunction(() => document.title);
        return look(JSON.parse(await page.title()), page);
      },
      headers,
    );

  test("a page's own thread and two more give the weights of one in Node; dispose ends them", () =>
    visit("train.js", { ...isolated, ...allowed }, async (report, page) => {
      expect(report).toEqual({ threads: { count: 3, reason: null }, weights });
      expect(page.workers().length).toBe(2);
      await page.evaluate(() => (globalThis as unknown as { net: Net }).net.dispose());
      await expect.poll(() => page.workers().length).toBe(0);
    }));

  test("so do a worker and two of its own", () =>
    visit("page.js", { ...isolated, ...allowed }, (report) =>
      expect(report).toEqual({ threads: { count: 3, reason: null }, weights }),
    ));

  test("without the headers there is one, and the reason names them", () =>
    visit("train.js", allowed, (report) => {
      expect(report).toMatchObject({ threads: { count: 1 }, weights });
      expect(report).toHaveProperty("threads.reason", expect.stringContaining("Cross-Origin-Opener-Policy"));
    }));

  test("where the policy refuses them there is one, and the reason names what it takes", () =>
    visit("train.js", isolated, (report) => {
      expect(report).toMatchObject({ threads: { count: 1 }, weights });
      expect(report).toHaveProperty("threads.reason", expect.stringContaining("worker-src blob:"));
    }));

  const strict = `${allowed["Content-Security-Policy"]}; require-trusted-types-for 'script'`;

  test("under Trusted Types they start by a policy of their own", () =>
    visit(
      "train.js",
      { ...isolated, "Content-Security-Policy": `${strict}; trusted-types nndsl` },
      (report) => expect(report).toEqual({ threads: { count: 3, reason: null }, weights }),
    ));

  test("where that policy is forbidden there is one, and the reason says so", () =>
    visit(
      "train.js",
      { ...isolated, "Content-Security-Policy": `${strict}; trusted-types 'none'` },
      (report) => {
        expect(report).toMatchObject({ threads: { count: 1 }, weights });
        expect(report).toHaveProperty("threads.reason", expect.stringContaining("TrustedScriptURL"));
      },
    ));
});
