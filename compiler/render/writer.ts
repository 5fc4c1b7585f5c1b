/** Lines of generated code with their indentation. */
export class Writer {
  readonly #lines: string[] = [];
  #depth = 0;

  line(text: string): void {
    this.#lines.push("  ".repeat(this.#depth) + text);
  }

  /** `head {` (or `{`), what `inside` writes, `}` and what follows it. */
  block(head: string, inside: () => void, after = ""): void {
    this.line(head === "" ? "{" : `${head} {`);
    this.#depth += 1;
    inside();
    this.#depth -= 1;
    this.line(`}${after}`);
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}
