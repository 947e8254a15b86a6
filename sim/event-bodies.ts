/**
 * What EventBridge writes about the simulated EC2.
 *
 * In: events of the engine. Out: bodies of messages as a rule puts them on a queue, JSON text.
 * Source: `reference/ec2.md` C5. It delivers nothing.
 */
import type { Ec2Event, Ec2Instance } from './ec2-types.ts';

export interface EventSetting {
  readonly id: string;
  readonly nowMs: number;
  readonly region: string;
  readonly accountId: string;
}

/** Undefined for what EC2 tells nobody. */
export function eventBody(event: Ec2Event, setting: EventSetting): string | undefined {
  const { instance } = event;
  const { region, accountId } = setting;
  const { instanceId, zone } = instance;
  switch (event.type) {
    case 'interruption':
      return bodyOf(setting, 'EC2 Spot Instance Interruption Warning', zonal(instance), {
        'instance-id': instanceId,
        'instance-action': 'terminate',
      });
    case 'rebalance':
      return bodyOf(setting, 'EC2 Instance Rebalance Recommendation', zonal(instance), {
        'instance-id': instanceId,
      });
    case 'state':
      return bodyOf(
        setting,
        'EC2 Instance State-change Notification',
        `arn:aws:ec2:${region}:${accountId}:instance/${instanceId}`,
        { 'instance-id': instanceId, state: instance.state },
      );
    case 'block-ends':
      return bodyOf(
        setting,
        'EC2 Capacity Reservation Instance Interruption Warning',
        `arn:aws:ec2:${region}:${accountId}:instance/${instanceId}`,
        {
          'instance-id': instanceId,
          'instance-action': 'terminate',
          'instance-termination-time': isoTime(event.endMs),
          'availability-zone-id': zone,
          'instance-lifecycle': 'capacity-block',
        },
      );
    case 'maintenance':
      return bodyOf(setting, 'AWS Health Event', instanceId, {
        eventArn: `arn:aws:health:${region}::event/EC2/${setting.id}`,
        service: 'EC2',
        eventTypeCode: 'AWS_EC2_SYSTEM_MAINTENANCE_EVENT',
        eventTypeCategory: 'scheduledChange',
        startTime: new Date(event.startMs).toUTCString(),
        affectedEntities: [{ entityValue: instanceId }],
      });
    case 'kubelet':
      return undefined;
  }
}

/** These ARNs have the zone where others have the region, and no account. */
function zonal({ zone, instanceId }: Ec2Instance): string {
  return `arn:aws:ec2:${zone}:instance/${instanceId}`;
}

function bodyOf(
  { id, nowMs, region, accountId }: EventSetting,
  detailType: string,
  resource: string,
  detail: Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify({
    version: '0',
    id,
    'detail-type': detailType,
    source: detailType === 'AWS Health Event' ? 'aws.health' : 'aws.ec2',
    account: accountId,
    time: isoTime(nowMs),
    region,
    resources: [resource],
    detail,
  });
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
