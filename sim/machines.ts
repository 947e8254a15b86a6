/**
 * Between EC2 and the cluster: instances become machines whose kubelets register, and nodes of ended
 * instances go.
 *
 * In: the engine's events. Out: calls to the kubelets; Nodes deleted as the cloud controller manager
 * deletes them. What a machine offers is computed from its type as the catalogue knows it, not from
 * what a NodeClaim expects of it.
 */
import {
  labelArch,
  labelInstanceType,
  labelOs,
  labelRegion,
  labelZone,
} from '../core/api/labels.ts';
import { type AllocatableOptions, resolveInstanceType } from '../core/scheduling/allocatable.ts';
import { formatAmount } from '../core/scheduling/quantity.ts';
import type { Resources } from '../core/scheduling/resources.ts';
import { regionOfZone } from '../core/scheduling/well-known-labels.ts';
import type { InstanceTypeFacts } from '../core/state/instance-type.ts';
import { providerIdOf } from './cloud.ts';
import type { SimulatedCluster } from './cluster/cluster.ts';
import { deleteObject } from './cluster/deletion.ts';
import type { Ec2Engine } from './ec2-engine.ts';
import type { Ec2Instance } from './ec2-types.ts';
import type { Kubelets, Machine } from './kubelets.ts';
import type { UserDataReader } from './user-data.ts';

export interface MachineRoomOptions {
  readonly cluster: SimulatedCluster;
  readonly engine: Ec2Engine;
  readonly kubelets: Kubelets;
  readonly types: readonly InstanceTypeFacts[];
  readonly readUserData: UserDataReader;
  /** How much of its memory a machine really has. */
  readonly allocatable: AllocatableOptions;
}

/** The cloud controller manager looks at nodes that are not ready this often. */
const nodeSweepMs = 5_000;
/** What a kubelet reports by itself; everything else a device plugin does. */
const builtInResources = new Set(['cpu', 'memory', 'ephemeral-storage', 'pods']);

export function startMachineRoom(options: MachineRoomOptions): void {
  const { cluster, engine, kubelets } = options;
  const facts = new Map(options.types.map((type) => [type.name, type]));
  engine.listen((event) => {
    const { instance } = event;
    const type = facts.get(instance.instanceType);
    if (event.type === 'kubelet' && type !== undefined) {
      const machine = machineOf(instance, type, options);
      if (machine !== undefined) kubelets.join(machine, event.boot);
    }
    if (event.type !== 'state') return;
    if (instance.state === 'shutting-down') kubelets.stop(instance.privateDnsName);
    if (instance.state === 'terminated') {
      cluster.clock.schedule(nodeSweepMs, () => removeNode(cluster, instance));
    }
  });
}

/** Unless the name belongs to another instance by now. */
function removeNode(cluster: SimulatedCluster, instance: Ec2Instance): void {
  const node = cluster.get('Node', { name: instance.privateDnsName });
  if (node?.spec?.providerID !== providerIdOf(instance)) return;
  deleteObject(cluster, 'Node', node.metadata, { uid: node.metadata.uid });
}

/** The machine that an instance becomes; `undefined` where its user data lets it join no cluster. */
export function machineOf(
  instance: Ec2Instance,
  facts: InstanceTypeFacts,
  options: Pick<MachineRoomOptions, 'readUserData' | 'allocatable'>,
): Machine | undefined {
  const userData = options.readUserData(instance.userData);
  if (userData === undefined) return undefined;
  const type = resolveInstanceType(facts, userData.nodeClass, options.allocatable);
  const [builtIn, devices] = split(type.allocatable);
  return {
    nodeName: instance.privateDnsName,
    providerID: providerIdOf(instance),
    labels: {
      ...userData.labels,
      [labelArch]: facts.architecture,
      [labelOs]: userData.labels[labelOs] ?? 'linux',
      [labelInstanceType]: facts.name,
      [labelZone]: instance.zone,
      [labelRegion]: regionOfZone(instance.zone) ?? '',
    },
    taints: userData.taints,
    capacity: split(type.capacity)[0],
    allocatable: builtIn,
    devices,
  };
}

/** Quantities, what the kubelet reports apart from what device plugins do. */
function split(resources: Resources): [Record<string, string>, Record<string, string>] {
  const builtIn: Record<string, string> = {};
  const devices: Record<string, string> = {};
  for (const [name, amount] of Object.entries(resources)) {
    (builtInResources.has(name) ? builtIn : devices)[name] = formatAmount(name, amount);
  }
  return [builtIn, devices];
}
