/**
 * Runs a program's formulas on the tape, as written: node by node, the body of a loop place by place,
 * and then back.
 */
import { StepRunner } from "../graph/run-steps.ts";
import type { Node } from "../ir/node.ts";
import { shapeAt, sizeAt } from "../ir/size.ts";
import { isElementwise } from "../ops/elementwise.ts";
import type { Environment, Values } from "../ops/op.ts";
import { Lacking, type Answer, type Question } from "./question.ts";
import { counting, drawn } from "./sources.ts";
import { Operations } from "./tape-operations.ts";
import type { Variable } from "./tape.ts";

/**
 * Loss and gradients of the training graph by the tape.
 * @throws Lacking where the program has no loss
 */
export function askTape({ model, environment, wanted }: Question): Answer {
  const root = model.roots.trainingLoss;
  if (root === null) throw new Lacking("a loss");
  const operations = new Operations();
  const variables = new Map<Node, Variable>();
  const leaves = new Map<number, Variable>();
  const runner: StepRunner<Variable> = new StepRunner<Variable>({
    apply: (node, operands): Variable => {
      // In a loop a derivative is of this place alone: what has arrived there is given.
      const variable =
        node.op === "grad"
          ? operations.gradients(operands[0]!, [operands[1]!], new Set(runner.carried))[0]!
          : apply(operations, node, operands, environment);
      if (node.op === "parameter") leaves.set(node.attributes.index, variable);
      return variable;
    },
    // A variable of its own, so that it can be given where what it was is not.
    arrive: (x) => operations.reshape(x, x.shape),
    entry: (x, place) => operations.entry(x, place),
    stack: (parts) => operations.stack(parts),
  });
  runner.run([root], variables);
  const loss = variables.get(root)!;
  const present = wanted.filter((index) => leaves.has(index));
  const gradients = operations.gradients(
    loss,
    present.map((index) => leaves.get(index)!),
  );
  return {
    loss: loss.data[0]!,
    gradients: new Map(
      wanted.map((index) => {
        const at = present.indexOf(index);
        const data =
          at === -1 ? new Float64Array(environment.parameters.get(index)!.data.length) : gradients[at]!.data;
        return [index, { data }];
      }),
    ),
  };
}

function apply(o: Operations, node: Node, operands: readonly Variable[], environment: Environment): Variable {
  // An operand that the op does not have is not read.
  const [a, b] = operands as readonly [Variable, Variable];
  const { n } = environment;
  const known = (values: Values | undefined, what: string): Variable => {
    if (values === undefined) throw new Lacking(`a value of ${what}`);
    return o.tape.record(values);
  };
  if (isElementwise(node)) {
    const operation: (...operands: readonly Variable[]) => Variable = o[node.op];
    return operation.call(o, ...operands);
  }
  switch (node.op) {
    case "sum":
    case "prod":
    case "logsumexp":
    case "argmax":
      return o[node.op](a, node.attributes.axes);
    case "reduce_max":
      return o.largest(a, node.attributes.axes);
    case "reduce_min":
      return o.smallest(a, node.attributes.axes);
    case "softmax":
      return o.softmax(a, node.attributes.axis);
    case "matmul":
      return o.matmul(a, b);

    case "reshape":
    case "broadcast":
      return o[node.op](a, shapeAt(node.attributes.shape, n));
    case "permute":
      return o.permute(a, node.attributes.axes);
    case "slice":
    case "embed":
      return o[node.op](a, node.attributes.axes, shapeAt(node.attributes.shape, n));
    case "concat":
      return o.concat(operands, node.attributes.axis);
    case "windows":
      return o.windows(a, node.attributes);
    case "fold":
      return o.fold(a, node.attributes);
    case "one_hot":
      return o.oneHot(a, node.attributes.classes);
    case "gather":
      return o.gather(a, b);
    case "cumsum":
    case "cumprod":
      return o[node.op](a, node.attributes.axis);
    case "recur":
      return o.recur(a, b, node.attributes.axis);
    case "rank":
      return o.rank(a, node.attributes.descending);
    case "take":
      return o.take(a, b, node.attributes.batch);
    case "scatter":
      return o.scatter(a, b, sizeAt(node.attributes.count, n), node.attributes.batch);

    case "constant":
      return o.tape.fill(node.attributes.value, shapeAt(node.attributes.shape, n));
    case "table":
      return o.tape.record({
        shape: shapeAt(node.attributes.shape, n),
        data: Float64Array.from(node.attributes.values),
      });
    case "extent":
      return o.tape.fill(sizeAt(node.attributes.size, n), []);
    case "iota":
      return o.tape.record(counting(node, n));
    case "random":
      return o.tape.record(drawn(node, environment));
    case "input":
      return known(environment.inputs.get(node.attributes.name), `the input \`${node.attributes.name}\``);
    case "parameter":
      return known(environment.parameters.get(node.attributes.index), "a parameter");
    case "step":
      return o.tape.fill(environment.step, []);
    case "grad":
    case "scan":
    case "pick":
    case "carried":
      throw new RangeError(`\`${node.op}\` is computed by what runs the steps`);
    case "state":
    case "hyper":
      throw new Lacking(`\`${node.op}\`, which belongs to the optimizer`);
    default:
      return node satisfies never;
  }
}
