/**
 * Programs written from the language page alone, by someone who had not seen the compiler, against
 * PyTorch's f64 numbers (`oracle/unseen.json` and `oracle/unseen-indices.json`, written by the
 * scripts beside them); and what that reading found wrong.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { check, compile, DiagnosticError, plan } from "../compiler/index.ts";
import { expectAgreement, unseen } from "./helpers/unseen.ts";

for (const program of ["unseen", "unseen-indices"].flatMap(unseen)) {
  it(`${program.name} agrees with PyTorch`, () => expectAgreement(program, 1e-4));
}

describe("large programs", () => {
  const model = (body: string): string => `model M { input x: [N, 2]\n${body}\n}`;
  const lines = (count: number, line: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => line(i)).join("\n");

  it("two thousand outputs of one input are scheduled in linear time", async () => {
    // Of the processor's time, since the machine may be busy with other tests.
    const before = process.cpuUsage();
    const { manifest } = await plan(model(lines(2000, (i) => `output y${i} = x * ${i}`)));
    expect(manifest.outputs).toHaveLength(2000);
    // When each output was tried in one kernel with all before it, this took minutes.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(20);
  });

  it("gradients of more parameters than the graph may hold are refused in words", async () => {
    const source = model(`${lines(10_000, (i) => `param p${i} = ${i}`)}\nloss mean(x * p1) + l2(params)`);
    const fault = await compile(source).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(DiagnosticError);
  });

  it("a size that is written as a number is not explained by itself", async () => {
    const diagnostics = await check(`fn f(a: [N, 4]) = a\n${model("output z = f(x)")}`);
    expect(diagnostics.map((d) => d.message)).toEqual(["in f, `a` must be [N, 4], but it is [N, 2]"]);
  });
});

describe("the command line", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const nndsl = (...words: readonly string[]) =>
    spawnSync(process.execPath, ["cli/bin.ts", ...words], { cwd: root, encoding: "utf8", timeout: 20_000 });

  it.runIf(existsSync("/proc/self"))("a folder that cannot be made ends the command", () => {
    expect(nndsl("compile", "examples/xor.nn", "-o", "/proc/nndsl").status).toBe(2);
  });

  it("a stage under --json is an object", () => {
    const { stdout } = nndsl("compile", "examples/xor.nn", "--emit", "ir", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ model: "Xor", stage: "ir" });
  });

  it("inspect writes shapes as the manifest does", () => {
    const { stdout } = nndsl("inspect", "examples/xor.nn", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      inputs: [{ shape: ["N", 2] }, { shape: ["N", 1] }],
      outputs: [{ shape: ["N", 1] }],
    });
  });
});
