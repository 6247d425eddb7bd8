/** Lists: a table for people, the same table in a pipe without colour, JSON or TSV for programs. */
import { type Command, Option } from 'commander';
import { CliError } from './exit.ts';
import type { Io } from './io.ts';
import { oneLine } from './text.ts';

type Format = 'table' | 'json' | 'tsv';

export interface FormatFlags {
  readonly json?: boolean;
  readonly output?: Format;
}

export interface Column<Row> {
  readonly header: string;
  readonly text: (row: Row) => string;
  /** For programs, where it differs: an instant instead of an age. */
  readonly exact?: (row: Row) => string;
}

export interface List<Row> {
  /** Name of the list in JSON. */
  readonly key: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** What JSON shows of a row. */
  readonly json: (row: Row) => unknown;
  /** The row the token belongs to; green on a terminal. */
  readonly isCurrent?: (row: Row) => boolean;
}

/** Adds `--json` and `--output` to a list command. */
export function withFormat(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <format>', 'table, json or tsv (with exact times)').argParser(parseFormat))
    .addOption(new Option('--json', 'the same as --output json').conflicts('output'));
}

export function printList<Row>(io: Io, flags: FormatFlags, list: List<Row>): void {
  const format = flags.json ? 'json' : (flags.output ?? 'table');
  if (format === 'json') printJson(io, { [list.key]: list.rows.map(list.json) });
  else io.print((format === 'tsv' ? tsvLines(list) : shownLines(io, list)).join('\n'));
}

function tsvLines<Row>({ rows, columns }: List<Row>): string[] {
  const cells = rows.map((row) => columns.map((column) => oneLine((column.exact ?? column.text)(row))));
  return [columns.map((column) => column.header), ...cells].map((line) => line.join('\t'));
}

function shownLines<Row>(io: Io, { rows, columns, isCurrent }: List<Row>): string[] {
  const cells = rows.map((row) => columns.map((column) => column.text(row)));
  const [header = '', ...lines] = tableLines([columns.map((column) => column.header), ...cells]);
  const shown = lines.map((line, index) => {
    const row = rows[index];
    return isCurrent && row !== undefined && isCurrent(row) && io.hasColour ? `\u001b[1;32m${line}\u001b[0m` : line;
  });
  return [header, ...shown];
}

export function printJson(io: Io, value: unknown): void {
  io.print(JSON.stringify(value, undefined, 2));
}

/**
 * One leading space, then every column padded to its longest cell in bytes plus 5; trailing spaces stay
 * (`reference/cli.md` 3.2).
 */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = (cells[0] ?? []).map((_, index) => Math.max(...cells.map((row) => Buffer.byteLength(row[index] ?? ''))) + 5);
  return cells.map((row) => ` ${row.map((cell, index) => pad(cell, widths[index] ?? 0)).join('')}`);
}

/** Counts characters, not UTF-16 units, so that columns stay straight. */
function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - [...cell].length));
}

function parseFormat(text: string): Format {
  if (text === 'table' || text === 'json' || text === 'tsv') return text;
  throw new CliError(`invalid format "${text}" (must be table, json, or tsv)`);
}
