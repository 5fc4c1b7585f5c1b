/** Ops applied to each element: their records, made of definitions for single numbers. */
import type { ElementType, ElementwiseName, Node } from "../ir/node.ts";
import { sameShape, showShape } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import type { Definition } from "./definition.ts";
import { functions } from "./functions.ts";
import type { Op, OpTable } from "./op.ts";
import { commonType, requireTypes } from "./operand-types.ts";
import { operators } from "./operators.ts";

const definitions: { readonly [K in ElementwiseName]: Definition } = { ...functions, ...operators };

function resultType(definition: Definition, operands: readonly Node[]): ElementType {
  switch (definition.result) {
    case "float":
    case "bool":
      return definition.result;
    case "number":
    case "same":
      return commonType(operands);
  }
}

// The keys of a record are its names.
export const elementwiseNames = Object.keys(definitions) as ElementwiseName[];

const names: ReadonlySet<string> = new Set(elementwiseNames);
export const isElementwise = (node: Node): node is Extract<Node, { op: ElementwiseName }> =>
  names.has(node.op);

/** The language's functions of one number that are ops by themselves, with what they are. */
export const numberFunctions: readonly (readonly [op: ElementwiseName, doc: string])[] =
  elementwiseNames.flatMap((name) => {
    const { doc } = definitions[name];
    return doc === undefined ? [] : [[name, doc] as const];
  });

/** Whether the language has it give whole numbers for whole numbers: `+ - * max min abs` and unary `-`. */
export const keepsInts = (name: ElementwiseName): boolean => definitions[name].result === "number";

/** The definition of an op for single numbers. */
export const definitionOf = (name: ElementwiseName): ((a: number, b: number, c: number) => number) =>
  definitions[name].evaluate;

function elementwise<K extends ElementwiseName>(name: K, definition: Definition): Op<K> {
  const takes = definition.takes ?? "number";
  const arity = definition.domain.length;
  const rule = definition.vjp;
  return {
    name,
    family: "elementwise",
    formula: definition.formula,
    takes,
    arity: [arity, arity],
    linear: definition.linear === true,
    range: (intervals, { operands }) => definition.range(intervals, operands),
    finite: definition.finite,
    ...(definition.pole === undefined ? {} : { pole: definition.pole }),
    ...(definition.gap === undefined ? {} : { gap: definition.gap }),
    flops: definition.flops ?? 1,
    inKernels: definition.inKernels ?? true,
    sample:
      definition.kinks === undefined
        ? { domain: definition.domain }
        : { domain: definition.domain, kinks: definition.kinks },
    infer(operands) {
      const shape = operands[0]!.shape;
      if (!operands.every((x) => sameShape(x.shape, shape))) {
        throw new OpError(
          "shape-mismatch",
          `\`${name}\` needs operands of one shape`,
          operands.map((x) => showShape(x.shape)),
        );
      }
      requireTypes(name, takes, operands);
      if (name !== "where") return { shape, type: resultType(definition, operands) };
      requireTypes(name, "bool", operands.slice(0, 1));
      const branches = operands.slice(1);
      if (branches.some((x) => x.type === "bool")) requireTypes(name, "bool", branches);
      return { shape, type: resultType(definition, branches) };
    },
    vjp:
      rule === "flat"
        ? { absent: "flat", because: `the derivative of ${definition.formula} is 0 wherever it exists` }
        : // A record for K is asked about nodes of op K alone; the union of nodes cannot say so.
          (build, node, g) => rule(build, g, node.operands, node as unknown as Node),
    evaluate(operands) {
      const { shape, data } = operands[0]!;
      const [a, b, c] = operands.map((x) => x.data);
      const apply = definition.evaluate;
      const result = new Float64Array(data.length);
      // An operand that the op does not have is not read.
      for (let i = 0; i < result.length; i++) result[i] = apply(a![i]!, b?.[i] ?? 0, c?.[i] ?? 0);
      return { shape, data: result };
    },
  };
}

// `Object.fromEntries` forgets which key has which record; `elementwise` makes for each name the
// record of that name.
export const elementwiseOps = Object.fromEntries(
  Object.entries(definitions).map(([name, definition]) => [
    name,
    elementwise(name as ElementwiseName, definition),
  ]),
) as unknown as Pick<OpTable, ElementwiseName>;
