/**
 * Reads a formula of one variable as `nndsl derive` writes it, by the rules of mathematics alone:
 * what stands side by side is a product, [c] is 1 where c holds. It knows nothing of the compiler.
 */

type Values = Readonly<Record<string, number>>;

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  σ: (x) => 1 / (1 + Math.exp(-x)),
  "√": Math.sqrt,
  tanh: Math.tanh,
  exp: Math.exp,
  log: Math.log,
  sign: Math.sign,
  relu: (x) => Math.max(x, 0),
  softplus: (x) => Math.log(1 + Math.exp(x)),
  erf,
};

/** erf by its series, exact to rounding for |x| < 4. */
export function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const TOKEN = /\s*(\d+(?:\.\d+)?(?:e-?\d+)?|[A-Za-z]+\d*|[⁰¹²³⁴⁵⁶⁷⁸⁹]+|σ|π|√|[-+/()[\]|,<>≤≥=])/gy;

/** The value of `text` where its names have `values`. @throws Error where it is no formula */
export function evaluateFormula(text: string, values: Values): number {
  const tokens = [...text.matchAll(TOKEN)].map((match) => match[1]!);
  if (tokens.join("") !== text.replaceAll(" ", "")) throw new Error(`not read: ${text}`);
  let next = 0;
  const peek = (): string | undefined => tokens[next];
  const take = (wanted: string): void => {
    if (tokens[next++] !== wanted) throw new Error(`no ${wanted} at ${next - 1} of ${text}`);
  };

  const choice = (): number => {
    const value = sum();
    if (peek() !== "if") return value;
    take("if");
    const holds = condition();
    take(",");
    take("else");
    const other = choice();
    return holds ? value : other;
  };
  const condition = (): boolean => {
    const left = sum();
    const sign = tokens[next++];
    const right = sum();
    const holds =
      sign === "<"
        ? left < right
        : sign === "≤"
          ? left <= right
          : sign === ">"
            ? left > right
            : left >= right;
    if (peek() !== "and") return holds;
    take("and");
    // Both sides are read, whatever the first says.
    const other = condition();
    return holds && other;
  };
  const sum = (): number => {
    let value = product();
    for (let sign = peek(); sign === "+" || sign === "-"; sign = peek()) {
      next++;
      value += sign === "+" ? product() : -product();
    }
    return value;
  };
  const product = (): number => {
    if (peek() === "-") {
      next++;
      return -product();
    }
    let value = power();
    for (
      let token = peek();
      token !== undefined && !/^(if|else|and|[-+,<>≤≥=)\]])$/.test(token);
      token = peek()
    ) {
      if (token === "|" && bars > 0) break;
      if (token === "/") {
        next++;
        value /= power();
      } else value *= power();
    }
    return value;
  };
  const power = (): number => {
    const base = atom();
    const digits = peek();
    if (digits === undefined || !/^[⁰¹²³⁴⁵⁶⁷⁸⁹]/.test(digits)) return base;
    next++;
    return base ** Number([...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(digit)).join(""));
  };
  let bars = 0;
  const atom = (): number => {
    const token = tokens[next++];
    if (token === undefined) throw new Error(`too short: ${text}`);
    if (token === "(") {
      const outer = bars;
      bars = 0;
      const value = choice();
      bars = outer;
      take(")");
      return value;
    }
    if (token === "[") {
      const holds = condition();
      take("]");
      return holds ? 1 : 0;
    }
    if (token === "|") {
      bars++;
      const value = Math.abs(sum());
      bars--;
      take("|");
      return value;
    }
    if (/^\d/.test(token)) return Number(token);
    if (token === "π") return Math.PI;
    if (token === "√" && peek() !== "(") return Math.sqrt(atom());
    const named = Object.hasOwn(values, token) ? values[token] : undefined;
    if (named !== undefined) return named;
    const apply = Object.hasOwn(FUNCTIONS, token) ? FUNCTIONS[token] : undefined;
    if (apply === undefined) throw new Error(`what is ${token} in ${text}?`);
    return apply(atom());
  };

  const value = choice();
  if (next !== tokens.length) throw new Error(`read up to ${next} of ${text}`);
  return value;
}
