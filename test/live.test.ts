/** `train --live`: the page follows the run and steers it, and nothing else does. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isOwn } from "../cli/live/own.ts";
import { readControl } from "../cli/live/messages.ts";
import { readSafetensors } from "../runtime/safetensors.ts";
import { chromiumPath, inChromium } from "./helpers/chromium.ts";
import { cliPath, runHere } from "./helpers/run-cli.ts";
import { skippedWithout } from "./helpers/skip.ts";

const folder = mkdtempSync(join(tmpdir(), "nndsl-live-"));

/** Other tests may keep the machine busy meanwhile. */
const PATIENT = { timeout: 30_000 };

beforeAll(() => {
  writeFileSync(
    join(folder, "line.nn"),
    `model Line {
  input x: [N, 1]
  target y: [N, 1]
  h = dense(x, 4, tanh)
  z = dense(h, 1)
  output guess = z
  loss mse(z, y)
  optimizer sgd(lr = 0.01)
}
`,
  );
  const rows = Array.from({ length: 64 }, (_, i) => `${i / 32 - 1},${Math.sin(3 * (i / 32 - 1))}`);
  writeFileSync(join(folder, "line.csv"), `x,y\n${rows.join("\n")}\n`);
});

interface LiveRun {
  readonly port: number;
  readonly child: ChildProcess;
  readonly stderr: () => string;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

/** A run that goes on until it is stopped. */
async function start(...more: string[]): Promise<LiveRun> {
  const args = [
    "train",
    "line.nn",
    "--data",
    "x=line.csv:x",
    "y=line.csv:y",
    "--epochs",
    "1000000000",
    "--live",
    ...more,
  ];
  const child = spawn(process.execPath, [cliPath, ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      const address = /http:\/\/127\.0\.0\.1:(\d+)\//.exec(stderr);
      if (address !== null) resolve(Number(address[1]));
    });
    child.on("close", () => reject(new Error(stderr)));
  });
  return { port, child, stderr: () => stderr, ended };
}

interface Answer {
  readonly code: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** A request with any headers, as no browser would send it. */
const ask = (
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () => resolve({ code: response.statusCode ?? 0, headers: response.headers, text }));
    })
      .on("error", reject)
      .end(body);
  });

const tokenOf = (html: string): string => /data-token="(\w+)"/.exec(html)?.[1] ?? "";

describe("who may ask", () => {
  let run: LiveRun;
  let token = "";
  beforeAll(async () => {
    run = await start("-o", "asked.safetensors");
    token = tokenOf((await ask(run.port, "/")).text);
  });
  afterAll(() => run.child.kill("SIGKILL"));

  const own = (): Record<string, string> => ({
    host: `127.0.0.1:${run.port}`,
    origin: `http://127.0.0.1:${run.port}`,
    "x-nndsl-token": token,
  });

  test("the page may be neither framed nor kept, and may ask its own server alone", async () => {
    const { code, headers } = await ask(run.port, "/");
    expect(code).toBe(200);
    expect(headers["content-security-policy"]).toMatch(
      /^default-src 'none';.*connect-src 'self'.*frame-ancestors 'none'/,
    );
    expect(headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    expect(token).toHaveLength(48);
  });

  test("another site's page, a name made to lead here, and a guess are refused", async () => {
    const stop = '{"do":"stop"}';
    const answers = await Promise.all([
      ask(run.port, "/", { host: `evil.example:${run.port}` }),
      ask(run.port, "/events", { host: `evil.example:${run.port}` }),
      ask(run.port, "/events", { ...own(), origin: "http://evil.example" }),
      ask(run.port, "/control", { ...own(), origin: "http://evil.example" }, stop),
      ask(run.port, "/control", { ...own(), origin: "null" }, stop),
      ask(run.port, "/control", { ...own(), "x-nndsl-token": "0".repeat(48) }, stop),
      ask(run.port, "/control", { ...own(), "x-nndsl-token": "" }, stop),
    ]);
    expect(answers.map(({ code }) => code)).toEqual([403, 403, 403, 403, 403, 403, 403]);
    expect(run.child.exitCode).toBeNull();
  });

  test("at port 80 a browser leaves the port out", () => {
    expect(isOwn({ host: "localhost", origin: "http://localhost" }, 80)).toBe(true);
    expect(isOwn({ host: "127.0.0.1" }, 80)).toBe(true);
    expect(isOwn({ host: "127.0.0.1:80" }, 80)).toBe(true);
    expect(isOwn({ host: "127.0.0.1" }, 8080)).toBe(false);
    expect(isOwn({ host: "evil.example" }, 80)).toBe(false);
    expect(isOwn({ host: "localhost", origin: "http://evil.example" }, 80)).toBe(false);
  });

  test("a page of an earlier run is told to load anew, and sent nothing of this one", async () => {
    const { text, code } = await ask(run.port, "/events", {
      ...own(),
      "last-event-id": "0123456789abcdef.7",
    });
    expect({ code, text }).toEqual({ code: 200, text: "event: reload\ndata: {}\n\n" });
  });

  test("what is nothing to do is refused", async () => {
    const answers = await Promise.all([
      ask(run.port, "/control", own(), "{"),
      ask(run.port, "/control", own(), '{"do":"rm"}'),
      ask(run.port, "/control", own(), `{"do":"stop","x":"${"x".repeat(5000)}"}`),
      ask(run.port, "/../../etc/passwd"),
      ask(run.port, "/control"),
    ]);
    expect(answers.map(({ code }) => code)).toEqual([400, 400, 413, 404, 404]);
    for (const text of [
      "null",
      "[]",
      '"stop"',
      '{"do":"set","name":"lr","value":null}',
      '{"do":"set","value":1}',
    ])
      expect(readControl(text)).toBeNull();
  });

  test("the page's own stop ends the run with its weights, as no failure", async () => {
    const { code } = await ask(run.port, "/control", own(), '{"do":"stop"}');
    expect(code).toBe(204);
    await expect.poll(run.stderr, PATIENT).toContain("by its page");
    await expect.poll(run.stderr, PATIENT).toContain("stays for a minute");
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(0);
    expect(readFileSync(join(folder, "asked.safetensors")).length).toBeGreaterThan(100);
  });
});

test("a port that is in use is refused before anything is trained", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    const { code, stderr } = await runHere(
      ["train", "line.nn", "--data", "line.csv", "--live", String(port)],
      folder,
    );
    expect(code).toBe(2);
    expect(stderr).toContain(`error[port-not-free]: port ${port} is in use`);
    expect(stderr).not.toContain("training");
  } finally {
    server.close();
  }
});

describe.skipIf(skippedWithout(chromiumPath))(inChromium("the live page"), () => {
  let browser: Browser;
  let run: LiveRun;
  let page: Page;
  const said: string[] = [];

  beforeAll(async () => {
    const launching = chromium.launch({
      ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
      args: ["--headless", "--no-sandbox", "--disable-gpu"],
    });
    [browser, run] = await Promise.all([launching, start("-o", "live.safetensors", "--report", "live.html")]);
    page = await browser.newPage();
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    await page.goto(`http://127.0.0.1:${run.port}/`);
  });
  afterAll(async () => {
    await browser?.close();
    run?.child.kill("SIGKILL");
  });

  const step = async (): Promise<number> =>
    Number(/([\d,]+) steps/.exec((await page.textContent("#status")) ?? "")?.[1]?.replaceAll(",", ""));
  const says = (selector: string, text: string): Promise<unknown> =>
    page.waitForFunction(([at, wanted]) => document.querySelector(at!)?.textContent?.includes(wanted!), [
      selector,
      text,
    ] as const);

  test("it follows the run: steps, and a chart that is drawn anew", async () => {
    const [before, chart] = [await step(), () => page.innerHTML("#learning")];
    const first = await chart();
    await expect.poll(step, PATIENT).toBeGreaterThan(before);
    await expect.poll(chart, PATIENT).not.toBe(first);
  });

  test("it pauses, stays so over a reload, and goes on", async () => {
    await page.click("#pause");
    await says("#status", "Paused");
    const at = await step();
    await page.reload();
    expect(await page.textContent("#pause")).toBe("Resume");
    expect(await page.textContent("#status")).toContain("Paused");
    expect(await step()).toBe(at);
    await page.click("#pause");
    await says("#status", "Training");
    await expect.poll(step, PATIENT).toBeGreaterThan(at);
  });

  test("the slider sets the learning rate, which the page tells", async () => {
    await page.fill("#lr", "-3");
    await says("#settings .note", "lr went from 0.01000 to 0.001000");
    expect(await page.textContent("#lr-value")).toBe("0.001");
  });

  test("one that an earlier run left says so, and becomes that of the next run at its port", async () => {
    const first = await start();
    const left = await browser.newPage();
    let second: LiveRun | null = null;
    try {
      await left.goto(`http://127.0.0.1:${first.port}/`);
      const token = (): Promise<string | undefined> =>
        left.evaluate(() => document.documentElement.dataset["token"]);
      const before = await token();
      await left.route("**/control", (route) => route.fulfill({ status: 403, body: "" }));
      await left.click("#stop");
      await expect.poll(() => left.textContent("#connection"), PATIENT).toContain("no longer there");
      first.child.kill("SIGKILL");
      await first.ended;
      second = await start(String(first.port));
      await expect.poll(token, PATIENT).not.toBe(before);
    } finally {
      await left.close();
      for (const { child } of [first, ...(second === null ? [] : [second])]) child.kill("SIGKILL");
    }
  });

  test("it stops the run, shows its result, and ends with it; the report tells of all", async () => {
    await page.click("#stop");
    await says("#status", "Stopped");
    await says("#result", "training data");
    expect(await page.isVisible("#controls")).toBe(false);
    expect(said).toEqual([]);
    await page.close();
    expect(await run.ended).toBe(0);
    const { metadata } = readSafetensors(readFileSync(join(folder, "live.safetensors")));
    expect(JSON.parse(metadata["hyper"]!)).toEqual({ lr: 0.001 });
    const report = readFileSync(join(folder, "live.html"), "utf8");
    expect(report).toContain("lr went from 0.01000 to 0.001000");
    expect(report).not.toContain("data-token");
  });
});
