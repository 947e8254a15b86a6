/** When tables have colours, and how wide they are. */
import t from 'tap';
import { tableStyle } from '../../../extender/cli/table-style.ts';

/** The style on a terminal of so many columns, under an environment. */
function styleOn(
  terminal: { isTTY: boolean; columns?: number },
  environment: Readonly<Record<string, string>> = {},
  file?: string,
) {
  return tableStyle(file, terminal, environment);
}

t.test('a terminal has colours and its own width', (t) => {
  t.strictSame(styleOn({ isTTY: true, columns: 132 }), { colour: true, columns: 132 });
  t.strictSame(styleOn({ isTTY: true, columns: 20 }), { colour: true, columns: 60 });
  t.strictSame(styleOn({ isTTY: true, columns: 0 }), { colour: true, columns: 110 });
  t.end();
});

t.test('pipes, files, NO_COLOR and dumb terminals get no colours', (t) => {
  t.equal(styleOn({ isTTY: false }).colour, false);
  t.equal(styleOn({ isTTY: true, columns: 80 }, {}, 'plan.txt').colour, false);
  t.equal(styleOn({ isTTY: true, columns: 80 }, { NO_COLOR: '1' }).colour, false);
  t.equal(styleOn({ isTTY: true, columns: 80 }, { NO_COLOR: '' }).colour, true);
  t.equal(styleOn({ isTTY: true, columns: 80 }, { TERM: 'dumb' }).colour, false);
  t.end();
});
