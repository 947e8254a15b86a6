// Claims that are launched by one call, and which instance of the answer is whose.

import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import t from 'tap';
import type { Live } from '../../../core/api/kinds.ts';
import type { CloudInstance } from '../../../core/cloud-port.ts';
import { isOrphan } from '../../../core/lifecycle/garbage.ts';
import {
  groupRecords,
  groupStanding,
  inGroupOrder,
  instanceOfClaim,
  isLaunchedUnder,
  wholeGroup,
} from '../../../core/lifecycle/launch-group.ts';
import {
  annotationLaunch,
  type LaunchRecord,
  launchRecordOf,
  launchRecordText,
} from '../../../core/lifecycle/launch-record.ts';
import {
  isAskedUnder,
  type LaunchQuestion,
  launchKey,
  memberRequest,
} from '../../../core/lifecycle/launch-request.ts';
import { liveClaim, onDemand } from '../../support/claim-world.ts';

const atMs = Date.parse('2026-01-01T00:01:00Z');

function claim(number: number, record?: LaunchRecord): Live<'NodeClaim'> {
  const made = liveClaim();
  const annotations = { ...made.metadata.annotations };
  if (record !== undefined) annotations[annotationLaunch] = launchRecordText(record, annotations);
  const uid = `2a1147c6-2b59-4af6-9eeb-40206100000${number}`;
  return { ...made, metadata: { ...made.metadata, name: `claim-${number}`, uid, annotations } };
}

function question(number: number, change: Partial<LaunchQuestion> = {}): LaunchQuestion {
  return {
    claim: claim(number),
    nodeClass: {
      apiVersion: 'karpenter.k8s.aws/v1',
      kind: 'EC2NodeClass',
      metadata: { name: 'default' },
      spec: {
        amiSelectorTerms: [{ alias: 'al2023@latest' }],
        subnetSelectorTerms: [{ id: 'subnet-1' }],
        securityGroupSelectorTerms: [{ id: 'sg-1' }],
        role: 'node',
      },
    },
    offerings: onDemand('m7i.large'),
    attempt: 1,
    clusterName: 'test',
    hash: (text) => createHash('sha256').update(text).digest('hex'),
    ...change,
  };
}

const questions = [0, 1, 2].map((number) => question(number));
const records = groupRecords(questions, atMs);
const [first, second] = records as readonly [LaunchRecord, LaunchRecord, LaunchRecord];

function instance(id: string, tags: Readonly<Record<string, string>>): CloudInstance {
  return {
    providerID: `aws:///us-east-1${id.slice(-1)}/${id}`,
    instanceType: 'm7i.large',
    zone: 'us-east-1a',
    capacityType: 'on-demand',
    state: 'running',
    imageId: 'ami-1',
    priceNanoUsdPerHour: 1,
    launchedMs: 0,
    tags,
  };
}

function launched(ids: readonly string[], call = `${first.token}-0`): readonly CloudInstance[] {
  return ids.map((id) => instance(id, { 'stowage.dev/launch': call }));
}

t.test('claims that differ by name alone have one key and one token', async (t) => {
  t.equal(launchKey(questions[0] as LaunchQuestion), launchKey(questions[1] as LaunchQuestion));
  t.not(launchKey(question(1, { attempt: 2 })), launchKey(question(1)));
  t.not(launchKey(question(1, { offerings: onDemand('m7i.xlarge') })), launchKey(question(1)));
  t.equal(new Set(records.map(({ token }) => token)).size, 1);
  t.ok(first.token.length <= 58, 'the cloud appends to it, and EC2 takes 64');
  t.strictSame(
    records.map(({ group }) => group),
    [0, 1, 2].map((index) => ({ size: 3, index, leader: 'claim-0' })),
  );
  const requests = records.map((record, index) =>
    memberRequest(question(index), record.token, { size: 3, index }),
  );
  const [{ tags } = { tags: {} }] = requests;
  t.notOk(Object.keys(tags).some((key) => key.includes('nodeclaim')));
  t.match(requests[2], { tags, place: { size: 3, index: 2 }, nodeClaimName: 'claim-2' });
});

t.test('other members, another size, attempt or question have another token', async (t) => {
  const tokenOf = (...asked: LaunchQuestion[]): string | undefined =>
    groupRecords(asked, atMs)[0]?.token;
  const [a, b, c] = questions as [LaunchQuestion, LaunchQuestion, LaunchQuestion];
  const later = [a, b, c].map((one) => ({ ...one, attempt: 2 }));
  const tokens = [
    first.token,
    tokenOf(a, b),
    tokenOf(a, c),
    tokenOf(b, a, c),
    tokenOf(a, b, question(3)),
    tokenOf(...later),
    tokenOf(a),
  ];
  t.equal(new Set(tokens).size, tokens.length);
  t.ok(isAskedUnder(first.token, c, 3));
  t.notOk(isAskedUnder(first.token, c, 2));
  t.notOk(isAskedUnder(first.token, { ...c, offerings: onDemand('c7i.large') }, 3));
  t.notOk(isAskedUnder(first.token, { ...c, attempt: 2 }, 3));
});

t.test('a record is read as it was written; one that makes no sense is none', async (t) => {
  t.strictSame(launchRecordOf(claim(1, second).metadata.annotations), second);
  for (const group of [{ size: 3, index: 3, leader: 'a' }, { size: 3, index: -1 }, 'all']) {
    const broken = { ...second, group } as LaunchRecord;
    t.equal(launchRecordOf(claim(1, broken).metadata.annotations), undefined);
  }
});

t.test('whether a group was asked for shows on its leader', async (t) => {
  t.equal(groupStanding(second, claim(0, first)), 'asked');
  t.equal(groupStanding(second, claim(0)), 'not-asked');
  const [otherwise] = groupRecords([question(0), question(2)], atMs);
  t.equal(groupStanding(second, claim(0, otherwise)), 'not-asked', 'it was made anew');
  const [next] = groupRecords([question(0, { attempt: 2 })], atMs);
  t.equal(groupStanding(second, claim(0, next)), 'unknown', 'it was denied, or never asked for');
  t.equal(groupStanding(second, undefined), 'unknown');
  t.equal(groupStanding(second, claim(5, first)), 'unknown', 'another claim of the name');
  const [single] = groupRecords([question(0)], atMs);
  t.equal(groupStanding(single as LaunchRecord, undefined), 'asked', 'no group');
});

t.test('instances have one order, whatever order they are told in', async (t) => {
  const all = [
    ...launched(['i-9', 'i-3']),
    ...launched(['i-2', 'i-8'], `${first.token}-0-1`),
    ...launched(['i-1'], `${first.token}-0-10`),
    ...launched(['i-0'], `${first.token}-1`),
  ];
  const ids = ['i-3', 'i-9', 'i-2', 'i-8', 'i-1', 'i-0'];
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
      const ordered = inGroupOrder(shuffled).map(({ providerID }) => providerID.split('/').at(-1));
      t.strictSame(ordered, ids);
    }),
    { numRuns: 20 },
  );
});

t.test('an instance is known by its place when all are there, or by its name', async (t) => {
  const all = launched(['i-2', 'i-1', 'i-3']);
  const strange = launched(['i-0'], 'another-0');
  t.equal(instanceOfClaim([...all, ...strange], claim(1, second))?.providerID.slice(-3), 'i-2');
  t.equal(wholeGroup(all.slice(1), second.token, 3), undefined);
  t.equal(instanceOfClaim(all.slice(1), claim(1, second)), undefined, 'whose are they?');
  const { uid } = claim(1).metadata;
  const named = instance('i-7', { 'stowage.dev/nodeclaim-uid': uid });
  t.equal(instanceOfClaim([...all.slice(1), named], claim(1, second)), named);
  t.notOk(isLaunchedUnder(all[0] as CloudInstance, second.token.slice(0, -1)));
});

t.test('an instance without a name is kept for whoever knows it or may yet', async (t) => {
  const [one] = launched(['i-1']) as [CloudInstance];
  const lateMs = 600_000;
  const nobody = new Set<string>();
  t.ok(isOrphan(one, undefined, lateMs, nobody));
  t.notOk(isOrphan(one, undefined, 1_000, nobody), 'it is young');
  t.notOk(isOrphan(one, undefined, lateMs, new Set([first.token])), 'somebody waits');
  t.ok(isOrphan(one, undefined, lateMs, new Set(['another'])));
  const knows = { ...claim(1, second), status: { providerID: one.providerID } };
  t.notOk(isOrphan(one, knows, lateMs, nobody));
});
