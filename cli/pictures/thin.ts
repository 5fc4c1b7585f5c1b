/** Long series kept short, with their extremes. */

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * At most `most` of the points, in their order: the first, the last, and the lowest and highest of
 * each of equally long runs between them. So the extremes of all are among them.
 * @param points in the order of x
 * @param most 4 at least
 */
export function thin<P extends Point>(points: readonly P[], most: number): readonly P[] {
  if (points.length <= most) return points;
  const runs = Math.floor((most - 2) / 2);
  const inner = points.length - 2;
  const kept = [points[0]!];
  for (let run = 0; run < runs; run++) {
    const from = 1 + Math.floor((run * inner) / runs);
    const to = 1 + Math.floor(((run + 1) * inner) / runs);
    let [low, high] = [from, from];
    for (let i = from + 1; i < to; i++) {
      if (points[i]!.y < points[low]!.y) low = i;
      if (points[i]!.y > points[high]!.y) high = i;
    }
    kept.push(points[Math.min(low, high)]!);
    if (low !== high) kept.push(points[Math.max(low, high)]!);
  }
  return [...kept, points.at(-1)!];
}

/** The lowest and the highest of some neighbors. */
interface Stretch<P> {
  readonly low: P;
  readonly high: P;
}

/**
 * A series that grows without end, in little memory: stretches of equally many points, of each the
 * lowest and the highest; when there are too many, neighbors become one.
 */
export class Thinned<P extends Point = Point> {
  readonly #most: number;
  #stretches: Stretch<P>[] = [];
  /** Points of a stretch, and of the one that has begun. */
  #size = 1;
  #begun = 0;
  #first: P | null = null;
  #last: P | null = null;

  /** @param most points that `points` gives at most, 4 at least */
  constructor(most: number) {
    this.#most = most;
  }

  /** Wants x to grow. A point that is not finite is left out. */
  add(point: P): void {
    if (!Number.isFinite(point.y)) return;
    this.#first ??= point;
    this.#last = point;
    if (this.#begun === 0) this.#stretches.push({ low: point, high: point });
    else this.#stretches.push(joined(this.#stretches.pop()!, { low: point, high: point }));
    this.#begun = (this.#begun + 1) % this.#size;
    if (this.#begun !== 0 || this.#stretches.length < this.#most) return;
    this.#stretches = Array.from({ length: Math.ceil(this.#stretches.length / 2) }, (_, i) =>
      joined(this.#stretches[2 * i]!, this.#stretches[2 * i + 1] ?? this.#stretches[2 * i]!),
    );
    this.#size *= 2;
  }

  points(): readonly P[] {
    if (this.#first === null || this.#last === null) return [];
    const inner = this.#stretches.flatMap(({ low, high }) =>
      low === high ? [low] : low.x < high.x ? [low, high] : [high, low],
    );
    const all = [this.#first, ...inner, this.#last];
    return thin(
      all.filter((point, i) => i === 0 || point !== all[i - 1]),
      this.#most,
    );
  }
}

const joined = <P extends Point>(a: Stretch<P>, b: Stretch<P>): Stretch<P> => ({
  low: b.low.y < a.low.y ? b.low : a.low,
  high: b.high.y > a.high.y ? b.high : a.high,
});

/**
 * At most about `most` of the points of a plane: every so many, and those that lie outermost along
 * each axis.
 */
export function thinCloud<P extends readonly [number, number, ...unknown[]]>(
  count: number,
  at: (index: number) => P,
  most: number,
): readonly P[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => at(i));
  const kept = new Set<number>();
  for (let k = 0; k < most; k++) kept.add(Math.floor((k * count) / most));
  const outermost = [0, 0, 0, 0];
  const [x, y] = at(0);
  let [left, right, low, high] = [x, x, y, y];
  for (let i = 1; i < count; i++) {
    const [across, up] = at(i);
    if (across < left) [left, outermost[0]] = [across, i];
    if (across > right) [right, outermost[1]] = [across, i];
    if (up < low) [low, outermost[2]] = [up, i];
    if (up > high) [high, outermost[3]] = [up, i];
  }
  for (const i of outermost) kept.add(i);
  return [...kept].sort((a, b) => a - b).map(at);
}
