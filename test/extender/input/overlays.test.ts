/** NodeOverlays among manifests, and in files of their own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readOverlays } from '../../../extender/input/overlay-file.ts';
import { errorOf, read } from './read-text.ts';

const overlay = (spec: string, name = 'o') =>
  `apiVersion: karpenter.sh/v1alpha1\nkind: NodeOverlay\nmetadata: {name: ${name}}\nspec: ${spec}\n`;

t.test('overlays are read beside the cluster', async (t) => {
  const { nodeOverlays, ignoredKinds } = await read(overlay('{requirements: [], price: "0.1"}'));
  t.match(nodeOverlays, [{ metadata: { name: 'o' }, spec: { price: '0.1' } }]);
  t.equal(ignoredKinds.size, 0);
});

t.test('what is wrong with one is told by field', async (t) => {
  for (const [text, field, message] of [
    [overlay('{price: "1"}'), 'spec.requirements', /found nothing/],
    [
      overlay('{requirements: [], price: 0.1}'),
      'spec.price',
      /a price in USD per hour as a string/,
    ],
    [overlay('{requirements: [], priceAdjustment: "10%"}'), 'spec.priceAdjustment', /signed/],
    [overlay('{requirements: [], priceAdjustment: "-101%"}'), 'spec.priceAdjustment', /-100%/],
    [overlay('{requirements: [], weight: 0}'), 'spec.weight', /1/],
    [overlay('{requirements: [], prices: "1"}'), 'spec.prices', /did you mean price\?/],
    [overlay('{requirements: [], capacity: {cpu: 1}}'), 'spec.capacity.cpu', /extended resource/],
    [overlay('{requirements: []}').replace('v1alpha1', 'v1'), 'apiVersion', /v1alpha1, found/],
  ] as const) {
    const error = await errorOf(text);
    t.equal(error.location.field, field);
    t.equal(error.location.object, 'NodeOverlay o');
    t.match(error.message, message);
  }
  const twice = overlay('{requirements: []}');
  t.match((await errorOf(`${twice}---\n${twice}`)).message, /once/);
});

async function fileOf(t: Test, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-overlays-'));
  t.teardown(async () => await rm(directory, { recursive: true }));
  const file = join(directory, 'overlays.yaml');
  await writeFile(file, text);
  return file;
}

t.test('files of overlays hold nothing else', async (t) => {
  const good = await fileOf(
    t,
    `${overlay('{requirements: []}')}---\n${overlay('{requirements: []}', 'p')}`,
  );
  t.strictSame(
    (await readOverlays([good])).map(({ metadata }) => metadata.name),
    ['o', 'p'],
  );
  t.strictSame(await readOverlays([]), []);
  for (const [text, message] of [
    [
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n',
      /document 1: .*expected NodeOverlay, found "Pod"/,
    ],
    [
      overlay('{requirements: []}').replace('karpenter.sh', 'other.io'),
      /expected NodeOverlay of karpenter\.sh/,
    ],
    [
      overlay('{requirements: [], weight: x}'),
      /overlays\.yaml: document 1: NodeOverlay o: spec\.weight/,
    ],
    ['a: b', /expected the kind of the object/],
  ] as const) {
    await t.rejects(readOverlays([await fileOf(t, text)]), { name: 'InputError', message });
  }
});
