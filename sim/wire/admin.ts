/**
 * The admin endpoint: looking at the simulated EC2 and making things happen in it.
 *
 * In: requests under `/admin/`. Out: JSON. `GET /admin/state` counts, `GET /admin/instances` lists what
 * really is (no lag), `GET /admin/calls` tells calls per action, `POST /admin/actions` carries out one
 * action or a list of them, in the words of scenarios. It is not AWS and has no signature.
 */
import { FieldReader } from '../../catalogue/fields.ts';
import { InputError } from '../../core/errors.ts';
import type { Ec2Instance } from '../ec2-types.ts';
import type { Json } from './context.ts';
import { type MischiefTools, readMischief } from './mischief.ts';
import type { CallRecord } from './server.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly body: Json;
}

/** Answers a request; `undefined` if it is not for the admin endpoint. */
export function answerAdmin(
  method: string,
  path: string,
  body: string,
  tools: MischiefTools,
  calls: readonly CallRecord[],
): AdminAnswer | undefined {
  if (!path.startsWith('/admin/')) return undefined;
  switch (`${method} ${path}`) {
    case 'GET /admin/state':
      return { status: 200, body: stateOf(tools, calls) };
    case 'GET /admin/instances':
      return { status: 200, body: { instances: instancesOf(tools) } };
    case 'GET /admin/calls':
      return { status: 200, body: { calls: countsOf(calls) } };
    case 'POST /admin/actions':
      return actionsAnswer(body, tools);
    default:
      return { status: 404, body: { error: `${method} ${path} is not there` } };
  }
}

/** All are read before the first is carried out. */
function actionsAnswer(body: string, tools: MischiefTools): AdminAnswer {
  try {
    const value = JSON.parse(body) as unknown;
    const actions = (Array.isArray(value) ? value : [value]).map((one) =>
      readMischief(new FieldReader('request', 'action', one)),
    );
    return { status: 200, body: { touched: actions.map((act) => act(tools)) } };
  } catch (error) {
    if (error instanceof InputError || error instanceof SyntaxError) {
      return { status: 400, body: { error: error.message } };
    }
    throw error;
  }
}

function stateOf({ context, faults }: MischiefTools, calls: readonly CallRecord[]): Json {
  const { engine, account, clock } = context;
  const states: Record<string, number> = {};
  for (const { state } of engine.instances.values()) states[state] = (states[state] ?? 0) + 1;
  return {
    time: new Date(clock.nowMs()).toISOString(),
    instances: states,
    spentUsd: engine.spentNanoUsd() / 1e9,
    launchTemplates: account.launchTemplates.size,
    freeAddresses: Object.fromEntries(
      account.subnets.map(({ subnetId, zone }) => [
        subnetId,
        engine.launcher.addresses.free(zone, subnetId),
      ]),
    ),
    queues: Object.fromEntries([...account.queues].map(([name, queue]) => [name, queue.size])),
    faultsPending: faults.pending,
    denied: [...account.denied],
    calls: calls.length,
  };
}

function instancesOf({ context }: MischiefTools): readonly Json[] {
  return [...context.engine.instances.values()].map((one: Ec2Instance) => ({
    instanceId: one.instanceId,
    instanceType: one.instanceType,
    zone: one.zone,
    capacityType: one.capacityType,
    state: one.state,
    stateReason: one.stateReason,
    subnetId: one.subnetId,
    privateDnsName: one.privateDnsName,
    launched: new Date(one.launchedMs).toISOString(),
    priceUsdPerHour: one.priceNanoUsdPerHour / 1e9,
    tags: one.tags,
  }));
}

/** `service:action` -> how it ended ('' for well) -> how often. */
function countsOf(calls: readonly CallRecord[]): Json {
  const counts: Record<string, Record<string, number>> = {};
  for (const { service, action, error } of calls) {
    const byError = (counts[`${service}:${action}`] ??= {});
    byError[error] = (byError[error] ?? 0) + 1;
  }
  return counts;
}
