import { z } from 'zod';
import { BaseUrl } from './ids.ts';

/**
 * Body of our own `POST …/deployments/{id}/gateway`: where callers reach the gateway of the Deployment. From then on
 * `apiUrl` and `webServerAirflowApiUrl` name it, so that no client carries its token past it.
 */
export const SetGateway = z
  .strictObject({ gatewayUrl: BaseUrl.describe('Public base address of the gateway, without `/api/v2`.') })
  .meta({ id: 'SetGatewayRequest' });
export type SetGateway = z.infer<typeof SetGateway>;
