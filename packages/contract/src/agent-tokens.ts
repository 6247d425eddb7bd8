/** Agent tokens: credentials of what runs beside a Deployment, such as its gateway. No roles, no update, no rotation. */
import { z } from 'zod';
import { nameUpTo, PathId, textUpTo } from './ids.ts';
import { pageMembers, paging, sortsBy } from './lists.ts';
import { ApiToken, ExpiryPeriodInDays } from './tokens.ts';

/** An agent token as everybody who may see it sees it. */
export const AgentToken = ApiToken.omit({ kind: true, roles: true })
  .extend({ kind: z.literal('AGENT') })
  .meta({ id: 'AgentToken' });
export type AgentToken = z.infer<typeof AgentToken>;

/** Answer of create, the only one that holds the value. Goes out with `Cache-Control: no-store`. */
export const IssuedAgentToken = AgentToken.extend({ token: z.string().describe('The value. It is shown this once.') }).meta({
  id: 'IssuedAgentToken',
});
export type IssuedAgentToken = z.infer<typeof IssuedAgentToken>;

export const AgentTokenList = z.object({ tokens: z.array(AgentToken), ...pageMembers }).meta({ id: 'AgentTokensPaginated' });
export type AgentTokenList = z.infer<typeof AgentTokenList>;

/** Path of one agent token. */
export const AgentTokenParams = z.strictObject({ organizationId: PathId, deploymentId: PathId, agentTokenId: PathId });
export type AgentTokenParams = z.infer<typeof AgentTokenParams>;

export const agentTokenSortFields = [
  'name',
  'description',
  'createdAt',
  'updatedAt',
  'createdById',
  'updatedById',
  'tokenStartAt',
] as const;

/** Query of `GET …/agent-tokens`. */
export const AgentTokenListQuery = z.strictObject({ ...paging, sorts: sortsBy(agentTokenSortFields) });
export type AgentTokenListQuery = z.infer<typeof AgentTokenListQuery>;

/** Body of `POST …/agent-tokens`. */
export const CreateAgentToken = z
  .strictObject({
    name: nameUpTo(256),
    description: textUpTo(500).default(''),
    tokenExpiryPeriodInDays: ExpiryPeriodInDays.exactOptional().describe('Absent: the token never ends.'),
  })
  .meta({ id: 'CreateAgentTokenRequest' });
export type CreateAgentToken = z.infer<typeof CreateAgentToken>;
