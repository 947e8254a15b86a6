/**
 * Whether the process lives, and whether it is fit to be asked.
 *
 * In: checks, each a question that memory answers at once. Out: the texts of /livez and /readyz, in
 * the form of Kubernetes' own components. A check that fails says why; one that throws has failed.
 * It serves nothing (see `server/operations-server.ts`).
 */

/** One condition of health. */
export interface HealthCheck {
  /** As in `readyz/<name>`: lower case, `-` between words. */
  readonly name: string;
  /** Undefined while all is well, else what is wrong. Answers at once. */
  readonly problem: () => string | undefined;
}

/** What a probe is told. */
export interface HealthReport {
  readonly isHealthy: boolean;
  /** One line per check and a verdict; for people. */
  readonly verbose: string;
}

/** The checks of one process. */
export interface Health {
  /** A failure means: restart this process. */
  addLiveness(check: HealthCheck): void;
  /** A failure means: do not ask this process now. */
  addReadiness(check: HealthCheck): void;
  /** From now on not ready, for good: it is on its way out. */
  beginShutdown(): void;
  liveness(): HealthReport;
  /** Includes liveness. */
  readiness(): HealthReport;
}

/** Without any check a process is alive and ready. */
export function createHealth(): Health {
  const live: HealthCheck[] = [{ name: 'ping', problem: () => undefined }];
  const ready: HealthCheck[] = [];
  let isEnding = false;
  ready.push({ name: 'shutdown', problem: () => (isEnding ? 'it is shutting down' : undefined) });
  return {
    addLiveness: (check) => void live.push(check),
    addReadiness: (check) => void ready.push(check),
    beginShutdown: () => {
      isEnding = true;
    },
    liveness: () => report('livez', live),
    readiness: () => report('readyz', [...live, ...ready]),
  };
}

function report(name: string, checks: readonly HealthCheck[]): HealthReport {
  const results = checks.map((check) => ({ name: check.name, problem: problemOf(check) }));
  const isHealthy = results.every(({ problem }) => problem === undefined);
  const lines = results.map((result) =>
    result.problem === undefined
      ? `[+]${result.name} ok`
      : `[-]${result.name} failed: ${result.problem}`,
  );
  lines.push(`${name} check ${isHealthy ? 'passed' : 'failed'}`);
  return { isHealthy, verbose: `${lines.join('\n')}\n` };
}

function problemOf({ problem }: HealthCheck): string | undefined {
  try {
    return problem();
  } catch (error) {
    return `the check itself failed: ${String(error)}`;
  }
}
