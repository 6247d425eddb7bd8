/** Makes the components of a generated document what a person would have written. */

type Json = string | number | boolean | null | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [name: string]: Json;
}

const prefix = '#/components/schemas/';
const input = 'Input';

/**
 * The generator writes every schema twice, as `X` for answers and `XInput` for requests. What nobody refers to goes, and
 * what is used in requests alone loses the suffix. Patterns that only repeat `format: date-time` go too.
 */
export function tidyComponents<T extends object>(document: T): T {
  const whole = withoutDatePatterns(document as unknown as Json) as JsonObject; // an OpenAPI document is JSON
  const components = whole.components as JsonObject;
  const schemas = components.schemas as JsonObject;
  const used = new Set<string>();
  const follow = (value: Json): void => {
    for (const name of referencesIn(value)) {
      if (used.has(name)) continue;
      used.add(name);
      follow(schemas[name] ?? null);
    }
  };
  follow(whole.paths ?? null);
  const nameOf = (name: string): string => (name.endsWith(input) && !used.has(bare(name)) ? bare(name) : name);
  const kept = Object.fromEntries(
    [...used]
      .sort()
      .map((name) => [nameOf(name), renamed(schemas[name] ?? null, nameOf)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return { ...whole, components: { ...components, schemas: kept }, paths: renamed(whole.paths ?? null, nameOf) } as unknown as T;
}

const bare = (name: string): string => name.slice(0, -input.length);

const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

function referencesIn(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isObject(value)) return [];
  const { $ref } = value;
  const own = typeof $ref === 'string' && $ref.startsWith(prefix) ? [$ref.slice(prefix.length)] : [];
  return [...own, ...Object.values(value).flatMap(referencesIn)];
}

function renamed(value: Json, nameOf: (name: string) => string): Json {
  if (Array.isArray(value)) return value.map((item) => renamed(item, nameOf));
  if (!isObject(value)) return value;
  return mapObject(value, (name, member) =>
    name === '$ref' && typeof member === 'string' ? prefix + nameOf(member.slice(prefix.length)) : renamed(member, nameOf),
  );
}

function withoutDatePatterns(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutDatePatterns);
  if (!isObject(value)) return value;
  const { pattern, ...rest } = value;
  const kept = value.format === 'date-time' || pattern === undefined ? rest : value;
  return mapObject(kept, (_name, member) => withoutDatePatterns(member));
}

const mapObject = (object: JsonObject, map: (name: string, member: Json) => Json): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([name, member]) => [name, map(name, member)]));
