/**
 * When a disruption budget is in force.
 *
 * In: a budget, the time. Out: whether its window is open. Source: Karpenter's `Budget.IsActive`: a
 * window opens whenever the schedule hits, in UTC, and stays open for the duration; a budget
 * without a schedule is always in force. It does not count nodes.
 */
import { Cron } from 'croner';
import { durationMs } from '../../../core/api/duration.ts';
import type { DisruptionBudget } from '../../../core/api/nodepool.ts';

/** True while the window is open; undefined where schedule or duration cannot be read. */
export function isBudgetActive(
  { schedule, duration }: DisruptionBudget,
  nowMs: number,
): boolean | undefined {
  if (schedule === undefined && duration === undefined) return true;
  const lengthMs = durationMs(duration ?? '');
  if (schedule === undefined || lengthMs === undefined) return undefined;
  const cron = cronOf(schedule);
  if (cron === undefined) return undefined;
  // The first hit within the length of a window before now, if there is one, holds it open.
  const hit = cron.nextRun(new Date(nowMs - lengthMs));
  return hit !== null && hit.getTime() <= nowMs;
}

function cronOf(schedule: string): Cron | undefined {
  try {
    return new Cron(schedule, { timezone: 'UTC', paused: true, mode: '5-part' });
  } catch {
    // Its only complaint is that the pattern is wrong.
    return undefined;
  }
}
