/** Lines of fewer points that look the same. */

/**
 * Which points of a line to draw, in order, so that no other is further from the lines between them than the tolerances
 * (Douglas and Peucker, 1973): a straight line is two points.
 */
export function thinLine(
  points: readonly (readonly [x: number, y: number])[],
  tolerance: { readonly x: number; readonly y: number },
): number[] {
  const kept = new Set([0, points.length - 1]);
  const stack: [number, number][] = [[0, points.length - 1]];
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    const [from, to] = part;
    const [a, b] = [points[from]!, points[to]!].map(([x, y]) => [x / tolerance.x, y / tolerance.y] as const);
    const [dx, dy] = [b![0] - a![0], b![1] - a![1]];
    const length = Math.hypot(dx, dy) || 1;
    let [furthest, most] = [-1, 1];
    for (let i = from + 1; i < to; i++) {
      const [x, y] = [points[i]![0] / tolerance.x - a![0], points[i]![1] / tolerance.y - a![1]];
      const distance = Math.abs(x * dy - y * dx) / length;
      if (distance > most) [furthest, most] = [i, distance];
    }
    if (furthest < 0) continue;
    kept.add(furthest);
    stack.push([from, furthest], [furthest, to]);
  }
  return [...kept].filter((i) => i >= 0).sort((a, b) => a - b);
}
