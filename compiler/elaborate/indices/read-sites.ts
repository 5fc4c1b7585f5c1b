/**
 * Where indices stand as subscripts in a formula: read off its tree before its entries are made,
 * since ranges follow from the axes that indices stand for.
 */
import type { AxisBinder, Expression, Index, IndexBinder } from "../../../grammar/ast.ts";
import type { Span } from "../../../grammar/diagnostic.ts";
import type { Shape, Size } from "../../ir/size.ts";
import { placed, problem, quoted } from "../complain.ts";
import type { Frame } from "../frame.ts";
import type { Machine } from "../machine.ts";
import { buildAt } from "../operate.ts";
import { tick } from "../steps.ts";
import { childrenOf } from "../syntax.ts";
import { toNode, toSize } from "../tensors.ts";
import type { Value } from "../values.ts";
import { align, badSubscript } from "./align.ts";

/** An index while its range is being found. */
export interface Draft {
  readonly name: string;
  readonly span: Span;
  /** Null for one that is bound outside of the formula, whose range is known. */
  readonly binder: IndexBinder | null;
  readonly written: boolean;
  size: Size | null;
}

/** `constant + Σ coefficient · index` with indices whose ranges are not known yet. */
export interface DraftForm {
  readonly constant: number;
  readonly terms: ReadonlyMap<Draft, number>;
}

/** A subscript with indices in it, and the axis that it stands for. */
export interface Site {
  readonly form: DraftForm;
  /**
   * The index, where it is written alone: as in `x[i]`, not `x[stride * i]` with a stride of 1, so
   * that ranges do not hang on the values of settings.
   */
  readonly alone: Draft | null;
  readonly size: Size;
  readonly span: Span;
  /** `axis 1 of x`, for messages. */
  readonly where: string;
}

export interface Sites {
  readonly drafts: readonly Draft[];
  readonly sites: readonly Site[];
  /** The axes that each `...` stands for. */
  readonly dots: readonly { readonly shape: Shape; readonly span: Span; readonly text: string }[];
  readonly known: ReadonlyMap<Expression, Value>;
}

/** What a name is inside the formula: an index, or null for what a lambda is given. */
type Names = ReadonlyMap<string, Draft | null>;

/** @param binders left of the `=`; none for a reduction that stands in no such formula */
export function readSites(
  machine: Machine,
  frame: Frame,
  binders: readonly AxisBinder[],
  formula: Expression,
): Sites {
  const reader = new Reader(
    machine,
    frame,
    binders.some((b) => b.kind === "ellipsis"),
  );
  reader.read(
    formula,
    reader.bound(
      binders.filter((b) => b.kind === "index"),
      new Map(),
    ),
  );
  return reader;
}

class Reader implements Sites {
  readonly drafts: Draft[] = [];
  readonly sites: Site[] = [];
  readonly dots: { shape: Shape; span: Span; text: string }[] = [];
  readonly known = new Map<Expression, Value>();
  readonly #machine: Machine;
  readonly #frame: Frame;
  readonly #hasDots: boolean;
  readonly #outer = new Map<object, Draft>();
  readonly #depends = new Map<Names, Map<Expression, boolean>>();

  constructor(machine: Machine, frame: Frame, hasDots: boolean) {
    this.#machine = machine;
    this.#frame = frame;
    this.#hasDots = hasDots;
  }

  /** The names seen where these are bound, with the ranges that are written. */
  bound(binders: readonly IndexBinder[], names: Names): Names {
    const inside = new Map(names);
    for (const binder of binders) {
      const { name, range } = binder;
      const size = range === undefined ? null : this.#writtenRange(range);
      const draft: Draft = { name: name.text, span: name.span, binder, written: size !== null, size };
      this.drafts.push(draft);
      inside.set(name.text, draft);
    }
    return inside;
  }

  /** `0..stop` */
  #writtenRange(range: Expression): Size {
    const [machine, frame] = [this.#machine, this.#frame];
    const { span } = range;
    const wrong = (message: string): never => {
      const help = "write `u in 0..3` for 0, 1, 2";
      throw problem(machine, frame, { code: "bad-index-range", span, message, help });
    };
    if (range.kind !== "range") {
      const value = machine.evaluate(machine, frame, range);
      if (value.kind !== "range") return wrong("the range of an index is written with `..`");
      if (value.start !== 0) return wrong("the range of an index starts at 0");
      return placed(machine, frame, span, () =>
        toSize({ kind: "number", value: value.stop }, machine.freeName),
      );
    }
    const start = machine.evaluate(machine, frame, range.start);
    if (start.kind !== "number" || start.value !== 0) return wrong("the range of an index starts at 0");
    const stop = machine.evaluate(machine, frame, range.stop);
    return placed(machine, frame, range.stop.span, () => toSize(stop, machine.freeName));
  }

  read(e: Expression, names: Names): void {
    tick(this.#machine, this.#frame, e.span);
    if (!this.#dependsOn(e, names)) {
      if (e.kind === "call" || e.kind === "pipe") this.#know(e);
      else for (const child of childrenOf(e)) this.read(child, names);
      return;
    }
    switch (e.kind) {
      case "reduction":
        this.read(e.operand, this.bound(e.indices, names));
        return;
      case "lambda":
        this.read(e.body, new Map([...names, ...e.parameters.map((p) => [p.text, null] as const)]));
        return;
      case "index":
        this.#readIndex(e, names);
        return;
      default:
        for (const child of childrenOf(e)) this.read(child, names);
    }
  }

  /** Reads what depends on no index, once for the whole formula. */
  #know(e: Expression): Value {
    const before = this.known.get(e);
    if (before !== undefined) return before;
    const value = this.#machine.evaluate(this.#machine, this.#frame, e);
    this.known.set(e, value);
    return value;
  }

  #readIndex(e: Index, names: Names): void {
    for (const item of e.items) if (item.kind === "at") this.read(item.value, names);
    if (this.#dependsOn(e.operand, names)) {
      this.read(e.operand, names);
      return;
    }
    const [machine, frame] = [this.#machine, this.#frame];
    const value = this.#know(e.operand);
    const { shape } = placed(machine, frame, e.operand.span, () =>
      toNode(buildAt(machine, frame, e.operand.span), value),
    );
    const text = quoted(machine, e.operand.span);
    for (const { item, axis, count } of align(machine, frame, e, shape, this.#hasDots)) {
      if (item.kind === "ellipsis") {
        this.dots.push({ shape: shape.slice(axis, axis + count), span: item.span, text });
        continue;
      }
      const form = this.#formOf(item.value, names);
      if (form === null && !isComputed(item.value)) throw badSubscript(machine, frame, item.value.span);
      if (form === null || form.terms.size === 0) continue;
      const where = `axis ${axis} of \`${text}\``;
      const alone = item.value.kind === "name" ? (names.get(item.value.text) ?? null) : null;
      this.sites.push({ form, alone, size: shape[axis]!, span: item.value.span, where });
    }
  }

  /** A subscript as a sum of indices; null where it is none, or is not known before entries are made. */
  #formOf(e: Expression, names: Names): DraftForm | null {
    if (!this.#dependsOn(e, names)) return this.#outerForm(e);
    switch (e.kind) {
      case "name": {
        const draft = names.get(e.text);
        return draft == null ? null : { constant: 0, terms: new Map([[draft, 1]]) };
      }
      case "unary": {
        const form = e.operator === "-" ? this.#formOf(e.operand, names) : null;
        return form === null ? null : combine({ constant: 0, terms: new Map() }, form, -1);
      }
      case "binary": {
        const left = this.#formOf(e.left, names);
        const right = left === null ? null : this.#formOf(e.right, names);
        if (left === null || right === null) return null;
        if (e.operator === "+") return combine(left, right, 1);
        if (e.operator === "-") return combine(left, right, -1);
        if (e.operator !== "*") return null;
        const zero = { constant: 0, terms: new Map<Draft, number>() };
        if (right.terms.size === 0) return combine(zero, left, right.constant);
        return left.terms.size === 0 ? combine(zero, right, left.constant) : null;
      }
      default:
        return null;
    }
  }

  /** A number, or an index that is bound outside of the formula. */
  #outerForm(e: Expression): DraftForm | null {
    const value = this.#know(e);
    if (value.kind === "number") return { constant: value.value, terms: new Map() };
    if (value.kind !== "index") return null;
    const terms = new Map<Draft, number>();
    for (const [axis, coefficient] of value.form.terms) {
      const draft = this.#outer.get(axis) ?? {
        name: axis.name,
        span: e.span,
        binder: null,
        written: true,
        size: axis.size,
      };
      this.#outer.set(axis, draft);
      terms.set(draft, coefficient);
    }
    return { constant: value.form.constant, terms };
  }

  /** Asked of each part of a formula by all that it is in, and so kept. */
  #dependsOn(e: Expression, names: Names): boolean {
    if (e.kind === "name") return names.has(e.text);
    const known = this.#depends.get(names) ?? new Map<Expression, boolean>();
    this.#depends.set(names, known);
    const before = known.get(e);
    if (before !== undefined) return before;
    const hasDots = this.#hasDots && e.kind === "index" && e.items.some((item) => item.kind === "ellipsis");
    const depends =
      hasDots || e.kind === "reduction" || childrenOf(e).some((child) => this.#dependsOn(child, names));
    known.set(e, depends);
    return depends;
  }
}

/** Whether it is known when entries are made, and not before. */
const isComputed = (e: Expression): boolean =>
  e.kind === "index" || e.kind === "call" || e.kind === "pipe" || childrenOf(e).some(isComputed);

function combine(a: DraftForm, b: DraftForm, factor: number): DraftForm {
  const terms = new Map(a.terms);
  for (const [draft, coefficient] of b.terms) {
    const sum = (terms.get(draft) ?? 0) + factor * coefficient;
    if (sum === 0) terms.delete(draft);
    else terms.set(draft, sum);
  }
  return { constant: a.constant + factor * b.constant, terms };
}
