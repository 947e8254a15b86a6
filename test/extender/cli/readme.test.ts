/** The README tells the options that there are, with their defaults, and no others. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import t from 'tap';
import { createProgram } from '../../../extender/cli/program.ts';

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

const never = async (): Promise<number> => {
  throw new Error('no command is run here');
};
const program = createProgram(
  {
    plan: never,
    instanceTypes: never,
    verify: never,
    serve: never,
    explain: never,
    doctor: never,
    fakeEc2: never,
  },
  '0',
  () => {},
);

/** Rows `| `option` | default | ... |` below a heading. */
function documentedOptions(heading: string): Map<string, string> {
  const [, section = ''] = readme.split(`### ${heading}\n`);
  const body = section.split(/^##/m)[0] ?? '';
  const rows = [...body.matchAll(/^\| `(-[^`]+)` \| ([^|]+) \|/gm)];
  return new Map(
    rows.map(([, flags = '', value = '']) => [flags.replaceAll('\\|', '|'), value.trim()]),
  );
}

function actualOptions(command: Command): Map<string, string> {
  return new Map(
    command.options.map((option) => {
      const { mandatory, defaultValue, defaultValueDescription } = option;
      const words = mandatory
        ? 'required'
        : defaultValue === undefined
          ? undefined
          : `\`${defaultValueDescription ?? String(defaultValue)}\``;
      return [option.flags, words ?? wordsWithoutDefault.get(option.long ?? '') ?? ''];
    }),
  );
}

/** What the README says where commander has no default. */
const wordsWithoutDefault = new Map([
  ['--out', 'standard output'],
  ['--max-nodes', 'no limit'],
  ['--filename', 'none'],
  ['--kubeconfig', 'none'],
  ['--region', 'none'],
  ['--endpoint', 'none'],
  ['--interruption-queue', 'none'],
  ['--overlays', 'none'],
  ['--duration', 'until stopped'],
  ['--tls-certificate', 'none'],
  ['--tls-key', 'none'],
  ['--tls-client-ca', 'none'],
  ['--allowed-client', 'none'],
  ['--no-leader-elect', 'off'],
  ['--leader-election-namespace', 'our own'],
  ['--log-level', 'by cluster'],
  ['--scenario', 'none'],
  ['--service-account', 'none'],
  ['--no-throttling', 'off'],
  ['--no-lag', 'off'],
]);

for (const command of program.commands) {
  t.test(`the options of ${command.name()} are those of the README`, (t) => {
    const documented = documentedOptions(`stowage ${command.name()}`);
    t.ok(documented.size > 0, 'there is a table');
    t.strictSame(documented, actualOptions(command));
    t.end();
  });
}

t.test('every command of the program has its section and no other has', (t) => {
  const sections = [...readme.matchAll(/^### stowage (\S+)$/gm)].map(([, name]) => name);
  t.strictSame(new Set(sections), new Set(program.commands.map((command) => command.name())));
  t.end();
});
