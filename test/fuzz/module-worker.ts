/** The thread that `modules.ts` watches: one damaged module after another is loaded and used. */
import { parentPort, workerData } from "node:worker_threads";
import { load, NndslError } from "../../runtime/index.ts";
import type { Message, Task } from "./modules.ts";
import { placeOf } from "./modules.ts";
import { mutateModule } from "./mutate-module.ts";
import { Random } from "./random.ts";

const { modules, seed, from, to } = workerData as Task;
const tell = (message: Message): void => parentPort!.postMessage(message);

for (let index = from; index < to; index++) {
  tell({ index });
  const random = new Random(seed + index);
  tell({ index, ...(await outcomeOf(mutateModule(random.pick(modules), placeOf(index), random))) });
}

async function outcomeOf(wasm: Uint8Array<ArrayBuffer>): Promise<Pick<Message, "kind" | "why">> {
  try {
    const net = await load(wasm, { seed: 3 });
    const examples: Record<string, unknown> = {};
    for (const { name, shape, role } of net.manifest.inputs) {
      const count = shape.reduce<number>((all, size) => all * (typeof size === "number" ? size : 4), 1);
      examples[name] = Array.from({ length: Math.min(count, 1000) }, (_, i) =>
        role === "target" ? i % 2 : i % 3,
      );
    }
    // Names and shapes are those of a damaged manifest.
    const given = examples as never;
    net.predict(given);
    net.evaluate(given);
    net.gradients(given);
    net.step(given);
    await net.fit(given, { epochs: 2, batch: 3 });
    net.restore(net.save());
    for (const name in net.hyper) net.hyper[name] = 0.5;
    net.dispose();
    return { kind: "works" };
  } catch (error) {
    if (error instanceof NndslError) return { kind: "refused" };
    return { kind: "fault", why: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
