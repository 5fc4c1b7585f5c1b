/**
 * Names in generated code. What is named after the program is written with a mark, `$z`, that no
 * identifier of the language can have, so it meets nothing that the generated code has of its own;
 * at the end the mark is taken from all names that the rest of the text leaves free.
 */

const MARK = "$";

/** Words that cannot be a name in AssemblyScript, though the text have none of them. */
const KEYWORDS =
  `abstract as any async await break case catch class const constructor continue debugger declare default delete do else enum
  export extends false finally for from function get if implements import in instanceof interface is keyof let module namespace new
  null number object of override package private protected public readonly require return satisfies set static string super switch symbol this throw true
  try type typeof undefined unique unknown var void while with yield never boolean bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 isize usize
  v128 i8x16 i16x8 i32x4 i64x2 f32x4 f64x2 funcref externref anyref NaN Infinity arguments eval assert`.split(
    /\s+/,
  );

export class Names {
  #taken = new Set<string>();

  /** A marked name not yet given, after `wanted`. */
  fresh(wanted: string): string {
    const plain = wanted
      .replaceAll(MARK, "")
      .replaceAll(/\W/g, "_")
      .replace(/^(?=[0-9]|$)/, "_");
    let name = plain;
    for (let i = 2; this.#taken.has(name); i++) name = `${plain}_${i}`;
    this.#taken.add(name);
    return `${MARK}${name}`;
  }

  /** Names given inside are free again afterwards: for what stands between braces. */
  scoped(inside: () => void): void {
    const outside = this.#taken;
    this.#taken = new Set(outside);
    inside();
    this.#taken = outside;
  }
}

/** Takes the mark from each name that is no other in the module's text. */
export function unmark(source: string): string {
  const reserved = new Set([...KEYWORDS, ...ownNames(source)]);
  return source.replaceAll(/\$(\w+)/g, (marked, name: string) => (reserved.has(name) ? marked : name));
}

/**
 * Every name without a mark that a marked one might meet: all in the statements that have marked
 * ones, and in the other functions what they do not declare themselves. Members, as in `f32x4.add`,
 * are none.
 */
function ownNames(source: string): Set<string> {
  const code = source.replaceAll(/\/\/.*|\/\*.*?\*\//g, "");
  const found = new Set<string>();
  for (const statement of code.split(/^(?=[a-z])/m)) {
    const [, name] = /^(?:export )?function (\w+)/.exec(statement) ?? [];
    const locals = name === undefined || statement.includes(MARK) ? null : statement.match(LOCAL);
    const declared = new Set(locals);
    for (const used of new Set(statement.match(/(?<![\w$.])[A-Za-z_]\w*/g))) {
      if (!declared.has(used)) found.add(used);
    }
  }
  return found;
}

/** A variable or a parameter in its declaration. */
const LOCAL = /(?<=[\s(](?:const|let) )\w+|\w+(?=: [a-z])/g;
