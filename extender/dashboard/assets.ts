/**
 * The files of the dashboard's page.
 *
 * In: nothing. Out: each with the path it is served at, its type and a tag that changes with it. The
 * list is closed: no path of a request ever reaches the disk.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { assetPath } from '../../workers/assets.ts';

export interface Asset {
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
}

const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

/** The look is the plan page's; the dashboard adds to it. */
const files: readonly (readonly [path: string, file: string, type: string])[] = [
  ['/', 'extender/dashboard/page/index.html', 'text/html; charset=utf-8'],
  ['/dashboard/base.css', 'extender/output/page/plan-page.css', style],
  ['/dashboard/dashboard.css', 'extender/dashboard/page/dashboard.css', style],
  ['/dashboard/icon.svg', 'extender/dashboard/page/icon.svg', 'image/svg+xml'],
  ...[
    'main',
    'live',
    'words',
    'figures',
    'chart',
    'pending',
    'bins',
    'paint',
    'fleet',
    'detail',
    'log',
  ].map((name) => [`/dashboard/${name}.js`, `extender/dashboard/page/${name}.js`, script] as const),
];

/** Reads them all. Rejects if one is missing: the installation is broken. */
export async function readAssets(): Promise<readonly Asset[]> {
  return await Promise.all(
    files.map(async ([path, file, type]) => {
      const body = await readFile(assetPath(file));
      const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22);
      return { path, type, body, etag: `"${hash}"` };
    }),
  );
}
