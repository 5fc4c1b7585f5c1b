/** Training as the f64 evaluator does it. */
import { evaluate } from "../../compiler/graph/evaluate.ts";
import { ownedBy, statesOf, type Model, type State } from "../../compiler/graph/model.ts";
import type { Node } from "../../compiler/ir/node.ts";
import type { Environment, Values } from "../../compiler/ops/op.ts";

/** Before the first step: states and arguments of the optimizer have their first values. */
export function firstEnvironment(
  model: Model,
  given: Pick<Environment, "n" | "inputs" | "seed">,
  /** Of a parameter, or a state of a layer, by its path. */
  valueOf: (path: string) => Values,
): Environment {
  const environment: Environment = {
    ...given,
    parameters: new Map(ownedBy(model).map(({ path }, i) => [i, valueOf(path)] as const)),
    states: new Map(),
    hyper: new Map(model.optimizer?.hyper.map(({ name, value }) => [name, value])),
    step: 0,
  };
  return { ...environment, states: states(model, ({ start }) => start, environment) };
}

/** What a step leaves behind; the environment's own `step` is that step's number. */
export function afterStep(model: Model, environment: Environment): Environment {
  const updated = ownedBy(model).map(({ update }, i): [number, Values] => [
    i,
    update === null ? environment.parameters.get(i)! : evaluate([update], environment)[0]!,
  ]);
  return {
    ...environment,
    parameters: new Map(updated),
    states: states(model, ({ update }) => update, environment),
  };
}

const states = (
  model: Model,
  node: (state: State) => Node | null,
  environment: Environment,
): Map<string, Values> =>
  new Map(
    statesOf(model).map((state) => [
      `${state.parameter}.${state.name}`,
      evaluate([node(state)!], environment)[0]!,
    ]),
  );
