#!/usr/bin/env node
/**
 * The `stowage` command.
 *
 * In: the command line. Out: an exit code, 0, 2 (some pods have no place) or 1 (an error). It only
 * wires commands to their modules, each loaded when its command runs, so that help and typing
 * errors answer at once.
 */
import { enableCompileCache } from 'node:module';

// Before any other import, hence none of them is static: compiled code is kept in the user's
// temporary directory, which halves the work of every start but the first. Worker threads learn of
// it by the variable.
const { directory } = enableCompileCache();
if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= directory;

const { readFileSync } = await import('node:fs');
const { assetPath } = await import('../../workers/assets.ts');
const { errorReport } = await import('./error-report.ts');
const { createProgram } = await import('./program.ts');

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
    serve: async (options) => (await import('./serve-command.ts')).runServe(options),
    explain: async (options) => (await import('./explain-command.ts')).runExplain(options),
    doctor: async (options) => (await import('./doctor-command.ts')).runDoctor(options),
    fakeEc2: async (options) => (await import('./fake-ec2-command.ts')).runFakeEc2(options),
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
