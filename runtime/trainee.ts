import type { Arena } from "./arena.ts";
import type { Course, CourseOptions } from "./course.ts";
import type { Feed } from "./feed.ts";
import type { joinProbes } from "./probe.ts";
import type { Rows } from "./rows.ts";
import type { LayerProbe, Net } from "./types.ts";

/** What `fit` asks of a net. */
export interface Trainee {
  readonly net: Pick<Net, "manifest" | "seed" | "steps" | "hyper" | "save" | "restore">;
  /** Its memory now. @throws `disposed` */
  arena(): Arena;
  /** A feed for each input. */
  feeds(): Feed[];
  /** Reads and checks examples. */
  take(examples: object): Rows;
  /** @throws `bad-weights` for what `restore` would refuse */
  checkWeights(bytes: ArrayBufferView): void;
  /** What the last probed step has left. @throws `no-probes` */
  readonly probes: () => readonly LayerProbe[];
  readonly joinProbes: typeof joinProbes | undefined;
  course(feeds: readonly Feed[], options: CourseOptions): Course;
}
