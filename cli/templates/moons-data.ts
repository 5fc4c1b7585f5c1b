/** Two half moons that reach into each other, the usual first data set that no straight line parts. */

/** Points of each moon. */
const points = 100;

/** The table, always the same: columns `a`, `b`, `moon`. */
export function moonsCsv(): string {
  const noise = normals(0x9e3779b9);
  const rows = Array.from({ length: points }, (_, i) => {
    const angle = (Math.PI * i) / (points - 1);
    return [
      { a: Math.cos(angle), b: Math.sin(angle), moon: "upper" },
      { a: 1 - Math.cos(angle), b: 0.5 - Math.sin(angle), moon: "lower" },
    ].map(({ a, b, moon }) => `${(a + 0.1 * noise()).toFixed(3)},${(b + 0.1 * noise()).toFixed(3)},${moon}`);
  });
  return ["a,b,moon", ...rows.flat(), ""].join("\n");
}

/** Standard normal numbers by Box and Muller, from xorshift32. */
function normals(seed: number): () => number {
  const uniform = (): number => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return ((seed >>> 0) + 1) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
