/**
 * From the tree to the graph. A model is read three times into one graph, where equal formulas are
 * one node: once to find its parameters, which `weights` and paths may name before they are made;
 * once as it predicts; once as it trains.
 */
import type { ModelDeclaration } from "../../grammar/ast.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { Graph } from "../graph/graph.ts";
import { LoopTable } from "../graph/loop-table.ts";
import { listRoots, type InputInfo, type Model } from "../graph/model.ts";
import type { Node } from "../ir/node.ts";
import { OpError } from "../ir/op-error.ts";
import { checkPaths, checkResults, checkTraining, unusedInputs } from "./check-model.ts";
import { evaluate } from "./evaluate.ts";
import { execute, readModel } from "./execute.ts";
import type { FileScope } from "./file-scope.ts";
import { checkGroups } from "./groups.ts";
import { labelRanges } from "./label-ranges.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { Program } from "./load.ts";
import { startReading, type Known, type Machine, type Observer } from "./machine.ts";
import { modelFormulas } from "./model-formulas.ts";
import { chooseModel, outline, type Outline } from "./outline.ts";
import { CallNumbers, layerCalls, pathsOf } from "./paths.ts";
import { diagnose, Problem, Reporter } from "./problem.ts";
import { readSettings } from "./settings.ts";
import { stdTexts } from "../standard-library.ts";
import { freeNames } from "./syntax.ts";

export interface ElaborateOptions {
  /** Values of the model's settings as text in the language. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Which model, where a file has several. */
  readonly model?: string;
  readonly limits?: Partial<Limits>;
  /** Hears the readings that predict and train, the latter with the optimizer. */
  readonly observer?: Observer;
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

  read(): Model | null {
    const declaration = this.#declaration;
    const reporter = this.#reporter;
    const settings = readSettings(declaration, this.#texts, reporter);
    const [freeName = null, ...unknown] = this.#freeNames();
    const { imports, main } = this.#program;
    const files = [...imports, main].map(({ file, text }) => [file, text] as const);
    const texts = new Map([...stdTexts, ...files, ...settings.texts]);

    const callNumbers = new CallNumbers();
    const loops = new LoopTable();
    const interpret = (training: boolean, known: Known | null, to: Reporter): Machine => {
      const machine = startReading({
        model: declaration.name,
        callNumbers,
        loops,
        graph: this.#graph,
        reporter: to,
        limits: this.#limits,
        texts,
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
    this.#report(checkPaths(known));
    const predicting = interpret(false, known, reporter);
    if (reporter.failed) return null;
    const training = interpret(true, known, reporter);
    if (reporter.failed) return null;
    this.#report(checkTraining(declaration, known, training));
    this.#report(checkGroups(known, training));
    this.#report(checkResults(declaration, this.#program.main.text, predicting, training));
    if (reporter.failed) return null;

    const made = this.#withinLimit(() => modelFormulas(known, predicting, training));
    if (made === null || reporter.failed) return null;
    const { persistent, roots, optimizer } = made;
    this.#report(unusedInputs(predicting, training));

    // Loops of one reading are those of another where they are equal.
    const settled = (node: Node): Node => loops.settled(this.#graph, node);
    const ranges = labelRanges(listRoots(made));
    return {
      name: declaration.name.text,
      ...(declaration.doc === undefined ? {} : { doc: declaration.doc }),
      freeName,
      graph: this.#graph,
      inputs: predicting.inputs.map((input): InputInfo => {
        const labels = ranges.get(input.name);
        return labels === undefined ? input : { ...input, labels };
      }),
      persistent,
      optimizer,
      settings: this.#settings(),
      roots,
      warnings: [],
      applied: [],
      unkept: training.unkept.map(({ from, to }) => ({ from: from.map(settled), to: settled(to) })),
      // Formulas of the first reading are nodes of the same graph, and may be the model's too.
      layers: layerCalls([predicting.root, training.root, known.root], training.root).map((layer) => ({
        ...layer,
        results: layer.results.map(settled),
        trained: layer.trained.map(settled),
      })),
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
          label: "this is not defined",
          also: [{ span: first[1], text: `\`${first[0]}\` is free already` }],
          help: `a model has at most one size that is free until run time; write a number, or \`const ${second[0]} = …\``,
        }),
      );
    }
    return [...names.keys()];
  }

  /** What `make` returns; null, with the reason reported, where the graph becomes too large. */
  #withinLimit<T>(make: () => T): T | null {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof OpError) || error.code !== "graph-too-large") throw error;
      const { span } = this.#declaration.name;
      const notes = ["gradients and updates of parameters count too"];
      const { code, message, help } = error;
      this.#report([diagnose("error", code, span, message, { notes, help })]);
      return null;
    }
  }

  #report(found: readonly Diagnostic[]): void {
    for (const diagnostic of found) this.#reporter.report(diagnostic);
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
}

const knownOf = ({ parameters, root }: Machine): Known => ({ parameters, root, ...pathsOf(root) });
