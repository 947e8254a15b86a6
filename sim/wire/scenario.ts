/**
 * Scenario files: what happens in the simulated EC2, and when.
 *
 * In: YAML or JSON, `{events: [{at, do, ...}]}`. Out: every event checked before the first one happens,
 * then carried out by the clock. An event has `at` (from the start) or nothing (at once), and may come
 * again with `every` and `until`. What `do` may be and which fields each takes: `docs/FAKE-EC2.md`.
 */
import { parse } from 'yaml';
import { FieldReader } from '../../catalogue/fields.ts';
import { InputError } from '../../core/errors.ts';
import { type Mischief, type MischiefTools, readMischief } from './mischief.ts';
import { parseDuration } from './scenario-values.ts';

export interface ScenarioEvent {
  readonly atMs: number;
  /** Again after so long, until `untilMs`. */
  readonly everyMs: number | undefined;
  readonly untilMs: number;
  readonly act: Mischief;
}

const eventsMax = 10_000;
const everyMinMs = 100;
/** A repeating event without an end goes on for a day. */
const defaultUntilMs = 24 * 3_600_000;

/** @throws InputError that names the event and the field */
export function readScenario(text: string, file: string): readonly ScenarioEvent[] {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new InputError({ file }, `expected YAML or JSON: ${(error as Error).message}`);
  }
  const events = new FieldReader(file, 'scenario', value).objects('events');
  if (events.length > eventsMax) throw new InputError({ file }, `more than ${eventsMax} events`);
  return events.map((fields) => {
    const everyMs = parseDuration(fields, 'every');
    if (everyMs !== undefined && everyMs < everyMinMs) {
      throw fields.error('every', `at least ${everyMinMs}ms`);
    }
    return {
      atMs: parseDuration(fields, 'at') ?? 0,
      everyMs,
      untilMs: parseDuration(fields, 'until') ?? defaultUntilMs,
      act: readMischief(fields),
    };
  });
}

/**
 * Carries the events out from now on.
 * @param onError is told of what could not be done; the rest goes on
 */
export function playScenario(
  events: readonly ScenarioEvent[],
  tools: MischiefTools,
  onError: (error: unknown) => void,
): void {
  const { clock } = tools.context;
  const startMs = clock.nowMs();
  for (const { atMs, everyMs, untilMs, act } of events) {
    const run = (): void => {
      try {
        act(tools);
      } catch (error) {
        onError(error);
      }
      if (everyMs !== undefined && clock.nowMs() - startMs + everyMs <= untilMs) {
        clock.schedule(everyMs, run);
      }
    };
    clock.schedule(atMs, run);
  }
}
