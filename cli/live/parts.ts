/** The parts of a page as they were last drawn, and since when each is as it is. */
import type { Update } from "../report/page/live.ts";
import { contents, fixedSections, inner, sectionsOf, titleOf } from "../report/page.ts";
import type { Progress, RunFacts, RunState } from "../report/run.ts";
import type { Section } from "../report/sections/section.ts";
import { statusLine } from "../report/sections/summary.ts";

interface Part {
  readonly html: string;
  /** The version that changed it last. */
  readonly version: number;
}

export class Parts {
  readonly facts: RunFacts;
  #state: RunState;
  #fixed: readonly Section[] | null = null;
  #sections: readonly Section[] = [];
  #drawn = new Map<string, Part>();
  #version = 0;

  constructor(facts: RunFacts, state: RunState) {
    this.facts = facts;
    this.#state = state;
  }

  /** 0 before the first drawing. */
  get version(): number {
    return this.#version;
  }

  /** What was drawn. */
  get state(): RunState {
    return this.#state;
  }

  get sections(): readonly Section[] {
    return this.#sections;
  }

  /** Draws the run as it is now. */
  async draw(state: RunState): Promise<void> {
    this.#fixed ??= await fixedSections(this.facts);
    const sections = await sectionsOf(this.facts, state, this.#fixed);
    const version = this.#version + 1;
    this.#drawn = new Map(
      sections.map((section) => {
        const html = inner(section).text;
        const before = this.#drawn.get(section.id);
        return [section.id, before?.html === html ? before : { html, version }] as const;
      }),
    );
    this.#sections = sections;
    this.#state = state;
    this.#version = version;
  }

  /** What a page that has `version` is not up to date with. */
  since(version: number, progress: Progress): Update {
    const { status, hyper } = progress;
    return {
      order: this.#sections.map(({ id }) => id),
      parts: Object.fromEntries(
        [...this.#drawn].flatMap(([id, part]) => (part.version > version ? [[id, part.html]] : [])),
      ),
      contents: contents(this.#sections).text,
      status: statusLine(progress).text,
      title: titleOf(this.facts, { ...this.#state, progress }),
      running: status === "running" || status === "paused",
      paused: status === "paused",
      lr: hyper["lr"] ?? null,
    };
  }
}
