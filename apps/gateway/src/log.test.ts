import { expect, test } from 'vitest';
import { createLog } from './log.ts';

test('L-01 an error is told by name, message, code and stack, without what else hangs on it', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => lines.push(line) });
  const error = Object.assign(new Error('Response does not match'), { code: 'HPE_INVALID_HEADER', data: 'what Airflow sent', socket: {} });
  log.warn({ err: error }, 'Airflow did not answer as it should');
  const [{ err } = { err: undefined }] = lines.map((line) => JSON.parse(line));
  expect(err).toEqual({ type: 'Error', message: error.message, code: 'HPE_INVALID_HEADER', stack: error.stack });
});
