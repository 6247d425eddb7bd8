/** What `npm start` says to a person. */

/** What the server logs when it listens. */
export interface ServerRecord {
  readonly address: string;
  readonly firstStart?: unknown;
  readonly ownerToken?: OwnerToken;
}

interface OwnerToken {
  readonly file: string;
  readonly state: 'live' | 'none';
  /** Epoch milliseconds. */
  readonly endsAt?: number;
}

interface Running {
  readonly pid: number;
  readonly address: string;
}

const dayMs = 24 * 60 * 60 * 1000;
const defaultServerAddress = 'http://127.0.0.1:8888';

/** Who runs where, and where everything is kept. */
export function summary(parts: { folder: string; server?: Running; gateway?: Running & { isEnrolled: boolean } }): string[] {
  const { folder, server, gateway } = parts;
  return [
    ...(server ? [`server    ${server.address}   process ${server.pid}`] : []),
    ...(gateway ? [`gateway   ${gateway.address}   process ${gateway.pid}${gateway.isEnrolled ? '' : '   not enrolled yet'}`] : []),
    `data      ${folder}   logs in ${folder}/logs`,
  ];
}

/** C-04: every start says how long the owner token still lives. */
export function ownerTokenLine({ file, state, endsAt }: OwnerToken, now: number): string {
  if (state === 'none') return `There is no owner token that works in ${file}: \`astrolabe owner-token\` makes one.`;
  if (endsAt === undefined) return `The owner token in ${file} never ends.`;
  const days = Math.round((endsAt - now) / dayMs);
  const left = endsAt - now < dayMs ? 'in less than a day' : days === 1 ? 'in 1 day' : `in ${days} days`;
  return `The owner token in ${file} ends ${left} (${new Date(endsAt).toISOString().slice(0, 10)}); \`astrolabe owner-token\` makes another.`;
}

/** The next commands to type, after the first start. */
export function firstSteps(parts: {
  folder: string;
  serverAddress: string;
  gateway?: { readonly [field: string]: unknown } | undefined;
}): string[] {
  const { folder, serverAddress, gateway } = parts;
  const gatewayAddress = gateway ? `http://${gateway.host}:${gateway.port}` : 'http://127.0.0.1:8889';
  return [
    'This is the first start. Next, in another terminal in this folder:',
    '',
    '  export PATH="$PWD/node_modules/.bin:$PATH"',
    `  export ASTRO_API_TOKEN="$(cat ${folder}/owner-token)"`,
    ...(serverAddress === defaultServerAddress ? [] : [`  export ASTRO_API_URL=${serverAddress}`]),
    '  astro deployment create --name Orders',
    '  astro deployment list',
    '',
    'With the id of the Deployment, put the gateway in front of its Airflow and call that with a token:',
    '',
    '  astrolabe airflow prepare --out airflow-keys',
    `  astrolabe gateway enrol --deployment-id=<id> --airflow-url=http://127.0.0.1:8080 \\`,
    `    --airflow-credential=airflow-keys/gateway-credential.json --gateway-url=${gatewayAddress}`,
    '  TOKEN="$(astro deployment token create --deployment-id=<id> --name "My token" --role DEPLOYMENT_ADMIN --clean-output)"',
    `  curl -H "Authorization: Bearer $TOKEN" ${gatewayAddress}/api/v2/dags`,
    '',
    'The README says how Airflow gets its part of the keys, and how to try it without an Airflow of your own.',
  ];
}
