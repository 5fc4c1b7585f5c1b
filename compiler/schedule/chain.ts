/**
 * The movement ops between a node and the loops of a kernel, as views of the node's row-major
 * entries.
 */
import type { Node } from "../ir/node.ts";
import { sameShape, type Shape } from "../ir/size.ts";
import { isLaid, type LaidNode } from "./kinds.ts";
import { kept, Refusal } from "./group.ts";
import type { Locate, Place, Region } from "./place.ts";
import { broadcastView, contiguous, mergesInto, moveView, reshapeView, squeeze, type View } from "./view.ts";

/** The movement ops between a node and the domain, innermost first. */
export interface Link {
  readonly step: (view: View) => View | null;
  readonly at: LaidNode | null;
  readonly rest: Chain;
  /**
   * Where the entries of the last shape asked for lie: operands of elementwise ops share theirs.
   */
  known: { readonly shape: Shape; readonly view: View } | null;
}
type Chain = Link | null;

export const link = (step: Link["step"], at: LaidNode | null = null, rest: Chain = null): Link => ({
  step,
  at,
  rest,
  known: null,
});

export const fold = (view: View, chain: Chain): View | Refusal => {
  let result = view;
  for (let link = chain; link !== null; link = link.rest) {
    const next = link.step(result);
    if (next === null) return new Refusal("a reshape is not a view", link.at?.operands[0] ?? null);
    result = next;
  }
  return result;
};

/** The row-major entries of `shape` at the end of the chain. */
export function entriesOf(shape: Shape, chain: Link): View | Refusal {
  if (chain.known?.shape === shape) return chain.known.view;
  const view = fold(contiguous(shape), chain);
  if (!(view instanceof Refusal)) chain.known = { shape, view };
  return view;
}

/** The entries of a stored node of `shape`, wherever they lie, at the end of the chain. */
export const placedEntries = ({ strip }: Place, shape: Shape, chain: Link): View | Refusal =>
  strip === null ? entriesOf(shape, chain) : fold(strip, chain);

/**
 * How a node of `shape` lies in the group's domain: at every point, or once for all inner points.
 * `null`: not at all.
 */
export function alignment(
  shape: Shape,
  domain: Shape,
  inner: readonly boolean[],
): ((view: View) => View | null) | null {
  const own = squeeze(shape);
  const loops = squeeze(domain);
  if (sameShape(own, loops) || mergesInto(own, loops)) return (view) => reshapeView(view, domain);
  const outer = kept({ domain, inner });
  if (!sameShape(own, squeeze(outer))) return null;
  return (view) => {
    const once = reshapeView(view, outer);
    return once === null ? null : broadcastView(once, domain);
  };
}

/**
 * The buffer under a chain of movement ops, as a view; `null` where something is to be computed
 * first.
 */
export function locateThrough(
  node: Node,
  locate: Locate,
  last: Link,
): { readonly region: Region; readonly view: View; readonly base: Node } | Refusal | null {
  let base = node;
  let chain = last;
  for (;;) {
    const place = locate(base);
    if (place !== undefined) {
      const view = placedEntries(place, base.shape, chain);
      return view instanceof Refusal ? view : { region: place.region, view, base };
    }
    if (!isLaid(base)) return null;
    const at: LaidNode = base;
    chain = link((view) => moveView(at, view), at, chain);
    base = base.operands[0]!;
  }
}
