/**
 * The tests that keep a cotangent of 0 at 0, written wrongly: `test/guards.test.ts` must notice.
 */
import type { Build } from "../../compiler/graph/build.ts";
import type { Node } from "../../compiler/ir/node.ts";
import { Guards } from "../../compiler/passes/guards.ts";
import { silencers } from "../../compiler/passes/silence.ts";
import { guardFault } from "../../test/helpers/guards.ts";
import type { Outcome, Tried } from "./outcome.ts";

/**
 * Ways to write a test where(g = 0 and f is no number, 0, f) wrongly: what the builder makes in
 * place of its parts.
 */
const wrongTests: Readonly<Record<string, Partial<Build>>> = {
  "no test": { where: (_, __, flow) => flow as Node },
  "a cotangent of 0 alone": { and: (isZero) => isZero as Node },
  "no number alone": { and: (_, isNone) => isNone as Node },
};

/** Puts the wrong tests in the table of a family, checks, and puts the right ones back. */
function trySilencer(family: keyof typeof silencers, parts: Partial<Build>): Outcome {
  // The table is read-only to all but this script.
  const table = silencers as Record<keyof typeof silencers, (typeof silencers)["elementwise"]>;
  const right = table[family];
  table[family] = (scene, rule) => right({ ...scene, b: instead(scene.b, parts) }, rule);
  try {
    return guardFault() === null ? "missed" : "caught";
  } finally {
    table[family] = right;
  }
}

/** The builder, with other methods in part. */
const instead = (b: Build, parts: Partial<Build>): Build =>
  new Proxy(b, {
    get(own, name) {
      const value: unknown = Reflect.get(parts, name) ?? Reflect.get(own, name);
      return typeof value === "function" ? value.bind(own) : value;
    },
  });

/** Nothing is hidden by any choice. */
function tryBlindness(): Outcome {
  const right = Guards.prototype.hidden;
  Guards.prototype.hidden = () => () => "nothing";
  try {
    return guardFault() === null ? "missed" : "caught";
  } finally {
    Guards.prototype.hidden = right;
  }
}

export function silenceMutants(): Tried[] {
  const unsound = guardFault() !== null;
  const blind = tryBlindness();
  const families = Object.keys(silencers) as (keyof typeof silencers)[];
  return families.map((family) => ({
    name: `tests of ${family}`,
    unsound,
    outcomes: [
      ...Object.entries(wrongTests).map(([name, parts]) => ({ name, outcome: trySilencer(family, parts) })),
      { name: "nothing hidden", outcome: blind },
    ],
  }));
}
