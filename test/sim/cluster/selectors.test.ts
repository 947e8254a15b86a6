/** Label and field selectors select as the API server does. */
import t from 'tap';
import { ClusterError } from '../../../core/ports.ts';
import { parseFieldSelector, parseLabelSelector } from '../../../sim/cluster/selectors.ts';

t.test('label selectors select as the API server does', async (t) => {
  const labels = { app: 'web', tier: 'front', 'example.com/x': '' };
  const cases: [string, boolean][] = [
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web', true],
    ['app!=web', false],
    ['none!=web', true],
    ['app in (api, web)', true],
    ['app notin (api,web)', false],
    ['none notin (a)', true],
    ['none in (a)', false],
    ['app', true],
    ['!app', false],
    ['!none', true],
    ['example.com/x=', true],
    ['app=web,tier in (front,back),!none', true],
    ['app=web,tier=back', false],
  ];
  for (const [text, expected] of cases) t.equal(parseLabelSelector(text)(labels), expected, text);
});

t.test('what is no selector is refused', async (t) => {
  for (const text of ['app in web', 'app=a=b', '=x', 'a b', 'app in (x']) {
    t.throws(() => parseLabelSelector(text), ClusterError, text);
  }
  t.throws(() => parseFieldSelector('Node', 'spec.nodeName=x'), { code: 'Invalid' });
  t.throws(() => parseFieldSelector('Pod', 'spec.nodeName'), { code: 'Invalid' });
});
