/**
 * Patterns with `*` and `?`, as EC2's filters and our scenarios use them.
 *
 * In: a pattern. Out: a test for whole texts. Everything else in a pattern means itself.
 */

const wildcard = /[*?]/;

export function globOf(pattern: string): (text: string) => boolean {
  if (!wildcard.test(pattern)) return (text) => text === pattern;
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  const expression = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
  return (text) => expression.test(text);
}
