/** Where sizes come from: the numbers that layer calls were given. */
import type { FunctionDeclaration } from "../../grammar/ast.ts";
import type { Node } from "../ir/node.ts";
import { known, sameShape, type Shape } from "../ir/size.ts";
import { isStd, placeOf } from "./complain.ts";
import type { CallSite } from "./frame.ts";
import type { Machine, Maker } from "./machine.ts";
import { POISON, type Scope, type Value } from "./values.ts";

/** Notes which numbers a call was given, for those who ask later where a size comes from. */
export function remember(
  { makers }: Machine,
  value: Value,
  declaration: FunctionDeclaration,
  scope: Scope,
  site: CallSite,
): void {
  if (value.kind !== "tensor" || declaration.kind !== "layer") return;
  const numbers = declaration.parameters.flatMap((p): [string, number][] => {
    const argument = scope.names.get(p.name.text);
    return argument !== undefined && argument !== POISON && argument.kind === "number"
      ? [[p.name.text, argument.value]]
      : [];
  });
  const before = makers.get(value.node) ?? [];
  if (numbers.length > 0 && before.length < 4)
    makers.set(value.node, [...before, { name: declaration.name.text, site: site.callee, numbers }]);
}

/**
 * "128 is `units` of dense, called at mlp.nn:8:7", for the sizes of `values` that a layer call was
 * given as numbers.
 */
export function sizeNotes(machine: Machine, values: readonly Value[]): string[] {
  const notes = new Set<string>();
  for (const value of values) {
    if (value.kind !== "tensor") continue;
    let node: Node | undefined = value.node;
    for (let hops = 0; node !== undefined && hops < 32; hops++) {
      const sizes = node.shape.flatMap((s) => known(s) ?? []);
      const makers: readonly Maker[] = machine.makers.get(node) ?? [];
      const hit = makers
        .filter((m) => !isStd(m.site))
        .flatMap((m) =>
          m.numbers
            .filter(([, count]) => sizes.includes(count) && count !== 1)
            .map(([name, count]) => ({ m, name, count })),
        )
        .at(-1);
      if (hit !== undefined) {
        notes.add(
          `${hit.count} is \`${hit.name}\` of ${hit.m.name}, called at ${placeOf(machine, hit.m.site)}`,
        );
        break;
      }
      const shape: Shape = node.shape;
      node = node.operands.find((o) => sameShape(o.shape, shape) && o.op !== "broadcast");
    }
  }
  return [...notes];
}
