/** Whose requests the live page's server answers: its own page's, and those made by hand. */
import type { IncomingHttpHeaders } from "node:http";

/** A browser leaves this port out of addresses. */
const USUAL = 80;

/**
 * Whether a request is for the server at `port` by its own name, and from its own page where a page
 * sent it. Another site's page has another origin; one whose name was made to lead here, another host.
 */
export function isOwn(
  { host = "", origin }: Pick<IncomingHttpHeaders, "host" | "origin">,
  port: number,
): boolean {
  const isHere = ["127.0.0.1", "localhost"].some(
    (name) => host === `${name}:${port}` || (port === USUAL && host === name),
  );
  return isHere && (origin === undefined || origin === `http://${host}`);
}
