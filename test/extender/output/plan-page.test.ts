/** The page in a real browser, where one is installed. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import t from 'tap';
import { drawPlan } from '../../../extender/output/plan-drawing.ts';
import { planHtmlChunks } from '../../../extender/output/plan-html.ts';
import { sampleFacts, samplePlan } from '../../support/sample-plan.ts';

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

t.test('the page in a browser', { skip }, async (t) => {
  const file = join(t.testdir({}), 'plan.html');
  const plan = samplePlan();
  await writeFile(file, (await planHtmlChunks(plan, drawPlan(plan, sampleFacts))).join(''));
  const browser: Browser = await chromium.launch({ executablePath, args });
  t.teardown(() => browser.close());

  async function open(): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith('file:')) complaints.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    await page.locator('.bin').first().waitFor();
    return { page, complaints };
  }

  /** Bins are drawn when they scroll into view, a moment after the filters change. */
  async function drawnBins(page: Page): Promise<number> {
    await page.locator('.bin').first().waitFor();
    return page.locator('.bin').count();
  }

  await t.test('draws every kind of node without a complaint or a request', async (t) => {
    const { page, complaints } = await open();
    t.equal(await page.locator('.shelf').count(), 3);
    await page.locator('.bin').nth(3).waitFor();
    t.equal(await page.locator('.bin').count(), 4);
    t.equal(
      await page
        .locator('.copies')
        .allTextContents()
        .then((all) => all.join()),
      '×2',
    );
    t.match(await page.locator('#shown').textContent(), '5 nodes shown, $1.0000 /h');
    t.strictSame(complaints, []);
  });

  await t.test('filters by pool and by the name of a pod', async (t) => {
    const { page } = await open();
    await page.selectOption('#pool', 'gpu');
    t.equal(await page.locator('.shelf').count(), 1);
    t.match(await page.locator('#shown').textContent(), '1 node shown, $0.4900 /h');
    await page.selectOption('#pool', '');
    await page.fill('#search', 'shop/web-4');
    t.equal(await drawnBins(page), 1);
    await page.fill('#search', 'nothing is called this');
    t.match(await page.locator('#shelves').textContent(), 'No node matches');
  });

  await t.test('a chosen workload is lit and the others are dimmed', async (t) => {
    const { page } = await open();
    await page.locator('#legend button', { hasText: 'ml/train' }).click();
    t.equal(await drawnBins(page), 1);
    t.equal(await page.locator('path.lit').count(), 1);
    t.equal(await page.locator('#legend [aria-pressed=true]').count(), 1);
  });

  await t.test('a node opens with the keyboard and tells its pods and substitutes', async (t) => {
    const { page } = await open();
    await page.locator('.bin').first().focus();
    await page.keyboard.press('Enter');
    const dialog = page.locator('#node');
    t.match(await dialog.textContent(), '2 nodes alike');
    t.match(await dialog.textContent(), 'm6i.xlarge');
    await page.keyboard.press('Escape');
    t.equal(await dialog.evaluate((node) => node.hasAttribute('open')), false);
  });

  await t.test('fits a phone without scrolling sideways', async (t) => {
    const { page } = await open();
    await page.setViewportSize({ width: 380, height: 800 });
    const overflow = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    t.equal(overflow, 0);
  });
});
