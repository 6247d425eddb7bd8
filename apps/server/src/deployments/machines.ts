/** The sizes that clients of the original know by name. Nothing here runs on them; they are stored, echoed and offered. */

interface Size {
  readonly cpu: string;
  readonly memory: string;
}

export const workerMachines = {
  A5: { cpu: '1', memory: '2Gi' },
  A10: { cpu: '2', memory: '4Gi' },
  A20: { cpu: '4', memory: '8Gi' },
  A40: { cpu: '8', memory: '16Gi' },
  A60: { cpu: '12', memory: '24Gi' },
  A120: { cpu: '24', memory: '48Gi' },
  A160: { cpu: '32', memory: '64Gi' },
} as const satisfies Record<string, Size>;

export const schedulerMachines = {
  SMALL: { cpu: '1', memory: '2Gi' },
  MEDIUM: { cpu: '2', memory: '4Gi' },
  LARGE: { cpu: '4', memory: '8Gi' },
  EXTRA_LARGE: { cpu: '8', memory: '16Gi' },
} as const satisfies Record<string, Size>;

/** Of one pod that runs a task, and of all of them together. */
export const podDefaults = {
  pod: { cpu: '0.25', memory: '0.5Gi' },
  quota: { cpu: '10', memory: '20Gi' },
} as const satisfies Record<string, Size>;

/** Runtime names as clients know them and the Airflow in each, newest first: clients take the first. */
export const runtimeReleases = [
  { version: '3.3-2', airflowVersion: '3.3.2', releaseDate: '2026-10-20T00:00:00Z' },
  { version: '3.2-1', airflowVersion: '3.2.0', releaseDate: '2026-04-21T00:00:00Z' },
  { version: '3.1-1', airflowVersion: '3.1.0', releaseDate: '2025-09-25T00:00:00Z' },
  { version: '3.0-1', airflowVersion: '3.0.0', releaseDate: '2025-04-22T00:00:00Z' },
] as const;

/** The Airflow of a runtime by the first two numbers that runtimes of Airflow 3 share with it; undefined for others. */
export function airflowVersionOf(runtimeVersion: string): string | undefined {
  const exact = runtimeReleases.find((release) => release.version === runtimeVersion);
  if (exact) return exact.airflowVersion;
  const line = /^3\.(\d+)-/.exec(runtimeVersion)?.[1];
  return line === undefined ? undefined : `3.${line}.0`;
}
