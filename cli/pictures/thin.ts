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

/** A series that grows without end: what `thin` keeps of it, in little memory. */
export class Thinned<P extends Point = Point> {
  readonly #most: number;
  #points: P[] = [];

  /** @param most points that `points` gives at most */
  constructor(most: number) {
    this.#most = most;
  }

  /** Wants x to grow. A point that is not finite is left out. */
  add(point: P): void {
    if (!Number.isFinite(point.y)) return;
    this.#points.push(point);
    if (this.#points.length >= 4 * this.#most) this.#points = [...thin(this.#points, 2 * this.#most)];
  }

  points(): readonly P[] {
    return thin(this.#points, this.#most);
  }
}

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
  for (let i = 1; i < count; i++) {
    const [x, y] = at(i);
    if (x < at(outermost[0]!)[0]) outermost[0] = i;
    if (x > at(outermost[1]!)[0]) outermost[1] = i;
    if (y < at(outermost[2]!)[1]) outermost[2] = i;
    if (y > at(outermost[3]!)[1]) outermost[3] = i;
  }
  for (const i of outermost) kept.add(i);
  return [...kept].sort((a, b) => a - b).map(at);
}
