import { type Kysely, sql } from 'kysely';
import { isPostgres } from '../dialect.ts';

/** The first shape of the database. Instants are epoch milliseconds, text compares byte for byte. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = isPostgres(db) ? sql`text collate "C"` : sql`text`;
  const stamps = (table: string) =>
    db.schema
      .createTable(table)
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('created_by', text, (c) => c.notNull())
      .addColumn('created_by_type', text, (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_by', text, (c) => c.notNull())
      .addColumn('updated_by_type', text, (c) => c.notNull());

  await db.schema
    .createTable('installation')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('issuer', text, (c) => c.notNull())
    .addColumn('former_issuers', text, (c) => c.notNull())
    .addColumn('feed_epoch', text, (c) => c.notNull())
    .addColumn('master_key_id', text, (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute();

  await stamps('organization')
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('settings', text, (c) => c.notNull())
    .addColumn('audit_sequence', 'bigint', (c) => c.notNull())
    .addColumn('audit_chain', text, (c) => c.notNull())
    .addColumn('deleted_at', 'bigint')
    .execute();

  await stamps('workspace')
    .addColumn('organization_id', text, (c) => c.notNull().references('organization.id'))
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('description', text, (c) => c.notNull())
    .addColumn('cicd_enforced_default', 'integer', (c) => c.notNull())
    .addColumn('settings', text, (c) => c.notNull())
    .addColumn('deleted_at', 'bigint')
    .execute();
  await db.schema.createIndex('workspace_organization').on('workspace').columns(['organization_id', 'id']).execute();

  await stamps('deployment')
    .addColumn('organization_id', text, (c) => c.notNull().references('organization.id'))
    .addColumn('workspace_id', text, (c) => c.notNull().references('workspace.id'))
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('description', text, (c) => c.notNull())
    .addColumn('airflow_url', text)
    .addColumn('gateway_url', text)
    .addColumn('airflow_version', text)
    .addColumn('settings', text, (c) => c.notNull())
    .addColumn('feed_sequence', 'bigint', (c) => c.notNull())
    .addColumn('feed_chain', text, (c) => c.notNull())
    .addColumn('deleted_at', 'bigint')
    .execute();
  await db.schema.createIndex('deployment_organization').on('deployment').columns(['organization_id', 'workspace_id', 'id']).execute();

  await db.schema
    .createTable('user')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('organization_id', text, (c) => c.notNull().references('organization.id'))
    .addColumn('username', text, (c) => c.notNull())
    .addColumn('full_name', text, (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('user_name').unique().on('user').columns(['organization_id', 'username']).execute();

  await stamps('token')
    .addColumn('organization_id', text, (c) => c.notNull().references('organization.id'))
    .addColumn('home_scope', text, (c) => c.notNull())
    .addColumn('home_entity_id', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('description', text, (c) => c.notNull())
    .addColumn('expiry_period_days', 'integer')
    .addColumn('generation', 'integer', (c) => c.notNull())
    .addColumn('short_token', text, (c) => c.notNull())
    .addColumn('start_at', 'bigint', (c) => c.notNull())
    .addColumn('end_at', 'bigint')
    .addColumn('last_rotated_at', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .addColumn('last_used_address', text)
    .addColumn('grants', text)
    .addColumn('deleted_at', 'bigint')
    .execute();
  // Names are unique among live tokens of one home entity; agent tokens among themselves.
  await sql`create unique index token_name on token (organization_id, home_entity_id, (case when kind = 'AGENT' then 1 else 0 end), name) where deleted_at is null`.execute(
    db,
  );
  await db.schema.createIndex('token_home').on('token').columns(['organization_id', 'home_scope', 'home_entity_id']).execute();

  await db.schema
    .createTable('token_value')
    .addColumn('jti_hash', text, (c) => c.primaryKey())
    .addColumn('organization_id', text, (c) => c.notNull())
    .addColumn('token_id', text, (c) => c.notNull().references('token.id'))
    .addColumn('generation', 'integer', (c) => c.notNull())
    .addColumn('issued_at', 'bigint', (c) => c.notNull())
    .addColumn('ends_at', 'bigint')
    .addColumn('retired_at', 'bigint')
    .addColumn('retired_reason', text)
    .execute();
  await db.schema.createIndex('token_value_generation').unique().on('token_value').columns(['token_id', 'generation']).execute();

  await db.schema
    .createTable('role_binding')
    .addColumn('organization_id', text, (c) => c.notNull())
    .addColumn('subject_type', text, (c) => c.notNull())
    .addColumn('subject_id', text, (c) => c.notNull())
    .addColumn('entity_type', text, (c) => c.notNull())
    .addColumn('entity_id', text, (c) => c.notNull())
    .addColumn('deployment_id', text, (c) => c.notNull())
    .addColumn('role', text, (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('role_binding_key', [
      'organization_id',
      'subject_type',
      'subject_id',
      'entity_type',
      'entity_id',
      'deployment_id',
    ])
    .execute();
  await db.schema
    .createIndex('role_binding_entity')
    .on('role_binding')
    .columns(['organization_id', 'subject_type', 'entity_type', 'entity_id', 'subject_id'])
    .execute();

  await db.schema
    .createTable('signing_key')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('use', text, (c) => c.notNull())
    .addColumn('algorithm', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('public_key', text, (c) => c.notNull())
    .addColumn('sealed_private_key', text, (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute();

  await db.schema
    .createTable('change')
    .addColumn('organization_id', text, (c) => c.notNull())
    .addColumn('deployment_id', text, (c) => c.notNull().references('deployment.id'))
    .addColumn('sequence', 'bigint', (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .addColumn('chain', text, (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('change_key', ['deployment_id', 'sequence'])
    .execute();

  await db.schema
    .createTable('audit_event')
    .addColumn('organization_id', text, (c) => c.notNull().references('organization.id'))
    .addColumn('sequence', 'bigint', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('action', text, (c) => c.notNull())
    .addColumn('actor_type', text, (c) => c.notNull())
    .addColumn('actor_id', text, (c) => c.notNull())
    .addColumn('target_type', text, (c) => c.notNull())
    .addColumn('target_id', text, (c) => c.notNull())
    .addColumn('request_id', text, (c) => c.notNull())
    .addColumn('address', text, (c) => c.notNull())
    .addColumn('detail', text, (c) => c.notNull())
    .addColumn('chain', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('audit_event_key', ['organization_id', 'sequence'])
    .execute();

  await db.schema
    .createTable('environment_variable')
    .addColumn('organization_id', text, (c) => c.notNull())
    .addColumn('deployment_id', text, (c) => c.notNull().references('deployment.id'))
    .addColumn('key', text, (c) => c.notNull())
    .addColumn('value', text, (c) => c.notNull())
    .addColumn('is_secret', 'integer', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('environment_variable_key', ['deployment_id', 'key'])
    .execute();
}
