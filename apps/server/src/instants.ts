/** Epoch milliseconds, as code and database hold instants, in the form of the wire: RFC 3339 in UTC. */
export const toInstant = (at: number): string => new Date(at).toISOString();
