/** One reader of standard input for a whole run, so that several piped answers reach several prompts. */
import type { Readable } from 'node:stream';

/** Resolves to the next line without its end, or undefined when the input has ended. */
export type ReadLine = () => Promise<string | undefined>;

/** Opens the stream at the first line only: a command that asks nothing never touches standard input. */
export function lineReader(open: () => Readable): ReadLine {
  let stream: Readable | undefined;
  let pending = '';
  return async () => {
    stream ??= open().setEncoding('utf8');
    for (;;) {
      const end = pending.indexOf('\n');
      if (end >= 0) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 1);
        return line.replace(/\r$/, '');
      }
      const chunk = await nextChunk(stream);
      if (chunk !== undefined) {
        pending += chunk;
        continue;
      }
      const rest = pending;
      pending = '';
      return rest === '' ? undefined : rest;
    }
  };
}

/** The stream is paused again afterwards, because a flowing standard input keeps the process alive. */
function nextChunk(stream: Readable): Promise<string | undefined> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onError);
      stream.pause();
      finish();
    };
    const onData = (chunk: string): void => settle(() => resolve(chunk));
    const onEnd = (): void => settle(() => resolve(undefined));
    const onError = (error: Error): void => settle(() => reject(error));
    stream.on('data', onData).on('end', onEnd).on('error', onError);
    stream.resume();
  });
}
