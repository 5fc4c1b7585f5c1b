/**
 * docs/bundlers.md, example by example: the files and commands of each section, as they stand on
 * the page, in a project of its own; what is built runs in Chromium under the documented policy, or
 * in Node or Deno. The tools are those of test/bundlers.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compiler/index.ts";
import { chromiumPath, POLICY, withPage, type Site } from "./helpers/chromium.ts";
import { page } from "./helpers/markdown.ts";
import { example } from "./helpers/model.ts";
import { runHere } from "./helpers/run-cli.ts";
import { skippedWithout } from "./helpers/skip.ts";

const tools = fileURLToPath(new URL("./bundlers/", import.meta.url));
const work = join(tools, "work");
const installed = existsSync(join(tools, "node_modules")) ? tools : undefined;

interface Section {
  /** By path, as its first line says: `// src/main.js`. */
  readonly files: ReadonlyMap<string, string>;
  readonly commands: readonly string[];
}

/** The fenced blocks of the page, by the heading that they stand under. */
function sections(markdown: string): Record<string, Section> {
  const parts = markdown.split(/^## /m).map((part): [string, Section] => {
    const blocks = [...part.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
    const files = blocks.flatMap(([, language, text = ""]): [string, string][] => {
      const path = /^(?:\/\/|<!--) (\S+)/.exec(text)?.[1];
      return language === "sh" || path === undefined ? [] : [[path, text.slice(text.indexOf("\n") + 1)]];
    });
    const commands = blocks.flatMap(([, language, text = ""]) =>
      language === "sh" ? text.trim().split("\n") : [],
    );
    return [part.split("\n")[0]!, { files: new Map(files), commands }];
  });
  return Object.fromEntries(parts);
}

const all = sections(page("bundlers.md"));
const common = Object.values(all)[0]!;
const section = (name: string): Section => {
  const found = all[name];
  if (found === undefined) throw new Error(`docs/bundlers.md has no section ${name}`);
  return found;
};

/** Headers of a page that shares memory among threads. */
const ISOLATED = {
  "Content-Security-Policy": `${POLICY}; worker-src 'self' blob:`,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/**
 * A project with the files of the page's introduction and of a section; `aliases` are packages by
 * the name the page gives them.
 */
function project(name: string, { files }: Section, aliases: Readonly<Record<string, string>> = {}): string {
  const root = join(work, name);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(join(root, "package.json"), '{ "private": true, "type": "module" }');
  cpSync(join(work, "model"), join(root, "src", "model"), { recursive: true });
  for (const [path, text] of [...common.files, ...files]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const [as, of] of Object.entries(aliases))
    symlinkSync(join(tools, "node_modules", of), join(root, "node_modules", as), "junction");
  return root;
}

/**
 * The program and arguments of a line such as `npx vite build`, which finds tools where the project
 * would.
 */
function commandOf(root: string, line: string): [string, string[]] {
  const [program = "", ...words] = line.split(" ");
  if (program !== "npx") return [program, words];
  const [tool = "", ...rest] = words;
  const own = join(root, "node_modules", tool);
  if (!existsSync(own)) return [join(tools, "node_modules", ".bin", tool), rest];
  const { bin } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as {
    bin: Record<string, string>;
  };
  return [process.execPath, [join(own, bin[tool]!), ...rest]];
}

const environment = {
  ...process.env,
  // The Node that runs the tests is the one that the tools find.
  PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`,
  NEXT_TELEMETRY_DISABLED: "1",
  NO_COLOR: "1",
  NODE_ENV: "",
};

/** @returns what it printed */
function run(root: string, line: string): string {
  const [program, words] = commandOf(root, line);
  const done = spawnSync(program, words, { cwd: root, encoding: "utf8", env: environment });
  if (done.status !== 0) throw new Error(`${line}: exit ${done.status}\n${done.stdout}\n${done.stderr}`);
  return done.stdout;
}

/** The files of a folder, as a site. */
function siteOf(folder: string): Site {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true });
  return Object.fromEntries(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length).replaceAll("\\", "/"), readFileSync(path)];
      }),
  );
}

/** The title that the page gives itself once all has run. */
const titleOf = (site: Site, headers: Readonly<Record<string, string>> = ISOLATED): Promise<string> =>
  withPage(
    site,
    async ({ page: tab, errors }) => {
      await tab
        .waitForFunction(() => document.title.startsWith("page:"), null, { timeout: 20_000 })
        .catch(() => {});
      expect(errors).toEqual([]);
      return tab.title();
    },
    headers,
  );

const WORKED = "page: 10 classes, 2 threads; worker: 10 classes, 2 threads";

describe.skipIf(skippedWithout(installed) || skippedWithout(chromiumPath))(
  installed === undefined
    ? "docs/bundlers.md (no bundlers here: npm install --prefix test/bundlers)"
    : "docs/bundlers.md",
  () => {
    beforeAll(async () => {
      mkdirSync(join(work, "model"), { recursive: true });
      const { js, wasm, threads, dts } = await compile(example("mnist"));
      const files = { "mnist.js": js, "mnist.wasm": wasm, "mnist.threads.js": threads!, "mnist.d.ts": dts };
      for (const [name, bytes] of Object.entries(files)) writeFileSync(join(work, "model", name), bytes);
    });
    afterAll(() => rmSync(work, { recursive: true, force: true }));

    test.each(["vite-7", "vite-8"])("%s", async (version) => {
      const root = project(version, section("Vite"), { vite: version });
      for (const line of section("Vite").commands) run(root, line);
      expect(await titleOf(siteOf(join(root, "dist")))).toBe(WORKED);
    });

    test.each(["vite-7", "vite-8"])("%s, which inlines the module as a data: address", async (version) => {
      const root = project(`${version}-inline`, section("Vite"), { vite: version });
      const config = 'export default { build: { assetsInlineLimit: (file) => file.endsWith(".wasm") } };';
      writeFileSync(join(root, "vite.config.js"), config);
      for (const line of section("Vite").commands) run(root, line);
      const site = siteOf(join(root, "dist"));
      expect(Object.keys(site).filter((path) => path.endsWith(".wasm"))).toEqual([]);
      expect(await titleOf(site)).toBe(WORKED);
    });

    test.each(["webpack", "esbuild", "Rollup", "Rolldown"])("%s", async (name) => {
      const root = project(name, section(name));
      for (const line of section(name).commands) run(root, line);
      expect(await titleOf(siteOf(join(root, "dist")))).toBe(WORKED);
    });

    test("Next, on the server and in the page", async () => {
      const root = project("next", section("Next"));
      const [build, start] = section("Next").commands;
      run(root, build!);
      const [program, words] = commandOf(root, start!);
      const server = spawn(program, [...words, "-H", "127.0.0.1", "-p", "0"], {
        cwd: root,
        env: environment,
      });
      try {
        const origin = await new Promise<string>((resolve, reject) => {
          let said = "";
          for (const stream of [server.stdout, server.stderr]) {
            stream.setEncoding("utf8").on("data", (text: string) => {
              said += text;
              const at = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
              if (at !== undefined && said.includes("Ready")) resolve(at);
            });
          }
          server.on("exit", () => reject(new Error(said)));
        });
        expect(await (await fetch(origin)).text()).toContain("server: <!-- -->10 classes");
        const blank = "<!doctype html><title>a page to begin at</title>";
        await withPage({ "/index.html": blank }, async ({ page: tab }) => {
          await tab.goto(origin);
          await tab.waitForFunction(() => document.title.startsWith("page:"));
          // Next's own server sends no headers for shared memory.
          expect(await tab.title()).toBe("page: 10 classes, 1 threads");
        });
      } finally {
        server.kill();
      }
    }, 180_000);

    test("Node", () => {
      const root = project("node", section("Node"));
      expect(section("Node").commands.map((line) => run(root, line))).toEqual(["10 classes, 2 threads\n"]);
    });

    test("Deno", () => {
      const root = project("deno", section("Deno"));
      const [, printed] = section("Deno").commands.map((line) => run(root, line));
      expect(printed).toBe("10 classes\n");
    });
  },
);

describe("a folder of CommonJS", () => {
  const folder = join(tools, "commonjs");
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("compile writes what makes NAME.js an ES module there", async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }');
    writeFileSync(join(folder, "xor.nn"), example("xor"));
    expect((await runHere(["compile", "xor.nn", "-o", "out"], folder)).code).toBe(0);
    const program = `import("./out/xor.js").then(async ({ load }) => console.log((await load()).manifest.model));`;
    writeFileSync(join(folder, "main.js"), program);
    expect(run(folder, "node main.js")).toBe("Xor\n");
  });

  test("where the folder has a package.json of its own, compile says what to do", async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }');
    writeFileSync(join(folder, "xor.nn"), example("xor"));
    const { code, stderr } = await runHere(["compile", "xor.nn"], folder);
    expect(code).toBe(0);
    expect(stderr).toContain('"type": "commonjs"');
    expect(stderr).toContain("-o");
    expect(readFileSync(join(folder, "package.json"), "utf8")).toBe('{ "type": "commonjs" }');
  });
});
