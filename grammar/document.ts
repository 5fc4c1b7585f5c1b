/**
 * Text that knows where it may be broken, after Wadler, "A prettier printer": a group is laid out
 * on one line if it fits, and otherwise breaks at every `line` of its own.
 */
export type Document =
  | string
  | { readonly kind: "concat"; readonly parts: readonly Document[]; readonly breaks: boolean }
  | { readonly kind: "group"; readonly content: Document; readonly breaks: boolean }
  | { readonly kind: "indent"; readonly content: Document; readonly breaks: boolean }
  | { readonly kind: "line"; readonly flat: string; readonly breaks: boolean }
  | { readonly kind: "if-broken"; readonly text: string; readonly breaks: false }
  | { readonly kind: "at-line-end"; readonly text: string; readonly breaks: true };

/** Whether a part cannot be laid out on one line; so cannot what holds it. */
function breaks(document: Document): boolean {
  return typeof document !== "string" && document.breaks;
}

/**
 * Parts one after another: any number of them, where `concat` has them as arguments on the stack.
 */
export function sequence(parts: readonly Document[]): Document {
  return { kind: "concat", parts, breaks: parts.some(breaks) };
}
export function concat(...parts: readonly Document[]): Document {
  return sequence(parts);
}
export function group(...parts: readonly Document[]): Document {
  const content = sequence(parts);
  return { kind: "group", content, breaks: breaks(content) };
}
export function indent(...parts: readonly Document[]): Document {
  const content = sequence(parts);
  return { kind: "indent", content, breaks: breaks(content) };
}
/** A space, or a new line where the group breaks. */
export const line: Document = { kind: "line", flat: " ", breaks: false };
/** Nothing, or a new line where the group breaks. */
export const softLine: Document = { kind: "line", flat: "", breaks: false };
export const hardLine: Document = { kind: "line", flat: "", breaks: true };

export function ifBroken(text: string): Document {
  return { kind: "if-broken", text, breaks: false };
}
/** A comment that goes to the end of the line it falls on, wherever that line turns out to end. */
export function atLineEnd(text: string): Document {
  return { kind: "at-line-end", text, breaks: true };
}

export function join(separator: Document, documents: readonly Document[]): Document {
  return sequence(documents.flatMap((document, i) => (i === 0 ? [document] : [separator, document])));
}

interface Task {
  readonly document: Document;
  readonly indentation: number;
  readonly flat: boolean;
}

/** Lays a document out within `width` columns where that is possible. */
export function layOut(root: Document, width: number): string {
  const lines: string[] = [];
  let current = "";
  let atEnd = "";
  const tasks: Task[] = [{ document: root, indentation: 0, flat: false }];
  const newLine = (indentation: number): void => {
    lines.push((current + atEnd).trimEnd());
    current = " ".repeat(indentation);
    atEnd = "";
  };
  for (let task = tasks.pop(); task; task = tasks.pop()) {
    const { document, indentation, flat } = task;
    if (typeof document === "string") {
      current += document;
      continue;
    }
    switch (document.kind) {
      case "concat":
        for (const part of document.parts.toReversed()) tasks.push({ document: part, indentation, flat });
        break;
      case "indent":
        tasks.push({ document: document.content, indentation: indentation + INDENTATION, flat });
        break;
      case "group": {
        const inner = { document: document.content, indentation, flat: true };
        const fits = !document.breaks && (flat || doesFit(inner, tasks, width - current.length));
        tasks.push({ ...inner, flat: fits });
        break;
      }
      case "line":
        if (flat) current += document.flat;
        else newLine(indentation);
        break;
      case "if-broken":
        if (!flat) current += document.text;
        break;
      case "at-line-end":
        atEnd += ` ${document.text}`;
        break;
    }
  }
  newLine(0);
  return lines.join("\n");
}

const INDENTATION = 2;

/**
 * Whether a task and what follows it, up to the first place where a line will end, takes at most
 * `room` columns.
 */
function doesFit(first: Task, after: readonly Task[], room: number): boolean {
  const tasks: Task[] = [first];
  let next = after.length;
  for (let left = room; left >= 0;) {
    const task = tasks.pop() ?? after[--next];
    if (task === undefined) return true;
    const { document, flat } = task;
    if (typeof document === "string") {
      left -= document.length;
      continue;
    }
    switch (document.kind) {
      case "concat":
        for (const part of document.parts.toReversed()) tasks.push({ ...task, document: part });
        break;
      case "indent":
        tasks.push({ ...task, document: document.content });
        break;
      case "group":
        tasks.push({ ...task, document: document.content, flat: flat && !document.breaks });
        break;
      case "line":
        if (!flat) return true;
        left -= document.flat.length;
        break;
      case "if-broken":
        if (!flat) left -= document.text.length;
        break;
      case "at-line-end":
        return true;
    }
  }
  return false;
}

export function isEmpty(document: Document): boolean {
  return typeof document === "string"
    ? document === ""
    : document.kind === "concat" && document.parts.every(isEmpty);
}
