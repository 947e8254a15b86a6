// Windows of disruption budgets: cron schedules in UTC, open for a duration.

import t from 'tap';
import { isBudgetActive } from '../../../../extender/controllers/disruption/budget-windows.ts';

const at = (time: string): number => Date.parse(`2026-01-${time}Z`);

t.test('a budget without schedule is always in force', async (t) => {
  t.equal(isBudgetActive({ nodes: '1' }, at('01T00:00:00')), true);
});

t.test('a window is open from its hit until the duration is over', async (t) => {
  const nights = { nodes: '0', schedule: '0 22 * * *', duration: '8h' };
  t.equal(isBudgetActive(nights, at('05T21:59:59')), false);
  t.equal(isBudgetActive(nights, at('05T22:00:00')), true);
  t.equal(isBudgetActive(nights, at('06T05:59:59')), true, 'over midnight');
  t.equal(isBudgetActive(nights, at('06T06:00:00')), false);
});

t.test('weekdays, lists and names for common schedules are understood', async (t) => {
  const hours = { nodes: '0', schedule: '0 9 * * mon-fri', duration: '8h' };
  t.equal(isBudgetActive(hours, at('05T12:00:00')), true, 'a Monday');
  t.equal(isBudgetActive(hours, at('04T12:00:00')), false, 'a Sunday');
  const daily = { nodes: '0', schedule: '@midnight', duration: '10m' };
  t.equal(isBudgetActive(daily, at('04T00:09:00')), true);
  t.equal(isBudgetActive(daily, at('04T00:11:00')), false);
});

t.test('overlapping windows hold each other open', async (t) => {
  const hourly = { nodes: '0', schedule: '@hourly', duration: '2h' };
  for (let minute = 0; minute < 180; minute += 7) {
    t.equal(isBudgetActive(hourly, at('04T00:00:00') + minute * 60_000), true);
  }
});

t.test('what cannot be read is told apart from a closed window', async (t) => {
  t.equal(isBudgetActive({ nodes: '1', schedule: '61 * * * *', duration: '1h' }, 0), undefined);
  t.equal(isBudgetActive({ nodes: '1', schedule: '@daily' }, 0), undefined);
  t.equal(isBudgetActive({ nodes: '1', schedule: '@daily', duration: 'soon' }, 0), undefined);
});
