/** The page of a plan stands alone, and no input becomes markup in it. */
import { createHash } from 'node:crypto';
import t from 'tap';
import type { Plan } from '../../../core/packing/plan.ts';
import { curveSvg } from '../../../extender/output/curve-svg.ts';
import { drawPlan } from '../../../extender/output/plan-drawing.ts';
import { planHtmlChunks } from '../../../extender/output/plan-html.ts';
import { sampleFacts, samplePlan } from '../../support/sample-plan.ts';

async function page(overrides: Partial<Plan> = {}): Promise<string> {
  const plan = samplePlan(overrides);
  return (await planHtmlChunks(plan, drawPlan(plan, sampleFacts))).join('');
}

function between(text: string, before: string, after: string): string {
  const from = text.indexOf(before) + before.length;
  return text.slice(from, text.indexOf(after, from));
}

t.test('the policy allows exactly the style and the script of the page', async (t) => {
  const html = await page();
  const policy = between(html, 'Content-Security-Policy" content="', '"');
  const hash = (text: string): string =>
    `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  t.match(policy, "default-src 'none'");
  t.ok(policy.includes(`style-src ${hash(between(html, '<style>', '</style>'))};`));
  t.ok(policy.includes(`script-src ${hash(between(html, '<script>', '</script>'))};`));
  t.notMatch(policy, 'unsafe');
});

t.test('the page refers to nothing outside itself', async (t) => {
  const html = (await page()).replaceAll('http://www.w3.org/2000/svg', '');
  t.notMatch(html, /https?:\/\//);
  t.notMatch(html, /<link|<img|<iframe|@import|url\((?!#)/);
  t.notMatch(html, / style=/, 'inline styles would break the policy');
});

t.test('text from the input cannot become markup', async (t) => {
  const hostile = '</script><script>alert(1)</script>';
  const html = await page({
    unschedulable: [{ pod: `x/${hostile}`, reason: hostile }],
    notes: [hostile],
  });
  t.notOk(html.includes('<script>alert'));
  t.equal(html.split('<script').length - 1, 2, 'the data and the code');
});

t.test('the data in the page is the drawing', async (t) => {
  const html = await page();
  const data = JSON.parse(between(html, 'id="plan">', '</script>'));
  t.strictSame(data, JSON.parse(JSON.stringify(drawPlan(samplePlan(), sampleFacts))));
});

t.test('without scripts the table for people is there', async (t) => {
  t.match(between(await page(), '<noscript>', '</noscript>'), /c6i\.xlarge .*us-east-1a\/b/);
});

t.test('the badge says what is proven', async (t) => {
  const { cost } = samplePlan();
  t.match(await page(), 'Within 0.50 % of optimal, proven');
  t.match(await page({ cost: { ...cost, gap: 0, proof: 'optimal' } }), 'Proven optimal');
  const unproven = await page({ cost: { ...cost, gap: null, proof: 'unproven' } });
  t.match(unproven, 'Gap unproven');
  t.notMatch(unproven, 'No plan costs less than');
});

t.test('a curve of one point is told in words, more are drawn', (t) => {
  t.match(curveSvg([]), 'one step');
  const svg = curveSvg(samplePlan().solver.curve);
  t.match(svg, 'class="line-plan"');
  t.notMatch(svg, 'NaN');
  t.notMatch(
    curveSvg([
      [0, 5, 5],
      [0, 5, 5],
    ]),
    'NaN',
  );
  t.end();
});
