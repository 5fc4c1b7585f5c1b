/**
 * The indices that are live at a place in a formula, and the sums of them that subscripts are. An
 * entry of a tensor is a node with an axis for each live index, in their order, of size 1 where it
 * does not depend on the index: so entries broadcast to one another, and a reduction over indices
 * is one over the last axes.
 */
import { countOf, type Size } from "../../ir/size.ts";

/** An index of a formula: 0 to its size - 1. It is itself, whatever others are called. */
export interface Axis {
  /** As in the program; `...` for each of the axes that three dots stand for. */
  readonly name: string;
  readonly size: Size;
}

export interface Space {
  /** Outermost first. */
  readonly axes: readonly Axis[];
  /** The space that this one adds axes to. */
  readonly around: Space | null;
}

export const NO_INDICES: Space = { axes: [], around: null };

export const within = (around: Space, axes: readonly Axis[]): Space => ({
  axes: [...around.axes, ...axes],
  around,
});

/** Whether entries of `outer` are entries of `space` too, which depend on fewer indices. */
export function isAround(outer: Space, space: Space): boolean {
  for (let at: Space | null = space; at !== null; at = at.around) if (at === outer) return true;
  return false;
}

/** `constant + Σ coefficient · index`; no coefficient is 0. */
export interface Form {
  readonly constant: number;
  readonly terms: ReadonlyMap<Axis, number>;
}

export const constantForm = (constant: number): Form => ({ constant, terms: new Map() });
export const axisForm = (axis: Axis): Form => ({ constant: 0, terms: new Map([[axis, 1]]) });

/** The index, where the form is one and nothing else. */
export function loneAxis({ constant, terms }: Form): Axis | null {
  const [first] = terms;
  return terms.size === 1 && constant === 0 && first![1] === 1 ? first![0] : null;
}

export function addForms(a: Form, b: Form, factor = 1): Form {
  const terms = new Map(a.terms);
  for (const [axis, coefficient] of b.terms) {
    const sum = (terms.get(axis) ?? 0) + factor * coefficient;
    if (sum === 0) terms.delete(axis);
    else terms.set(axis, sum);
  }
  return { constant: a.constant + factor * b.constant, terms };
}

export const scaleForm = (form: Form, factor: number): Form => addForms(constantForm(0), form, factor);

/** The smallest and the largest value of a form of indices whose sizes are numbers. */
export function boundsOf({ constant, terms }: Form): { readonly least: number; readonly most: number } {
  let [least, most] = [constant, constant];
  for (const [axis, coefficient] of terms) {
    const reach = coefficient * (countOf(axis.size) - 1);
    if (reach > 0) most += reach;
    else least += reach;
  }
  return { least, most };
}
