/**
 * Contestants in pages of Chromium, from a server of their own whose headers allow shared memory.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { rolldown } from "rolldown";
import type { runner as PageRunner } from "./page.ts";
import { contestantNames, type ContestantName, type Host, type Runner } from "./runner.ts";

/** What `page.ts` leaves in the page. */
declare const runner: typeof PageRunner;

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const packageFolder = (name: string): string => {
  const entry = createRequire(import.meta.url).resolve(name);
  return dirname(entry);
};

/**
 * The contestants' code in one piece each; nndsl's runtime stays in its files, as its package has
 * it.
 */
async function bundle(): Promise<ReadonlyMap<string, string>> {
  const build = await rolldown({
    input: fileURLToPath(new URL("page.ts", import.meta.url)),
    platform: "browser",
    logLevel: "silent",
    plugins: [
      {
        name: "runtime",
        resolveId: (id) =>
          id.endsWith("/dist/runtime/index.js") ? { id: "/runtime/index.js", external: true } : null,
      },
    ],
  });
  const { output } = await build.generate({ format: "esm", entryFileNames: "page.js" });
  await build.close();
  return new Map(output.flatMap((file) => (file.type === "chunk" ? [[file.fileName, file.code]] : [])));
}

interface Site {
  readonly origin: string;
  close(): void;
}

async function serve(folder: string): Promise<Site> {
  const scripts = await bundle();
  const page = '<!doctype html><title>bench</title><script type="module" src="/page.js"></script>';
  const folders: Readonly<Record<string, string>> = {
    "/job/": folder,
    "/runtime/": fileURLToPath(new URL("../../dist/runtime/", import.meta.url)),
    "/binaries/tfjs/": join(dirname(packageFolder("@tensorflow/tfjs-backend-wasm")), "wasm-out"),
    "/binaries/ort/": packageFolder("onnxruntime-web/wasm"),
  };
  const find = async (path: string): Promise<string | Uint8Array | undefined> => {
    if (path === "/index.html") return page;
    const script = scripts.get(path.slice(1));
    if (script !== undefined) return script;
    for (const [prefix, from] of Object.entries(folders)) {
      const rest = normalize(path.slice(prefix.length));
      if (path.startsWith(prefix) && !rest.startsWith(".."))
        return readFile(join(from, rest)).catch(() => undefined);
    }
    return undefined;
  };
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    void find(path).then((content) => {
      response.setHeader("Content-Type", types[extname(path)] ?? "application/octet-stream");
      response.statusCode = content === undefined ? 404 : 200;
      response.end(content);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const address = server.address();
  return {
    origin: `http://localhost:${typeof address === "object" ? address?.port : ""}`,
    close: () => server.close(),
  };
}

/** @returns undefined where there is no Chromium; `CHROMIUM` names another place. */
export async function chromiumHost(folder: string): Promise<Host | undefined> {
  if (!existsSync(CHROMIUM)) return undefined;
  const site = await serve(folder);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--no-first-run",
    ],
  });

  async function open(contestant: ContestantName): Promise<Runner> {
    // A context of its own, hence a process of its own.
    const context = await browser.newContext();
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`${site.origin}/index.html?contestant=${contestant}`);
    await page
      .waitForFunction(() => "runner" in globalThis)
      .catch(() => {
        throw new Error(errors.join("\n") || "the page did not start");
      });
    return {
      prepare: (job) => page.evaluate((job) => runner.prepare(job), job),
      run: (milliseconds) => page.evaluate((milliseconds) => runner.run(milliseconds), milliseconds),
      peakMemory: async () => NaN,
      close: () => context.close(),
    };
  }

  return {
    name: "Chromium",
    version: browser.version(),
    contestants: contestantNames.filter((name) => name !== "torch"),
    open,
    close: async () => {
      await browser.close();
      site.close();
    },
  };
}
