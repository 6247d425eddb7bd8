import { z } from 'zod';
import { Id, Instant, nameUpTo, PathId, Reference, textUpTo } from './ids.ts';
import { filterValues, pageMembers, pagingOrIds, sortsBy } from './lists.ts';
import { BasicSubjectProfile } from './subjects.ts';

const CloudProvider = z.enum(['AWS', 'AZURE', 'GCP']);

/** A group of Deployments. The cluster defaults are stored and echoed only. */
export const Workspace = z
  .object({
    id: Id,
    name: z.string(),
    description: z.string().exactOptional(),
    organizationId: Id,
    organizationName: z.string().exactOptional(),
    cicdEnforcedDefault: z.boolean(),
    defaultClusterId: z.string().exactOptional(),
    defaultCloudProvider: CloudProvider.exactOptional(),
    defaultRegion: z.string().exactOptional(),
    createdAt: Instant,
    createdBy: BasicSubjectProfile.exactOptional(),
    updatedAt: Instant,
    updatedBy: BasicSubjectProfile.exactOptional(),
  })
  .meta({ id: 'Workspace' });
export type Workspace = z.infer<typeof Workspace>;

export const WorkspaceList = z.object({ workspaces: z.array(Workspace), ...pageMembers }).meta({ id: 'WorkspacesPaginated' });
export type WorkspaceList = z.infer<typeof WorkspaceList>;

/** Path of one workspace. */
export const WorkspaceParams = z.strictObject({ organizationId: PathId, workspaceId: PathId });
export type WorkspaceParams = z.infer<typeof WorkspaceParams>;

export const workspaceSortFields = ['name', 'createdAt', 'updatedAt'] as const;

/** Query of `GET …/workspaces`. */
export const WorkspaceListQuery = z.strictObject({
  workspaceIds: filterValues.exactOptional(),
  names: filterValues.exactOptional(),
  ...pagingOrIds,
  sorts: sortsBy(workspaceSortFields),
});
export type WorkspaceListQuery = z.infer<typeof WorkspaceListQuery>;

const clusterDefaults = {
  defaultClusterId: Reference.exactOptional().describe('This, or provider and region.'),
  defaultCloudProvider: CloudProvider.exactOptional().describe('Together with `defaultRegion`.'),
  defaultRegion: Reference.exactOptional().describe('Together with `defaultCloudProvider`.'),
};

/** Body of `POST …/workspaces`. */
export const CreateWorkspace = z
  .strictObject({
    name: nameUpTo(50),
    description: textUpTo(1000).default(''),
    cicdEnforcedDefault: z.boolean().default(false).describe('Whether new Deployments take code from tokens only.'),
    ...clusterDefaults,
  })
  .superRefine(checkClusterDefaults)
  .meta({ id: 'CreateWorkspaceRequest' });
export type CreateWorkspace = z.infer<typeof CreateWorkspace>;

/** Body of `POST …/workspaces/{id}`. */
export const UpdateWorkspace = z
  .strictObject({
    name: nameUpTo(50),
    description: textUpTo(1000).exactOptional().describe('Absent: stays as it is.'),
    cicdEnforcedDefault: z.boolean().exactOptional().describe('Absent: stays as it is.'),
    ...clusterDefaults,
  })
  .superRefine(checkClusterDefaults)
  .meta({ id: 'UpdateWorkspaceRequest' });
export type UpdateWorkspace = z.infer<typeof UpdateWorkspace>;

function checkClusterDefaults(
  input: { defaultClusterId?: string; defaultCloudProvider?: string; defaultRegion?: string },
  context: z.RefinementCtx,
): void {
  const refuse = (field: string, message: string): void => context.addIssue({ code: 'custom', path: [field], message });
  if ((input.defaultCloudProvider === undefined) !== (input.defaultRegion === undefined)) {
    refuse(input.defaultRegion === undefined ? 'defaultRegion' : 'defaultCloudProvider', 'provider and region come together');
  }
  if (input.defaultClusterId !== undefined && input.defaultCloudProvider !== undefined) {
    refuse('defaultClusterId', 'is given instead of provider and region, not beside them');
  }
}
