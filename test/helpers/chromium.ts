/** Pages in the system's Chromium, served as a careful site would serve them. */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { chromium, type Page } from "playwright-core";

const candidates = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** The browser's path; undefined where there is none. `CHROMIUM` names another. */
export const chromiumPath: string | undefined = candidates.find((path) => path && existsSync(path));

/**
 * What a suite that needs the browser says of itself:
 * `describe.skipIf(skippedWithout(chromiumPath))(inChromium("…"), …)`.
 */
export const inChromium = (title: string): string =>
  chromiumPath ? `${title}, in Chromium` : `${title} (no Chromium here: set CHROMIUM to its path)`;

/** No script but the site's own, no eval; WebAssembly allowed. */
export const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** By path, such as `/index.html`. */
export type Site = Readonly<Record<string, string | Uint8Array>>;

export interface Visit {
  readonly page: Page;
  /** Where the site begins: `http://localhost:PORT`. */
  readonly origin: string;
  /** Errors that the page threw or logged so far: a page that works has none. */
  readonly errors: readonly string[];
}

/**
 * Serves `site` under POLICY, opens `/index.html` and hands over the page; closes all of it
 * afterwards.
 * @param headers of every response, beside the policy or in its place
 */
export async function withPage<T>(
  site: Site,
  visit: (visit: Visit) => Promise<T>,
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const content = site[path];
    response.setHeaders(new Headers({ "Content-Security-Policy": POLICY, ...headers }));
    response.setHeader("Content-Type", types[extname(path)] ?? "application/octet-stream");
    // Browsers ask for an icon by themselves.
    response.statusCode = content !== undefined ? 200 : path === "/favicon.ico" ? 204 : 404;
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const address = server.address();
  const origin = `http://localhost:${typeof address === "object" ? address?.port : ""}`;
  const browser = await chromium
    .launch({
      ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    })
    .catch((cause: unknown) => {
      server.close();
      throw cause;
    });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.goto(`${origin}/index.html`);
    return await visit({ page, origin, errors });
  } finally {
    await browser.close();
    server.close();
  }
}
