/** What a leader runs is told what is its own, and begun anew when that changes. */
import { pino } from 'pino';
import t from 'tap';
import { ClusterError } from '../../../core/ports.ts';
import { SideBySide } from '../../../extender/leadership/side-by-side.ts';
import type { ServiceSettings } from '../../../extender/settings.ts';
import { scriptedFaults } from '../../../sim/faults.ts';
import { createWorld } from '../../../sim/world.ts';
import { fakeKarpenter } from '../../support/fake-karpenter.ts';

const theirs = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass' };
const second = 1_000;

function setUp(sideBySide: ServiceSettings['sideBySide'] = 'auto') {
  const world = createWorld({ seed: 1, types: [] });
  const faults = scriptedFaults();
  const ports = world.startProcess('stowage', { faults });
  const end = new AbortController();
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const { signal } = end;
  const start = () => new SideBySide({ ...ports, log, settings: { sideBySide }, signal });
  /** What each run was told, and how it ended. */
  const runs: string[] = [];
  const work = async (owns: (ref: typeof theirs) => boolean, over: AbortSignal): Promise<void> => {
    runs.push(owns(theirs) ? 'all is ours' : 'theirs is theirs');
    await new Promise((resolve) => over.addEventListener('abort', resolve, { once: true }));
    runs.push('over');
  };
  return { world, faults, end, lines, start, runs, work, karpenter: fakeKarpenter(world) };
}

t.test('every change ends the work and begins it anew', async (t) => {
  const { world, end, lines, start, runs, work, karpenter } = setUp();
  const sideBySide = start();
  const leading = sideBySide.lead(end.signal, work);
  await world.clock.advance(second);
  t.strictSame(runs, ['all is ours']);
  karpenter.lead();
  await world.clock.advance(4 * second);
  t.strictSame(runs, ['all is ours', 'over', 'theirs is theirs']);
  t.equal(sideBySide.karpenterLeads, true);
  await world.clock.advance(60 * second);
  t.equal(runs.length, 3, 'renewals change nothing');
  karpenter.release();
  await world.clock.advance(12 * second);
  t.equal(runs.length, 3, 'its next replica may take the Lease');
  await world.clock.advance(10 * second);
  t.strictSame(runs.slice(3), ['over', 'all is ours']);
  end.abort(new Error('stopped'));
  await world.clock.settle(Promise.all([leading, sideBySide.done]));
  t.equal(runs.at(-1), 'over');
  t.strictSame(
    lines.map((line) => (JSON.parse(line) as { readonly karpenterLeads: boolean }).karpenterLeads),
    [false, true, false],
  );
});

t.test('work that ends, or fails, is not begun again', async (t) => {
  const { world, end, start } = setUp();
  let begun = 0;
  const once = async (): Promise<void> => {
    begun += 1;
  };
  await world.clock.settle(start().lead(end.signal, once));
  t.equal(begun, 1);
  const bug = new TypeError('a bug');
  const failing = start().lead(end.signal, async () => {
    throw bug;
  });
  await t.rejects(world.clock.settle(failing), bug);
  end.abort(new Error('stopped'));
});

t.test('work may end with the reason of its signal', async (t) => {
  const { world, end, start, karpenter } = setUp();
  let begun = 0;
  const leading = start().lead(end.signal, async (_owns, over) => {
    begun += 1;
    await new Promise((_resolve, reject) =>
      over.addEventListener('abort', () => reject(over.reason), { once: true }),
    );
  });
  await world.clock.advance(second);
  karpenter.lead();
  await world.clock.advance(4 * second);
  t.equal(begun, 2);
  end.abort(new Error('stopped'));
  await t.rejects(world.clock.settle(leading), { message: 'stopped' });
});

t.test('who cannot find out begins with what is ours in any case', async (t) => {
  const { world, faults, end, lines, start, runs, work } = setUp();
  const error = new ClusterError('Forbidden', 'leases is forbidden');
  faults.add({ matches: () => true, fault: { type: 'refuse', error }, times: 20 });
  const sideBySide = start();
  const leading = sideBySide.lead(end.signal, work);
  await world.clock.advance(4 * second);
  t.strictSame(runs, []);
  await world.clock.advance(2 * second);
  t.strictSame(runs, ['theirs is theirs']);
  t.equal(lines.length, 1, 'it complains now and then');
  t.match(lines[0], /"code":"Forbidden".*leases is forbidden/);
  await world.clock.advance(60 * second);
  t.strictSame(runs.slice(1), ['over', 'all is ours']);
  end.abort(new Error('stopped'));
  await world.clock.settle(leading);
});

t.test('replacing Karpenter asks nobody', async (t) => {
  const { world, faults, end, start, runs, work, karpenter } = setUp('replace');
  let calls = 0;
  const error = new ClusterError('Forbidden', 'not to be asked');
  const counted = (): boolean => {
    calls += 1;
    return true;
  };
  faults.add({ matches: counted, fault: { type: 'refuse', error }, times: 20 });
  karpenter.lead();
  const sideBySide = start();
  const leading = sideBySide.lead(end.signal, work);
  await world.clock.advance(60 * second);
  t.strictSame(runs, ['all is ours']);
  t.equal(sideBySide.karpenterLeads, false);
  t.equal(calls, 0);
  end.abort(new Error('stopped'));
  await world.clock.settle(Promise.all([leading, sideBySide.done]));
});
