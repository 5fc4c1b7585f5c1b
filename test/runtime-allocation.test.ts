import { expect, test } from "vitest";
import { load } from "../runtime/index.ts";
import { fakeModule } from "./helpers/fake-module.ts";

// In a file of its own, since what other tests do decides what the engine can keep in registers.
test("step, loss and predict into given arrays allocate nothing but the number they return", async () => {
  const net = await load(await fakeModule());
  const x = new Float32Array(8);
  const examples = { x, y: new Float32Array(4).fill(1) };
  const inputs = { x };
  const into = { p: new Float32Array(4) };
  const calls = [() => net.step(examples), () => net.loss(examples), () => net.predict(inputs, into)];
  for (const call of calls) {
    const run = (times: number): void => {
      for (let i = 0; i < times; i++) call();
    };
    run(100_000);
    const before = process.memoryUsage().heapUsed;
    run(20_000);
    // A boxed double takes 16 bytes, the smallest view of an array 100 and more.
    expect((process.memoryUsage().heapUsed - before) / 20_000).toBeLessThan(24);
  }
});
