/** The live page's server: for this machine, and for no other site than itself. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pageOf, policy } from "../report/page.ts";
import type { Progress, RunFacts, RunState } from "../report/run.ts";
import { controls } from "./controls.ts";
import { later } from "./later.ts";
import { readControl, type Control } from "./messages.ts";
import { isOwn } from "./own.ts";
import { Parts } from "./parts.ts";

/** Pages that may be open at once, and bytes of a request. */
const MOST_PAGES = 32;
const MOST_BYTES = 1024;

/** Milliseconds from one drawing to the next at least, and how many times as long as it took. */
const PAUSE = 1000;
const RELAXED = 4;

/** Bytes that may wait for a page that does not read. */
const BEHIND = 4_000_000;

/** Milliseconds between signs of life, by which a connection that is gone is found out. */
const HEARTBEAT = 15_000;

interface Watcher {
  readonly response: ServerResponse;
  /** What it has. */
  version: number;
}

export interface LiveEvents {
  readonly control: (control: Control) => void;
  /** Told when a page opens or closes. */
  readonly pages: (count: number) => void;
}

export class LiveServer {
  readonly #events: LiveEvents;
  readonly #token = randomBytes(24).toString("hex");
  /** Tells a page of this run from one that an earlier run left at the same port. */
  readonly #run = randomBytes(8).toString("hex");
  readonly #watchers = new Set<Watcher>();
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });
  /** Resolved when there is a run to show. */
  readonly #begun = later<Parts>();
  #parts: Parts | null = null;
  #newest: RunState | null = null;
  #progress: Progress | null = null;
  #drawing: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(events: LiveEvents) {
    this.#events = events;
  }

  /** @returns the port. @throws what the system says of one that cannot be had */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", () => {
        const address = this.#server.address();
        setInterval(() => this.#beat(), HEARTBEAT).unref();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  begin(facts: RunFacts, state: RunState): void {
    this.#parts = new Parts(facts, state);
    this.#newest = state;
    this.#progress = state.progress;
    this.#begun.resolve(this.#parts);
    // The libraries are loaded before the first page asks.
    void this.#draw();
  }

  /** The run as it is now: drawn soon, if a page is open. */
  show(state: RunState): void {
    this.#newest = state;
    this.showProgress(state.progress);
    if (this.#watchers.size > 0) this.#drawSoon();
  }

  showProgress(progress: Progress): void {
    this.#progress = progress;
    for (const watcher of this.#watchers) this.#send(watcher);
  }

  // ------------------------------------------------------------------------------------------------ drawing

  #drawSoon(): void {
    if (this.#drawing !== null || this.#timer !== undefined) return;
    void this.#draw();
  }

  /** Draws what is newest, unless that is drawn. */
  #draw(): Promise<void> {
    this.#drawing ??= this.#drawNow().finally(() => {
      this.#drawing = null;
    });
    return this.#drawing;
  }

  async #drawNow(): Promise<void> {
    const parts = await this.#begun.promise;
    const state = this.#newest;
    if (state === null || (state === parts.state && parts.version > 0)) return;
    const began = performance.now();
    await parts.draw(state);
    for (const watcher of this.#watchers) this.#send(watcher);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (this.#newest !== parts.state && this.#watchers.size > 0) this.#drawSoon();
      },
      Math.max(PAUSE, RELAXED * (performance.now() - began)),
    );
  }

  #send(watcher: Watcher): void {
    const parts = this.#parts;
    // One that does not read gets all of it later.
    if (parts === null || this.#progress === null || watcher.response.writableLength > BEHIND) return;
    const update = parts.since(watcher.version, this.#progress);
    watcher.version = parts.version;
    watcher.response.write(
      `event: update\nid: ${this.#placeOf(parts.version)}\ndata: ${JSON.stringify(update)}\n\n`,
    );
  }

  /** What a page has: of which run, and of that which version. */
  #placeOf(version: number): string {
    return `${this.#run}.${version}`;
  }

  /** The version that a page has; null where it is of another run. */
  #versionAt(place: string): number | null {
    const [run, version] = place.split(".");
    if (run !== this.#run) return null;
    return Number.isSafeInteger(Number(version)) ? Number(version) : 0;
  }

  #beat(): void {
    for (const { response } of this.#watchers) response.write(":\n\n");
  }

  // ----------------------------------------------------------------------------------------------- requests

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeaders(
      new Headers({
        "Content-Security-Policy": `${policy(true)}; frame-ancestors 'none'`,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
      }),
    );
    const refuse = (code: number, why: string): void => {
      response.writeHead(code, { "Content-Type": "text/plain; charset=utf-8" }).end(`${why}\n`);
    };
    const address = this.#server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    if (!isOwn(request.headers, port)) return refuse(403, "This page is for its own address alone.");
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    switch (`${request.method} ${pathname}`) {
      case "GET /":
        return this.#page(response);
      case "GET /events":
        if (this.#watchers.size >= MOST_PAGES) return refuse(503, "Too many pages are open.");
        return this.#watch(request, response, searchParams.get("since"));
      case "POST /control":
        return this.#steer(request, response, refuse);
      default:
        return refuse(404, "There is nothing here.");
    }
  }

  async #page(response: ServerResponse): Promise<void> {
    const parts = await this.#begun.promise;
    // What has changed since the last drawing follows as an event.
    if (parts.version === 0) await this.#draw();
    const progress = this.#progress ?? parts.state.progress;
    const { facts, state, sections, version } = parts;
    const live = { token: this.#token, place: this.#placeOf(version), controls: controls(progress) };
    const page = await pageOf(facts, { ...state, progress }, sections, live);
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page);
  }

  #watch(request: IncomingMessage, response: ServerResponse, since: string | null): void {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    // A browser that connects anew says what it has.
    const place = request.headers["last-event-id"] ?? since;
    const version = place === null ? 0 : this.#versionAt(String(place));
    if (version === null) {
      // Neither its parts nor its token are of this run.
      response.end("event: reload\ndata: {}\n\n");
      return;
    }
    const watcher: Watcher = { response, version };
    this.#watchers.add(watcher);
    this.#events.pages(this.#watchers.size);
    response.on("close", () => {
      this.#watchers.delete(watcher);
      this.#events.pages(this.#watchers.size);
    });
    this.#send(watcher);
    if (this.#newest !== this.#parts?.state) this.#drawSoon();
  }

  async #steer(
    request: IncomingMessage,
    response: ServerResponse,
    refuse: (code: number, why: string) => void,
  ): Promise<void> {
    const token = Buffer.from(String(request.headers["x-nndsl-token"] ?? ""));
    const own = Buffer.from(this.#token);
    if (token.length !== own.length || !timingSafeEqual(token, own)) {
      return refuse(403, "Only the page itself steers the run.");
    }
    let text = "";
    for await (const piece of request.setEncoding("utf8")) {
      text += String(piece);
      if (text.length > MOST_BYTES) return refuse(413, "That is too much.");
    }
    const control = readControl(text);
    if (control === null) return refuse(400, "That is nothing to do.");
    this.#events.control(control);
    response.writeHead(204).end();
  }
}
