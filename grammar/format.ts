/**
 * The canonical layout: two spaces of indent, lines of 100 columns where that is possible, no
 * parentheses that precedence makes needless. Comments stay where they are, and one blank line
 * stays where there are any.
 */
import type * as ast from "./ast.ts";
import type { Diagnostic, Span } from "./diagnostic.ts";
import {
  concat,
  group,
  hardLine,
  indent,
  isEmpty,
  join,
  layOut,
  line,
  sequence,
  type Document,
} from "./document.ts";
import { CommentLayout } from "./format-comments.ts";
import { ExpressionPrinter } from "./format-expression.ts";
import { parse } from "./parse.ts";

const WIDTH = 100;

/** A program with errors comes back as it was, with what is wrong. */
export function format(text: string, file: string): { text: string; diagnostics: Diagnostic[] } {
  const parsed = parse(text, file);
  if (parsed.diagnostics.some((diagnostic) => diagnostic.severity === "error")) {
    return { text, diagnostics: parsed.diagnostics };
  }
  return { text: print(parsed.file), diagnostics: parsed.diagnostics };
}

/** A tree as text; its spans say where its comments and blank lines belong. */
export function print(file: ast.SourceFile): string {
  return layOut(new Printer(file).file(), WIDTH);
}

class Printer {
  readonly #source: ast.SourceFile;
  readonly #layout: CommentLayout;
  readonly #expressions: ExpressionPrinter;

  constructor(source: ast.SourceFile) {
    this.#source = source;
    this.#layout = new CommentLayout(source);
    this.#expressions = new ExpressionPrinter(source.text, this.#layout);
  }

  // ------------------------------------------------------------------------------------------------ declarations

  file(): Document {
    const { declarations, text } = this.#source;
    const lines = this.#layout.lines(declarations, (d) => this.#declaration(d), {
      start: 0,
      end: text.length + 1,
    });
    return lines.length === 0 ? "" : concat(join(hardLine, lines), hardLine);
  }

  #declaration(d: ast.Declaration): Document {
    switch (d.kind) {
      case "import": {
        const draw = (n: Named): Document => (n.as ? `${n.name.text} as ${n.as.text}` : n.name.text);
        const names = d.names.map((n): Named => ({
          ...n,
          span: { ...n.name.span, end: (n.as ?? n.name).span.end },
        }));
        const start = this.#source.text.indexOf("{", d.span.start);
        const end = this.#source.text.lastIndexOf("}", d.path.span.start) + 1;
        const list = this.#layout.list("{}", names, draw, { start, end });
        return concat("import ", list, ` from "${d.path.text}"`);
      }
      case "const":
        return concat(`const ${d.name.text} = `, this.#expressions.print(d.value));
      case "fn":
      case "layer": {
        const attribute = d.recompute ? "@recompute " : "";
        const head = concat(
          `${attribute}${d.kind} ${d.name.text}`,
          this.#parameters(d.parameters, d.name.span.end),
        );
        return d.body.kind === "block"
          ? group(head, " ", this.#block(d.body.block, isOneLine(d.body.block.span, this.#source.text)))
          : concat(head, " = ", this.#expressions.print(d.body.value));
      }
      case "model":
      case "optimizer": {
        // A model without settings has no parentheses; an optimizer always has them.
        const bare = d.kind === "model" && d.parameters.length === 0;
        const parameters = bare ? "" : this.#parameters(d.parameters, d.name.span.end);
        return group(
          `${d.kind} ${d.name.text}`,
          parameters,
          " ",
          this.#block(d.body, isOneLine(d.body.span, this.#source.text)),
        );
      }
    }
  }

  #parameters(parameters: readonly ast.Parameter[], after: number): Document {
    const start = this.#source.text.indexOf("(", after);
    const draw = (p: ast.Parameter): Document =>
      concat(
        p.name.text,
        p.type ? concat(": ", this.#type(p.type)) : "",
        p.default ? concat(" = ", this.#expressions.print(p.default)) : "",
      );
    const end = this.#layout.closer(parameters, start, ")");
    return this.#layout.list("()", parameters, draw, { start, end });
  }

  #type(type: ast.TensorType): Document {
    const draw = (d: ast.Dimension): Document => (d.kind === "ellipsis" ? "..." : this.#expressions.print(d));
    const start = this.#source.text.indexOf("[", type.span.start);
    const element = type.element === "float" ? "" : type.element;
    return concat(element, this.#layout.list("[]", type.dimensions, draw, { ...type.span, start }));
  }

  // -------------------------------------------------------------------------------------------------- statements

  /**
   * `inline`: on one line with what is before it, if it fits there and holds no more than one plain
   * statement.
   */
  #block(block: ast.Block, inline: boolean): Document {
    const { span, statements } = block;
    const opened = this.#layout.trailing(span.start + 1);
    const lines = this.#layout.lines(statements, (s) => this.#statement(s), {
      ...span,
      start: span.start + 1,
    });
    if (lines.length === 0 && isEmpty(opened)) return "{}";
    const [only] = statements;
    const plain = statements.length === 1 && only?.kind !== "if" && only?.kind !== "for";
    const edge = inline && plain ? line : hardLine;
    return concat("{", opened, indent(...(lines.length > 0 ? [edge] : []), join(hardLine, lines)), edge, "}");
  }

  #statement(s: ast.Statement): Document {
    switch (s.kind) {
      case "bind":
        return concat(this.#bound(s.name, s.indices), this.#expressions.print(s.value));
      case "state":
        return concat(
          `state ${s.name.text}`,
          s.type ? concat(": ", this.#type(s.type)) : "",
          " = ",
          this.#expressions.print(s.value),
        );
      case "optimizer":
        return concat(
          "optimizer ",
          this.#expressions.print(s.value),
          s.paths ? ` for ${s.paths.map(({ text }) => text).join(", ")}` : "",
        );
      case "return":
      case "loss":
        return concat(`${s.kind} `, this.#expressions.print(s.value));
      case "output":
      case "metric":
        return concat(
          `${s.kind} `,
          s.name ? this.#bound(s.name, s.indices) : "",
          this.#expressions.print(s.value),
        );
      case "input":
        return concat(`${s.role} ${s.name.text}: `, this.#type(s.type));
      case "param":
        return concat(
          s.frozen ? "frozen " : "",
          `param ${s.name.text}`,
          s.type ? concat(": ", this.#type(s.type)) : "",
          s.start
            ? concat(s.start.kind === "value" ? " = " : " ~ ", this.#expressions.print(s.start.value))
            : "",
        );
      case "for": {
        const head = concat(`for ${s.variable.text} in `, this.#expressions.print(s.iterable), " ");
        return group(head, this.#block(s.body, isOneLine(s.span, this.#source.text)));
      }
      case "if":
        return group(this.#if(s, isOneLine(s.span, this.#source.text)));
    }
  }

  /** `name = `, `name[i, j] = ` */
  #bound(name: ast.Identifier, indices: ast.Bind["indices"]): Document {
    if (indices === undefined) return `${name.text} = `;
    return concat(name.text, this.#expressions.binders(indices, name.span.end), " = ");
  }

  #if(s: ast.If, inline: boolean): Document {
    const parts: Document[] = [];
    for (let branch: ast.If | undefined = s; branch;) {
      parts.push("if ", this.#expressions.print(branch.condition), " ", this.#block(branch.then, inline));
      const { otherwise }: ast.If = branch;
      if (otherwise === undefined) break;
      parts.push(" else ");
      branch = elseIf(otherwise);
      if (branch === undefined) parts.push(this.#block(otherwise, inline));
    }
    return sequence(parts);
  }
}

type Named = ast.Import["names"][number] & { readonly span: Span };

/** The `if` of an `else if`, which is the whole of its block, braces and all. */
function elseIf(block: ast.Block): ast.If | undefined {
  const [only] = block.statements;
  const whole = block.statements.length === 1 && only?.kind === "if" && only.span.start === block.span.start;
  return whole ? only : undefined;
}

function isOneLine(span: Span, text: string): boolean {
  return !/[\r\n]/.test(text.slice(span.start, span.end));
}
