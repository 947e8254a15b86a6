/**
 * Classes: families split by the domains that rules over domains tell apart.
 *
 * In: families with demand, the rows that are open to them, and the keys to split by. Out: classes,
 * and for every row the class that a family's pod is when it stands there. A family without such
 * keys is one class.
 */
import type { DomainDraft } from './domain-draft.ts';
import type { PlacementRow } from './placement-row.ts';

/** Most classes that one family may fall into. */
export const maxClassesPerFamily = 64;

/** A family in one cell of its topology keys. */
export interface ClassDraft {
  readonly family: number;
  /** Topology key -> value; a key without an entry stands for nodes without the label. */
  readonly domain: ReadonlyMap<string, string>;
}

export interface ClassSplit {
  readonly classes: readonly ClassDraft[];
  /** Class of a family's pod in a row; -1 if the family has none there. */
  readonly classIn: (row: PlacementRow, family: number) => number;
  /** Families that would fall into more than {@link maxClassesPerFamily} classes. */
  readonly tooMany: readonly number[];
}

/** Splits the families with demand; classes of one family are neighbours, in order of values. */
export function splitClasses(draft: DomainDraft, demand: Int32Array): ClassSplit {
  const cells = new CellTexts();
  const classes: ClassDraft[] = [];
  const tooMany: number[] = [];
  const byCell: (Map<string, number> | undefined)[] = Array.from({ length: demand.length });
  const keysOf = Array.from(demand, (_, family) => draft.splitKeys(family));
  demand.forEach((pods, family) => {
    if (pods === 0) {
      return;
    }
    const keys = keysOf[family]!;
    const found = new Map<string, ReadonlyMap<string, string>>();
    for (const row of draft.rows) {
      if (row.boundLimits[family]! > 0) {
        const text = cells.of(row, keys);
        if (!found.has(text)) {
          found.set(text, cellOf(row, keys));
          if (keys.length === 0) {
            break;
          }
        }
      }
    }
    if (found.size > maxClassesPerFamily) {
      tooMany.push(family);
      return;
    }
    const own = new Map<string, number>();
    for (const text of [...found.keys()].sort()) {
      own.set(text, classes.push({ family, domain: found.get(text)! }) - 1);
    }
    byCell[family] = own;
  });
  return {
    classes,
    classIn: (row, family) => byCell[family]?.get(cells.of(row, keysOf[family]!)) ?? -1,
    tooMany,
  };
}

function cellOf(row: PlacementRow, keys: readonly string[]): ReadonlyMap<string, string> {
  const cell = new Map<string, string>();
  for (const key of keys) {
    const value = row.domains.get(key);
    if (value !== undefined) {
      cell.set(key, value);
    }
  }
  return cell;
}

/** Texts of cells, once for each row and set of keys. */
class CellTexts {
  readonly #texts = new Map<string, Map<PlacementRow, string>>();

  of(row: PlacementRow, keys: readonly string[]): string {
    if (keys.length === 0) {
      return '';
    }
    const id = keys.length === 1 ? keys[0]! : keys.join('\n');
    let byRow = this.#texts.get(id);
    if (byRow === undefined) {
      byRow = new Map();
      this.#texts.set(id, byRow);
    }
    let text = byRow.get(row);
    if (text === undefined) {
      text = JSON.stringify(keys.map((key) => row.domains.get(key) ?? null));
      byRow.set(row, text);
    }
    return text;
  }
}

/** Whether pods of two classes can meet on a node at all: no key on which they differ. */
export function canMeet(a: ClassDraft, b: ClassDraft): boolean {
  for (const [key, value] of a.domain) {
    const other = b.domain.get(key);
    if (other !== undefined && other !== value) {
      return false;
    }
  }
  return true;
}
