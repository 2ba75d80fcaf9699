// A real OpenID provider for the suite: oidc-provider, with what agents' tokens need. It serves on a port of this host's
// loopback, and is told on its standard input, line by line, what becomes different: {"groups": […]}, {"lasts": SECONDS}, {"keys": N}.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';

// What it answers stands alone on the standard output.
console.info = console.warn = (...words) => console.error(...words);

const require = createRequire(process.env.POSTERN_PEERS + '/');
const { default: Provider } = await import(require.resolve('oidc-provider'));

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
let groups = ['dba'];
let lasts = 300;
let keys = [];

function key(name) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: name, use: 'sig', alg: 'ES256' };
}

const client = (id, more = {}) => ({
  client_id: id,
  client_secret: `secret-of-${id}`,
  grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
  redirect_uris: [],
  response_types: [],
  ...more,
});

const resourceServer = (resource) => ({
  scope: 'use',
  audience: resource.replace('urn:', ''),
  accessTokenTTL: lasts,
  accessTokenFormat: 'jwt',
  jwt: { sign: { alg: 'ES256' } },
});

function make() {
  const provider = new Provider(issuer, {
    clients: [client('coder'), client('tester'), client('gateway')],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys },
    extraTokenClaims: (ctx, token) => ({ groups, ...(token.accountId && { act: { sub: token.clientId } }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:postern',
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource) => resourceServer(resource),
      },
    },
  });
  // RFC 8693: the agent shows for whom it acts, and gets a token that names both.
  const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
  provider.registerGrantType(grant, async (ctx) => {
    const { client, params } = ctx.oidc;
    // The suite's people are called by their names; a site's would be shown by a token of theirs.
    const token = new provider.AccessToken({ accountId: params.subject_token, client, grantId: randomUUID(), gty: grant });
    token.resourceServer = new provider.ResourceServer('urn:postern', resourceServer('urn:postern'));
    ctx.body = { access_token: await token.save(), token_type: 'Bearer', expires_in: lasts };
  }, ['subject_token', 'subject_token_type']);
  provider.on('server_error', (ctx, error) => console.error(error));
  return provider;
}

keys = [key('k1')];
let handler = make().callback();
createServer((request, response) => handler(request, response)).listen(port, '127.0.0.1', () => console.log(issuer));

createInterface({ input: process.stdin }).on('line', (line) => {
  const told = JSON.parse(line);
  if (told.groups) groups = told.groups;
  if (told.lasts) lasts = told.lasts;
  if (told.keys) {
    keys = [key(`k${told.keys}`)];
    handler = make().callback();
  }
  console.log('done');
}).on('close', () => process.exit(0));
