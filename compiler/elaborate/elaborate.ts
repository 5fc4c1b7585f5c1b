/**
 * From the tree to the graph. A model is read three times into one graph, where equal formulas are
 * one node: once to find its parameters, which `weights` and paths may name before they are made;
 * once as it predicts; once as it trains.
 */
import type { ModelDeclaration, SourceFile } from "../../grammar/ast.ts";
import type { Diagnostic, Span } from "../../grammar/diagnostic.ts";
import { closest } from "../../grammar/suggest.ts";
import { Build } from "../graph/build.ts";
import { Graph, reachable } from "../graph/graph.ts";
import {
  type Formulas,
  type InputInfo,
  listRoots,
  type Model,
  type OptimizerInfo,
  type Parameter,
  type State,
} from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { sameShape } from "../ir/size.ts";
import { OpError } from "../ir/op-error.ts";
import { evaluate } from "./evaluate.ts";
import { execute, readModel } from "./execute.ts";
import { startReading, type Known, type Machine, type Observer } from "./machine.ts";
import { runOptimizer } from "./optimizer.ts";
import { labelClasses } from "./label-classes.ts";
import { defaultLimits, MAX_MODELS, type Limits } from "./limits.ts";
import type { Program } from "./load.ts";
import { CallNumbers, layerCalls, pathsOf } from "./paths.ts";
import { brief, diagnose, Problem, Reporter } from "./problem.ts";
import { resolveNames } from "./resolve.ts";
import { fileScopes, type FileScope } from "./file-scope.ts";
import { readSettings } from "./settings.ts";
import { freeNames, statementsIn } from "./syntax.ts";

export interface ElaborateOptions {
  /** Values of the model's settings as text in the language. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Which model, where a file has several. */
  readonly model?: string;
  readonly limits?: Partial<Limits>;
  /** Hears the readings that predict and train, the latter with the optimizer. */
  readonly observer?: Observer;
}

/** A program and what is known of it before a model is read, for all its models. */
export interface Outline {
  readonly program: Program;
  readonly main: FileScope;
  /** About names, whichever model they stand in. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Resolves the names of a program, and counts its models. */
export function outline(program: Program): Outline {
  const reporter = new Reporter();
  const { main, files, std } = fileScopes(program);
  for (const source of [program.main, ...program.imports]) {
    resolveNames(source, files.get(source.file)!, std).forEach((d) => reporter.report(d));
  }
  const beyond = modelsOf(program)[MAX_MODELS];
  if (beyond !== undefined) {
    reporter.report(
      diagnose(
        "error",
        "too-many-models",
        beyond.name.span,
        `${program.main.file} has more than ${MAX_MODELS} models`,
        { help: "put some of them into other files" },
      ),
    );
  }
  return { program, main, diagnostics: reporter.diagnostics };
}

/**
 * Reads one model of a program; null, with the reasons among the diagnostics, where that cannot be
 * done.
 */
export const elaborate = (program: Program, options: ElaborateOptions = {}): Elaborated =>
  elaborateModel(outline(program), options);

export interface Elaborated {
  readonly model: Model | null;
  /** Those of the outline first. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The same where its names have been resolved before, for another model of the program. */
export function elaborateModel(
  { program, main, diagnostics }: Outline,
  options: ElaborateOptions = {},
): Elaborated {
  const reporter = new Reporter();
  diagnostics.forEach((d) => reporter.report(d));
  const declaration = chooseModel(program, options.model, reporter);
  if (declaration === null) return { model: null, diagnostics: reporter.diagnostics };
  try {
    const model = new ModelReader(program, declaration, main, options, reporter).read();
    return { model: reporter.failed ? null : model, diagnostics: reporter.diagnostics };
  } catch (error) {
    if (error instanceof Problem) reporter.report(error.diagnostic);
    else if (isStackOverflow(error)) {
      reporter.report(
        diagnose(
          "error",
          "recursion-too-deep",
          declaration.name.span,
          "calls and expressions are nested too deeply",
          {
            help: "break the formulas into named parts",
          },
        ),
      );
    } else throw error;
    return { model: null, diagnostics: reporter.diagnostics };
  }
}

/**
 * V8's and JavaScriptCore's RangeError, and SpiderMonkey's InternalError, which has no name in
 * other engines.
 */
const isStackOverflow = (error: unknown): boolean =>
  error instanceof Error && /call stack|too much recursion/i.test(error.message);

/** The models of the main file, in order of place. */
const modelsOf = (program: Program): readonly ModelDeclaration[] =>
  program.main.declarations.filter((d) => d.kind === "model");

function chooseModel(
  program: Program,
  name: string | undefined,
  reporter: Reporter,
): ModelDeclaration | null {
  const models = modelsOf(program);
  const names = models.map((m) => m.name.text);
  const start: Span = { file: program.main.file, start: 0, end: 0 };
  const [first, second] = models;
  if (name !== undefined) {
    const chosen = models.find((m) => m.name.text === name);
    if (chosen !== undefined) return chosen;
    const near = closest(name, names);
    const known = names.length === 0 ? "it has no model" : `it has ${names.join(", ")}`;
    reporter.report(
      diagnose("error", "unknown-model", start, `${program.main.file} has no model \`${name}\``, {
        help: near === undefined ? known : `did you mean \`${near}\`?`,
      }),
    );
    return null;
  }
  if (first === undefined) {
    reporter.report(
      diagnose("error", "no-model", start, `${program.main.file} has no model`, {
        help: "write one: model Name { input x: [N, 2] output y = dense(x, 1) }",
      }),
    );
    return null;
  }
  if (second === undefined) return first;
  reporter.report(
    diagnose(
      "error",
      "several-models",
      second.name.span,
      `${program.main.file} has several models: ${names.join(", ")}`,
      {
        also: [{ span: first.name.span }],
        help: `choose one, as in \`--model ${first.name.text}\``,
      },
    ),
  );
  return null;
}

class ModelReader {
  readonly #program: Program;
  readonly #declaration: ModelDeclaration;
  readonly #file: FileScope;
  readonly #reporter: Reporter;
  readonly #limits: Limits;
  readonly #graph: Graph;
  readonly #texts: Readonly<Record<string, string>>;
  readonly #observer: Observer | null;

  constructor(
    program: Program,
    declaration: ModelDeclaration,
    file: FileScope,
    options: ElaborateOptions,
    reporter: Reporter,
  ) {
    this.#program = program;
    this.#declaration = declaration;
    this.#file = file;
    this.#reporter = reporter;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#graph = new Graph(this.#limits.nodes);
    this.#texts = options.settings ?? {};
    this.#observer = options.observer ?? null;
  }

  /** Files of weights keep the states of optimizers under `optimizer.STATE.PATH`. */
  #checkPaths({ paths, parameters }: Known): void {
    for (const [index, path] of paths.entries()) {
      if (!path.startsWith("optimizer.")) continue;
      const { span } = parameters[index]!;
      this.#reporter.report(
        diagnose(
          "error",
          "name-reserved",
          span,
          `the path of a parameter cannot begin with \`optimizer.\`: this one is \`${path}\``,
          {
            help: "bind it to another name than `optimizer`",
          },
        ),
      );
    }
  }

  read(): Model | null {
    const declaration = this.#declaration;
    const reporter = this.#reporter;
    const settings = readSettings(declaration, this.#texts, reporter);
    const [freeName = null, ...unknown] = this.#freeNames();
    const sources = new Map<string, SourceFile>();
    const { std, imports, main } = this.#program;
    for (const source of [...std, ...imports, main, ...settings.sources]) sources.set(source.file, source);

    const callNumbers = new CallNumbers();
    const interpret = (training: boolean, known: Known | null, to: Reporter): Machine => {
      const machine = startReading({
        model: declaration.name,
        callNumbers,
        graph: this.#graph,
        reporter: to,
        limits: this.#limits,
        sources,
        freeName: freeName ?? "N",
        training,
        known,
        observer: known === null ? null : this.#observer,
        evaluate,
        execute,
      });
      const names = freeName === null ? [] : [freeName, ...unknown];
      readModel(machine, declaration, this.#file, settings.expressions, names);
      return machine;
    };
    const known = this.#findParameters((to) => interpret(false, null, to));
    this.#checkPaths(known);
    const predicting = interpret(false, known, reporter);
    if (reporter.failed) return null;
    const training = interpret(true, known, reporter);
    if (reporter.failed) return null;
    this.#checkTraining(known, training);
    this.#checkResults(predicting, training);
    if (reporter.failed) return null;

    const made = this.#withinLimit(declaration.name.span, () => this.#formulas(known, predicting, training));
    if (made === null || reporter.failed) return null;
    const { persistent, roots, optimizer } = made;
    this.#warn(predicting, training);

    const classes = labelClasses(listRoots(made));
    return {
      name: declaration.name.text,
      ...(declaration.doc === undefined ? {} : { doc: declaration.doc }),
      freeName,
      graph: this.#graph,
      inputs: predicting.inputs.map((input): InputInfo => {
        const count = classes.get(input.name);
        return count === undefined ? input : { ...input, classes: count };
      }),
      persistent,
      optimizer,
      settings: this.#settings(),
      roots,
      warnings: [],
      applied: [],
      unkept: training.unkept,
      layers: layerCalls([predicting.root, training.root]),
    };
  }

  /**
   * The first reading says nothing, since the second says it better; unless there is no second, for
   * a limit was passed.
   */
  #findParameters(interpret: (to: Reporter) => Machine): Known {
    const first = new Reporter();
    try {
      return knownOf(interpret(first));
    } catch (error) {
      first.diagnostics.forEach((d) => this.#reporter.report(d));
      throw error;
    }
  }

  #freeNames(): string[] {
    const names = freeNames(this.#declaration, (name) => this.#file.find(name)?.declaration.kind === "const");
    const [first, second] = [...names];
    if (first !== undefined && second !== undefined) {
      this.#reporter.report(
        diagnose("error", "two-free-dimensions", second[1], `\`${second[0]}\` is a second free dimension`, {
          label: "nothing says what this is",
          also: [{ span: first[1], text: `\`${first[0]}\` is free already` }],
          help: `a model has at most one size that is free until run time; write a number, or \`const ${second[0]} = …\``,
        }),
      );
    }
    return [...names.keys()];
  }

  /** The training graph has the same parameters, or weights could not be shared. */
  #checkTraining(known: Known, training: Machine): void {
    const made = training.parameters;
    const same =
      made.length === known.parameters.length &&
      made.every((p, i) => sameShape(p.shape, known.parameters[i]!.shape));
    if (same) return;
    const odd =
      made.find((p, i) => p.span.start !== known.parameters[i]?.span.start) ??
      known.parameters[made.length] ??
      made[0];
    this.#error(
      "training-parameters",
      odd?.span ?? this.#declaration.name.span,
      "the parameters are not the same in training as in prediction",
      {
        help: "make parameters outside of `if training`",
      },
    );
  }

  #checkResults(predicting: Machine, training: Machine): void {
    const { name } = this.#declaration;
    if (predicting.outputs.length === 0 && predicting.losses.length === 0) {
      this.#error("no-output", name.span, `${name.text} has neither an output nor a loss`, {
        help:
          this.#boundAs("output", (value) => `output name = ${value}`) ??
          this.#boundAs("loss", (value) => `loss ${value}`) ??
          "end it with `output name = …`",
      });
    }
    for (const output of predicting.outputs) {
      const target = reachable([output.node]).find(
        (n) =>
          n.op === "input" &&
          predicting.inputs.some((i) => i.name === n.attributes.name && i.role === "target"),
      );
      if (target?.op !== "input") continue;
      const at = predicting.inputSpans.get(target.attributes.name);
      this.#error(
        "target-in-output",
        output.span,
        `the output \`${output.name}\` depends on the target \`${target.attributes.name}\`, which \`predict\` does not ask for`,
        {
          ...(at === undefined ? {} : { also: [{ span: at, text: "the target" }] }),
          help: `declare it as \`input ${target.attributes.name}\`, or make this a metric`,
        },
      );
    }
    if (training.optimizer !== null && training.losses.length === 0) {
      this.#error(
        "optimizer-without-loss",
        training.optimizer.span,
        "an optimizer needs a loss to make smaller",
        {
          help:
            this.#boundAs("loss", (value) => `loss ${value}`) ??
            "add `loss mse(prediction, y)`, or remove the optimizer",
        },
      );
    }
    const trainable = training.parameters.some((p) => !p.frozen);
    if (training.optimizer !== null && !trainable && training.losses.length > 0) {
      this.#error("nothing-to-train", training.optimizer.span, "there is no parameter to train", {
        help: "add a layer or a `param`, or remove the optimizer",
      });
    }
  }

  /** Where the model has `loss = …`, which only binds a name: what was meant. */
  #boundAs(keyword: string, meant: (value: string) => string): string | undefined {
    for (const statement of statementsIn(this.#declaration.body)) {
      if (statement.kind !== "bind" || statement.name.text !== keyword) continue;
      const { start, end } = statement.value.span;
      const value = brief(this.#program.main.text.slice(start, end));
      return `\`${keyword} = …\` only binds a name; write \`${meant(value)}\``;
    }
    return undefined;
  }

  /**
   * What `make` returns; null, with the reason reported at `span`, where the graph becomes too
   * large.
   */
  #withinLimit<T>(span: Span, make: () => T): T | null {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof OpError) || error.code !== "graph-too-large") throw error;
      const help = error.help === undefined ? {} : { help: error.help };
      const notes = ["the gradient and the update of each parameter are counted too"];
      this.#error(error.code, span, error.message, { notes, ...help });
      return null;
    }
  }

  #formulas(
    known: Known,
    predicting: Machine,
    training: Machine,
  ): Formulas & { optimizer: OptimizerInfo | null } {
    const { side } = training.root;
    const build = new Build(this.#graph, { layer: side });
    const total = (losses: readonly Node[]): Node | null =>
      losses.length === 0 ? null : losses.reduce((sum, loss) => build.add(sum, loss));
    const loss = total(predicting.losses);
    const trainingLoss = total(training.losses);
    const gradients = known.parameters.map((p) =>
      trainingLoss === null || p.frozen ? null : build.grad(trainingLoss, p.node),
    );

    const { optimizer } = training;
    const states: State[] = [];
    const parameters = known.parameters.map((p, index): Parameter => {
      const path = known.paths[index]!;
      const gradient = gradients[index]!;
      const result =
        optimizer === null || gradient === null
          ? null
          : runOptimizer(training, optimizer, index, p, gradient);
      for (const { name, start, update } of result?.states ?? []) {
        const of = { parameter: index, name, path: `${path}.${name}`, shape: p.shape };
        states.push({ kind: "state", ...of, start, update, gradient: null });
      }
      return {
        path,
        shape: p.shape,
        init: p.init,
        span: p.span,
        ...(p.declared === undefined ? {} : { declared: p.declared }),
        ...(p.doc === undefined ? {} : { doc: p.doc }),
        start: predicting.parameters[index]!.start,
        ...(p.frozen
          ? { kind: "frozen", gradient: null, update: null }
          : { kind: "parameter", gradient, update: result?.update ?? null }),
      };
    });
    const persistent = [...parameters, ...states];
    const used = new Set<string>();
    for (const node of reachable(persistent.flatMap(({ update }) => update ?? []))) {
      if (node.op === "hyper") used.add(node.attributes.name);
    }
    const named = (list: Machine["outputs"]) =>
      list.map(({ name, node, doc }) => (doc === undefined ? { name, node } : { name, node, doc }));
    return {
      persistent,
      roots: { outputs: named(predicting.outputs), loss, metrics: named(predicting.metrics), trainingLoss },
      optimizer:
        optimizer === null
          ? null
          : {
              name: optimizer.callee.declaration.name.text,
              hyper: [...optimizer.values].flatMap(([name, value]) =>
                value.kind === "hyper" && used.has(name) ? [{ name, value: value.value }] : [],
              ),
            },
    };
  }

  /** What is declared and then left out of every formula. */
  #warn(predicting: Machine, training: Machine): void {
    const results = [...predicting.outputs, ...predicting.metrics].map((r) => r.node);
    const all = reachable([...results, ...predicting.losses, ...training.losses]);
    for (const input of predicting.inputs) {
      if (all.some((n) => n.op === "input" && n.attributes.name === input.name)) continue;
      this.#warning(
        "unused-input",
        predicting.inputSpans.get(input.name)!,
        `nothing depends on the ${input.role} \`${input.name}\``,
        "use it or remove it",
      );
    }
  }

  #settings(): Record<string, string> {
    return Object.fromEntries(
      this.#declaration.parameters.map((p) => {
        const written =
          p.default === undefined
            ? ""
            : this.#program.main.text.slice(p.default.span.start, p.default.span.end);
        // A setting may be called as what every object inherits, `toString`.
        const given = Object.hasOwn(this.#texts, p.name.text) ? this.#texts[p.name.text] : undefined;
        return [p.name.text, given ?? written];
      }),
    );
  }

  #error(code: string, span: Span, message: string, details: Parameters<typeof diagnose>[4]): void {
    this.#reporter.report(diagnose("error", code, span, message, details));
  }

  #warning(code: string, span: Span, message: string, help: string): void {
    this.#reporter.report(diagnose("warning", code, span, message, { help }));
  }
}

const knownOf = ({ parameters, root }: Machine): Known => ({ parameters, ...pathsOf(root) });
