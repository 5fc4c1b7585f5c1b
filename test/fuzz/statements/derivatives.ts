/** Derivatives as formulas, parameters, and definitions. */
import { countOf, elements, isFree, ONE, type Shape } from "../../../compiler/ir/size.ts";
import type { Choices } from "../choices.ts";
import type { Program } from "../program.ts";
import { plus, range, times, union } from "../range.ts";
import { broadcastShape, fits, type Term } from "../terms.ts";

/** Derivatives as formulas, which the loss differentiates again. */
export function derivative(p: Program, c: Choices, x: Term): boolean {
  if (x.text.startsWith("w") && c.once(2)) return false;
  // The derivative of a derivative by what lies on the way depends on how the inner one is
  // written: 1 - tanh² moves with tanh, 1 / cosh² does not.
  const onTheWay = (t: Term): boolean =>
    [...t.from].some((name) => {
      const by = p.derivedBy.get(name);
      return by !== undefined && by !== x.text && x.from.has(by);
    });
  const user = p.maybe(c, (t) => t.type === "float" && t !== x && t.from.has(x.text) && !onTheWay(t));
  const inner = c.pick([
    `sum(tanh(${x.text}) * ${x.text})`,
    `sum(sin(${x.text})^2)`,
    `mean(softplus(${x.text}))`,
    `sum(${x.text}^3)`,
  ]);
  const scalar = user !== null && !c.once(3) ? `sum(sin(${user.text}))` : inner;
  const operands: readonly [Term, ...Term[]] = user === null ? [x] : [x, user];
  const size = elements(x.shape)!;
  if (!isFree(size) && countOf(size) <= 6 && c.once(3)) {
    const shape = [...x.shape, ...x.shape];
    if (!fits(shape)) return false;
    const vector = `softmax(sin(${x.text}) * 2${x.shape.length === 0 ? " + [0]" : ""})`;
    const made = x.shape.length === 0 ? [ONE] : shape;
    return derived(p, c, `tanh(jacobian(${vector}, ${x.text}))`, made, [x]);
  }
  const text = c.pick([`tanh(grad(${scalar}, ${x.text}))`, `softsign(0.3 * grad(${scalar}, ${x.text}))`]);
  return derived(p, c, text, x.shape, operands);
}

/** @param operands by the first of which it is derived */
export function derived(
  p: Program,
  c: Choices,
  text: string,
  shape: Shape,
  operands: readonly [Term, ...Term[]],
): true {
  p.bind(c, text, shape, range(-1, 1), operands);
  p.derivedBy.set(p.terms.at(-1)!.text, operands[0].text);
  return true;
}

export function parameter(p: Program, c: Choices, x: Term): boolean {
  const axes = x.shape.filter((s) => !isFree(s));
  const shape = c.pick([axes, axes.slice(-1), axes.slice(0, 2).toReversed(), []]);
  if (!fits(shape)) return false;
  const kind = c.pick(["param", "param", "param", "frozen param"]);
  const [low, high] = c.pick([[-1, 1] as const, [0.3, 1.5] as const]);
  const w = p.param(c, shape, low, high, kind);
  if (broadcastShape(x.shape, w.shape) === null) return true;
  return p.bind(c, `${x.text} * ${w.text}`, broadcastShape(x.shape, w.shape)!, times(x.range, w.range), [
    x,
    w,
  ]);
}

export function control(p: Program, c: Choices, x: Term): boolean {
  const name = `u${p.fresh()}`;
  switch (c.below(3)) {
    case 0:
      p.line(`${name} = ${x.text}`, `for i in 1..3 { ${name} = sin(${name}) / i + 0.2 * ${x.text} }`);
      return p.bind(c, name, x.shape, plus(range(-1, 1), times(x.range, range(0.2, 0.2))), [x]);
    case 1:
      p.define("fn blend(a, b, share = 0.4) = share * a + (1 - share) * b");
      return p.bind(c, `blend(${x.text}, cos(${x.text}))`, x.shape, union(x.range, range(-1, 1)), [x]);
    default:
      p.define(
        "fn bump(x, turns) {\n  if turns == 0 { return x }\n  return bump(sin(x) + 0.3 * x^2 / (1 + x^2), turns - 1)\n}",
      );
      return p.bind(c, `bump(${x.text}, 2)`, x.shape, range(-1, 1.3), [x]);
  }
}
