/** Parts of a Deployment, as sent and as answered. */
import { z } from 'zod';
import { Instant, Reference, textUpTo } from './ids.ts';

export const DeploymentType = z.enum(['STANDARD', 'DEDICATED', 'HYBRID']);
export const DeploymentExecutor = z.enum(['CELERY', 'KUBERNETES', 'ASTRO']);
export const SchedulerSize = z.enum(['SMALL', 'MEDIUM', 'LARGE', 'EXTRA_LARGE']);

/** Scheduler of a hybrid Deployment. */
export const Scheduler = z.strictObject({ au: z.int().min(5).max(24), replicas: z.int().min(1).max(4) });

/** One environment variable as sent. A new secret needs a value; a known one without it keeps what is stored. */
export const EnvironmentVariableRequest = z
  .strictObject({
    key: textUpTo(256)
      .min(1)
      .regex(/^[^=]+$/, 'must not hold "="'),
    value: textUpTo(65_536).exactOptional(),
    isSecret: z.boolean(),
  })
  .meta({ id: 'DeploymentEnvironmentVariableRequest' });
export type EnvironmentVariableRequest = z.infer<typeof EnvironmentVariableRequest>;

/** One environment variable as answered. */
export const EnvironmentVariable = z
  .object({
    key: z.string(),
    value: z.string().exactOptional().describe('Absent for secrets.'),
    isSecret: z.boolean(),
    updatedAt: Instant,
  })
  .meta({ id: 'DeploymentEnvironmentVariable' });
export type EnvironmentVariable = z.infer<typeof EnvironmentVariable>;

const AstroMachine = z.enum(['A5', 'A10', 'A20', 'A40', 'A60', 'A120', 'A160']);

/** A worker queue as sent; without `id` it is a new one, or the one of that name. */
export const WorkerQueueRequest = z.strictObject({
  id: Reference.exactOptional(),
  name: textUpTo(63).min(1),
  isDefault: z.boolean(),
  minWorkerCount: z.int().min(0),
  maxWorkerCount: z.int().min(1),
  workerConcurrency: z.int().min(1),
  astroMachine: AstroMachine.exactOptional(),
  nodePoolId: Reference.exactOptional(),
  podEphemeralStorage: textUpTo(20).exactOptional(),
});

export const WorkerQueue = z
  .object({
    id: z.string(),
    name: z.string(),
    isDefault: z.boolean(),
    minWorkerCount: z.int(),
    maxWorkerCount: z.int(),
    workerConcurrency: z.int(),
    astroMachine: z.string().exactOptional(),
    nodePoolId: z.string().exactOptional(),
    podCpu: z.string(),
    podMemory: z.string(),
    podEphemeralStorage: z.string().exactOptional(),
  })
  .meta({ id: 'WorkerQueue' });

/** Remote execution as sent. */
export const RemoteExecutionRequest = z.strictObject({
  enabled: z.boolean(),
  allowedIpAddressRanges: z.array(textUpTo(50)).max(1000).exactOptional(),
  taskLogBucket: textUpTo(500).exactOptional(),
  taskLogUrlPattern: textUpTo(2048).exactOptional(),
});

export const RemoteExecution = z.object({
  enabled: z.boolean(),
  allowedIpAddressRanges: z.array(z.string()),
  remoteApiUrl: z.string(),
  taskLogBucket: z.string().exactOptional(),
  taskLogUrlPattern: z.string().exactOptional(),
});

const HibernationSchedule = z.strictObject({
  hibernateAtCron: textUpTo(100).min(1),
  wakeAtCron: textUpTo(100).min(1),
  isEnabled: z.boolean(),
  description: textUpTo(200).exactOptional(),
});

/** Echoed with the offset it was sent with, or clients see drift. */
const OverrideUntil = z.iso.datetime({ offset: true });

/** Hibernation as sent; `{}` clears it. */
export const ScalingSpecRequest = z.strictObject({
  hibernationSpec: z
    .strictObject({
      schedules: z.array(HibernationSchedule).max(10).exactOptional(),
      override: z
        .strictObject({ isHibernating: z.boolean().exactOptional(), overrideUntil: OverrideUntil.exactOptional() })
        .exactOptional(),
    })
    .exactOptional(),
});

export const ScalingSpec = z.object({
  hibernationSpec: z
    .object({
      schedules: z.array(HibernationSchedule).exactOptional(),
      override: z
        .object({
          isActive: z.boolean().exactOptional(),
          isHibernating: z.boolean().exactOptional(),
          overrideUntil: OverrideUntil.exactOptional(),
        })
        .exactOptional(),
    })
    .exactOptional(),
});

export const ScalingStatus = z.object({
  hibernationStatus: z
    .object({
      isHibernating: z.boolean(),
      nextEventAt: Instant.exactOptional(),
      nextEventType: z.enum(['HIBERNATE', 'WAKE']).exactOptional(),
      reason: z.string().exactOptional(),
    })
    .exactOptional(),
});
