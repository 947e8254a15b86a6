/** The labels of an instance type against Karpenter's published page. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import { amiFamily } from '../../../core/scheduling/ami-family.ts';
import { instanceLabels } from '../../../core/scheduling/instance-labels.ts';
import type { InstanceTypeFacts } from '../../../core/state/instance-type.ts';

const { types } = loadCatalogue();
const family = amiFamily(undefined);

function facts(name: string): InstanceTypeFacts {
  const found = types.find((type) => type.name === name);
  if (found === undefined) throw new Error(`${name} is not in the catalogue`);
  return found;
}

interface PublishedPage {
  readonly labels: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

t.test("labels are those of Karpenter's own page, and the two that it leaves out", async (t) => {
  const path = join(import.meta.dirname, '../../golden/karpenter-instance-types.json');
  const page = JSON.parse(readFileSync(path, 'utf8')) as PublishedPage;
  const names = Object.keys(page.labels);
  t.ok(names.length > 20);
  for (const name of names) {
    t.strictSame(instanceLabels(facts(name), family), {
      ...page.labels[name],
      'karpenter.k8s.aws/instance-tenancy': 'default',
      'topology.kubernetes.io/region': 'us-east-1',
    });
  }
});

t.test('two kinds of GPU leave no GPU label', async (t) => {
  const g4dn = facts('g4dn.xlarge');
  const labels = instanceLabels({ ...g4dn, gpus: [...g4dn.gpus, ...g4dn.gpus] }, family);
  t.strictSame(
    Object.keys(labels).filter((key) => key.includes('gpu')),
    [],
  );
});

t.test('names of several words are written with dashes', async (t) => {
  const labels = instanceLabels(facts('g7e.2xlarge'), family);
  t.equal(labels['karpenter.k8s.aws/instance-gpu-name'], 'rtx-pro-server-6000');
});

t.test('a type whose family has no image for it has no operating system', async (t) => {
  const windows = {
    ...family,
    name: 'Windows2022',
    operatingSystem: 'windows' as const,
  };
  t.notOk('kubernetes.io/os' in instanceLabels(facts('m6g.large'), windows));
  t.equal(instanceLabels(facts('m5.large'), windows)['kubernetes.io/os'], 'windows');
});
