/**
 * What a run of tap came to, read from its TAP.
 *
 * In: the lines that `tap --reporter=tap` prints, one by one. Out: each test file as it ends, and at
 * the end the number of assertions that passed, failed and were left out. It judges nothing and
 * prints nothing.
 */

/** One test file that has ended. */
export interface TestFile {
  readonly path: string;
  readonly passed: boolean;
  readonly durationMs: number;
  /** What failed, in TAP's own words: the assertion and its explanation. */
  readonly failures: readonly string[];
  /** Tests that were left out, with their reason. */
  readonly skips: readonly { readonly test: string; readonly reason: string }[];
}

/** Counts of assertions, as tap gives them. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  /** Skipped and to-do. */
  readonly skipped: number;
}

const filePattern = /^(not )?ok \d+ - (.*?)(?: # time=([\d.]+)ms)?(?: # SKIP ?(.*))?$/;
const skipPattern = /^\s+ok \d+(?: - (.*?))? # (?:SKIP|TODO) ?(.*)$/;
const failurePattern = /^( *)not ok \d+/;
/** A test that holds other tests carries its time; what failed is further in. */
const groupPattern = /# time=[\d.]+m?s$/;
const totalsPattern = /^# \{ total: \d+, (.*) \}$/;

/** Reads a run line by line, or several one after another. */
export class TapSummary {
  readonly files: TestFile[] = [];
  #totals: Totals | undefined;
  #failures: string[] = [];
  #skips: { test: string; reason: string }[] = [];
  /** The failure whose explanation is being read: how far in it stands, and where the words go. */
  #explained: { readonly indent: string; readonly into: string[] } | undefined;

  /** The totals, or undefined where tap ended without giving any. */
  get totals(): Totals | undefined {
    return this.#totals;
  }

  /** Takes one line; the answer is the file that ends with it, if one does. */
  read(line: string): TestFile | undefined {
    if (this.#isExplanation(line)) return undefined;
    const file = filePattern.exec(line);
    if (file !== null) return this.#endFile(file);
    const skip = skipPattern.exec(line);
    if (skip !== null) this.#skips.push({ test: skip[1] ?? '', reason: skip[2] ?? '' });
    else this.#readFailure(line);
    const totals = totalsPattern.exec(line);
    if (totals !== null) this.#totals = sum(this.#totals, readTotals(totals[1] ?? ''));
    return undefined;
  }

  #readFailure(line: string): void {
    const failure = failurePattern.exec(line);
    if (failure === null || groupPattern.test(line)) return;
    this.#failures.push(line.trim());
    this.#explained = { indent: failure[1] ?? '', into: this.#failures };
  }

  /** The YAML block under a failure is part of it. */
  #isExplanation(line: string): boolean {
    if (this.#explained === undefined) return false;
    const { indent, into } = this.#explained;
    const within = `${indent}  `;
    if (!line.startsWith(within) && line.trim() !== '') {
      this.#explained = undefined;
      return false;
    }
    const text = line.slice(within.length);
    if (text === '...') this.#explained = undefined;
    else if (text !== '---') into.push(`  ${text}`.trimEnd());
    return true;
  }

  #endFile([, failed, path = '', time, reason]: RegExpExecArray): TestFile {
    if (reason !== undefined) this.#skips.push({ test: 'the whole file', reason });
    const file: TestFile = {
      path,
      passed: failed === undefined,
      durationMs: Number(time ?? 0),
      failures: this.#failures,
      skips: this.#skips,
    };
    this.files.push(file);
    if (!file.passed && this.#failures.length === 0) {
      this.#failures.push('no assertion failed, but its process did:');
      this.#explained = { indent: '', into: this.#failures };
    }
    this.#failures = [];
    this.#skips = [];
    return file;
  }
}

function sum(before: Totals | undefined, { passed, failed, skipped }: Totals): Totals {
  return {
    passed: passed + (before?.passed ?? 0),
    failed: failed + (before?.failed ?? 0),
    skipped: skipped + (before?.skipped ?? 0),
  };
}

function readTotals(text: string): Totals {
  const counts = new Map<string, number>();
  for (const part of text.split(', ')) {
    const [name = '', count = ''] = part.split(': ');
    counts.set(name, Number(count));
  }
  return {
    passed: counts.get('pass') ?? 0,
    failed: counts.get('fail') ?? 0,
    skipped: (counts.get('skip') ?? 0) + (counts.get('todo') ?? 0),
  };
}
