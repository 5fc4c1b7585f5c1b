/**
 * What a record itself holds under a name that users choose: inputs and columns may be called
 * `constructor`.
 */
export const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
