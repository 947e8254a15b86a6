/**
 * What can be made to happen in a simulated EC2, in the words of scenarios and of the admin endpoint.
 *
 * In: an action as read from YAML or JSON. Out: the action checked, with an error that names the field;
 * and the action carried out. When that is, others decide. `scenario.ts` lists the words for people.
 */
import { FieldReader } from '../../catalogue/fields.ts';
import { InputError } from '../../core/errors.ts';
import type { PoolKey } from '../ec2-capacity.ts';
import type { Ec2Instance } from '../ec2-types.ts';
import type { WireContext } from './context.ts';
import type { FaultRules, WireFault } from './faults.ts';
import { globOf } from './glob.ts';
import { parseDuration, parseShare } from './scenario-values.ts';

export interface MischiefTools {
  readonly context: WireContext;
  readonly faults: FaultRules;
}

/** Carries out what was read; answers how many things it touched. */
export type Mischief = (tools: MischiefTools) => number;

type Reader = (fields: FieldReader) => Mischief;

const readers: Readonly<Record<string, Reader>> = {
  drain: (fields) => {
    const matches = poolMatcher(fields);
    const lastsMs = parseDuration(fields, 'for') ?? 600_000;
    const share = parseShare(fields, 'share') ?? 1;
    return ({ context: { engine, clock } }) => {
      engine.drain(matches, clock.nowMs() + lastsMs, share);
      return 1;
    };
  },
  fill: (fields) => {
    const matches = poolMatcher(fields);
    const count = fields.integer('count', 0);
    return ({ context }) => {
      context.engine.launcher.pools.fill(matches, count);
      return 1;
    };
  },
  recover: () => (tools) => {
    tools.context.engine.launcher.pools.recover();
    return 1;
  },
  reclaim: (fields) =>
    onInstances(fields, ({ engine }, { instanceId }) => engine.reclaim(instanceId)),
  rebalance: (fields) =>
    onInstances(fields, ({ engine }, { instanceId }) => engine.recommendRebalance(instanceId)),
  fail: (fields) => onInstances(fields, ({ engine }, { instanceId }) => engine.fail(instanceId)),
  terminate: (fields) =>
    onInstances(fields, ({ engine }, { instanceId }) => void engine.end([instanceId])),
  maintain: (fields) => {
    const inMs = parseDuration(fields, 'in') ?? 3_600_000;
    return onInstances(fields, ({ engine, clock }, { instanceId }) =>
      engine.scheduleMaintenance(instanceId, clock.nowMs() + inMs),
    );
  },
  impair: (fields) => {
    const check = fields.has('check')
      ? fields.oneOf('check', ['instance', 'system', 'ebs'] as const)
      : 'instance';
    return onInstances(fields, ({ health, clock }, { instanceId }) =>
      health.impair(instanceId, check, clock.nowMs()),
    );
  },
  fault: (fields) => {
    const action = fields.text('action');
    const fault = faultOf(fields);
    const times = fields.optionalInteger('times', 1) ?? 1;
    return ({ faults }) => {
      faults.add({ action, fault, times });
      return 1;
    };
  },
  'clear-faults':
    () =>
    ({ faults }) => {
      const { pending } = faults;
      faults.clear();
      return pending;
    },
  deny: (fields) => {
    const action = fields.text('action');
    return ({ context }) => {
      context.account.denied.add(action);
      return 1;
    };
  },
  allow: (fields) => {
    const action = fields.text('action');
    return ({ context }) => (context.account.denied.delete(action) ? 1 : 0);
  },
  send: (fields) => {
    const body = JSON.stringify(fields.value('body'));
    const times = fields.optionalInteger('times', 1) ?? 1;
    return ({ context: { account } }) => {
      const queue = account.queues.get(account.queueNames[0] ?? '');
      for (let time = 0; time < times; time += 1) queue?.send(body);
      return queue === undefined ? 0 : times;
    };
  },
  reserve: (fields) => readReservation(fields),
  'hold-addresses': (fields) => {
    const subnetId = fields.text('subnet');
    const leaves = fields.integer('leave', 0);
    return ({ context: { account, engine } }) => {
      const subnet = account.subnets.find((one) => one.subnetId === subnetId);
      if (subnet === undefined) return 0;
      const { addresses } = engine.launcher;
      const count = addresses.free(subnet.zone, subnetId) - leaves;
      return addresses.hold(subnet.zone, subnetId, count) ? count : 0;
    };
  },
};

/** The words that there are. */
export const mischiefNames: readonly string[] = Object.keys(readers);

/**
 * Reads one action.
 * @throws InputError that names the field
 */
export function readMischief(fields: FieldReader): Mischief {
  const name = fields.oneOf('do', mischiefNames);
  const reader = readers[name];
  if (reader === undefined) throw fields.error('do', mischiefNames.join(', '));
  return reader(fields);
}

/** From `instanceType`, `zone` and `capacityType`; each may hold `*`, and absent ones match all. */
function poolMatcher(fields: FieldReader): (key: PoolKey) => boolean {
  const [type, zone, capacityType] = ['instanceType', 'zone', 'capacityType'].map((name) =>
    globOf(fields.has(name) ? fields.text(name) : '*'),
  );
  return (key) =>
    type?.(key.instanceType) === true &&
    zone?.(key.zone) === true &&
    capacityType?.(key.capacityType) === true;
}

/** Running instances that match, all of them or `count` or `share` of them, chosen by chance. */
function onInstances(
  fields: FieldReader,
  act: (context: WireContext, instance: Ec2Instance) => void,
): Mischief {
  const matches = poolMatcher(fields);
  const id = fields.has('instance') ? fields.text('instance') : undefined;
  const count = fields.optionalInteger('count', 0) ?? Infinity;
  const share = parseShare(fields, 'share');
  if (share !== undefined && count !== Infinity)
    throw fields.error('share', 'either share or count');
  return ({ context }) => {
    const { engine, random } = context;
    const found = [...engine.instances.values()]
      .filter(({ state }) => state === 'running')
      .filter((one) => (id === undefined ? matches(one) : one.instanceId === id))
      .filter(() => share === undefined || random.chance(share));
    const chosen = count < found.length ? shuffled(found, random).slice(0, count) : found;
    for (const instance of chosen) act(context, instance);
    return chosen.length;
  };
}

function shuffled<T>(items: readonly T[], random: { float(): number }): T[] {
  return items
    .map((item) => ({ item, order: random.float() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

function faultOf(fields: FieldReader): WireFault {
  const type = fields.oneOf('fault', ['refuse', 'lose-request', 'lose-answer', 'delay'] as const);
  if (type === 'delay') {
    const delayMs = parseDuration(fields, 'for');
    if (delayMs === undefined) throw fields.error('for', 'a duration such as 5s');
    return { type, delayMs };
  }
  if (type !== 'refuse') return { type };
  const status = fields.optionalInteger('status', 400);
  return {
    type,
    code: fields.text('code'),
    ...(fields.has('message') ? { message: fields.text('message') } : {}),
    ...(status === undefined ? {} : { status }),
  };
}

function readReservation(fields: FieldReader): Mischief {
  const id = fields.text('id');
  if (!/^cr-[0-9a-f]{8,17}$/.test(id)) throw fields.error('id', 'an id as in cr-0123456789abcdef0');
  const instanceType = fields.text('instanceType');
  const zone = fields.text('zone');
  const totalCount = fields.integer('count', 1);
  const kind = fields.has('kind')
    ? fields.oneOf('kind', ['default', 'capacity-block'] as const)
    : 'default';
  const match = fields.has('match')
    ? fields.oneOf('match', ['open', 'targeted'] as const)
    : 'targeted';
  const lastsMs = parseDuration(fields, 'for');
  if (kind === 'capacity-block' && lastsMs === undefined) {
    throw fields.error('for', 'a duration: a capacity block has an end');
  }
  const tags = fields.has('tags') ? textFields(fields.object('tags')) : {};
  return ({ context: { engine, clock } }) => {
    if (!engine.launcher.facts.has(instanceType)) {
      throw new InputError({ field: 'instanceType' }, `there is no type ${instanceType}`);
    }
    const startMs = clock.nowMs();
    const end = lastsMs === undefined ? {} : { endMs: startMs + lastsMs };
    engine.addReservation({
      id,
      instanceType,
      zone,
      totalCount,
      kind,
      match,
      startMs,
      tags,
      ...end,
    });
    return 1;
  };
}

function textFields(fields: FieldReader): Record<string, string> {
  return Object.fromEntries(fields.names().map((name) => [name, fields.text(name)]));
}
