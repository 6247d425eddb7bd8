/** Lists of things with an id and a name: organizations and workspaces. */
import type { List } from '../table.ts';

interface Named {
  readonly id: string;
  readonly name: string;
}

/** `NAME, ID`; the current row is the one the token belongs to. */
export function namedColumns(currentId: string | undefined): Omit<List<Named>, 'key' | 'rows'> {
  return {
    columns: [
      { header: 'NAME', text: (row) => row.name },
      { header: 'ID', text: (row) => row.id },
    ],
    json: ({ name, id }) => ({ name, id, isCurrent: id === currentId }),
    isCurrent: ({ id }) => id === currentId,
  };
}
