#!/usr/bin/env node
/**
 * The `stowage` command.
 *
 * In: the command line. Out: an exit code, 0, 2 (some pods have no place) or 1 (an error). It only
 * wires commands to their modules, each loaded when its command runs, so that help and typing
 * errors answer at once.
 */
import { readFileSync } from 'node:fs';
import { assetPath } from '../../workers/assets.ts';
import { errorReport } from './error-report.ts';
import { createProgram } from './program.ts';

const { version } = JSON.parse(readFileSync(assetPath('package.json'), 'utf8')) as {
  version: string;
};

const program = createProgram(
  {
    plan: async (options) => (await import('./plan-command.ts')).runPlan(options),
    instanceTypes: async (options) =>
      (await import('./instance-types-command.ts')).runInstanceTypes(options),
    verify: async (planFile, options) =>
      (await import('./verify-command.ts')).runVerify(planFile, options),
  },
  version,
  (code) => {
    process.exitCode = code;
  },
);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.stderr.write(errorReport(error));
  process.exitCode = 1;
}
