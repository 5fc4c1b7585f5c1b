/**
 * `h.0.weight`, the parameters of layer calls; and what people mean who write a dot, or make a
 * layer first, as elsewhere.
 */
import type { Call, Member } from "../../grammar/ast.ts";
import { closest } from "../../grammar/suggest.ts";
import { problem, quoted } from "./complain.ts";
import { isLibrary, libraryHelp } from "./foreign-names.ts";
import type { Frame } from "./frame.ts";
import { predefined } from "./look-up.ts";
import type { Machine } from "./machine.ts";
import { primitives } from "./primitives/table.ts";
import { POISONED } from "./problem.ts";
import { pathSegments } from "./syntax.ts";
import { tensor, type Value } from "./values.ts";

/** The parameter at a path from the scope at hand. */
export function valueOfMember(machine: Machine, frame: Frame, expression: Member): Value {
  const segments = pathSegments(expression);
  const { owner } = frame;
  refuseLibrary(machine, frame, expression, segments);
  const method = methodHelp(machine, frame, expression);
  if (segments === null || owner === null) {
    const message = "only the parameters of layer calls are reached with a dot";
    const help = method ?? "in `h = dense(x, 4)`, h.bias is a parameter; a fn gets it as an argument";
    throw problem(machine, frame, { code: "unknown-path", span: expression.span, message, help });
  }
  const { known } = machine;
  if (known === null) {
    const guess = owner.guess(segments);
    const made = guess === undefined ? undefined : machine.parameters[guess];
    if (made === undefined) throw POISONED;
    return tensor(made.node);
  }
  const path = segments.join(".");
  const table = known.within.get(owner.number);
  const index = table?.get(path);
  if (index !== undefined) return tensor(known.parameters[index]!.node);
  const all = [...(table?.keys() ?? [])];
  const below = all.filter((p) => p.startsWith(`${segments[0]}.`));
  const near = closest(path, below.length > 0 ? below : all);
  const help =
    method !== undefined && (below.length === 0 || near === undefined)
      ? method
      : near !== undefined
        ? `did you mean \`${near}\`?`
        : below.length > 0
          ? `${segments[0]} has ${below.slice(0, 12).join(", ")}${below.length > 12 ? ", …" : ""}`
          : `no layer is called under the name \`${segments[0]}\` here`;
  throw problem(machine, frame, {
    code: "unknown-path",
    span: expression.span,
    message: `there is no parameter \`${path}\``,
    help,
  });
}

/** `nn.relu`, `Math.max`, where nothing here is called `nn`. */
function refuseLibrary(
  machine: Machine,
  frame: Frame,
  expression: Member,
  segments: readonly string[] | null,
): void {
  const [library, ...rest] = segments ?? [];
  const name = rest.at(-1);
  if (library === undefined || name === undefined || !isLibrary(library)) return;
  const { scope, owner } = frame;
  if (scope.find(library) !== undefined || scope.file.find(library) !== undefined) return;
  const paths = owner === null ? undefined : machine.known?.within.get(owner.number);
  if ([...(paths?.keys() ?? [])].some((path) => path.startsWith(`${library}.`))) return;
  const message = `there is no \`${segments?.join(".")}\` here`;
  const known = [...scope.file.visible(), ...primitives.keys(), ...predefined];
  throw problem(machine, frame, {
    code: "unknown-name",
    span: expression.span,
    message,
    help: libraryHelp(name, known),
  });
}

/** `dense(4, 16)(x)`: a layer made first and called after. */
export function refuseMaking(machine: Machine, frame: Frame, expression: Call): void {
  const { callee } = expression;
  if (callee.kind !== "call" || callee.callee.kind !== "name") return;
  const { text } = callee.callee;
  const { scope } = frame;
  const found = scope.find(text) === undefined ? scope.file.find(text) : undefined;
  if (found?.declaration.kind !== "layer") return;
  // One that takes no tensor first may give a lambda.
  if (!found.file.isStd && found.declaration.parameters[0]?.type === undefined) return;
  // The number of inputs comes first elsewhere: dense(4, 16) and Dense(16) are both dense(x, 16).
  const numbers = callee.arguments.filter((a) => a.name === undefined && a.value.kind === "number");
  const kept = numbers.length > 1 ? callee.arguments.slice(1) : callee.arguments;
  const written = [...expression.arguments, ...kept].map((a) => quoted(machine, a.span)).join(", ");
  const message = `\`${text}\` is not made first and called after`;
  const help = `its input is its first argument, which also says how many inputs it has: \`${text}(${written})\``;
  throw problem(machine, frame, { code: "not-callable", span: callee.span, message, help });
}

/** For `x.sum()` and the like, where `sum` is something to call. */
function methodHelp(machine: Machine, frame: Frame, { member, operand }: Member): string | undefined {
  const { text } = member;
  const written = quoted(machine, operand.span);
  if (text === "T") return `the transpose is written \`${written}'\``;
  const grouped = operand.kind === "binary" || operand.kind === "unary" || operand.kind === "pipe";
  const object = grouped ? written.replace(/^\(|\)$/g, "") : written;
  const found = frame.scope.file.find(text)?.declaration;
  const parameters =
    found?.kind === "fn" || found?.kind === "layer"
      ? found.parameters.map((p) => p.default === undefined)
      : primitives.get(text)?.parameters.map((p) => !p.endsWith("?"));
  if (parameters === undefined) return undefined;
  const rest = parameters.filter((needed) => needed).length > 1 ? ", …" : "";
  return `there are no methods; write \`${text}(${object}${rest})\``;
}
