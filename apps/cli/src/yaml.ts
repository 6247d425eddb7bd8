/** As much YAML as one tree of plain values needs. */

export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

/** Block style, two spaces a level, every string that could be read as something else in double quotes. */
export function toYaml(value: Value): string {
  return lines(value).join('\n');
}

function lines(value: Value): string[] {
  if (isList(value)) return value.length === 0 ? ['[]'] : value.flatMap((item) => nested(lines(item), '- ', '  '));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return entries.length === 0 ? ['{}'] : entries.flatMap(([key, item]) => entry(key, item));
  }
  return [scalar(value)];
}

function entry(key: string, item: Value): string[] {
  const inner = lines(item);
  const isBlock = typeof item === 'object' && item !== null && Object.keys(item).length > 0;
  return isBlock ? [`${key}:`, ...inner.map((line) => `  ${line}`)] : [`${key}: ${inner[0]}`];
}

function nested(inner: readonly string[], first: string, rest: string): string[] {
  return inner.map((line, index) => (index === 0 ? first : rest) + line);
}

function scalar(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return String(value);
  return isPlain(value) ? value : JSON.stringify(value);
}

/** Begins with a letter, holds nothing that YAML gives a meaning, and is no word that YAML reads as another type. */
function isPlain(text: string): boolean {
  return /^[A-Za-z][\w ./@+-]*$/.test(text) && !text.endsWith(' ') && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
