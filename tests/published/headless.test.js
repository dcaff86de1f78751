/** carbon-connect-js, the older client without a screen: what it alone still calls. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as Headless from 'carbon-connect-js';
import { Served, until } from './served.js';

const environment = 'PRODUCTION';
let served, secret, accessToken;

/** Every call answers `{status, data, error}`; a refusal is swallowed into it. */
const good = ({ status, data, error }) => {
  assert.equal(status, 200, JSON.stringify(error));
  return data;
};

before(async () => {
  served = await Served.open();
  ({ secret } = await served.key('carbon-connect-js'));
  Headless.BASE_URL[environment] = served.base;
  ({ access_token: accessToken } = good(await Headless.generateAccessToken({ apiKey: secret, customerId: 'old-customer', environment })));
});
after(() => served?.end());

test('it is up, and says what it is called', async () => {
  assert.equal((await Headless.getCarbonHealth({ environment })).status, 200);
  assert.equal(typeof good(await Headless.getWhiteLabelData({ accessToken, environment })).remove_branding, 'boolean');
});

test('an account is connected, and what it brought is listed, resynced, tagged and deleted', async () => {
  assert.deepEqual((await Headless.getUserConnections({ accessToken, environment })).connections, []);
  const asked = { accessToken, integrationName: 'ZENDESK', optionalParams: { zendeskSubdomain: 'acme' }, tags: { from: 'old' }, environment };
  const end = await served.answer(good(await Headless.generateOauthurl(asked)).oauth_url);
  assert.equal(end.status, 200, end.text);

  const [connection] = await until('the connection', async () => {
    const { connections, error } = await Headless.getUserConnections({ accessToken, environment });
    assert.equal(error, null);
    return connections.length > 0 && connections;
  });
  assert.equal(connection.data_source_type, 'ZENDESK');
  assert.equal(good(await Headless.getUserDataSources({ accessToken, environment })).count, 1);

  const files = await until('its articles, which come by themselves', async () => {
    const { results, count } = good(await Headless.getUserFiles({ accessToken, limit: 250, environment }));
    return count > 1 && results.every(({ sync_status: status }) => status === 'READY') && results;
  });
  const [first, second] = files;
  // Its types call every id of a file a string, and it sends what it was given.
  assert.deepEqual(first.tags, { from: 'old' });
  assert.equal(good(await Headless.resyncFile({ accessToken, fileId: String(first.id), chunkSize: 400, chunkOverlap: 10, environment })).id, first.id);
  const tagged = good(await Headless.updateTags({ accessToken, fileId: String(second.id), tags: { kind: 'answer' }, environment }));
  assert.deepEqual(tagged.tags, { from: 'old', kind: 'answer' });
  good(await Headless.deleteFile({ accessToken, fileId: String(second.id), environment }));
  assert.equal(good(await Headless.getUserFiles({ accessToken, limit: 250, environment })).results.some(({ id }) => id === second.id), false);
  good(await Headless.revokeAccessToDataSource({ accessToken, dataSourceId: connection.id, environment }));
  assert.deepEqual((await Headless.getUserConnections({ accessToken, environment })).connections, []);
});
