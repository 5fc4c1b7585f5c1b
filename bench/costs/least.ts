/** So many calls come one after another at most, between two looks at the clock. */
const MOST = 32;

/**
 * The least of many times, in milliseconds.
 * @param restore brings back what calls change, without being timed
 */
export function least(call: () => void, milliseconds: number, restore?: () => void): number {
  const begin = performance.now();
  let calls = 0;
  while (performance.now() - begin < milliseconds / 4) {
    if (calls % MOST === 0) restore?.();
    call();
    calls++;
  }
  const wanted = Math.max(1, Math.round(calls / 20));
  const some = restore ? Math.min(wanted, MOST) : wanted;
  let best = Infinity;
  do {
    restore?.();
    const start = performance.now();
    for (let i = 0; i < some; i++) call();
    best = Math.min(best, (performance.now() - start) / some);
  } while (performance.now() - begin < milliseconds);
  return best;
}
