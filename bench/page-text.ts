/**
 * Words and tables of the result pages.
 *
 * In: figures. Out: Markdown. It knows no benchmark.
 */

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A share, to a tenth of a percent. */
export function percent(ratio: number): string {
  return `${Number((100 * ratio).toFixed(1))} %`;
}

/** Milliseconds to three digits, seconds from one second on; what is not finite never came. */
export function ms(value: number): string {
  if (!Number.isFinite(value)) return 'never';
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${Number(value.toPrecision(3))} ms`;
}

/** With commas. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}
