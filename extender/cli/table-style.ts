/**
 * How a table may look where it goes.
 *
 * In: the file that the answer goes to, the terminal and the environment. Out: width and whether
 * colours are welcome. Rules: colours only on a terminal and without NO_COLOR (no-color.org).
 */
import type { TableStyle } from '../output/plan-table.ts';

/** Width where no terminal tells one: what a wide terminal or a text editor shows. */
const columnsElsewhere = 110;

/** Narrower terminals get lines of this width: below, nothing lines up. */
const columnsMin = 60;

/** Style of a table that goes to `file`, or else to `terminal`. */
export function tableStyle(
  file: string | undefined,
  terminal: { readonly isTTY?: boolean; readonly columns?: number } = process.stdout,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): TableStyle {
  if (file !== undefined || terminal.isTTY !== true) {
    return { colour: false, columns: columnsElsewhere };
  }
  const noColour = (environment['NO_COLOR'] ?? '') !== '';
  return {
    colour: !noColour && environment['TERM'] !== 'dumb',
    // Some terminals do not tell, and say 0.
    columns: Math.max(columnsMin, terminal.columns || columnsElsewhere),
  };
}
