/** What a plan says about the age and the kind of its prices. */
import t from 'tap';
import type { Catalogue } from '../../../catalogue/loader.ts';
import {
  overlayConflictNotes,
  overlayPriceNotes,
  priceNotes,
} from '../../../extender/cli/price-notes.ts';

const catalogue = {
  region: 'us-east-1',
  sources: new Map([
    ['list', { asOf: '2026-07-20', what: '' }],
    ['older', { asOf: '2025-11-03', what: '' }],
    ['feed', { asOf: '2026-08-10', what: '' }],
    ['advisor', { asOf: '2025-06-28', what: '' }],
    ['imputed', { asOf: '2026-11-22', what: '' }],
  ]),
  provenance: new Map([
    ['c5.large', { onDemandSource: 'list', spotSource: 'feed' }],
    ['c6i.large', { onDemandSource: 'older', spotSource: 'advisor' }],
    ['c9x.large', { onDemandSource: 'list', spotSource: 'imputed' }],
  ]),
} as unknown as Catalogue;

const bought = (instanceType: string, capacityType: string) => ({ instanceType, capacityType });

t.test('on-demand prices are told with the dates of those used', (t) => {
  t.strictSame(priceNotes(catalogue, [bought('c5.large', 'on-demand')]), [
    'On-demand prices: us-east-1, as of 2026-07-20.',
  ]);
  t.strictSame(
    priceNotes(catalogue, [bought('c5.large', 'on-demand'), bought('c6i.large', 'on-demand')]),
    ['On-demand prices: us-east-1, as of 2025-11-03 to 2026-07-20.'],
  );
  t.end();
});

t.test('spot prices say that they are regional, and which of them nobody quoted', (t) => {
  const spot = ['c5.large', 'c5.large', 'c6i.large', 'c9x.large'].map((type) =>
    bought(type, 'spot'),
  );
  const [first, ...others] = priceNotes(catalogue, spot);
  t.match(first, /^Spot prices: us-east-1, as of 2025-06-28 to 2026-11-22; regional/);
  t.strictSame(others, [
    "Spot prices derived from the Spot Advisor's savings: c6i.large.",
    'Spot prices that are a guess, from the usual ratio of the family: c9x.large.',
  ]);
  t.end();
});

t.test('a plan that buys nothing has no notes on prices', (t) => {
  t.strictSame(priceNotes(catalogue, []), []);
  t.end();
});

t.test('prices of overlays are told with the overlay, those left out with why', (t) => {
  const offering = { zone: 'us-east-1a', capacityType: 'on-demand', priceNanoUsdPerHour: 1 };
  const overlaid = (instanceType: string, pricedBy?: string) =>
    ({
      ...offering,
      instanceType,
      type: { offerings: [{ ...offering, available: true, pricedBy }] },
    }) as unknown as Parameters<typeof overlayPriceNotes>[0][number];
  t.strictSame(
    overlayPriceNotes([overlaid('m5.large', 'b'), overlaid('c5.large', 'a'), overlaid('r5.large')]),
    ['Priced by NodeOverlay a: c5.large.', 'Priced by NodeOverlay b: m5.large.'],
  );
  const refused = {
    apiVersion: 'karpenter.sh/v1alpha1',
    kind: 'NodeOverlay',
    metadata: { name: 'a' },
    spec: { requirements: [], weight: 3 },
  } as const;
  const conflicts = new Map([[{ ...refused, spec: { ...refused.spec, requirements: [] } }, 'b']]);
  t.strictSame(overlayConflictNotes(conflicts), [
    'NodeOverlay a is left out: NodeOverlay b of the same weight (3) speaks of the same.',
  ]);
  t.end();
});
