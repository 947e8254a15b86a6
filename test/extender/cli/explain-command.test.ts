/** `stowage explain` as users run it, against a service on a real socket. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { startExplainServer } from '../../support/explain-server.ts';

const main = fileURLToPath(new URL('../../../extender/cli/main.ts', import.meta.url));

async function explain(...words: readonly string[]) {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, 'explain', ...words],
    { env: { ...process.env, NODE_OPTIONS: '' } },
  );
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { stdout, stderr, code };
}

t.test('a pod is explained in sentences first', async (t) => {
  const server = await startExplainServer(t, true);
  const { stdout, stderr, code } = await explain('pod', 'web-0', '-n', 'shop', '--server', server);
  t.equal(stderr, '');
  t.equal(code, 0);
  t.matchSnapshot(stdout);
});

t.test(
  'a node is explained by the name of its claim; a follower says who knows more',
  async (t) => {
    const server = await startExplainServer(t, false);
    const { stdout, code } = await explain('node', 'general-x7k2p', '--server', `${server}/`);
    t.equal(code, 0);
    t.matchSnapshot(stdout);
  },
);

t.test('a Karpenter beside us is told of', async (t) => {
  const server = await startExplainServer(t, true, true);
  const { stdout } = await explain('pod', 'web-0', '-n', 'shop', '--server', server);
  t.match(
    stdout.replaceAll(/\s+/g, ' '),
    /Note: a Karpenter leads on this cluster; what is of group karpenter\.k8s\.aws is left to it\./,
  );
});

t.test('JSON is what the service answers', async (t) => {
  const server = await startExplainServer(t, true);
  const words = ['pod', 'web-0', '-n', 'shop', '--server', server, '-o', 'json'];
  const { stdout } = await explain(...words);
  const answer = await fetch(`${server}/api/v1/explain/pod/shop/web-0`);
  t.strictSame(JSON.parse(stdout), await answer.json());
});

async function otherServer(t: Test, status: number): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status).end('<html>hello</html>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test(
  'what is not there, nobody who answers and somebody else are told in one line',
  async (t) => {
    const server = await startExplainServer(t, true);
    const gone = await explain('pod', 'gone', '--server', server);
    t.match(gone, { code: 1, stdout: '', stderr: 'error: there is no pod default/gone\n' });
    const nobody = await explain('pod', 'web', '--server', 'http://127.0.0.1:1');
    t.match(nobody, {
      code: 1,
      stderr: /^error: no service answers at http:\/\/127\.0\.0\.1:1\/.*\n$/,
    });
    for (const status of [200, 404]) {
      const { code, stderr } = await explain(
        'pod',
        'web',
        '--server',
        await otherServer(t, status),
      );
      t.equal(code, 1);
      t.match(
        stderr,
        new RegExp(`^error: .* answers ${status}, and not as a stowage service does\n$`),
      );
    }
  },
);
