import type { ErrorCode } from "./types.ts";

/** What the runtime throws: `code` for programs, `message` for people. */
export class NndslError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NndslError";
    this.code = code;
  }
}
