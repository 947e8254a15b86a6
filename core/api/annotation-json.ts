/**
 * JSON that annotations carry.
 *
 * In: annotations, a key. Out: the value, in the shape asked for. Annotations are anybody's to
 * write: what is missing, is not JSON or has another shape is as good as not there. It knows no key.
 */

export type Annotations = Readonly<Record<string, string>> | undefined;

/** Undefined where it is missing or not JSON. */
export function annotationJson(annotations: Annotations, key: string): unknown {
  const text = annotations?.[key];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined unless it is a JSON object. */
export function annotationFields(
  annotations: Annotations,
  key: string,
): Readonly<Record<string, unknown>> | undefined {
  const value = annotationJson(annotations, key);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The strings of a JSON list; none where it is no list. */
export function annotationStrings(annotations: Annotations, key: string): readonly string[] {
  const value = annotationJson(annotations, key);
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
