/**
 * Numbers and choices from the command lines of the bench programs.
 *
 * In: the text after an option. Out: the value, or an `InputError` that names option and
 * expectation. Which options a program has is the program's business.
 */
import { InputError } from '../core/errors.ts';

/** An integer within a range. */
export function integerOption(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new InputError({ field: `--${name}` }, `expected an integer from ${least} to ${most}`);
  }
  return value;
}

/** A number within a range, such as seconds or a ratio. */
export function numberOption(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most)) {
    throw new InputError({ field: `--${name}` }, `expected a number from ${least} to ${most}`);
  }
  return value;
}

/** One of several words. */
export function choiceOption<T extends string>(
  name: string,
  text: string,
  choices: readonly T[],
): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) {
    throw new InputError({ field: `--${name}` }, `expected one of ${choices.join(', ')}`);
  }
  return found;
}

/**
 * Runs a program's main function; wrong arguments are answered with a sentence and exit code 1.
 * Anything else that is thrown is a bug and keeps its stack.
 */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const badOption = error instanceof TypeError && 'code' in error;
    if (!(error instanceof InputError) && !badOption) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
