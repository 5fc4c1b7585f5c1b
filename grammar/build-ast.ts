/**
 * Concrete tree → AST: declarations and statements, over the expressions of `build-expression.ts`.
 * Here the things are said that the parser reads but the language does not have: an expression as a
 * statement, a declaration in a block. A statement that the parser had to recover in is left out.
 */
import type { CstNode } from "chevrotain";
import type * as ast from "./ast.ts";
import { helpForBareExpression } from "./bare-expression.ts";
import { ExpressionBuilder } from "./build-expression.ts";
import { Complaints } from "./complaints.ts";
import { giveUp, Part } from "./cst.ts";
import type { Diagnostic, Span } from "./diagnostic.ts";
import { elementOf } from "./element-type.ts";
import { DocComments, type Doc } from "./doc-comments.ts";
import { MAX_ELSE_IFS } from "./limits.ts";

export interface Built {
  readonly declarations: readonly ast.Declaration[];
  readonly diagnostics: readonly Diagnostic[];
}

/** From the reading of a whole file. */
export function buildFile(
  node: CstNode,
  file: string,
  text: string,
  comments: readonly ast.Comment[],
): Built {
  const complaints = new Complaints();
  const builder = new Builder(complaints, text, new DocComments(text, comments));
  const declarations = builder.declarations(new Part(node, file));
  return { declarations, diagnostics: complaints.diagnostics };
}

/** From the reading of one expression. */
export function buildExpression(
  node: CstNode,
  file: string,
): { readonly expression: ast.Expression | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const complaints = new Complaints();
  const builder = new ExpressionBuilder(complaints);
  const expression = builder.attempt(() => builder.build(new Part(node, file).the("expression")));
  return { expression, diagnostics: complaints.diagnostics };
}

type Item = ast.Statement | ast.Declaration;

class Builder {
  readonly #complaints: Complaints;
  readonly #expressions: ExpressionBuilder;
  readonly #text: string;
  readonly #docs: DocComments;

  constructor(complaints: Complaints, text: string, docs: DocComments) {
    this.#complaints = complaints;
    this.#expressions = new ExpressionBuilder(complaints);
    this.#text = text;
    this.#docs = docs;
  }

  declarations(root: Part): readonly ast.Declaration[] {
    const parts = [...root.parts("optimizerDeclaration"), ...root.parts("statement")];
    parts.sort((a, b) => a.start - b.start);
    const declarations: ast.Declaration[] = [];
    for (const part of parts) {
      const item = this.#item(part);
      if (item === undefined) continue;
      if (isDeclaration(item)) declarations.push(item);
      else if (item.kind === "bind") {
        const { span, text } = item.name;
        this.#complaints.report(
          "statement-outside-block",
          span,
          `\`${text} = …\` is outside any model, layer, fn or optimizer`,
          `write \`const ${text} = …\` for a constant, or move the line into a model`,
        );
      } else {
        this.#complaints.report(
          "statement-outside-block",
          this.#firstWord(item.span),
          `\`${this.#word(item.span)}\` is outside any model, layer, fn or optimizer`,
          "the top level of a file may only have import, const, fn, layer, model and optimizer; move this line into a definition",
        );
      }
    }
    return declarations;
  }

  #block(part: Part): ast.Block {
    const statements: ast.Statement[] = [];
    for (const inner of part.parts("statement")) {
      const item = this.#item(inner);
      if (item === undefined) continue;
      if (!isDeclaration(item)) statements.push(item);
      else {
        this.#complaints.report(
          "declaration-in-block",
          this.#firstWord(item.span),
          `\`${this.#word(item.span)}\` is not allowed inside a block`,
          item.kind === "const"
            ? `inside a block write \`${item.name.text} = …\`; every binding is constant`
            : `move the ${item.kind} to the top level of the file`,
        );
        if (item.kind === "const") statements.push({ ...item, kind: "bind" });
      }
    }
    return { statements, span: part.span };
  }

  #firstWord(span: Span): Span {
    return { ...span, end: span.start + this.#word(span).length };
  }
  #word(span: Span): string {
    return /^(?:\w+|.)/u.exec(this.#text.slice(span.start, span.end))?.[0] ?? "";
  }

  #item(part: Part): Item | undefined {
    const doc = this.#docs.before(part.start);
    return this.#expressions.attempt((): Item => {
      if (part.recovered) return giveUp();
      if (part.rule === "optimizerDeclaration") return this.#optimizerDeclaration(part, doc);
      const inner = part.first;
      switch (inner.rule) {
        case "importDeclaration": return this.#import(inner);
        case "constDeclaration": return this.#const(inner, doc);
        case "functionDeclaration": return this.#function(inner, doc);
        case "modelDeclaration": return this.#model(inner, doc);
        case "returnStatement": return this.#return(inner);
        case "ifStatement": return this.#if(inner);
        case "forStatement": return this.#for(inner);
        case "paramStatement": return this.#param(inner, doc);
        case "inputStatement": return this.#input(inner, doc);
        case "resultStatement": return this.#result(inner, doc);
        case "lossStatement": return { kind: "loss", value: this.#value(inner), span: inner.span };
        case "optimizerStatement": return this.#optimizer(inner);
        case "stateStatement": return this.#state(inner, doc);
        case "bindStatement": return this.#bind(inner, doc);
        case "block": return this.#bareBlock(inner);
        case "expression": return this.#bareExpression(inner);
        default: return giveUp();
      } // prettier-ignore
    });
  }

  #value(part: Part): ast.Expression {
    return this.#expressions.build(part.the("expression"));
  }

  #import(part: Part): ast.Import {
    const { text, span } = part.theWord("String");
    if (text.length < 2 || !text.endsWith('"')) {
      this.#complaints.report("unclosed-string", span, "the path has no closing quote", 'end it with `"`');
    }
    return {
      kind: "import",
      names: part.parts("importedName").map((r) => {
        const as = r.word("as");
        return { name: r.theWord("name"), ...(as && { as }) };
      }),
      path: { text: text.replaceAll('"', ""), span },
      span: part.span,
    };
  }

  #const(part: Part, doc: Doc): ast.Const {
    const value = this.#value(part);
    return { kind: "const", name: part.theWord("Name"), value, span: part.span, ...doc };
  }

  #function(part: Part, doc: Doc): ast.FunctionDeclaration {
    const expression = part.part("expression");
    const attribute = part.word("Attribute");
    if (attribute !== undefined) this.#expressions.checkAttribute(attribute);
    return {
      kind: part.theWord("keyword").text === "fn" ? "fn" : "layer",
      recompute: attribute !== undefined,
      name: part.theWord("Name"),
      parameters: this.#parameters(part.the("parameters")),
      body: expression
        ? { kind: "expression", value: this.#expressions.build(expression) }
        : { kind: "block", block: this.#block(part.the("block")) },
      span: part.span,
      ...doc,
    };
  }

  #model(part: Part, doc: Doc): ast.ModelDeclaration {
    const parameters = part.part("parameters");
    return {
      kind: "model",
      name: part.theWord("Name"),
      parameters: parameters ? this.#parameters(parameters) : [],
      body: this.#block(part.the("block")),
      span: part.span,
      ...doc,
    };
  }

  #optimizerDeclaration(part: Part, doc: Doc): ast.OptimizerDeclaration {
    return {
      kind: "optimizer",
      name: part.theWord("Name"),
      parameters: this.#parameters(part.the("parameters")),
      body: this.#block(part.the("block")),
      span: part.span,
      ...doc,
    };
  }

  #parameters(part: Part): readonly ast.Parameter[] {
    this.#expressions.checkCommas(part, "parameter");
    return part.parts("parameter").map((r) => {
      const type = r.part("tensorType");
      const value = r.part("expression");
      return {
        name: r.theWord("Name"),
        ...(type && { type: this.#type(type) }),
        ...(value && { default: this.#expressions.build(value) }),
        span: r.span,
      };
    });
  }

  #type(part: Part): ast.TensorType {
    this.#expressions.checkCommas(part, "dimension");
    return {
      element: elementOf(part.word("element"), this.#complaints),
      dimensions: part.parts("dimension").map((r): ast.Dimension => {
        const size = r.part("expression");
        return size ? this.#expressions.build(size) : { kind: "ellipsis", span: r.span };
      }),
      span: part.span,
    };
  }

  #bind(part: Part, doc: Doc): ast.Bind {
    const indices = this.#indices(part);
    const value = this.#value(part);
    return { kind: "bind", name: part.theWord("Name"), ...indices, value, span: part.span, ...doc };
  }

  /** `[i, j]` after the name of what is bound entry by entry. */
  #indices(part: Part): { readonly indices?: readonly ast.AxisBinder[] } {
    const binders = part.part("binders");
    return binders === undefined ? {} : { indices: this.#expressions.binders(binders) };
  }

  #return(part: Part): ast.Return {
    return { kind: "return", value: this.#value(part), span: part.span };
  }

  #state(part: Part, doc: Doc): ast.StateDeclaration {
    const type = part.part("tensorType");
    return {
      kind: "state",
      name: part.theWord("Name"),
      ...(type && { type: this.#type(type) }),
      value: this.#value(part),
      span: part.span,
      ...doc,
    };
  }

  #if(part: Part): ast.If {
    const conditions = part.parts("expression");
    const blocks = part.parts("block");
    if (conditions.length > MAX_ELSE_IFS) {
      const word = part.words("elseIf")[MAX_ELSE_IFS - 1] ?? giveUp();
      this.#complaints.report(
        "nesting-too-deep",
        word.span,
        `more than ${MAX_ELSE_IFS} branches in one \`if\``,
        "look the value up in a list instead, or split the chain",
      );
      giveUp();
    }
    // In the order of the text, since doc comments are taken as they come.
    const built = blocks.map((block, i) => {
      const condition = conditions[i];
      return { condition: condition && this.#expressions.build(condition), block: this.#block(block) };
    });
    let otherwise: ast.Block | undefined;
    for (let i = built.length - 1; i >= 0; i--) {
      const { condition, block } = built[i] ?? giveUp();
      if (condition === undefined) {
        otherwise = block;
        continue;
      }
      const { start } = i === 0 ? part : (part.words("If")[i] ?? giveUp()).span;
      const branch: ast.If = {
        kind: "if",
        condition,
        // oxlint-disable-next-line unicorn/no-thenable -- the branch of an `if`; nobody awaits a tree
        then: block,
        ...(otherwise && { otherwise }),
        span: { ...part.span, start },
      };
      if (i === 0) return branch;
      otherwise = { statements: [branch], span: branch.span };
    }
    return giveUp();
  }

  #for(part: Part): ast.For {
    return {
      kind: "for",
      variable: part.theWord("Name"),
      iterable: this.#value(part),
      body: this.#block(part.the("block")),
      span: part.span,
    };
  }

  #param(part: Part, doc: Doc): ast.ParameterDeclaration {
    const type = part.part("tensorType");
    const start = part.word("start");
    return {
      kind: "param",
      frozen: part.has("Frozen"),
      name: part.theWord("Name"),
      ...(type && { type: this.#type(type) }),
      ...(start && {
        start: {
          kind: start.text === "~" ? "initializer" : "value",
          value: this.#value(part),
        },
      }),
      span: part.span,
      ...doc,
    };
  }

  #input(part: Part, doc: Doc): ast.InputDeclaration {
    return {
      kind: "input",
      role: part.theWord("keyword").text === "input" ? "input" : "target",
      name: part.theWord("Name"),
      type: this.#type(part.the("tensorType")),
      span: part.span,
      ...doc,
    };
  }

  #result(part: Part, doc: Doc): ast.OutputStatement | ast.MetricStatement {
    const name = part.word("Name");
    return {
      kind: part.theWord("keyword").text === "output" ? "output" : "metric",
      ...(name && { name }),
      ...this.#indices(part),
      value: this.#value(part),
      span: part.span,
      ...doc,
    };
  }

  #optimizer(part: Part): ast.OptimizerStatement {
    const paths = part.parts("path").map((path) => path.path);
    return { kind: "optimizer", value: this.#value(part), ...(paths[0] && { paths }), span: part.span };
  }

  #bareBlock(part: Part): never {
    this.#complaints.report(
      "bare-block",
      { ...part.span, end: part.start + 1 },
      "a block belongs to an `if`, a `for` or a declaration",
      "remove the braces, or write what the block is for",
    );
    this.#block(part);
    return giveUp();
  }

  #bareExpression(part: Part): never {
    const value = this.#expressions.build(part);
    if (this.#complaints.full) return giveUp();
    this.#complaints.report(
      "bare-expression",
      value.span,
      "an expression alone is not a statement: its value would not be used",
      helpForBareExpression(value, this.#text),
    );
    return giveUp();
  }
}

/** An `optimizer` is one or the other by its shape: only a definition has a name and a block. */
function isDeclaration(item: Item): item is ast.Declaration {
  switch (item.kind) {
    case "import":
    case "const":
    case "fn":
    case "layer":
    case "model":
      return true;
    case "optimizer":
      return "body" in item;
    default:
      return false;
  }
}
