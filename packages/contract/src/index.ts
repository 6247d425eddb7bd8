export * from './feed.ts';
export * from './problems.ts';
