/**
 * Machines of the simulated EC2 that join a real cluster, and leave it.
 *
 * In: the engine's events, an administrator's API client. Out: Nodes that register, become ready
 * under KWOK and get their devices; kubelets that fall silent when their instance ends; Nodes of
 * ended instances deleted, as the cloud controller manager deletes them. A machine does not give up
 * while the API server is away. It knows nothing of who launched what and why.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { AllocatableOptions } from '../../core/scheduling/allocatable.ts';
import type { InstanceTypeFacts } from '../../core/state/instance-type.ts';
import { providerIdOf } from '../../sim/cloud.ts';
import type { Ec2Engine } from '../../sim/ec2-engine.ts';
import type { Ec2Event, Ec2Instance } from '../../sim/ec2-types.ts';
import { machineOf } from '../../sim/machines.ts';
import type { UserDataReader } from '../../sim/user-data.ts';
import { type ApiClient, ApiStatusError, UnreachableError } from '../control-plane/api-client.ts';
import { joinNode, stopKubelet } from '../control-plane/joining-node.ts';
import type { Node } from '../control-plane/objects.ts';
import type { ScaledClock } from './scaled-clock.ts';

export interface MachineRoomOptions {
  readonly client: ApiClient;
  readonly engine: Ec2Engine;
  /** The engine's own. */
  readonly clock: ScaledClock;
  readonly types: readonly InstanceTypeFacts[];
  readonly allocatable: AllocatableOptions;
  readonly readUserData: UserDataReader;
}

export interface MachineRoom {
  /** What went wrong with a machine that should have joined or left; empty in a good run. */
  readonly failures: readonly string[];
  /** Ends what is under way; Nodes stay. */
  stop(): Promise<void>;
}

/** The cloud controller manager looks at nodes that are not ready this often, in the cloud's time. */
const nodeSweepMs = 5_000;
/** Between looks whether the API server is back, or the name is free. */
const patienceMs = 250;
const failuresMax = 100;

/** A machine from its kubelet's start. */
interface Joining {
  readonly abort: AbortController;
  /** Settles when nothing that it asked of the API server is on the way any more. */
  readonly ended: Promise<void>;
}

export function startMachineRoom(options: MachineRoomOptions): MachineRoom {
  const { engine, clock } = options;
  const facts = new Map(options.types.map((type) => [type.name, type]));
  const end = new AbortController();
  const joining = new Map<string, Joining>();
  const running = new Set<Promise<void>>();
  const failures: string[] = [];

  function run(what: string, act: () => Promise<void>): Promise<void> {
    const task = act()
      .catch((error: unknown) => {
        if (end.signal.aborted || isAbort(error)) return;
        const text = error instanceof Error ? error.message : String(error);
        if (failures.length < failuresMax) failures.push(`${what}: ${text}`);
      })
      .finally(() => running.delete(task));
    running.add(task);
    return task;
  }

  function onEvent(event: Ec2Event): void {
    const { instance } = event;
    const { instanceId, privateDnsName, state } = instance;
    if (end.signal.aborted) return;
    if (event.type === 'kubelet') {
      const abort = new AbortController();
      const ended = run(
        `${privateDnsName} joins`,
        async () => await join(options, event, facts, abort.signal),
      );
      joining.set(instanceId, { abort, ended });
    }
    if (event.type !== 'state') return;
    if (state === 'shutting-down') {
      const machine = joining.get(instanceId);
      if (machine === undefined) return;
      machine.abort.abort();
      void run(`${privateDnsName} falls silent`, async () => {
        await machine.ended;
        await silence(options, instance, end);
      });
    }
    if (state === 'terminated') {
      const machine = joining.get(instanceId);
      joining.delete(instanceId);
      void run(`${privateDnsName} is removed`, async () => {
        // Its registration may be on the way: a Node that comes later would never be removed.
        await machine?.ended;
        await clock.sleep(nodeSweepMs, end.signal);
        await removeNode(options, instance, end.signal);
      });
    }
  }

  engine.listen(onEvent);
  return {
    failures,
    stop: async () => {
      end.abort();
      for (const { abort } of joining.values()) abort.abort();
      await Promise.all(running);
    },
  };
}

async function join(
  { client, clock, allocatable, readUserData }: MachineRoomOptions,
  { instance, boot }: Extract<Ec2Event, { type: 'kubelet' }>,
  facts: ReadonlyMap<string, InstanceTypeFacts>,
  signal: AbortSignal,
): Promise<void> {
  const type = facts.get(instance.instanceType);
  if (type === undefined) throw new Error(`no type ${instance.instanceType}`);
  const machine = machineOf(instance, type, { readUserData, allocatable });
  if (machine === undefined) throw new Error('its user data is not readable');
  const { nodeName, providerID, ...rest } = machine;
  const joiningNode = { name: nodeName, providerId: providerID, ...rest };
  const delays = {
    bootMs: 0,
    readyMs: boot.readyMs / clock.speed,
    devicesMs: boot.devicesMs / clock.speed,
  };
  await joinNode(patient(client, providerID, signal), joiningNode, delays, signal);
}

/** The machine is gone at this moment: its kubelet says nothing any more. */
async function silence(
  { client }: MachineRoomOptions,
  instance: Ec2Instance,
  { signal }: AbortController,
): Promise<void> {
  const name = instance.privateDnsName;
  const patientClient = patient(client, providerIdOf(instance), signal);
  if ((await nodeOf(patientClient, instance)) === undefined) return;
  await orGone(async () => await stopKubelet(patientClient, name));
}

/** Unless the name belongs to another instance by now. */
async function removeNode(
  { client }: MachineRoomOptions,
  instance: Ec2Instance,
  signal: AbortSignal,
): Promise<void> {
  const patientClient = patient(client, providerIdOf(instance), signal);
  const node = await nodeOf(patientClient, instance);
  if (node === undefined) return;
  const path = `/api/v1/nodes/${node.metadata.name}`;
  const preconditions = { uid: node.metadata.uid };
  await orGone(async () => await patientClient.expect('DELETE', path, { preconditions }));
}

async function nodeOf(client: ApiClient, instance: Ec2Instance): Promise<Node | undefined> {
  const path = `/api/v1/nodes/${instance.privateDnsName}`;
  const node = await orGone(async () => await client.expect<Node>('GET', path));
  return node?.spec?.providerID === providerIdOf(instance) ? node : undefined;
}

/** Somebody else may remove the Node at any moment, or another instance get its name. */
async function orGone<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ApiStatusError && (error.status === 404 || error.status === 409)) {
      return undefined;
    }
    throw error;
  }
}

/**
 * A client that asks again while the API server is away. Registration under a name that is taken
 * waits until the Node of the machine that had it before is gone.
 */
function patient(client: ApiClient, providerId: string, signal: AbortSignal): ApiClient {
  const expect: ApiClient['expect'] = async <Body>(...args: Parameters<ApiClient['expect']>) => {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await client.expect<Body>(...args);
      } catch (error) {
        const [method, , body] = args;
        if (method === 'POST' && error instanceof ApiStatusError && error.status === 409) {
          const own = await registered(client, body as Node, providerId);
          if (own !== undefined) return own as Body;
        } else if (!isOutage(error)) throw error;
      }
      await delay(patienceMs, undefined, { signal });
    }
  };
  return { ...client, expect };
}

/** The Node if it is this machine's own: its answer was lost. */
async function registered(
  client: ApiClient,
  { metadata }: Node,
  providerId: string,
): Promise<Node | undefined> {
  const { status, body } = await client.send<Node>('GET', `/api/v1/nodes/${metadata.name}`);
  return status === 200 && body.spec?.providerID === providerId ? body : undefined;
}

function isOutage(error: unknown): boolean {
  if (error instanceof ApiStatusError) return error.status >= 500 || error.status === 429;
  return error instanceof UnreachableError;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
