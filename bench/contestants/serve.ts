/** What a process and a page share: a contestant made ready, then timed. */
import type { Prepared } from "../hosts/runner.ts";
import type { Job, Read } from "../job.ts";
import { Timer, type Slice } from "../timing.ts";
import { Unavailable, type Contestant } from "./contestant.ts";

export class Server {
  #timer: Timer | undefined;

  async prepare(contestant: Contestant, job: Job, read: Read): Promise<Prepared> {
    try {
      const work = await contestant(job, read);
      const check = await work.check();
      this.#timer = new Timer(work);
      return { kind: "ready", units: work.units, check };
    } catch (error) {
      if (error instanceof Unavailable) return { kind: "unavailable", reason: error.message };
      throw error;
    }
  }

  async run(milliseconds: number): Promise<Slice> {
    if (!this.#timer) throw new Error("Nothing is ready to run.");
    return this.#timer.slice(milliseconds);
  }
}
