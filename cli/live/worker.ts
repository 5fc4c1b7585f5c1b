/** The thread of the live page: it serves and draws, so that training does neither. */
import { parentPort } from "node:worker_threads";
import { systemCode } from "../failures.ts";
import type { FromServer, ToServer } from "./messages.ts";
import { LiveServer } from "./server.ts";

// This file runs in a worker alone, started by `live.ts`: there is a port.
const port = parentPort!;
const tell = (message: FromServer): void => port.postMessage(message);

const server = new LiveServer({
  control: (control) => tell({ kind: "control", control }),
  pages: (count) => tell({ kind: "pages", count }),
});

port.on("message", (message: ToServer) => {
  switch (message.kind) {
    case "listen":
      server.listen(message.port).then(
        (number) => tell({ kind: "listening", port: number }),
        (error: unknown) => tell({ kind: "refused", code: systemCode(error) ?? String(error) }),
      );
      break;
    case "begin":
      server.begin(message.facts, message.state);
      break;
    case "state":
      server.show(message.state);
      break;
    case "progress":
      server.showProgress(message.progress);
      break;
    default:
      message satisfies never;
  }
});
