/** How a failure is told: wrong input in a line, a bug with its stack. */
import t from 'tap';
import { InputError, InvariantError } from '../../../core/errors.ts';
import { errorReport } from '../../../extender/cli/error-report.ts';

t.test('wrong input is told in one line, without a stack', (t) => {
  const error = new InputError(
    { file: 'a.yaml', document: 2, field: 'spec' },
    'expected a mapping',
  );
  t.equal(errorReport(error), 'error: a.yaml: document 2: spec: expected a mapping\n');
  t.end();
});

t.test('a bug says that it is one and keeps the stack', (t) => {
  const report = errorReport(new InvariantError('the books do not balance'));
  t.match(report, /^error: this is a bug in stowage/);
  t.match(report, /InvariantError: the books do not balance\n {4}at /);
  t.match(errorReport('a string'), /this is a bug.*\na string\n$/);
  t.end();
});
