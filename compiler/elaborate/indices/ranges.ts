/**
 * The range of each index of a formula: written, or that of the axis it stands for alone, or the
 * largest that keeps the sums it stands in inside of their axes.
 */
import type { AxisBinder, Expression, IndexBinder } from "../../../grammar/ast.ts";
import type { Label, Span } from "../../../grammar/diagnostic.ts";
import { countOf, fixed, isFree, isOne, sameSize, showSize, type Size } from "../../ir/size.ts";
import { problem } from "../complain.ts";
import type { Frame } from "../frame.ts";
import type { Machine } from "../machine.ts";
import { tick } from "../steps.ts";
import type { Plan } from "./plan.ts";
import { readSites, type Draft, type Site, type Sites } from "./read-sites.ts";

/** @throws Problem where a range cannot be known, or axes do not agree on it */
export function planFormula(
  machine: Machine,
  frame: Frame,
  binders: readonly AxisBinder[],
  formula: Expression,
): Plan {
  const found = readSites(machine, frame, binders, formula);
  const about = { machine, frame };
  const sitesOf = new Map<Draft, Site[]>(found.drafts.map((draft) => [draft, []]));
  for (const site of found.sites) for (const draft of site.form.terms.keys()) sitesOf.get(draft)?.push(site);
  for (const [draft, sites] of sitesOf) if (!draft.written) rangeOfAxis(about, draft, sites);
  rangesInSums(about, sitesOf);
  const sizes = new Map<IndexBinder, Size>();
  for (const draft of found.drafts) if (draft.binder !== null) sizes.set(draft.binder, draft.size!);
  const dots = binders.find((binder) => binder.kind === "ellipsis");
  return {
    sizes,
    known: found.known,
    dots: dots === undefined ? null : commonAxes(about, found, dots.span),
  };
}

interface About {
  readonly machine: Machine;
  readonly frame: Frame;
}

interface Complaint {
  readonly code: string;
  readonly span: Span;
  readonly message: string;
  readonly help: string;
  readonly label?: string;
  readonly also?: readonly Label[];
}

const fail = ({ machine, frame }: About, complaint: Complaint): never => {
  throw problem(machine, frame, complaint);
};

/** The size of the axes that it stands for alone, which agree. */
function rangeOfAxis(about: About, draft: Draft, sites: readonly Site[]): void {
  const own = sites.filter(({ alone }) => alone === draft);
  const [first] = own;
  if (first === undefined) return;
  const { freeName } = about.machine;
  const label = ({ span, where, size }: Site): Label => ({
    span,
    text: `${where}: ${showSize(size, freeName)}`,
  });
  const other = own.find(({ size }) => !sameSize(size, first.size));
  if (other !== undefined) {
    const [a, b] = [first, other].map(({ size }) => showSize(size, freeName));
    fail(about, {
      code: "index-range-mismatch",
      span: other.span,
      message: `\`${draft.name}\` stands for axes of ${a} and of ${b}`,
      label: label(other).text!,
      also: [label(first)],
      help: `an index has one range; \`${draft.name} in 0..…\` gives it a shorter one than its axes have`,
    });
  }
  draft.size = first.size;
}

/**
 * Ranges of indices that stand in sums alone, as soon as those of the others in them are known. Where
 * none is, what some of its sums allow is enough: in x[i + u] w[2 - u] that is u, and then i.
 */
function rangesInSums(about: About, sitesOf: ReadonlyMap<Draft, readonly Site[]>): void {
  const open = new Set([...sitesOf.keys()].filter((draft) => draft.size === null));
  const isDecided =
    (draft: Draft) =>
    ({ form }: Site): boolean =>
      [...form.terms.keys()].every((other) => other === draft || !open.has(other));
  while (open.size > 0) {
    const next =
      [...open].find((draft) => decides(sitesOf.get(draft)!, "every", isDecided(draft))) ??
      [...open].find((draft) => decides(sitesOf.get(draft)!, "some", isDecided(draft)));
    if (next === undefined) return complainOfUnknown(about, [...open], sitesOf);
    // All that are open were looked at.
    tick(about.machine, about.frame, next.span, Math.ceil(open.size / 64));
    const sites = sitesOf.get(next)!.filter(isDecided(next));
    next.size = fixed(Math.min(...sites.map((site) => largest(about, next, site))));
    open.delete(next);
  }
}

const decides = (
  sites: readonly Site[],
  which: "every" | "some",
  isDecided: (site: Site) => boolean,
): boolean => sites.length > 0 && sites[which](isDecided);

/** How many values the index may have for the sum to stay inside of its axis. */
function largest(about: About, draft: Draft, { form, size, span, where }: Site): number {
  if (isFree(size)) {
    const shown = showSize(size, about.machine.freeName);
    fail(about, {
      code: "batch-in-sum",
      span,
      message: `${where} is the batch, ${shown} rows, which an index stands for alone`,
      help: "write one index for this axis; rows of the batch are not shifted against each other",
    });
  }
  const coefficient = form.terms.get(draft)!;
  let [least, most] = [form.constant, form.constant];
  for (const [other, factor] of form.terms) {
    if (other === draft || other.size === null) continue;
    if (isFree(other.size)) {
      fail(about, {
        code: "batch-in-sum",
        span,
        message: `\`${other.name}\` counts the rows of the batch, and stands alone as a subscript`,
        help: "rows of the batch are not shifted against each other",
      });
    }
    const reach = factor * (countOf(other.size) - 1);
    if (reach > 0) most += reach;
    else least += reach;
  }
  const room = coefficient > 0 ? countOf(size) - 1 - most : least;
  const count = Math.floor(room / Math.abs(coefficient)) + 1;
  if (count >= 1) return count;
  const reached = coefficient > 0 ? most : least;
  return fail(about, {
    code: "subscript-outside",
    span,
    message: `this subscript leaves its axis even where \`${draft.name}\` is 0`,
    label: `reaches ${reached}`,
    help: `${where} has the entries 0 to ${countOf(size) - 1}: shorten a range with \`in\`, or \`pad\` the tensor first`,
  });
}

function complainOfUnknown(
  about: About,
  open: readonly Draft[],
  sitesOf: ReadonlyMap<Draft, readonly Site[]>,
): never {
  const [first] = open;
  const draft = open.find((d) => sitesOf.get(d)!.length > 0) ?? first!;
  const [site] = sitesOf.get(draft)!;
  if (site === undefined) {
    return fail(about, {
      code: "index-range-unknown",
      span: first!.span,
      message: `the range of \`${first!.name}\` is not known: it is no subscript here`,
      help: `write it: \`${first!.name} in 0..3\` is 0, 1, 2`,
    });
  }
  const others = [...site.form.terms.keys()].filter((d) => d !== draft && open.includes(d));
  const names = [draft, ...others].map(({ name }) => `\`${name}\``).join(" and ");
  return fail(about, {
    code: "index-range-unknown",
    span: site.span,
    message: `the ranges of ${names} are not known: both stand in sums alone`,
    also: [{ span: draft.span, text: "bound here" }],
    help: `write one of them: \`${others[0]?.name ?? draft.name} in 0..3\` is 0, 1, 2`,
  });
}

/** The axes that `...` stands for: those of every place where it is written, broadcast. */
function commonAxes(about: About, { dots }: Sites, span: Span): Plan["dots"] {
  const { freeName } = about.machine;
  const [first] = dots;
  if (first === undefined) {
    fail(about, {
      code: "misplaced-dots",
      span,
      message: "which axes `...` stands for is not known: it stands nowhere on the right",
      help: "write it among the subscripts of a tensor too, as in `y[..., o] = x[..., o]`",
    });
  }
  const rank = Math.max(...dots.map(({ shape }) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    let size: Size | null = null;
    let by = first!;
    for (const site of dots) {
      const own = site.shape[i - (rank - site.shape.length)];
      if (own === undefined || (isOne(own) && size !== null)) continue;
      if (size !== null && !isOne(size) && !sameSize(size, own)) {
        const [a, b] = [size, own].map((s) => showSize(s, freeName));
        fail(about, {
          code: "index-range-mismatch",
          span: site.span,
          message: `\`...\` stands for axes that do not agree: ${a} and ${b}`,
          label: `of \`${site.text}\``,
          also: [{ span: by.span, text: `of \`${by.text}\`` }],
          help: "sizes agree, counted from the last of these axes, or one of them is 1",
        });
      }
      [size, by] = [own, site];
    }
    return { name: "...", size: size! };
  });
}
