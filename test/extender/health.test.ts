/** When the process counts as alive and as ready. */
import t from 'tap';
import { createHealth } from '../../extender/health.ts';

t.test('a process is alive and ready until something says otherwise', async (t) => {
  const health = createHealth();
  t.strictSame(health.liveness(), {
    isHealthy: true,
    verbose: '[+]ping ok\nlivez check passed\n',
  });
  t.strictSame(health.readiness(), {
    isHealthy: true,
    verbose: '[+]ping ok\n[+]shutdown ok\nreadyz check passed\n',
  });
});

t.test('a failed check says why, and the others are told nevertheless', async (t) => {
  const health = createHealth();
  let problem: string | undefined = 'no list of pods yet';
  health.addReadiness({ name: 'cluster-state', problem: () => problem });
  health.addReadiness({ name: 'leader', problem: () => undefined });
  t.strictSame(health.readiness(), {
    isHealthy: false,
    verbose:
      '[+]ping ok\n[+]shutdown ok\n[-]cluster-state failed: no list of pods yet\n[+]leader ok\nreadyz check failed\n',
  });
  t.equal(health.liveness().isHealthy, true, 'not ready is not dead');
  problem = undefined;
  t.equal(health.readiness().isHealthy, true);
});

t.test('what is dead is not ready', async (t) => {
  const health = createHealth();
  health.addLiveness({ name: 'event-loop', problem: () => 'stuck' });
  t.equal(health.liveness().isHealthy, false);
  t.equal(health.readiness().isHealthy, false);
});

t.test('a check that throws has failed', async (t) => {
  const health = createHealth();
  health.addLiveness({
    name: 'broken',
    problem: () => {
      throw new Error('a bug');
    },
  });
  t.match(health.liveness(), {
    isHealthy: false,
    verbose: /\[-\]broken failed: the check itself failed: Error: a bug/,
  });
});

t.test('on its way out a process is alive but not ready', async (t) => {
  const health = createHealth();
  health.beginShutdown();
  t.equal(health.liveness().isHealthy, true);
  t.match(health.readiness(), { isHealthy: false, verbose: /shutting down/ });
});
