/**
 * What a user reads when a command fails.
 *
 * In: whatever was thrown. Out: text for standard error. Input errors are the user's to put right,
 * so they get one line; anything else is ours, so it says so and keeps the stack.
 */
import { InputError } from '../../core/errors.ts';

/** Text with a newline at the end. */
export function errorReport(error: unknown): string {
  if (error instanceof InputError) return `error: ${error.message}\n`;
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `error: this is a bug in stowage, please report it with what you ran\n${details}\n`;
}
