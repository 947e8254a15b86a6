/** Fields that do not exist, or no longer do, are refused by name. */
import t from 'tap';
import { errorOf } from './read-text.ts';

const pool = (spec: string) =>
  `apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: p}\nspec: ${spec}\n`;
const template = (more: string) =>
  pool(
    `{template: {spec: {requirements: [], nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: a}, ${more}}}}`,
  );
const nodeClass = (more: string) =>
  `apiVersion: stowage.dev/v1\nkind: EC2NodeClass\nmetadata: {name: c}\nspec: {role: r, amiSelectorTerms: [{alias: al2023@latest}], subnetSelectorTerms: [{id: subnet-1}], securityGroupSelectorTerms: [{id: sg-1}], ${more}}\n`;

t.test('a misspelt field of a pool or class is refused by name, with the likely one', async (t) => {
  for (const [text, field, message] of [
    [template('taint: []'), 'spec.template.spec.taint', /did you mean taints\?/],
    [
      template('somethingElse: 1'),
      'spec.template.spec.somethingElse',
      /unknown field; known are expireAfter, nodeClassRef/,
    ],
    [nodeClass('kubelet: {maxpods: 5}'), 'spec.kubelet.maxpods', /did you mean maxPods\?/],
    [
      nodeClass('kubelet: {registerWithTaints: []}'),
      'spec.kubelet.registerWithTaints',
      /unknown field/,
    ],
    [
      nodeClass('kubelet: {kubeReserved: {gpu: "1"}}'),
      'spec.kubelet.kubeReserved.gpu',
      /cpu, memory, ephemeral-storage or pid, found "gpu"/,
    ],
    [
      nodeClass('metadataOptions: {httpToken: required}'),
      'spec.metadataOptions.httpToken',
      /did you mean httpTokens\?/,
    ],
  ] as const) {
    const error = await errorOf(text);
    t.equal(error.location.field, field);
    t.match(error.message, message);
  }
});

t.test('fields of former versions are refused with where they went', async (t) => {
  for (const [text, message] of [
    [
      template('kubelet: {maxPods: 5}'),
      /spec\.template\.spec\.kubelet: unknown field: since v1 kubelet settings are in spec\.kubelet of the EC2NodeClass/,
    ],
    [
      pool('{disruption: {expireAfter: 720h}}'),
      /spec\.disruption\.expireAfter: unknown field: since v1 it is spec\.template\.spec\.expireAfter/,
    ],
    [
      pool('{disruption: {consolidationPolicy: WhenUnderutilized}}'),
      /one of WhenEmpty, WhenEmptyOrUnderutilized, Balanced, found "WhenUnderutilized"/,
    ],
    [nodeClass('subnetSelector: {a: b}'), /since v1beta1 it is spec\.subnetSelectorTerms/],
  ] as const) {
    t.match((await errorOf(text)).message, message);
  }
});

t.test('values out of range are refused with the range', async (t) => {
  for (const [text, message] of [
    [pool('{weight: 0}'), /spec\.weight: expected an integer from 1 to 100, found number 0/],
    [pool('{limits: {cpu: -1}}'), /spec\.limits\.cpu: expected a quantity of at least 0/],
    [
      pool('{disruption: {consolidateAfter: 5 minutes}}'),
      /a duration such as 30s.*or Never, found "5 minutes"/,
    ],
    [
      pool('{disruption: {budgets: [{nodes: 10}]}}'),
      /a count or a percentage as a string.*found number 10/,
    ],
    [
      pool('{disruption: {budgets: [{nodes: "1", schedule: "* * *", duration: 1h}]}}'),
      /cron expression of five fields.*found "\* \* \*"/,
    ],
    [
      template('terminationGracePeriod: Never'),
      /a duration such as 30s, 15m or 1h30m, found "Never"/,
    ],
    [nodeClass('metadataOptions: {httpPutResponseHopLimit: 65}'), /an integer from 1 to 64/],
    [nodeClass('connectionTracking: {}'), /a mapping of at least 1 entry, found an empty mapping/],
    [nodeClass('kubelet: {maxPods: "vcpus * 8"}'), /an integer from 0/],
    [
      nodeClass('blockDeviceMappings: [{ebs: {volumeSize: 100}}]'),
      /a size such as 20Gi.*found number 100/,
    ],
  ] as const) {
    t.match((await errorOf(text)).message, message);
  }
});
