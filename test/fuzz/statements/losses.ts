/** The loss of a program. */
import { countOf, isFree } from "../../../compiler/ir/size.ts";
import type { Choices } from "../choices.ts";
import type { Given, Program } from "../program.ts";
import { largest, showShape, type Term } from "../terms.ts";

export function loss(p: Program, c: Choices, z: Term): void {
  const t = z.text;
  const scalarized: string[] = [`mean(${t}^2)`, `mean(sin(${t}))`, `sum(tanh(${t})) / ${largest(z.shape)}`];
  const target = (values: Given["values"], shape = z.shape): void => {
    p.inputs.push({ name: "y", shape, values });
    p.line(`target y: ${typeof values === "object" ? "int" : ""}${showShape(shape)}`);
  };
  const loss = (text: string): void => void p.line(`loss ${text}`);
  const last = z.shape.at(-1);
  const classes = last === undefined || isFree(last) ? 0 : countOf(last);
  switch (c.below(22)) {
    case 0:
      target("float");
      return loss(`mse(${t}, y)`);
    case 1:
      target("float");
      // Far from where the root has no slope.
      return loss(`rmse(2 * tanh(${t}), y + 4)`);
    case 2:
      target("float");
      return loss(`mae(${t}, y)`);
    case 3:
      target("float");
      return loss(`huber(${t}, y, delta = ${c.constant(0.3, 1.5)})`);
    case 4:
      target("probability");
      return loss(`bce(sigmoid(${t}), y)`);
    case 5:
      target("probability");
      return loss(`bce_with_logits(${t}, y)`);
    case 6:
      target("side");
      return loss(`hinge(${t}, y)`);
    case 7:
      // Of one column there is none to choose, and the compiler says so.
      if (classes > 1) target("float");
      return loss(classes > 1 ? `soft_cross_entropy(${t}, softmax(y))` : scalarized[0]!);
    case 8:
      if (classes > 0) target("float");
      return loss(classes > 0 ? `kl_div(log_softmax(${t}), softmax(y))` : scalarized[1]!);
    case 9:
    case 10:
    case 11:
      if (classes < 2) return loss(c.pick(scalarized));
      target({ classes }, z.shape.slice(0, -1));
      return loss(
        c.pick([
          `cross_entropy(${t}, y)`,
          `nll(log_softmax(${t}), y)`,
          `mean(-gather(log(softmax(${t})), y))`,
          `log(perplexity(${t}, y, ignore = ${c.below(classes)}))`,
          `cross_entropy(${t}, y, label_smoothing = 0.1)`,
          `cross_entropy(${t}, y, weight = 0.5 + iota(${classes}), ignore = ${c.below(classes)})`,
        ]),
      );
    case 12:
      target("probability");
      return loss(`focal(${t}, y${c.pick(["", ", alpha = -1", ", gamma = 1.5"])})`);
    case 13:
      target("float");
      if (classes === 0) return loss(`mse(${t}, y)`);
      return loss(`triplet(${t}, y, 2 + cos(${t})${c.pick(["", ", swap = true", ", p = 3", ", p = inf"])})`);
    case 14:
      target("float");
      return loss(
        classes === 0 ? `mse(${t}, y)` : `mean(1 - cosine_similarity(2 + tanh(${t}), y + 0.1 * sin(${t})))`,
      );
    case 15:
      if (classes === 0) return loss(scalarized[2]!);
      target("probability", z.shape.slice(0, -1));
      return loss(`contrastive(${t}, sin(${t}) + 1.5, y, margin = 2)`);
    default:
      return loss(c.pick(scalarized));
  }
}
