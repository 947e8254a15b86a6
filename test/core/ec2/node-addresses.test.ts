/** How many private addresses a node takes when it starts. */
import t from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { addressesOf, mayRunOut } from '../../../core/ec2/node-addresses.ts';
import { resolveInstanceTypes } from '../../../core/scheduling/allocatable.ts';

const nodeClass = {
  metadata: { name: 'default' },
  spec: { amiSelectorTerms: [{ alias: 'al2023@latest' }] },
} as unknown as EC2NodeClass;
const types = resolveInstanceTypes(loadCatalogue().types, nodeClass, {
  memoryOverhead: 'measured',
  reservedEnis: 0,
});

function addresses(name: string): number {
  const type = types.find((one) => one.name === name);
  if (type === undefined) throw new Error(`the catalogue has no ${name}`);
  return addressesOf(type);
}

t.test('two full interfaces, but no more than its pods may use', (t) => {
  t.equal(addresses('m5.xlarge'), 30);
  t.equal(addresses('t3.nano'), 4);
  t.end();
});

t.test('an address for each EFA interface beyond the first', (t) => {
  t.equal(addresses('p5.48xlarge'), 100 + 31);
  t.equal(addresses('p4d.24xlarge'), 100 + 3);
  t.end();
});

t.test('no type takes more than what is reckoned with where addresses may run out', (t) => {
  const most = Math.max(...types.map((type) => addressesOf(type)));
  t.equal(mayRunOut([most], 1), true);
  t.equal(mayRunOut([most * 2], 1), false);
  t.end();
});
