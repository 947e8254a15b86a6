/** Contract of server-side apply: who owns a field decides what an apply may change and remove. */
import { type ContractCase, codeOf, nodeClaimOf, nodeOf } from './world.ts';

const first = { fieldManager: 'first' };
const second = { fieldManager: 'second' };

export const applyCases: readonly ContractCase[] = [
  {
    rule: 'apply creates what is not there; applying the same again changes nothing',
    check: async (t, { client }, namespace) => {
      const claim = nodeClaimOf(namespace, 'a');
      const labelled = { ...claim, metadata: { name: `${namespace}-a`, labels: { app: 'x' } } };
      const one = await client.apply('NodeClaim', labelled, first);
      t.equal(one.metadata.labels?.['app'], 'x');
      const two = await client.apply('NodeClaim', labelled, first);
      t.equal(two.metadata.resourceVersion, one.metadata.resourceVersion);
      t.equal(two.metadata.uid, one.metadata.uid);
    },
  },
  {
    rule: 'what a manager no longer applies goes; what others own stays',
    check: async (t, { client }, namespace) => {
      const name = `${namespace}-a`;
      await client.create('Node', nodeOf(namespace, 'a'));
      const of = (labels: Record<string, string>) => ({ metadata: { name, labels } });
      await client.apply('Node', of({ one: '1', two: '2' }), first);
      await client.apply('Node', of({ three: '3' }), second);
      const node = await client.apply('Node', of({ one: '1' }), first);
      t.match(node.metadata.labels, { one: '1', three: '3' });
      t.equal(node.metadata.labels?.['two'], undefined);
      t.equal(node.status?.allocatable?.['cpu'], '4');
    },
  },
  {
    rule: 'a field of another manager is a Conflict, unless forced; then it has a new owner',
    check: async (t, { client }, namespace) => {
      const name = `${namespace}-a`;
      const of = (app: string) => ({
        ...nodeClaimOf(namespace, 'a'),
        metadata: { name, labels: { app } },
      });
      await client.apply('NodeClaim', of('x'), first);
      t.equal(await codeOf(client.apply('NodeClaim', of('y'), second)), 'Conflict');
      const forced = await client.apply('NodeClaim', of('y'), { ...second, force: true });
      t.equal(forced.metadata.labels?.['app'], 'y');
      t.equal(await codeOf(client.apply('NodeClaim', of('x'), first)), 'Conflict');
      t.equal(await codeOf(client.apply('NodeClaim', of('y'), first)), 'no error');
    },
  },
  {
    rule: 'two managers may own one field with one value; it goes when both have let go',
    check: async (t, { client }, namespace) => {
      const name = `${namespace}-a`;
      const base = nodeClaimOf(namespace, 'a');
      const of = (labels: Record<string, string>) => ({ ...base, metadata: { name, labels } });
      await client.apply('NodeClaim', of({ app: 'x' }), first);
      await client.apply('NodeClaim', of({ app: 'x' }), second);
      const left = await client.apply('NodeClaim', of({}), first);
      t.equal(left.metadata.labels?.['app'], 'x');
      const gone = await client.apply('NodeClaim', of({}), second);
      t.equal(gone.metadata.labels?.['app'], undefined);
    },
  },
  {
    rule: 'a patch takes a field over: the applier then meets a Conflict',
    check: async (t, { client }, namespace) => {
      const name = `${namespace}-a`;
      const of = (app: string) => ({
        ...nodeClaimOf(namespace, 'a'),
        metadata: { name, labels: { app } },
      });
      await client.apply('NodeClaim', of('x'), first);
      const body = { metadata: { labels: { app: 'z' } } };
      await client.patch('NodeClaim', { name }, { type: 'merge', body }, second);
      t.equal(await codeOf(client.apply('NodeClaim', of('x'), first)), 'Conflict');
    },
  },
  {
    rule: 'what a manager has patched it does not own by apply: it meets itself as another',
    check: async (t, { client }, namespace) => {
      const name = `${namespace}-a`;
      const base = nodeClaimOf(namespace, 'a');
      const of = (app: string) => ({ ...base, metadata: { name, labels: { app } } });
      await client.create('NodeClaim', of('x'), first);
      t.equal(await codeOf(client.apply('NodeClaim', of('y'), first)), 'Conflict');
      t.equal(await codeOf(client.apply('NodeClaim', of('x'), first)), 'no error');
      const kept = await client.apply('NodeClaim', { ...base, metadata: { name } }, first);
      t.equal(kept.metadata.labels?.['app'], 'x', 'it still owns the label by its creation');
    },
  },
  {
    rule: 'status is applied through its subresource, condition by condition',
    check: async (t, { client }, namespace) => {
      const { name } = (await client.create('NodeClaim', nodeClaimOf(namespace, 'a'))).metadata;
      const of = (...types: string[]) => ({
        apiVersion: 'karpenter.sh/v1' as const,
        kind: 'NodeClaim' as const,
        metadata: { name },
        status: {
          conditions: types.map((type) => ({
            type,
            status: 'True' as const,
            reason: type,
            message: '',
            lastTransitionTime: '2026-01-01T00:00:00Z',
          })),
        },
      });
      const status = { subresource: 'status' } as const;
      await client.apply('NodeClaim', of('Launched'), { ...first, ...status });
      await client.apply('NodeClaim', of('Registered'), { ...second, ...status });
      const both = await client.get('NodeClaim', { name });
      const typesOf = (conditions: readonly { type: string }[] | undefined) =>
        conditions?.map(({ type }) => type).sort();
      t.strictSame(typesOf(both?.status?.conditions), ['Launched', 'Registered']);
      const one = await client.apply('NodeClaim', of('Initialized'), { ...first, ...status });
      t.strictSame(typesOf(one.status?.conditions), ['Initialized', 'Registered']);
    },
  },
  {
    rule: 'finalizers are applied one by one',
    check: async (t, { client }, namespace) => {
      const name = `${namespace}-a`;
      const of = (...finalizers: string[]) => ({
        ...nodeClaimOf(namespace, 'a'),
        metadata: { name, finalizers },
      });
      await client.apply('NodeClaim', of('example.com/one'), first);
      await client.apply('NodeClaim', of('example.com/two'), second);
      const both = await client.get('NodeClaim', { name });
      t.strictSame(both?.metadata.finalizers?.toSorted(), ['example.com/one', 'example.com/two']);
      const left = await client.apply('NodeClaim', of(), first);
      t.strictSame(left.metadata.finalizers, ['example.com/two']);
      const none = await client.apply('NodeClaim', of(), second);
      t.strictSame(none.metadata.finalizers ?? [], []);
    },
  },
  {
    rule: 'status that is applied to a kind without its subresource named is left out',
    check: async (t, { client }, namespace) => {
      const claim = { ...nodeClaimOf(namespace, 'a'), metadata: { name: `${namespace}-a` } };
      const stored = await client.apply(
        'NodeClaim',
        { ...claim, status: { nodeName: 'n' } },
        first,
      );
      t.equal(stored.status?.nodeName, undefined);
    },
  },
];
