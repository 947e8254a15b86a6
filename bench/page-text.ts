/**
 * Words and tables of the result pages.
 *
 * In: figures. Out: Markdown. It knows no benchmark.
 */
import type { MachineDescription } from './machine.ts';

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

/** A line about machine and load, and an empty one. */
export function circumstances(file: {
  readonly machine: MachineDescription;
  readonly load: readonly number[];
}): string[] {
  return [`${machineText(file.machine)}, load average ${file.load.join(' to ')}.`, ''];
}

export function machineText({ cpuModel, cpuCount, memoryMiB, node }: MachineDescription): string {
  return `${cpuModel}, ${cpuCount} cores, ${memoryMiB} MiB, Node ${node}`;
}
