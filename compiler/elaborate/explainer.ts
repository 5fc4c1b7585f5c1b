/**
 * What every part of the interpreter needs to speak of the program: the frame it is in, builders of nodes that know their place in
 * the source, and mistakes with their places, shapes and the calls that led to them.
 */
import type { Expression, FunctionDeclaration } from "../../grammar/ast.ts";
import type { Label, Span } from "../../grammar/diagnostic.ts";
import { lineAndColumn } from "../../grammar/text-position.ts";
import { Build } from "../graph/build.ts";
import type { Node } from "../ir/node.ts";
import { isOne, known, sameShape, sameSize, type Shape, showShape, showSize } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import { explainShapes } from "./explain.ts";
import { entryToStd, type CallSite, type Frame } from "./frame.ts";
import { brief, diagnose, Problem, type Details } from "./problem.ts";
import type { Reading } from "./reading.ts";
import { POISON, Scope } from "./values.ts";
import type { FileScope } from "./file-scope.ts";
import { checkedShape, toFloat } from "./tensors.ts";
import { show, type Value } from "./values.ts";

/** A call's result may have sizes that its caller asked for by number: what to say of them. */
interface Maker {
  readonly name: string;
  readonly site: Span;
  readonly numbers: readonly (readonly [string, number])[];
}

/** Items of a list that count as one step: a list may hold as many items as limits allow, and be read a few times. */
const ITEMS_PER_STEP = 4;

export abstract class Explainer {
  protected readonly reading: Reading;
  protected frame: Frame;
  readonly #makers = new Map<Node, Maker[]>();

  constructor(reading: Reading, file: FileScope) {
    this.reading = reading;
    this.frame = { kind: "const", name: "", file, caller: null, site: null, owner: null, binding: null };
  }

  // --------------------------------------------------------------------------------------------------------- limits

  /** Counts steps against the limit of one reading. @throws Problem, a fatal one, where that is passed */
  protected abstract tick(span: Span, steps?: number): void;

  /** Reading the items of lists is work too, or a loop over a large one would have no limit. */
  protected tickItems(span: Span, values: readonly Value[]): void {
    let items = 0;
    for (const value of values) if (value.kind === "list") items += value.total;
    this.tick(span, Math.ceil(items / ITEMS_PER_STEP));
  }

  // ------------------------------------------------------------------------------------------------------ problems

  protected problem(
    code: string,
    span: Span,
    message: string,
    details: Details = {},
    fatal = false,
  ): Problem {
    const entry = entryToStd(this.frame);
    if (entry === null || entry.site === null || !this.isStd(span)) {
      return new Problem(
        diagnose("error", code, span, message, {
          ...details,
          notes: [...(details.notes ?? []), ...this.stackNotes(this.frame)],
        }),
        fatal,
      );
    }
    // The reader wrote the call, not the standard library: the call is the place.
    const known = details.also?.filter((label) => !this.isStd(label.span)) ?? [];
    const also = known.length > 0 ? known : this.shown(entry.site);
    const notes = [
      ...(details.notes ?? []),
      `in \`${entry.name}\` of the standard library, at ${this.placeOf(span)}: \`${this.line(span)}\``,
      ...this.stackNotes(entry.caller),
    ];
    return new Problem(
      diagnose("error", code, entry.site.callee, `in ${entry.name}: ${message}`, {
        also,
        notes,
        help: details.help,
      }),
      fatal,
    );
  }

  /** Runs `action`, whose OpErrors are about the expression at `span`. */
  protected placed<T>(span: Span, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      throw this.problem(
        error.code,
        span,
        error.message,
        { help: error.help },
        error.code === "graph-too-large",
      );
    }
  }

  protected stackNotes(frame: Frame | null): string[] {
    const notes: string[] = [];
    for (let f = frame; f !== null && notes.length < 4; f = f.caller) {
      if (f.site !== null && !this.isStd(f.site.callee))
        notes.push(`in \`${f.name}\`, called at ${this.placeOf(f.site.callee)}`);
    }
    return notes;
  }

  /** `load.ts` names the library's files so. */
  protected isStd(span: Span): boolean {
    return span.file.startsWith("std/");
  }

  protected placeOf(span: Span): string {
    const { line, column } = lineAndColumn(this.reading.sources.get(span.file)?.text ?? "", span.start);
    return `${span.file}:${line}:${column}`;
  }

  protected text(span: Span): string {
    return (this.reading.sources.get(span.file)?.text ?? "").slice(span.start, span.end);
  }

  /** The text of an expression as part of a sentence. */
  protected quoted(span: Span): string {
    return brief(this.text(span));
  }

  protected line(span: Span): string {
    const text = this.reading.sources.get(span.file)?.text ?? "";
    const start = text.lastIndexOf("\n", span.start - 1) + 1;
    const end = text.indexOf("\n", span.start);
    return text
      .slice(start, end < 0 ? text.length : end)
      .replace(/\/\/.*$/, "")
      .trim();
  }

  /** The user's words that a node comes from: inside the standard library, the call into it. */
  protected originSpan(span: Span): Span {
    return entryToStd(this.frame)?.site?.callee ?? span;
  }

  // ---------------------------------------------------------------------------------------------- tensors

  protected build(span: Span, name?: string): Build {
    const origin = this.originSpan(span);
    return new Build(this.reading.graph, name === undefined ? { span: origin } : { name, span: origin });
  }

  protected operation(
    operator: string,
    place: Span,
    operands: readonly Expression[],
    values: readonly Value[],
    name: string | undefined,
    apply: (build: Build) => Value,
  ): Value {
    this.tickItems(place, values);
    try {
      return this.checked(apply(this.build(place, name)));
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      const labels = operands.map((operand, i): Label => ({
        span: operand.span,
        text: this.operandText(operand, values[i]!, operator),
      }));
      const [first, ...also] = labels;
      const explained = explainShapes(
        error,
        operator,
        values,
        this.reading.freeName,
        operands.map((o) => ({ text: this.text(o.span), isTranspose: o.kind === "transpose" })),
      );
      throw this.problem(
        error.code,
        first!.span,
        explained.message,
        {
          ...(first!.text === undefined ? {} : { label: first!.text }),
          also,
          notes: this.sizeNotes(values),
          help: explained.help,
        },
        error.code === "graph-too-large",
      );
    }
  }

  protected checked(value: Value): Value {
    if (value.kind === "tensor") checkedShape(value.node.shape, this.reading.freeName);
    return value;
  }

  protected floatOf(value: Value, expression: Expression): Node {
    this.tickItems(expression.span, [value]);
    return this.placed(expression.span, () => toFloat(this.build(expression.span), value));
  }

  /** `value` as a tensor of exactly `shape`, to which it may broadcast. */
  protected shaped(value: Value, shape: Shape, span: Span, what: string, rule: string): Node {
    const { freeName } = this.reading;
    this.tickItems(span, [value]);
    return this.placed(span, () => {
      const build = this.build(span);
      const node = toFloat(build, value);
      const missing = shape.length - node.shape.length;
      const fits = missing >= 0 && node.shape.every((s, i) => isOne(s) || sameSize(s, shape[i + missing]!));
      if (!fits) {
        throw new OpError(
          "shape-mismatch",
          `${what} has the shape ${showShape(node.shape, freeName)}, and ${rule}, ${showShape(shape, freeName)}`,
          [],
          `give it that shape, or one that broadcasts to it`,
        );
      }
      return build.broadcast(node, shape);
    });
  }

  // ----------------------------------------------------------------------------------------- shapes in words

  protected shown(site: CallSite): Label[] {
    return site.arguments.map((a) => ({ span: a.span, text: show(a.value, this.reading.freeName) }));
  }

  protected operandText(operand: Expression, value: Value, operator: string): string {
    const { freeName } = this.reading;
    if (
      operator === "@" &&
      operand.kind === "transpose" &&
      value.kind === "tensor" &&
      value.node.shape.length >= 2
    ) {
      const { shape } = value.node;
      const before = [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
      return `${showShape(before, freeName)}', so ${showSize(shape.at(-2)!, freeName)} comes first`;
    }
    return show(value, freeName);
  }

  /** Notes which numbers a call was given, for those who ask later where a size comes from. */
  protected remember(value: Value, declaration: FunctionDeclaration, scope: Scope, site: CallSite): void {
    if (value.kind !== "tensor" || declaration.kind !== "layer") return;
    const numbers = declaration.parameters.flatMap((p): [string, number][] => {
      const argument = scope.names.get(p.name.text);
      return argument !== undefined && argument !== POISON && argument.kind === "number"
        ? [[p.name.text, argument.value]]
        : [];
    });
    const makers = this.#makers.get(value.node) ?? [];
    if (numbers.length > 0 && makers.length < 4)
      this.#makers.set(value.node, [...makers, { name: declaration.name.text, site: site.callee, numbers }]);
  }

  /** "128 is `units` of dense, called at mlp.nn:8:7", for the sizes of `values` that a layer call was given as numbers. */
  protected sizeNotes(values: readonly Value[]): string[] {
    const notes = new Set<string>();
    for (const value of values) {
      if (value.kind !== "tensor") continue;
      let node: Node | undefined = value.node;
      for (let hops = 0; node !== undefined && hops < 32; hops++) {
        const sizes = node.shape.flatMap((s) => known(s) ?? []);
        const makers: readonly Maker[] = this.#makers.get(node) ?? [];
        const hit = makers
          .filter((m) => !this.isStd(m.site))
          .flatMap((m) =>
            m.numbers
              .filter(([, count]) => sizes.includes(count) && count !== 1)
              .map(([name, count]) => ({ m, name, count })),
          )
          .at(-1);
        if (hit !== undefined) {
          notes.add(
            `${hit.count} is \`${hit.name}\` of ${hit.m.name}, called at ${this.placeOf(hit.m.site)}`,
          );
          break;
        }
        const shape: Shape = node.shape;
        node = node.operands.find((o) => sameShape(o.shape, shape) && o.op !== "broadcast");
      }
    }
    return [...notes];
  }
}
