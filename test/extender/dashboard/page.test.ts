/** The dashboard in a real browser, where one is installed, over a simulated cluster. */
import { existsSync } from 'node:fs';
import { type FastifyInstance, fastify } from 'fastify';
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import t, { type Test } from 'tap';
import { systemClock } from '../../../extender/adapters/system.ts';
import { registerDashboard } from '../../../extender/dashboard/routes.ts';
import { batchShapes, type JobShape, submitJob } from '../../../sim/workloads.ts';
import { type StandIn, startStandIn } from './stand-in.ts';

const executablePath = '/usr/bin/chromium';
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const skip = existsSync(executablePath) ? false : `no browser at ${executablePath}`;
/** The machine may be busy with other tests. */
const waitMs = 60_000;
const lookMs = 50;
const desktop = { width: 1280, height: 900 };
const phone = { width: 380, height: 800 };

function shape(name: string): JobShape {
  const found = batchShapes.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no shape ${name}`);
  return found;
}

async function serve(standIn: StandIn, port = 0): Promise<{ app: FastifyInstance; url: string }> {
  const app = fastify({ forceCloseConnections: true });
  await registerDashboard(app, { ...standIn.sources, clock: systemClock, run: `${port}` });
  return { app, url: await app.listen({ host: '127.0.0.1', port }) };
}

t.test('the dashboard in a browser', { skip }, async (t) => {
  const browser: Browser = await chromium.launch({ executablePath, args });
  t.teardown(() => browser.close());

  /** A world, its dashboard, and a page that looks at it. What the page complains of is kept. */
  async function open(t: Test, options: BrowserContextOptions = {}, seed = 1) {
    const standIn = await startStandIn({ seed, speed: 10 });
    const { app, url } = await serve(standIn);
    const page = await browser.newPage({ viewport: desktop, ...options });
    page.setDefaultTimeout(waitMs);
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) complaints.push(request.url());
    });
    t.teardown(async () => {
      await page.close();
      await app.close();
      standIn.stop();
    });
    const load = async (): Promise<void> => {
      await page.goto(url);
      await page.locator('body:not(.waiting) #link', { hasText: 'live' }).waitFor();
    };
    return { standIn, world: standIn.world, app, url, page, complaints, load };
  }

  await t.test('an empty cluster explains itself', async (t) => {
    const { page, load, complaints } = await open(t);
    await load();
    await shows(t, page.locator('#fleet'), 'There are no nodes.');
    await shows(t, page.locator('#pending-body'), 'Nothing waits.');
    await shows(t, page.locator('#lines'), 'No decisions yet.');
    await shows(t, page.locator('#cluster'), 'cluster simulated');
    await shows(t, page.locator('#speed'), '10× speed');
    await shows(t, page.locator('#leader'), 'leader');
    t.strictSame(complaints, []);
  });

  await t.test('pods wait with a reason, a ghost becomes a node, nodes go', async (t) => {
    const { page, load, world, standIn, complaints } = await open(t);
    standIn.hopeless.add('default/train');
    await load();
    submitJob(world.cluster, shape('train'), { pods: 1, runMs: 60_000 });
    submitJob(world.cluster, shape('lint'), { pods: 5, runMs: 120_000 });
    await world.clock.advance(10_000);
    const waiting = page.locator('#pending-body');
    const lint = waiting.locator('tr', { hasText: 'default/lint' });
    await lint.filter({ hasText: 'Its node is booting' }).waitFor();
    await shows(t, lint, /5node on its way/);
    await shows(
      t,
      waiting.locator('tr[data-state=stuck]'),
      /default\/train.*No offering has the memory/,
    );
    const fleet = page.locator('#fleet');
    await page.locator('#fleet[data-nodes="1"][data-coming="1"] canvas').waitFor();
    await shows(t, page.locator('#facts'), '0 +1 coming');

    await world.clock.advance(60_000);
    await page.locator('#fleet[data-nodes="1"][data-coming="0"]').waitFor();
    await lint.waitFor({ state: 'detached' });
    await shows(t, fleet.locator('article header'), 'general1 node · $0.4032 /h · cpu');
    await page.locator('#legend button', { hasText: 'default/lint' }).waitFor();
    await shows(t, page.locator('#cost'), '$0.4032');
    await comes(t, () => page.title(), '$0.4032/h · 1 node · 5 running · 1 waiting');
    await page.locator('#lines li', { hasText: 'launched' }).waitFor();

    await world.clock.advance(300_000);
    await page.locator('#fleet[data-nodes="0"]').waitFor();
    await shows(t, page.locator('#facts'), 'Pods done5');
    t.strictSame(complaints, []);
  });

  await t.test(
    'bins are painted in the colours of their workloads and tell of themselves',
    async (t) => {
      const { page, load, world } = await open(t, { reducedMotion: 'reduce' });
      submitJob(world.cluster, shape('render'), { pods: 4, runMs: 600_000 });
      await world.clock.advance(120_000);
      await load();
      const canvas = page.locator('#fleet canvas');
      await canvas.waitFor();
      await page.locator('#fleet[data-coming="0"]').waitFor();
      await page.waitForFunction(paintedColours('#4c8fe0'));
      await canvas.hover({ position: { x: 20, y: 40 } });
      const tip = page.locator('#tip');
      await tip.waitFor();
      await shows(t, tip, /ip-10-0-0-\d/);
      await shows(t, tip, /default\/render: \d pods?, \d\d % of the node each/);
      await page.mouse.move(5, 5);
      await tip.waitFor({ state: 'hidden' });

      await canvas.click({ position: { x: 20, y: 40 } });
      const dialog = page.locator('#node');
      await dialog.locator('tr', { hasText: 'default/render-' }).first().waitFor();
      await shows(t, dialog.locator('h3').first(), /^\d pods$/);
      await shows(t, dialog, 'Initialized');
      await page.keyboard.press('Escape');
      await comes(t, () => dialog.isVisible(), false);
    },
  );

  await t.test('filters, list and legend narrow what is shown', async (t) => {
    const { page, load, world, standIn, complaints } = await open(t);
    submitJob(world.cluster, shape('train'), { pods: 2, runMs: 900_000 });
    submitJob(world.cluster, shape('render'), { pods: 4, runMs: 900_000 });
    await world.clock.advance(120_000);
    await load();
    const claims = [...standIn.view.all('NodeClaim')];
    const all = claims.length;
    const accelerated = claims.filter(({ metadata }) => metadata.name.startsWith('acc')).length;
    t.ok(accelerated > 0 && accelerated < all);
    await page.locator(`#fleet[data-nodes="${all}"]`).waitFor();
    await page.selectOption('#pool', 'accelerated');
    await page.locator(`#fleet[data-nodes="${accelerated}"]`).waitFor();
    await comes(t, () => page.locator('#fleet canvas').count(), 1);
    await page.selectOption('#pool', '');
    await page.fill('#search', 'default/render');
    await page.locator(`#fleet[data-nodes="${all - accelerated}"]`).waitFor();
    await page.fill('#search', 'nothing is called this');
    await shows(t, page.locator('#fleet'), 'No node matches');
    await page.fill('#search', '');
    await page.click('#view-list');
    await page
      .locator('#fleet tbody tr')
      .nth(all - 1)
      .waitFor();
    await shows(t, page.locator('#fleet tbody'), /g5\.2xlarge.*ready.*%/);
    await page.click('#view-bins');
    await page.locator('#fleet canvas').nth(1).waitFor();
    const chip = page.locator('#legend button', { hasText: 'default/train' });
    await chip.click();
    await page.locator('#legend [aria-pressed=true]', { hasText: 'default/train' }).waitFor();

    const launched = standIn.decisions.records.filter(({ outcome }) => outcome === 'launched');
    await page.selectOption('#outcome', 'launched');
    await comes(t, () => page.locator('#lines li').count(), launched.length);
    await page.fill('#log-search', 'g5.2xlarge');
    const onGpus = launched.filter(({ reason }) => reason.startsWith('g5'));
    await comes(t, () => page.locator('#lines li').count(), onGpus.length);
    t.strictSame(complaints, []);
  });

  await t.test('a paused log stands still and says how much it has missed', async (t) => {
    const { page, load, standIn } = await open(t);
    const decide = (reason: string): void =>
      standIn.decisions.add({
        timeMs: standIn.world.clock.nowMs(),
        actor: 'test',
        subject: { kind: 'Node', name: 'n' },
        outcome: 'made',
        reason,
      });
    decide('first');
    await load();
    await page.locator('#lines li', { hasText: 'first' }).waitFor();
    await page.click('#pause');
    decide('second');
    await page.locator('#pause', { hasText: 'Go on, 1 new' }).waitFor();
    await comes(t, () => page.locator('#lines li').count(), 1);
    await page.click('#pause');
    await page.locator('#lines li', { hasText: 'second' }).waitFor();
  });

  await t.test('it comes back by itself when the server does', async (t) => {
    const { page, load, app, url, world, standIn } = await open(t);
    await load();
    await app.close();
    await page.locator('#lost').waitFor();
    await shows(t, page.locator('#lost'), /connection is gone.*from 00:0\d:\d\d/);
    submitJob(world.cluster, shape('lint'), { pods: 3, runMs: 600_000 });
    await world.clock.advance(120_000);
    const again = await serve(standIn, Number(new URL(url).port));
    t.teardown(() => again.app.close());
    await page.locator('#link', { hasText: 'live' }).waitFor();
    await page.locator('#fleet[data-nodes="1"]').waitFor();
    await comes(t, () => page.locator('#lost').isVisible(), false);
  });

  await t.test('it can be used without a mouse, and says what it shows', async (t) => {
    const { page, load, world } = await open(t);
    submitJob(world.cluster, shape('lint'), { pods: 3, runMs: 600_000 });
    await world.clock.advance(120_000);
    await load();
    await page.locator('#fleet canvas').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('#said', { hasText: 'm7i.2xlarge in us-east-1' }).waitFor();
    await shows(t, page.locator('#said'), /ready for .*, 5 pods, cpu \d+ percent/);
    await page.keyboard.press('Enter');
    await page.locator('#node[open] tr', { hasText: 'default/lint' }).first().waitFor();
    await page.keyboard.press('Escape');
    t.strictSame(await page.evaluate(namelessControls), [], 'every control has a name');
    await comes(t, () => page.locator('h1').count(), 1);
    for (const landmark of ['main', 'header', 'footer']) {
      t.ok((await page.locator(landmark).count()) > 0, landmark);
    }
    t.ok(await page.locator('#link[role=status]').isVisible());
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    await t.test(`text stands out enough, ${colorScheme}`, async (t) => {
      const { page, load, world, standIn } = await open(t, { colorScheme });
      standIn.hopeless.add('default/train');
      submitJob(world.cluster, shape('train'), { pods: 1, runMs: 60_000 });
      submitJob(world.cluster, shape('lint'), { pods: 3, runMs: 600_000 });
      await world.clock.advance(30_000);
      await load();
      await page.locator('#pending-body tr[data-state=coming]').waitFor();
      await page.click('#view-list');
      await page.locator('#fleet tbody tr').waitFor();
      t.strictSame(await page.evaluate(weakTexts), []);
    });
  }

  await t.test('fits a phone without scrolling sideways', async (t) => {
    const { page, load, world } = await open(t, { viewport: phone });
    submitJob(world.cluster, shape('test'), { pods: 40, runMs: 600_000 });
    await world.clock.advance(30_000);
    await load();
    await page.locator('#pending-body tr').first().waitFor();
    await page.locator('#fleet canvas').waitFor();
    t.strictSame(await overflow(page), []);
    await page.click('#view-list');
    await page.locator('#fleet tbody tr').first().waitFor();
    t.strictSame(await overflow(page), []);
  });
});

/** The page draws a frame after it has heard: what is expected is awaited, then held against what is there. */
async function comes(t: Test, read: () => Promise<unknown>, expected: unknown): Promise<void> {
  const isThere = (found: unknown): boolean => {
    if (expected instanceof RegExp) return expected.test(String(found));
    return typeof expected === 'string' ? String(found).includes(expected) : found === expected;
  };
  const endMs = systemClock.monotonicMs() + waitMs;
  let found = await read();
  while (!isThere(found) && systemClock.monotonicMs() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, lookMs));
    found = await read();
  }
  t.ok(isThere(found), `${expected} is shown`, { expected: `${expected}`, found });
}

async function shows(t: Test, locator: Locator, expected: string | RegExp): Promise<void> {
  await comes(t, () => locator.textContent(), expected);
}

/** What sticks out to the right, where that makes the page scroll. */
async function overflow(page: Page): Promise<unknown> {
  return await page.evaluate(`(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const isOut = (node) => node.getBoundingClientRect().right > clientWidth;
    return [...document.querySelectorAll('body *')].filter(isOut).map((node) => node.outerHTML.slice(0, 100));
  })()`);
}

/** Whether any pixel of the first canvas has the colour; code for the browser. */
function paintedColours(hex: string): string {
  return `(() => {
    const canvas = document.querySelector('#fleet canvas');
    const wanted = [1, 3, 5].map((at) => parseInt('${hex}'.slice(at, at + 2), 16));
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let hits = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (wanted.every((value, index) => Math.abs(data[at + index] - value) <= 2)) hits += 1;
    }
    return hits > 500;
  })()`;
}

/** Controls that a screen reader would have no name for. */
const namelessControls = `[...document.querySelectorAll('button, a, input, select, canvas, [role=img], dialog, section')]
  .filter((node) => !(node.getAttribute('aria-label') || node.getAttribute('aria-labelledby') || node.labels?.length || node.textContent.trim()))
  .map((node) => node.outerHTML.slice(0, 120))`;

/**
 * Texts whose contrast to what lies behind them is below 4.5 : 1 (3 : 1 where they are large), as WCAG
 * 2.2 AA asks. Colours are read through a canvas, which knows every notation.
 */
const weakTexts = `(() => {
  const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const over = (colour, below) => {
    context.globalCompositeOperation = 'copy';
    context.fillStyle = \`rgb(\${below.join(' ')})\`;
    context.fillRect(0, 0, 1, 1);
    context.globalCompositeOperation = 'source-over';
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const chain = [];
    for (let one = node; one; one = one.parentElement) chain.unshift(getComputedStyle(one).backgroundColor);
    return chain.reduce((below, colour) => over(colour, below), [255, 255, 255]);
  };
  return [...document.querySelectorAll('body *')]
    .filter((node) => node.checkVisibility() && !node.closest('svg, .visually-hidden, .skip, option') && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
    .flatMap((node) => {
      const style = getComputedStyle(node);
      const below = behind(node);
      const [a, b] = [light(over(style.color, below)), light(below)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      return ratio < (isLarge ? 3 : 4.5) ? [\`\${ratio.toFixed(2)} \${node.className} \${node.textContent.trim().slice(0, 40)}\`] : [];
    });
})()`;
