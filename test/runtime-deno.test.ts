/**
 * A compiled model with threads in Deno: it works, and the process ends. `DENO` names another than
 * that of the path.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compile } from "../compiler/index.ts";

const deno = [process.env["DENO"], "deno"].find(
  (command) => command && spawnSync(command, ["--version"]).status === 0,
);

test.skipIf(deno === undefined).each([
  ["with dispose", "net.dispose();"],
  ["without", ""],
])(`threads in Deno end, %s${deno ? "" : " (no Deno here: set DENO to its path)"}`, async (_, end) => {
  const { wasm, js, threads } = await compile(`model Wide {
    input x: [N, 40]
    target y: int[N]
    z = x |> dense(96, tanh) |> dense(64, gelu) |> dense(10)
    output p = softmax(z)
    loss cross_entropy(z, y)
    optimizer adam(lr = 0.01)
  }`);
  const folder = mkdtempSync(join(tmpdir(), "nndsl-deno-"));
  try {
    writeFileSync(join(folder, "wide.js"), js);
    writeFileSync(join(folder, "wide.wasm"), wasm);
    writeFileSync(join(folder, "wide.threads.js"), threads!);
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    writeFileSync(
      join(folder, "use.js"),
      `import { load } from "./wide.js";
const losses = [];
for (const threads of [1, 3]) {
  const net = await load(undefined, { threads, seed: 1 });
  const x = new Float32Array(40 * 256).map((_, i) => Math.sin(i));
  losses.push(net.threads.count, net.step({ x, y: new Int32Array(256) }));
  ${end}
}
console.log(JSON.stringify(losses));
`,
    );
    const said = execFileSync(deno!, ["run", "-A", "use.js"], {
      cwd: folder,
      encoding: "utf8",
      timeout: 30_000,
    });
    const [one, loss, three, same] = JSON.parse(said) as number[];
    expect([one, three]).toEqual([1, 3]);
    expect(same).toBe(loss);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
