/**
 * The log: one JSON object a line, for machines to collect.
 *
 * In: a level and where lines go. Out: a pino logger that every part takes a child of, named by
 * `component`. Lines are written behind the work, since a write to a full pipe would hold up the
 * event loop and with it every pod's scheduling; what does not fit into the buffer is dropped, and
 * what is left at the end is flushed. Objects are named by `kind`, `namespace`, `name`; nothing that
 * is secret is handed to it.
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Lines that wait for a slow reader, in bytes. */
const bufferBytesMax = 4 * 1024 * 1024;
const standardError = 2;

export interface LogOptions {
  readonly level: LogLevel;
  readonly version: string;
  /** Default: standard error, so that standard output is the program's own. */
  readonly stream?: DestinationStream;
}

/** The logger of a process. Levels are words, times are RFC 3339, errors carry their causes. */
export function createLog({ level, version, stream }: LogOptions): Logger {
  return pino(
    {
      level,
      base: { version },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream ?? destination({ fd: standardError, sync: false, maxLength: bufferBytesMax }),
  );
}
