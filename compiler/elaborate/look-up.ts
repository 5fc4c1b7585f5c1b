/**
 * What a name stands for: a value bound here, a definition of the file or the library, or what
 * every program knows.
 */
import type { Name } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/diagnostic.ts";
import { problem } from "./complain.ts";
import type { Found } from "./file-scope.ts";
import { nameHelp } from "./foreign-names.ts";
import { enter, type Frame } from "./frame.ts";
import type { Machine } from "./machine.ts";
import { primitives } from "./primitives/table.ts";
import { POISONED } from "./problem.ts";
import { boolean, list, number, POISON, Scope, tensor, type Value } from "./values.ts";

const named: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["pi", number(Math.PI)],
  ["e", number(Math.E)],
  ["inf", number(Infinity)],
  ["all", { kind: "all" }],
]);

/** Names that always have a meaning, definitions aside. */
export const predefined: readonly string[] = [...named.keys(), "training", "weights", "params"];

export function lookUp(machine: Machine, frame: Frame, { text: name, span }: Name): Value {
  const { scope, fixing } = frame;
  const bound = scope.find(name);
  if (bound === POISON) throw POISONED;
  if (bound !== undefined) return fixing ? fixed(bound) : bound;
  if (scope.file.missing.has(name)) throw POISONED;
  const found = scope.file.find(name);
  if (found !== undefined) return declared(machine, frame, found, span);
  if (primitives.has(name)) return { kind: "primitive", name };
  const constant = named.get(name);
  if (constant !== undefined) return constant;
  if (name === "training") return boolean(machine.training);
  if (name === "weights" || name === "params") return parameterList(machine, frame, name, span);
  const known = [...scope.visible(), ...scope.file.visible(), ...primitives.keys(), ...predefined];
  throw problem(machine, frame, {
    code: "unknown-name",
    span,
    message: `there is no \`${name}\` here`,
    help: nameHelp(name, known),
  });
}

/** An optimizer's argument to what is decided when compiling: its first value, where it has one. */
function fixed(value: Value): Value {
  if (value.kind === "scheduled") return { ...value, asks: true };
  return value.kind === "hyper" ? number(value.value) : value;
}

/** The value of a definition. */
export function declared(machine: Machine, frame: Frame, { declaration, file }: Found, span: Span): Value {
  switch (declaration.kind) {
    case "fn":
    case "layer":
      return { kind: "function", declaration, file };
    case "optimizer":
      return { kind: "optimizer", declaration, file };
    case "model":
      return { kind: "model", declaration };
    case "const": {
      const { constants } = machine;
      const name = declaration.name.text;
      const known = constants.get(declaration);
      if (known === POISON) throw POISONED;
      if (known === "open") {
        const help = "one of the constants in this circle needs a value of its own";
        throw problem(machine, frame, {
          code: "const-cycle",
          span,
          message: `\`${name}\` is defined by itself`,
          help,
        });
      }
      if (known !== undefined) return known;
      constants.set(declaration, "open");
      try {
        const inside = enter(frame, new Scope(file), { kind: "const", name });
        const value = machine.evaluate(machine, inside, declaration.value, name);
        constants.set(declaration, value);
        machine.observer?.(declaration.name, value, inside);
        return value;
      } catch (error) {
        constants.set(declaration, POISON);
        throw error;
      }
    }
    default:
      return declaration satisfies never;
  }
}

/**
 * Every parameter of the model, or those with two or more axes; complete from the second reading
 * on.
 */
function parameterList(machine: Machine, frame: Frame, name: "weights" | "params", span: Span): Value {
  const { kind } = frame;
  if (kind !== "model") {
    const message = `\`${name}\` are those of a model, but this is ${kind === "optimizer" ? "an" : "a"} ${kind}`;
    throw problem(machine, frame, { code: "unknown-name", span, message, help: "give them as an argument" });
  }
  const owned = machine.known?.parameters ?? machine.parameters;
  const all = owned.filter((p) => p.kind !== "layer-state");
  return list(all.filter((p) => name === "params" || p.shape.length >= 2).map((p) => tensor(p.node)));
}
