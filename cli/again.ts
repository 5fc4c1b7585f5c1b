/** A command line that makes a run again, from what commander made of the one that was typed. */
import type { Command } from "commander";
import { shellWord } from "./shell.ts";

/**
 * Every option that was typed, in the order of the command's help, and those of `always` with the
 * values that they had.
 * @param without options that do not change the result
 */
export function commandAgain(
  command: Command,
  always: readonly string[],
  without: readonly string[],
): string {
  const words = ["nndsl", command.name(), ...command.args.map((word) => shellWord(word))];
  for (const option of command.options) {
    const name = option.attributeName();
    const typed = command.getOptionValueSource(name) === "cli";
    if ((!typed && !always.includes(name)) || without.includes(name)) continue;
    const value: unknown = command.getOptionValue(name);
    const flag = option.long ?? option.short ?? "";
    // `--no-shuffle` and `--shuffle` are two options of one name.
    if (option.isBoolean() || option.negate) {
      if (value === !option.negate) words.push(flag);
    } else if (value === true) words.push(flag);
    else words.push(...valuesOf(value, option.variadic).map((word) => `${flag} ${word}`));
  }
  return words.join(" ");
}

/** What stands behind an option, once for each time that it is written. */
function valuesOf(value: unknown, variadic: boolean): readonly string[] {
  if (Array.isArray(value)) {
    const words = value.map(String);
    return [variadic ? words.map(shellWord).join(" ") : shellWord(words.join(","))];
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([name, own]) => shellWord(`${name}=${String(own)}`));
  }
  return value === undefined ? [] : [shellWord(String(value))];
}
