/** What labels pick, and what runs along an axis. */
import { countOf, fixed, free, isFree, sameSize } from "../../../compiler/ir/size.ts";
import type { Choices } from "../choices.ts";
import { CLASSES, type Program } from "../program.ts";
import { range, times, union } from "../range.ts";
import type { Term } from "../terms.ts";

export function labels(p: Program, c: Choices, x: Term): boolean {
  const [first, ...inner] = x.shape;
  const last = x.shape.at(-1);
  if (first !== undefined && sameSize(first, free()) && inner.length === 1 && countOf(last!) === CLASSES) {
    const k = p.side("k", [free()], { classes: CLASSES });
    const label = c.pick([
      "k",
      `${CLASSES - 1} - k`,
      "max(k - 1, 0)",
      "abs(k - 1)",
      "where(k > 0, k - 1, 1)",
    ]);
    return p.bind(c, `gather(${x.text}, ${label})`, [free()], x.range, [x, k]);
  }
  switch (c.below(7)) {
    case 0: {
      const k = p.side("k", [free()], { classes: CLASSES });
      return p.bind(
        c,
        `one_hot(${c.pick(["k", `min(k + 1, ${CLASSES - 1})`])}, ${CLASSES}) * ${c.constant(0.3, 2)}`,
        [free(), fixed(CLASSES)],
        range(0, 2),
        [k],
      );
    }
    case 1: {
      if (last === undefined || isFree(last) || x.shape.length < 2) return false;
      const shape = x.shape;
      return p.bind(
        c,
        `${x.text} * one_hot(argmax(${x.text}, axis = -1), ${countOf(last)})`,
        shape,
        union(x.range, range(0, 0)),
        [x],
      );
    }
    case 2: {
      if (last === undefined || isFree(last)) return false;
      return p.bind(
        c,
        `${x.text} * (0.5 + iota(${countOf(last)}))`,
        x.shape,
        times(x.range, range(0, countOf(last))),
        [x],
      );
    }
    case 3:
      if (last === undefined || isFree(last)) return false;
      return p.bind(c, `cumsum(${x.text}, axis = -1)`, x.shape, times(x.range, range(0, countOf(last))), [x]);
    case 4:
      if (last === undefined || isFree(last)) return false;
      return p.bind(c, `cumprod(tanh(${x.text}), axis = -1)`, x.shape, range(-1, 1), [x]);
    case 5: {
      if (first === undefined || isFree(first)) return false;
      const ids = Array.from({ length: 3 }, () => c.below(countOf(first)));
      return p.bind(c, `take(${x.text}, [${ids.join(", ")}])`, [fixed(3), ...inner], x.range, [x]);
    }
    default: {
      if (last === undefined || isFree(last) || x.shape.length !== 2) return false;
      const labels = Array.from({ length: isFree(first!) ? 0 : countOf(first!) }, () =>
        c.below(countOf(last)),
      );
      if (labels.length === 0) return false;
      return p.bind(c, `gather(${x.text}, [${labels.join(", ")}])`, [first!], x.range, [x]);
    }
  }
}
