/** Numbers and times as people read them. */

/** `1,234,567` */
export const count = (value: number): string => value.toLocaleString("en");

/** `1 step`, `1,200 steps` */
export const counted = (value: number, word: string): string =>
  `${count(value)} ${word}${value === 1 ? "" : "s"}`;

/** `812 B`, `4.7 KB` (1 KB = 1,000 bytes) */
export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB"];
  const power = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${power === 0 ? scaled : scaled.toPrecision(3)} ${units[power]}`;
}

/** `1.2 M`, for rates and operations */
export function short(value: number): string {
  const units = ["", " k", " M", " G", " T"];
  const power = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${scaled >= 100 || Number.isInteger(scaled) ? Math.round(scaled) : scaled.toPrecision(2)}${units[power]}`;
}

/** `12 FLOP`, `1.2 MFLOP` */
export const operations = (value: number): string => `${short(value)}FLOP`.replace(/(\d)FLOP/, "$1 FLOP");

/** A loss or metric, four significant digits. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(3) : value.toPrecision(4);
}

/** `0.4 s`, `2:05`, `1:02:05` */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const pad = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
