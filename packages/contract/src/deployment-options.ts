/** What a Deployment can be made of. Existing clients ask before they create, and take the first or the default of everything. */
import { z } from 'zod';
import { DeploymentExecutor, DeploymentType } from './deployment-parts.ts';
import { Reference } from './ids.ts';

/** Clients send the key without a value when they have none. */
const orEmpty = <T extends z.ZodType>(schema: T) => z.union([schema, z.literal('')]).exactOptional();

/** Query of `GET …/deployment-options`. The answer is the same whatever is asked: nothing here depends on a cloud. */
export const DeploymentOptionsQuery = z.strictObject({
  deploymentId: orEmpty(Reference),
  deploymentType: orEmpty(DeploymentType),
  executor: orEmpty(DeploymentExecutor),
  cloudProvider: orEmpty(z.enum(['AWS', 'AZURE', 'GCP'])),
});

const range = <T extends z.ZodType>(value: T) => z.object({ floor: value, ceiling: value, default: value });
const TextRange = range(z.string());
const NumberRange = range(z.number());
const Quantities = z.object({ cpu: TextRange, memory: TextRange });
const MachineSpec = z.object({
  cpu: z.string(),
  memory: z.string(),
  concurrency: z.number().exactOptional(),
  ephemeralStorage: z.string().exactOptional(),
});

export const DeploymentOptions = z
  .object({
    executors: z.array(z.string()),
    runtimeReleases: z
      .array(
        z.object({
          version: z.string(),
          airflowVersion: z.string(),
          channel: z.string(),
          releaseDate: z.iso.datetime(),
          airflowDatabaseMigration: z.boolean(),
          stellarDatabaseMigration: z.boolean(),
        }),
      )
      .describe('Newest first.'),
    schedulerMachines: z.array(z.object({ name: z.string(), spec: MachineSpec })),
    workerMachines: z.array(z.object({ name: z.string(), spec: MachineSpec, concurrency: NumberRange })),
    workerQueues: z.object({ minWorkers: NumberRange, maxWorkers: NumberRange, workerConcurrency: NumberRange }),
    resourceQuotas: z.object({ defaultPodSize: Quantities, resourceQuota: Quantities }),
    workloadIdentityOptions: z.array(z.object({ label: z.string(), role: z.string() })).exactOptional(),
  })
  .meta({ id: 'DeploymentOptions' });
export type DeploymentOptions = z.infer<typeof DeploymentOptions>;
