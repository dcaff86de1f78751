// An OpenID Connect authorization server that nobody here wrote (npm `oidc-provider`), on loopback, for tests.
// It is given its clients and features as JSON in the first argument, prints its issuer as one line of JSON, and ends with its stdin.
// `/control/…` is the test's own door: what was granted and refused, and what the sign-in pages would ask.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const { clients, methods, pushed, required, dpop, nonce, forgetful } = JSON.parse(process.argv[2]);
const seen = {
  refreshTokens: [], accessTokens: [], tokenRequests: [], refused: [], revoked: 0, grantsEnded: 0, authorize: [], pushes: [], proofs: [],
};

const server = createServer();
await new Promise((open) => server.listen(0, '127.0.0.1', open));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients,
  clientAuthMethods: methods,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  scopes: ['openid', 'offline_access', 'reports.read'],
  claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
  extraParams: ['audience'],
  ttl: { AccessToken: 3600, AuthorizationCode: 60, RefreshToken: 86_400, IdToken: 3600, Interaction: 600, Session: 600, Grant: 86_400 },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    userinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: pushed === true, requirePushedAuthorizationRequests: required === true },
    dPoP: { enabled: dpop === true, nonceSecret: randomBytes(32), requireNonce: () => nonce === true },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `${id[0].toUpperCase()}${id.slice(1)} Doe`, email: `${id}@acme.example` }),
  }),
});

/** How the client proved itself, as it arrived. */
const proof = (ctx) => {
  if (ctx.get('authorization').startsWith('Basic ')) return 'basic';
  return ctx.oidc?.body?.client_secret ? 'body' : 'none';
};
provider.on('grant.success', (ctx) => {
  // `audience` is no parameter of its own there: what a client adds arrives as it was sent.
  const { grant_type: grant, audience } = ctx.oidc.body;
  seen.tokenRequests.push({ grant, proof: proof(ctx), ok: true, audience });
  seen.accessTokens.push({ token: ctx.body.access_token, kind: ctx.body.token_type });
  if (ctx.body.refresh_token) seen.refreshTokens.push(ctx.body.refresh_token);
});
provider.on('grant.error', (ctx, error) => {
  seen.tokenRequests.push({ grant: ctx.oidc?.body?.grant_type, proof: proof(ctx), ok: false });
  seen.refused.push(error.error_detail ?? error.message);
});
provider.on('authorization.error', (_, error) => seen.refused.push(error.error));
provider.on('grant.revoked', () => { seen.grantsEnded += 1; });
provider.use(async (ctx, next) => {
  if (ctx.path === '/auth') seen.authorize.push(Object.fromEntries(new URLSearchParams(ctx.querystring)));
  const shown = ctx.get('dpop');
  await next();
  if (ctx.path === '/request') seen.pushes.push({ asked: { ...ctx.oidc?.body }, proof: proof(ctx), status: ctx.status });
  if (shown) {
    const [head, claims] = shown.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
    seen.proofs.push({ path: ctx.path, method: ctx.method, authorization: ctx.get('authorization'), status: ctx.status, shown, head, claims });
  }
  // Offers what it does not do.
  if (forgetful && ctx.path.startsWith('/.well-known/')) ctx.body.dpop_signing_alg_values_supported = ['ES256'];
  if (ctx.path === '/token/revocation' && ctx.status === 200) seen.revoked += 1;
});

async function control(request, response, path) {
  const say = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
  if (path === '/control/seen') return say(seen);
  response.statusCode = 404;
  return say({});
}

/** The sign-in pages: GET tells what is asked, POST with `login=<who>`, `allow=1` or `refuse=1` answers. */
async function interaction(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    return response.setHeader('content-type', 'application/json').end(JSON.stringify({ asks: prompt.name, details: prompt.details, params }));
  }
  const answer = new URLSearchParams(await new Response(request, { duplex: 'half' }).text());
  let result = { error: 'access_denied', error_description: 'The person said no' };
  if (answer.has('login')) {
    result = { login: { accountId: answer.get('login') } };
  } else if (answer.has('allow')) {
    const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
    if (prompt.details.missingOIDCClaims) grant.addOIDCClaims(prompt.details.missingOIDCClaims);
    result = { consent: { grantId: await grant.save() } };
  }
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

const standard = provider.callback();
server.on('request', async (request, response) => {
  const path = request.url.split('?')[0];
  try {
    if (path.startsWith('/control/')) return await control(request, response, path);
    if (path.startsWith('/interaction/')) return await interaction(request, response);
    return standard(request, response);
  } catch (error) {
    response.statusCode = 500;
    return response.end(String(error));
  }
});
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
