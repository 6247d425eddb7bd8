/** Text that came from elsewhere, made fit for a terminal. */

/** A name from the server may hold escape sequences; a terminal would obey them. Line ends and tabs stay. */
export function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}

/** The same for one cell of a table: everything on one line. */
export function oneLine(text: string): string {
  return withoutControls(text.replace(/[\r\n\t]+/g, ' '));
}

const minute = 60_000;
const units = [
  { name: 'days', ms: 24 * 60 * minute },
  { name: 'hours', ms: 60 * minute },
  { name: 'minutes', ms: minute },
];

/** `3 days ago`, in whole units and always in the plural, as existing scripts read it (`reference/cli.md` 3.5). */
export function age(instant: string | undefined, nowMs: number): string {
  const at = instant === undefined ? Number.NaN : Date.parse(instant);
  if (Number.isNaN(at)) return '';
  const passed = nowMs - at;
  const unit = units.find(({ ms }) => passed >= ms);
  return unit ? `${Math.floor(passed / unit.ms)} ${unit.name} ago` : 'Just now';
}
