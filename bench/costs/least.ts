/** The least of many times, in milliseconds. */
export function least(call: () => void, milliseconds: number): number {
  const begin = performance.now();
  let calls = 0;
  while (performance.now() - begin < milliseconds / 4) {
    call();
    calls++;
  }
  const some = Math.max(1, Math.round(calls / 20));
  let best = Infinity;
  do {
    const start = performance.now();
    for (let i = 0; i < some; i++) call();
    best = Math.min(best, (performance.now() - start) / some);
  } while (performance.now() - begin < milliseconds);
  return best;
}
