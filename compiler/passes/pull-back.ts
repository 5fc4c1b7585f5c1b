/** What flows back through one op. */
import { DiagnosticError } from "../../grammar/diagnostic.ts";
import type { Build } from "../graph/build.ts";
import type { Node, OpName } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import type { Op } from "../ops/op.ts";
import { ops } from "../ops/table.ts";
import type { Guards } from "./guards.ts";
import { silence, type Hides } from "./silence.ts";

/**
 * Cotangents of the operands; null where the op is flat.
 * @throws DiagnosticError `no-derivative`
 */
export function pullBack(
  build: Build,
  node: Node,
  cotangent: Node,
  hides: Hides,
  guards: Guards,
): readonly (Node | null)[] | null {
  // A table indexed by `node.op` holds the record of that op, which the compiler cannot follow.
  const record = ops[node.op] as unknown as Op<OpName>;
  const rule = record.vjp;
  if (typeof rule !== "function") {
    if (rule.absent === "flat") return null;
    throw refusal(node, `\`${node.op}\` has no derivative: ${rule.because}`);
  }
  try {
    return silence({ b: build, node, g: cotangent, hides, guards }, (of) =>
      rule(build, of as never, cotangent),
    );
  } catch (error) {
    if (error instanceof OpError && error.code === "no-derivative") throw refusal(node, error.message);
    throw error;
  }
}

function refusal(node: Node, message: string): DiagnosticError {
  const { span } = node.origin;
  return new DiagnosticError([
    {
      code: "no-derivative",
      severity: "error",
      message,
      labels: span === undefined ? [] : [{ span, text: "a gradient is needed here" }],
      notes: [],
      help: "write it with other ops, or cut the gradient with `stop_gradient`",
    },
  ]);
}
