/** The concrete tree as the builder reads it: parts and words, by label. */
import type { CstElement, CstNode, IToken } from "chevrotain";
import type { Identifier } from "./ast.ts";
import type { Span } from "./diagnostic.ts";
import { endOf } from "./tokens.ts";

/** What the parser read of one rule. */
export class Part {
  readonly #node: CstNode;
  readonly #file: string;

  constructor(node: CstNode, file: string) {
    this.#node = node;
    this.#file = file;
  }
  get rule(): string {
    return this.#node.name;
  }
  /** Whether the parser gave up inside it. */
  get recovered(): boolean {
    return this.#node.recoveredNode === true;
  }
  get start(): number {
    return this.#node.location?.startOffset ?? 0;
  }
  get span(): Span {
    const { start } = this;
    return { file: this.#file, start, end: (this.#node.location?.endOffset ?? start - 1) + 1 };
  }
  #elements(label: string): readonly CstElement[] {
    // Chevrotain types a child as always present; a label that was not met is absent.
    return (this.#node.children as Readonly<Record<string, CstElement[] | undefined>>)[label] ?? [];
  }
  #word(token: IToken): Identifier {
    return { text: token.image, span: { file: this.#file, start: token.startOffset, end: endOf(token) } };
  }

  has(label: string): boolean {
    return this.#elements(label).length > 0;
  }
  /** Tokens, keywords and signs too. */
  words(label: string): readonly Identifier[] {
    return this.#elements(label).flatMap((e) => ("image" in e ? [this.#word(e)] : []));
  }
  parts(label: string): readonly Part[] {
    return this.#elements(label).flatMap((e) => ("image" in e ? [] : [new Part(e, this.#file)]));
  }
  word(label: string): Identifier | undefined {
    return this.words(label)[0];
  }
  part(label: string): Part | undefined {
    return this.parts(label)[0];
  }
  /**
   * A part that the grammar requires; its absence means that the parser gave up inside this rule.
   */
  theWord(label: string): Identifier {
    return this.word(label) ?? giveUp();
  }
  the(label: string): Part {
    return this.part(label) ?? giveUp();
  }
  /** `h.0.weight`, whatever stands between its words. */
  get path(): Identifier {
    const words = this.words("segment").map(({ text }) => text);
    return { text: words.join("."), span: this.span };
  }
  /** The first part of this one. */
  get first(): Part {
    for (const [child] of Object.values(this.#node.children)) {
      if (child !== undefined && !("image" in child)) return new Part(child, this.#file);
    }
    return giveUp();
  }
}

/**
 * Thrown where a statement cannot be built; caught where statements are listed. The reason is
 * already reported.
 */
export class Unreadable extends Error {}
/** One for all, since taking the stack's trace for each of many thousands would take seconds. */
const UNREADABLE = new Unreadable();

export function giveUp(): never {
  throw UNREADABLE;
}
