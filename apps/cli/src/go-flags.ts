/** Spellings that existing scripts may use, because the flags they know are parsed by Go. */

const switches = new Set(['--force', '--clean-output', '--json', '--all', '-f', '-c', '-a']);

/**
 * `--force=true` is `--force`, `--force=false` is nothing, `-n=ci` is `-n ci`, and `help a b` is `a b --help`.
 * Everything after `--` stays as it is.
 */
export function fromGoFlags(argv: readonly string[]): string[] {
  if (argv[0] === 'help') return [...argv.slice(1), '--help'];
  if (argv[0] === 'version' && argv.length === 1) return ['--version'];
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  return [...argv.slice(0, end).flatMap(fromGoFlag), ...argv.slice(end)];
}

function fromGoFlag(word: string): string[] {
  const [, flag, value] = /^(--[a-z-]+|-[a-z])=(.*)$/s.exec(word) ?? [];
  if (flag === undefined || value === undefined) return [word];
  if (switches.has(flag) && /^(1|t|true)$/i.test(value)) return [flag];
  if (switches.has(flag) && /^(0|f|false)$/i.test(value)) return [];
  return flag.startsWith('--') ? [word] : [flag, value];
}
