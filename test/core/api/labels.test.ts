/** Which labels mean the same, and which of them a user may set. */
import t from 'tap';
import { isRestrictedLabel, normalizedLabelKey } from '../../../core/api/labels.ts';

t.test('older spellings of a label mean the current one', async (t) => {
  t.equal(normalizedLabelKey('beta.kubernetes.io/arch'), 'kubernetes.io/arch');
  t.equal(normalizedLabelKey('topology.ebs.csi.aws.com/zone'), 'topology.kubernetes.io/zone');
  t.equal(normalizedLabelKey('example.com/zone'), 'example.com/zone');
});

t.test('only well-known labels of the controllers may be set by users', async (t) => {
  for (const key of [
    'karpenter.sh/registered',
    'x.karpenter.k8s.aws/a',
    'kubernetes.io/hostname',
  ]) {
    t.equal(isRestrictedLabel(key), true, key);
  }
  for (const key of [
    'karpenter.k8s.aws/instance-family',
    'notkarpenter.sh/a',
    'team',
    'kubernetes.io/arch',
  ]) {
    t.equal(isRestrictedLabel(key), false, key);
  }
});
