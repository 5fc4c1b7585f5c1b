import { Names } from "./names.ts";

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

/** The code of one function, and the names in it. */
export class FunctionWriter extends Writer {
  readonly #names = new Names();

  /** A name not yet given, after `wanted`. */
  fresh(wanted: string): string {
    return this.#names.fresh(wanted);
  }

  /** A block; names given in it are free again behind it. */
  scope(head: string, inside: () => void, after = ""): void {
    this.block(head, () => this.#names.scoped(inside), after);
  }

  /** Declares a vector, and returns its name. */
  vector(wanted: string, text: string): string {
    const name = this.fresh(wanted);
    this.line(`const ${name} = ${text};`);
    return name;
  }

  /** Declares an address, a size or an index, and returns its name. */
  usize(wanted: string, text: string, keyword: "const" | "let" = "const"): string {
    const name = this.fresh(wanted);
    this.line(`${keyword} ${name}: usize = ${text};`);
    return name;
  }
}
