/**
 * What DescribeInstanceStatus knows beside the state: checks that fail, events that are scheduled.
 *
 * In: the engine's announcements, and faults. Out: the status of an instance. It ends nothing itself.
 */
import type { Ec2Engine } from '../ec2-engine.ts';

export interface ScheduledEvent {
  readonly eventId: string;
  readonly code: string;
  readonly startMs: number;
}

export interface InstanceChecks {
  /** Which checks fail. */
  readonly failed: ReadonlySet<'instance' | 'system' | 'ebs'>;
  readonly sinceMs: number;
}

export interface InstanceHealth {
  checksOf(instanceId: string): InstanceChecks | undefined;
  eventsOf(instanceId: string): readonly ScheduledEvent[];
  impair(instanceId: string, check: 'instance' | 'system' | 'ebs', sinceMs: number): void;
}

/** What AWS calls work on a host. */
const maintenanceCode = 'system-maintenance';

export function createInstanceHealth(engine: Ec2Engine): InstanceHealth {
  const checks = new Map<string, InstanceChecks>();
  const events = new Map<string, ScheduledEvent[]>();
  let count = 0;
  engine.listen((event) => {
    const { instanceId, state } = event.instance;
    if (event.type === 'maintenance') {
      count += 1;
      const eventId = `instance-event-${count.toString(16).padStart(17, '0')}`;
      const made = { eventId, code: maintenanceCode, startMs: event.startMs };
      events.set(instanceId, [...(events.get(instanceId) ?? []), made]);
    }
    if (event.type === 'state' && state === 'terminated') {
      checks.delete(instanceId);
      events.delete(instanceId);
    }
  });
  return {
    checksOf: (instanceId) => checks.get(instanceId),
    eventsOf: (instanceId) => events.get(instanceId) ?? [],
    impair: (instanceId, check, sinceMs) => {
      const known = checks.get(instanceId);
      const failed = new Set([...(known?.failed ?? []), check]);
      checks.set(instanceId, { failed, sinceMs: known?.sinceMs ?? sinceMs });
    },
  };
}
