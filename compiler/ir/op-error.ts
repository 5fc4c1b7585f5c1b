/** How an op refuses its operands. */

/** A mistake of shape or type, in words; the elaborator adds the places. */
export class OpError extends Error {
  readonly code: string;
  /** A remark for each operand, in order, such as "[N, 128]". */
  readonly remarks: readonly string[];
  readonly help: string | undefined;
  constructor(code: string, message: string, remarks: readonly string[] = [], help?: string) {
    super(message);
    this.name = "OpError";
    this.code = code;
    this.remarks = remarks;
    this.help = help;
  }
}
