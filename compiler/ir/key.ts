/** Text that is equal for equal data. JSON would lose -0, NaN and the infinities. */
export const keyOf = (data: unknown): string =>
  JSON.stringify(data, (_, value: unknown) => {
    if (typeof value !== "number") return value;
    if (Object.is(value, -0)) return "-0";
    return Number.isFinite(value) ? value : String(value);
  });
