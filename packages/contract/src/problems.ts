/**
 * Every way a call can fail, at the control plane and at the gateway. Codes are public and never reused; each has a page
 * `docs/reference/problems/<code>.md`. This file imports nothing, so that the command line can bundle it alone.
 */

interface ProblemKind {
  /** HTTP status. */
  readonly status: number;
  /** One sentence for people; RFC 9457 `title`. */
  readonly title: string;
}

export const problems = {
  // asking
  invalid_request: { status: 400, title: 'The request is not valid' },
  credential_in_url: { status: 400, title: 'A token does not belong in a URL' },
  several_credentials: { status: 400, title: 'More than one credential was sent' },
  expiry_required: { status: 400, title: 'A direct access token needs an expiry of at most 365 days' },
  token_too_large: { status: 400, title: 'The token would be larger than 4 KiB' },
  role_unknown: { status: 400, title: 'There is no such role for this entity' },
  role_set_invalid: { status: 400, title: 'The roles do not fit the home scope of the token' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  body_too_large: { status: 413, title: 'The body is too large' },
  // who
  credential_missing: { status: 401, title: 'No credential was sent' },
  invalid_token: { status: 401, title: 'The token is not valid' },
  permission_denied: { status: 403, title: 'This is not allowed with the rights of the caller' },
  insecure_transport: { status: 403, title: 'Tokens are accepted over TLS or from the machine itself only' },
  rate_limited: { status: 429, title: 'Too many requests' },
  // what
  not_found: { status: 404, title: 'There is nothing here that the caller may see' },
  method_not_allowed: { status: 405, title: 'The path does not know this method' },
  organization_not_found: { status: 404, title: 'There is no such organization that the caller may see' },
  workspace_not_found: { status: 404, title: 'There is no such workspace that the caller may see' },
  deployment_not_found: { status: 404, title: 'There is no such Deployment that the caller may see' },
  token_not_found: { status: 404, title: 'There is no such token that the caller may see' },
  // state
  name_taken: { status: 409, title: 'The name is taken' },
  rotation_conflict: { status: 409, title: 'Another rotation finished first' },
  not_home_scope: { status: 409, title: 'The token can be changed only where it was made' },
  direct_access_frozen: { status: 409, title: 'The roles of a direct access token are fixed at creation' },
  workspace_not_empty: { status: 409, title: 'The workspace still has Deployments' },
  write_conflict: { status: 409, title: 'Another change finished first' },
  // gateway
  not_enrolled: { status: 503, title: 'The gateway is not enrolled' },
  route_unknown: { status: 404, title: 'The gateway does not know this path' },
  target_refused: { status: 400, title: 'The request target is not in the form the gateway forwards' },
  header_refused: { status: 400, title: 'The request is not framed in a way the gateway forwards' },
  control_plane_unreachable: { status: 503, title: 'What the gateway knows is too old to decide' },
  airflow_unreachable: { status: 502, title: 'Airflow did not answer' },
  airflow_timeout: { status: 504, title: 'Airflow took too long to answer' },
  // ours
  store_unavailable: { status: 503, title: 'The database does not answer' },
  internal: { status: 500, title: 'Something failed on our side' },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problems;

/** One rule that a field of the request broke. */
export interface FieldError {
  readonly code: string;
  readonly field: string;
  readonly message: string;
}

/** RFC 9457 members, then what existing clients read (`reference/api.md` 1.4). */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail?: string;
  readonly requestId: string;
  readonly message: string;
  readonly statusCode: number;
  readonly fieldErrors?: readonly FieldError[];
}

/** The one body of an error. `detail` is public: it may name ids and rights, never a secret. */
export function problemBody(
  code: ProblemCode,
  more: { readonly requestId: string; readonly detail?: string; readonly fieldErrors?: readonly FieldError[] },
): ProblemBody {
  const { status, title } = problems[code];
  return {
    type: `/problems/${code}`,
    title,
    status,
    code,
    ...(more.detail === undefined ? {} : { detail: more.detail }),
    requestId: more.requestId,
    message: more.detail ?? title,
    statusCode: status,
    ...(more.fieldErrors === undefined ? {} : { fieldErrors: more.fieldErrors }),
  };
}
