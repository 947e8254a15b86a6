/** Contract of lists and watches: order, completeness, selections, pages, bookmarks, forgetting. */
import {
  type ContractCase,
  codeOf,
  eventually,
  identityOf,
  nodeOf,
  podOf,
  versionNow,
  watching,
} from './world.ts';

export const watchCases: readonly ContractCase[] = [
  {
    rule: 'a watch tells every change after its version, in order, under rising versions',
    check: async (t, world, namespace) => {
      const { client } = world;
      const resourceVersion = await versionNow(world, 'Pod', namespace);
      await client.create('Pod', podOf(namespace, 'before'));
      const watch = watching(world, 'Pod', { namespace, resourceVersion });
      await client.create('Pod', podOf(namespace, 'a'));
      const body = { metadata: { labels: { app: 'x' } } };
      await client.patch('Pod', { namespace, name: 'a' }, { type: 'merge', body });
      await client.delete('Pod', { namespace, name: 'before' });
      // A pod's deletion is two changes: it gets its time, then it goes.
      const lines = await watch.untilLines(5);
      t.strictSame(lines, [
        'added before',
        'added a',
        'modified a',
        'modified before',
        'deleted before',
      ]);
      const versions = watch.events.flatMap((event) =>
        event.type === 'bookmark' ? [] : [BigInt(event.object.metadata.resourceVersion)],
      );
      t.strictSame(
        versions,
        versions.toSorted((a, b) => (a < b ? -1 : 1)),
      );
      t.equal(new Set(versions).size, 5, 'a deletion has a version of its own');
      await watch.stop();
    },
  },
  {
    rule: 'a change by status, bind or finalizer is told like any other',
    check: async (t, world, namespace) => {
      const { client } = world;
      const resourceVersion = await versionNow(world, 'Pod', namespace);
      const watch = watching(world, 'Pod', { namespace, resourceVersion });
      const wanted = podOf(namespace, 'a');
      const pod = await client.create('Pod', {
        ...wanted,
        metadata: { ...wanted.metadata, finalizers: ['example.com/hold'] },
      });
      await client.bind(identityOf(pod), 'nowhere');
      const body = { status: { phase: 'Running' as const } };
      const status = { subresource: 'status' } as const;
      await client.patch('Pod', identityOf(pod), { type: 'merge', body }, status);
      await client.delete('Pod', identityOf(pod), { gracePeriodSeconds: 0 });
      const operations = [{ op: 'remove', path: '/metadata/finalizers' }] as const;
      await client.patch('Pod', identityOf(pod), { type: 'json', operations });
      t.strictSame(await watch.untilLines(5), [
        'added a',
        'modified a',
        'modified a',
        'modified a',
        'deleted a',
      ]);
      await watch.stop();
    },
  },
  {
    rule: 'an object deleted and made again is told as two, with two UIDs',
    check: async (t, world, namespace) => {
      const { client } = world;
      const resourceVersion = await versionNow(world, 'Pod', namespace);
      const watch = watching(world, 'Pod', { namespace, resourceVersion });
      await client.create('Pod', podOf(namespace, 'a'));
      await client.delete('Pod', { namespace, name: 'a' });
      await client.create('Pod', podOf(namespace, 'a'));
      const lines = await watch.untilLines(4);
      t.strictSame(lines, ['added a', 'modified a', 'deleted a', 'added a']);
      const uids = watch.events.flatMap((event) =>
        event.type === 'bookmark' ? [] : [event.object.metadata.uid],
      );
      t.equal(uids[0], uids[2]);
      t.not(uids[2], uids[3]);
      await watch.stop();
    },
  },
  {
    rule: 'what leaves a label selection is told as deleted, what comes into it as added',
    check: async (t, world, namespace) => {
      const { client } = world;
      const resourceVersion = await versionNow(world, 'Pod', namespace);
      const labelSelector = 'app in (x,y),tier!=back';
      const watch = watching(world, 'Pod', { namespace, resourceVersion, labelSelector });
      await client.create('Pod', podOf(namespace, 'a'));
      const label = async (labels: Record<string, string | null>) => {
        const body = { metadata: { labels } };
        return await client.patch('Pod', { namespace, name: 'a' }, { type: 'merge', body });
      };
      await label({ app: 'x' });
      await label({ app: 'y' });
      const left = await label({ tier: 'back' });
      await label({ tier: null });
      t.strictSame(await watch.untilLines(4), ['added a', 'modified a', 'deleted a', 'added a']);
      const [, , gone] = watch.events.filter(({ type }) => type !== 'bookmark');
      const { metadata } = gone?.type === 'deleted' ? gone.object : {};
      t.equal(metadata?.resourceVersion, left.metadata.resourceVersion);
      t.equal(metadata?.labels?.['tier'], undefined, 'with its last state inside');
      await watch.stop();
    },
  },
  {
    rule: 'pods can be selected by node, phase and name',
    check: async (t, world, namespace) => {
      const { client } = world;
      const resourceVersion = await versionNow(world, 'Pod', namespace);
      const fieldSelector = `spec.nodeName=${namespace}-n,status.phase!=Succeeded`;
      const watch = watching(world, 'Pod', { namespace, resourceVersion, fieldSelector });
      const a = await client.create('Pod', podOf(namespace, 'a'));
      await client.create('Pod', podOf(namespace, 'b'));
      await client.bind(identityOf(a), `${namespace}-n`);
      const body = { status: { phase: 'Succeeded' as const } };
      const status = { subresource: 'status' } as const;
      await client.patch('Pod', identityOf(a), { type: 'merge', body }, status);
      t.strictSame(await watch.untilLines(2), ['added a', 'deleted a']);
      await watch.stop();
      const namesOf = async (selector: string) =>
        (await client.list('Pod', { namespace, fieldSelector: selector })).items.map(
          ({ metadata }) => metadata.name,
        );
      t.strictSame(await namesOf('spec.nodeName='), ['b']);
      t.strictSame(await namesOf('metadata.name=b'), ['b']);
      t.strictSame(await namesOf(`spec.nodeName=${namespace}-n`), ['a']);
      t.equal(await codeOf(namesOf('spec.priority=0')), 'Invalid');
    },
  },
  {
    rule: 'lists are sorted by name and can be selected by label',
    check: async (t, { client }, namespace) => {
      for (const name of ['c', 'a', 'b']) {
        const wanted = podOf(namespace, name);
        const labels = name === 'b' ? { app: 'x' } : { app: 'y', [name]: '' };
        await client.create('Pod', { ...wanted, metadata: { ...wanted.metadata, labels } });
      }
      const namesOf = async (labelSelector?: string) =>
        (
          await client.list('Pod', {
            namespace,
            ...(labelSelector === undefined ? {} : { labelSelector }),
          })
        ).items.map(({ metadata }) => metadata.name);
      t.strictSame(await namesOf(), ['a', 'b', 'c']);
      t.strictSame(await namesOf('app=y'), ['a', 'c']);
      t.strictSame(await namesOf('app!=y'), ['b']);
      t.strictSame(await namesOf('c'), ['c']);
      t.strictSame(await namesOf('!c,app notin (x)'), ['a']);
      t.equal(await codeOf(namesOf('app in x')), 'Invalid');
    },
  },
  {
    rule: 'pages of a list show one moment, whatever changes between them',
    check: async (t, { client }, namespace) => {
      for (const name of ['a', 'b', 'c', 'd', 'e'])
        await client.create('Pod', podOf(namespace, name));
      const first = await client.list('Pod', { namespace, limit: 2 });
      await client.delete('Pod', { namespace, name: 'd' });
      await client.create('Pod', podOf(namespace, 'cc'));
      const names = first.items.map(({ metadata }) => metadata.name);
      let next = first.continue;
      let pages = 1;
      while (next !== undefined) {
        const page = await client.list('Pod', { namespace, limit: 2, continue: next });
        t.equal(page.resourceVersion, first.resourceVersion);
        names.push(...page.items.map(({ metadata }) => metadata.name));
        next = page.continue;
        pages += 1;
      }
      t.strictSame(names, ['a', 'b', 'c', 'd', 'e']);
      t.equal(pages, 3);
      const now = await client.list('Pod', { namespace });
      t.strictSame(
        now.items.map(({ metadata }) => metadata.name),
        ['a', 'b', 'c', 'cc', 'e'],
      );
      t.equal(await codeOf(client.list('Pod', { namespace, continue: 'nonsense' })), 'Invalid');
    },
  },
  {
    rule: 'a watch from the version of a list misses nothing that the list did not have',
    check: async (t, world, namespace) => {
      const { client } = world;
      const names = Array.from({ length: 12 }, (_, index) => `p${index}`);
      const creating = Promise.all(
        names.map(async (name) => await client.create('Pod', podOf(namespace, name))),
      );
      const list = await client.list('Pod', { namespace });
      const { resourceVersion } = list;
      const watch = watching(world, 'Pod', { namespace, resourceVersion });
      await creating;
      await watch.untilLines(names.length - list.items.length);
      const seen = [
        ...list.items.map(({ metadata }) => metadata.name),
        ...watch.lines().map((line) => line.replace('added ', '')),
      ];
      t.strictSame(seen.toSorted(), names.toSorted());
      await watch.stop();
    },
  },
  {
    rule: 'a quiet watch gets a bookmark before the server ends it, which is no error',
    check: async (t, world, namespace) => {
      const { client } = world;
      const resourceVersion = await versionNow(world, 'Lease', namespace);
      // Something else moves on, so that the bookmark has something to say.
      await client.create('Node', nodeOf(namespace, 'a'));
      const bookmarks: string[] = [];
      let hasEnded = false;
      const { signal } = new AbortController();
      const options = { namespace, resourceVersion, timeoutSeconds: 12, signal };
      const ended = client
        .watch('Lease', options, (event) => {
          if (event.type === 'bookmark') bookmarks.push(event.resourceVersion);
        })
        .finally(() => {
          hasEnded = true;
        });
      await eventually(world, 'the watch has ended', async () => (hasEnded ? true : undefined));
      await ended;
      t.ok(bookmarks.length > 0, 'there was a bookmark');
      t.ok(bookmarks.every((version) => BigInt(version) >= BigInt(resourceVersion)));
    },
  },
  {
    rule: 'a version that is forgotten is Expired',
    check: async (t, world, namespace) => {
      await world.forget();
      const { signal } = new AbortController();
      const options = { namespace, resourceVersion: '1', timeoutSeconds: 5, signal };
      const ended = codeOf(world.client.watch('Pod', options, () => undefined));
      let code: string | undefined;
      void ended.then((answer) => {
        code = answer;
      });
      await eventually(world, 'the watch has ended', async () => code);
      t.equal(code, 'Expired');
    },
  },
  {
    rule: 'a listener that throws ends the watch with its own error; an aborted watch just ends',
    check: async (t, world, namespace) => {
      const { client } = world;
      const resourceVersion = await versionNow(world, 'Pod', namespace);
      await client.create('Pod', podOf(namespace, 'a'));
      const abort = new AbortController();
      const options = { namespace, resourceVersion, timeoutSeconds: 60, signal: abort.signal };
      await t.rejects(
        client.watch('Pod', options, () => {
          throw new RangeError('mine');
        }),
        { name: 'RangeError', message: 'mine' },
      );
      const ended = client.watch('Pod', options, () => abort.abort());
      t.equal(await ended, undefined);
    },
  },
];
