/** Text that is equal for equal data. JSON would lose -0, NaN and the infinities. */
export function keyOf(data: unknown): string {
  if (typeof data === "number") return Object.is(data, -0) ? "-0" : String(data);
  if (typeof data !== "object" || data === null) return JSON.stringify(data) ?? "undefined";
  if (Array.isArray(data)) return `[${data.map(keyOf).join()}]`;
  let key = "{";
  for (const [name, value] of Object.entries(data)) {
    // As what is left out.
    if (value !== undefined) key += `${JSON.stringify(name)}:${keyOf(value)},`;
  }
  return `${key}}`;
}
