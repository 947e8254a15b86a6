/** Allocatable against Karpenter's published values and against real EKS nodes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import type { EC2NodeClass, EC2NodeClassSpec } from '../../../core/api/ec2nodeclass.ts';
import {
  type AllocatableOptions,
  resolveInstanceType,
  resolveInstanceTypes,
} from '../../../core/scheduling/allocatable.ts';
import { amountFloor } from '../../../core/scheduling/quantity.ts';
import type { InstanceTypeFacts } from '../../../core/state/instance-type.ts';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const karpenter: AllocatableOptions = { memoryOverhead: 0.075, reservedEnis: 0 };
const catalogue = loadCatalogue();

function facts(name: string): InstanceTypeFacts {
  const found = catalogue.types.find((type) => type.name === name);
  if (found === undefined) throw new Error(`${name} is not in the catalogue`);
  return found;
}

function nodeClass(
  spec: Partial<EC2NodeClassSpec> = {},
  status: NonNullable<EC2NodeClass['status']> = {},
): EC2NodeClass {
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'test' },
    spec: {
      subnetSelectorTerms: [{ id: 'subnet-1' }],
      securityGroupSelectorTerms: [{ id: 'sg-1' }],
      amiSelectorTerms: [{ alias: 'al2023@latest' }],
      role: 'node',
      ...spec,
    },
    status,
  };
}

function resolve(
  name: string,
  spec: Partial<EC2NodeClassSpec> = {},
  options: Partial<AllocatableOptions> = {},
) {
  return resolveInstanceType(facts(name), nodeClass(spec), { ...karpenter, ...options });
}

const mib = (bytes: number | undefined) => (bytes ?? 0) / mebibyte;

interface PublishedPage {
  readonly allocatable: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

t.test("every value of Karpenter's own page is reproduced", async (t) => {
  const path = join(import.meta.dirname, '../../golden/karpenter-instance-types.json');
  const page = JSON.parse(readFileSync(path, 'utf8')) as PublishedPage;
  // Newer captures count these types' interfaces over two cards, the page over one.
  const splitCards = new Set(['i7ie', 'i8ge'].flatMap((f) => [`${f}.48xlarge`, `${f}.metal-48xl`]));
  const wrong: string[] = [];
  let compared = 0;
  for (const type of resolveInstanceTypes(catalogue.types, undefined, karpenter)) {
    const published = page.allocatable[type.name];
    if (published === undefined || splitCards.has(type.name)) continue;
    for (const resource of new Set([...Object.keys(published), ...Object.keys(type.allocatable)])) {
      const ours = type.allocatable[resource] ?? 0;
      const theirs =
        resource === 'ephemeral-storage'
          ? 17 * gibibyte
          : amountFloor(resource, published[resource] ?? '0');
      // The branch interface table is newer than the page and lists more types.
      const newer = resource === 'vpc.amazonaws.com/pod-eni' && theirs === 0;
      if (ours !== theirs && !newer) wrong.push(`${type.name} ${resource} ${ours} ${theirs}`);
      compared += 1;
    }
  }
  t.strictSame(wrong, []);
  t.ok(compared > 1336 * 4, `${compared} values compared`);
});

t.test('m5.large under AL2023 has what the formula says, worked by hand', async (t) => {
  const { capacity, allocatable } = resolve('m5.large');
  t.strictSame(capacity, {
    cpu: 2000,
    memory: (8192 - 615) * mebibyte, // 7.5 % of 8192 is 614.4
    'ephemeral-storage': 20 * gibibyte,
    pods: 29, // 3 x (10 - 1) + 2
    'vpc.amazonaws.com/pod-eni': 9,
  });
  t.strictSame(allocatable, {
    cpu: 1930, // 60 + 10
    memory: (8192 - 615 - (255 + 11 * 29) - 100) * mebibyte,
    'ephemeral-storage': 17 * gibibyte, // less 1Gi and 10 %
    pods: 29,
    'vpc.amazonaws.com/pod-eni': 9,
  });
});

t.test('real EKS nodes hold back from pods what the formula says', async (t) => {
  // 2i2c-org/infrastructure, node-capacity-info.json: capacity less allocatable, in whole MiB.
  const heldBack = {
    'r5.xlarge': 993,
    'r5.16xlarge': 8462,
    'r7i.xlarge': 993,
    'r7i.4xlarge': 2929,
  };
  for (const [name, memoryMiB] of Object.entries(heldBack)) {
    const { capacity, allocatable } = resolve(name);
    t.equal(mib(capacity['memory']) - mib(allocatable['memory']), memoryMiB, name);
  }
});

t.test('Graviton loses 64 MiB before the overhead is taken', async (t) => {
  const { capacity } = resolve('m6g.large');
  t.equal(mib(capacity['memory']), 8128 - 610); // 7.5 % of 8128 is 609.6
});

t.test('memory that was measured stands in for the guess', async (t) => {
  const { capacity, allocatable } = resolve('m5.large', {}, { memoryOverhead: 'measured' });
  t.equal(mib(capacity['memory']), 7811);
  t.equal(mib(allocatable['memory']), 7811 - 574 - 100);
});

t.test('where nothing was measured the guess stands', async (t) => {
  const unmeasured = catalogue.types.find((type) => type.memoryVisibleMiB === undefined);
  if (unmeasured === undefined) throw new Error('every type is measured');
  const { name } = unmeasured;
  t.strictSame(resolve(name, {}, { memoryOverhead: 'measured' }).capacity, resolve(name).capacity);
});

t.test('an overhead of 0 leaves the nominal memory', async (t) => {
  t.equal(mib(resolve('m5.large', {}, { memoryOverhead: 0 }).capacity['memory']), 8192);
});

t.test('t3 has no branch interfaces', async (t) => {
  t.notOk('vpc.amazonaws.com/pod-eni' in resolve('t3.large').capacity);
});

t.test('GPUs, Neuron devices and cores, and EFA interfaces are capacity', async (t) => {
  t.equal(resolve('g4dn.12xlarge').capacity['nvidia.com/gpu'], 4);
  t.equal(resolve('g4dn.12xlarge').capacity['vpc.amazonaws.com/efa'], 1);
  t.equal(resolve('inf1.6xlarge').capacity['aws.amazon.com/neuron'], 4);
  t.equal(resolve('inf1.6xlarge').capacity['aws.amazon.com/neuroncore'], 16);
  t.notOk('nvidia.com/gpu' in resolve('g6f.large').capacity, 'a share of a GPU is no GPU');
});

t.test('an AMD or Habana GPU goes by its own resource name', async (t) => {
  const gpu = (manufacturer: string) => ({
    name: 'x',
    manufacturer,
    count: 2,
    memoryMiB: 1,
    coresPerDevice: 0,
  });
  const type = { ...facts('m5.large'), gpus: [gpu('AMD'), gpu('Habana'), gpu('AMD')] };
  const { capacity } = resolveInstanceType(type, undefined, karpenter);
  t.equal(capacity['amd.com/gpu'], 4);
  t.equal(capacity['habana.ai/gaudi'], 2);
});

t.test('metal reserves processor by the same steps as any other type', async (t) => {
  const { capacity, allocatable } = resolve('m5.metal');
  t.equal(capacity['cpu'], 96_000);
  t.equal(allocatable['cpu'], 95_690); // 60 + 10 + 10 + 230
});

t.test('configured EFA-only interfaces replace the count of the type', async (t) => {
  const networkInterfaces = [
    { networkCardIndex: 0, deviceIndex: 0, interfaceType: 'interface' as const },
    { networkCardIndex: 0, deviceIndex: 1, interfaceType: 'efa-only' as const },
  ];
  const { capacity } = resolve('g4dn.12xlarge', { networkInterfaces });
  t.equal(capacity['vpc.amazonaws.com/efa'], 1);
  t.equal(capacity['pods'], 7 * 29 + 2, 'one interface of the default card carries no addresses');
  const plain = resolve('g4dn.12xlarge', { networkInterfaces: networkInterfaces.slice(0, 1) });
  t.notOk('vpc.amazonaws.com/efa' in plain.capacity);
});

t.test('maxPods sets the pods, but AL2023 still reserves memory by its interfaces', async (t) => {
  const { allocatable } = resolve('m5.large', { kubelet: { maxPods: 110 } });
  t.equal(allocatable['pods'], 110);
  t.equal(mib(allocatable['memory']), 8192 - 615 - 574 - 100);
});

t.test('Bottlerocket reserves memory by its real pods', async (t) => {
  const spec = { amiSelectorTerms: [{ alias: 'bottlerocket@latest' }], kubelet: { maxPods: 110 } };
  const { allocatable } = resolve('m5.large', spec);
  t.equal(mib(allocatable['memory']), 8192 - 615 - (255 + 11 * 110) - 100);
});

t.test('podsPerCore lowers the pods and never raises them', async (t) => {
  const pods = (kubelet: NonNullable<EC2NodeClassSpec['kubelet']>, alias = 'al2023@latest') =>
    resolve('m5.large', { kubelet, amiSelectorTerms: [{ alias }] }).capacity['pods'];
  t.equal(pods({ podsPerCore: 4 }), 8);
  t.equal(pods({ podsPerCore: 100 }), 29);
  t.equal(pods({ podsPerCore: 10, maxPods: 12 }), 12);
  t.equal(pods({ podsPerCore: 0 }), 29);
  t.equal(pods({ podsPerCore: 4 }, 'bottlerocket@latest'), 29, 'Bottlerocket cannot pass it on');
  t.equal(pods({ podsPerCore: 4 }, 'windows2022@latest'), 8);
});

t.test('reserved interfaces take pods but not reserved memory, and never below none', async (t) => {
  const one = resolve('m5.large', {}, { reservedEnis: 1 });
  t.equal(one.capacity['pods'], 2 * 9 + 2);
  t.equal(mib(one.allocatable['memory']), 8192 - 615 - 574 - 100);
  t.equal(resolve('m5.large', {}, { reservedEnis: 3 }).capacity['pods'], 0);
  t.equal(resolve('m5.large', {}, { reservedEnis: 9 }).capacity['pods'], 0);
});

t.test('Windows has 110 pods, its own addresses, build label and root volume', async (t) => {
  const { capacity, labels } = resolve('m5.large', {
    amiSelectorTerms: [{ alias: 'windows2022@latest' }],
  });
  t.equal(capacity['pods'], 110);
  t.equal(capacity['vpc.amazonaws.com/PrivateIPv4Address'], 9);
  t.equal(capacity['ephemeral-storage'], 50 * gibibyte);
  t.equal(labels['kubernetes.io/os'], 'windows');
  t.equal(labels['node.kubernetes.io/windows-build'], '10.0.20348');
});

t.test('reserved amounts of the node class replace the computed ones key by key', async (t) => {
  const { allocatable } = resolve('m5.large', {
    kubelet: {
      kubeReserved: { memory: '1Gi', pid: '100' },
      systemReserved: { cpu: '100m', memory: '100Mi', 'ephemeral-storage': '2Gi' },
    },
  });
  t.equal(allocatable['cpu'], 2000 - 70 - 100);
  t.equal(mib(allocatable['memory']), 8192 - 615 - 1024 - 100 - 100);
  t.equal(allocatable['ephemeral-storage'], (20 - 1 - 2 - 2) * gibibyte);
  t.notOk('pid' in allocatable);
});

t.test('what is reserved beyond the capacity leaves nothing, not less than nothing', async (t) => {
  const kubelet = { systemReserved: { cpu: '64', memory: '1Ti' } };
  const { allocatable } = resolve('m5.large', { kubelet });
  t.equal(allocatable['cpu'], 0);
  t.equal(allocatable['memory'], 0);
});

t.test('hard eviction thresholds may be amounts or shares; 100 % switches them off', async (t) => {
  const memory = (value: string) => {
    const kubelet = { evictionHard: { 'memory.available': value } };
    return (
      (8192 - 615 - 574) * mebibyte - (resolve('m5.large', { kubelet }).allocatable['memory'] ?? 0)
    );
  };
  const capacity = (8192 - 615) * mebibyte;
  t.equal(memory('500Mi'), 500 * mebibyte);
  t.equal(memory('5%'), Math.ceil(capacity / 20), 'rounded up to a byte');
  t.equal(memory('7.5%'), Math.ceil((capacity * 75) / 1000));
  t.equal(memory('100%'), 0);
  const kubelet = { evictionHard: { 'nodefs.available': '5%' } };
  t.equal(resolve('m5.large', { kubelet }).allocatable['ephemeral-storage'], 18 * gibibyte);
});

t.test('soft eviction thresholds take nothing', async (t) => {
  const kubelet = {
    evictionSoft: { 'memory.available': '2Gi' },
    evictionSoftGracePeriod: { 'memory.available': '1m' },
  };
  t.strictSame(resolve('m5.large', { kubelet }).allocatable, resolve('m5.large').allocatable);
});

t.test('a share of measured memory is a share of what was measured', async (t) => {
  const kubelet = { evictionHard: { 'memory.available': '10%' } };
  const { allocatable } = resolve('m5.large', { kubelet }, { memoryOverhead: 'measured' });
  t.equal(allocatable['memory'], (7811 - 574) * mebibyte - Math.ceil((7811 * mebibyte) / 10));
});

t.test('offerings stay those of the catalogue where nothing stands against them', async (t) => {
  t.equal(resolve('m5.large').offerings, facts('m5.large').offerings);
});

t.test('a node class with subnets makes the other zones unavailable', async (t) => {
  const subnets = [{ id: 'subnet-1', zone: 'us-east-1b' }];
  const type = resolveInstanceType(facts('m5.large'), nodeClass({}, { subnets }), karpenter);
  const available = type.offerings.filter((offering) => offering.available);
  t.equal(type.offerings.length, 10);
  t.strictSame([...new Set(available.map(({ zone }) => zone))], ['us-east-1b']);
});

t.test('a node class that cannot run the type leaves nothing available', async (t) => {
  const none = (name: string, spec: Partial<EC2NodeClassSpec>) =>
    resolve(name, spec).offerings.every(({ available }) => !available);
  t.ok(none('a1.large', {}), 'AL2023 on a1');
  t.notOk(none('a1.large', { amiSelectorTerms: [{ alias: 'bottlerocket@latest' }] }));
  t.ok(none('m6g.large', { amiSelectorTerms: [{ alias: 'windows2022@latest' }] }));
  t.ok(none('m4.large', { connectionTracking: { udpTimeout: 30 } }), 'xen');
  t.notOk(none('m5.large', { connectionTracking: { udpTimeout: 30 } }));
});
