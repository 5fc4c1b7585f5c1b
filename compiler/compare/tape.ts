/**
 * Eager reverse-mode differentiation, in f64: the compiler's independent witness, and a lesson in
 * how autograd works.
 *
 * Each operation computes its result at once and writes an entry on the tape: the result, what it
 * was made of, and for each operand how a change of the result is blamed on it (`pull`). The
 * gradient of a scalar is found by reading the tape backwards. Since every `pull` is itself made of
 * recorded operations, the gradient is on the tape too, and can be differentiated again.
 *
 * Nothing here knows the compiler's derivative rules.
 */
import type { Values } from "../ops/op.ts";
import { count } from "../ops/strided.ts";

/** A tensor on the tape. */
export interface Variable extends Values {
  /** Its place on the tape: what it was made of stands before it. */
  readonly index: number;
  readonly operands: readonly Operand[];
}

export interface Operand {
  readonly of: Variable;
  /** ∂ loss / ∂ result → ∂ loss / ∂ operand */
  readonly pull: (cotangent: Variable) => Variable;
}

export class Tape {
  readonly #entries: Variable[] = [];

  /**
   * Writes an entry. Without operands it is a constant, or something to differentiate with respect
   * to.
   */
  record({ shape, data }: Values, operands: readonly Operand[] = []): Variable {
    const variable = { shape, data, operands, index: this.#entries.length };
    this.#entries.push(variable);
    return variable;
  }

  fill(value: number, shape: readonly number[]): Variable {
    return this.record({ shape, data: new Float64Array(count(shape)).fill(value) });
  }

  /**
   * ∂ scalar / ∂ variable, for each of `variables`: zeros where the scalar does not depend on it.
   * @param add sums contributions; given, since this file knows no operation
   * @param still variables that do not move, whatever they were made of
   */
  gradients(
    scalar: Variable,
    variables: readonly Variable[],
    add: (a: Variable, b: Variable) => Variable,
    still: ReadonlySet<Variable> = new Set(),
  ): Variable[] {
    // What moves when one of the variables moves: all else needs no cotangent.
    const moves = new Set<Variable>(variables);
    for (const entry of this.#entries.slice(0, scalar.index + 1)) {
      if (!still.has(entry) && entry.operands.some(({ of }) => moves.has(of))) moves.add(entry);
    }
    const cotangents = new Map<Variable, Variable>([[scalar, this.fill(1, scalar.shape)]]);
    for (let index = scalar.index; index >= 0; index--) {
      const entry = this.#entries[index]!;
      const cotangent = cotangents.get(entry);
      if (cotangent === undefined) continue;
      for (const { of, pull } of entry.operands) {
        if (!moves.has(of)) continue;
        const flow = pull(cotangent);
        const before = cotangents.get(of);
        cotangents.set(of, before === undefined ? flow : add(before, flow));
      }
    }
    return variables.map((variable) => cotangents.get(variable) ?? this.fill(0, variable.shape));
  }
}
