/** carbon-typescript-sdk against the served API: the whole life of a connection, once for each of the seventeen services. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Carbon, CarbonError } from 'carbon-typescript-sdk';
import { Served, aSecond, until } from './served.js';
import { SERVICES } from './services.js';

let served, secret;

before(async () => {
  served = await Served.open();
  ({ secret } = await served.key('carbon-typescript-sdk'));
});
after(() => served?.end());

const client = (customerId) => new Carbon({ basePath: served.base, apiKey: secret, customerId });

describe('each service is connected, listed, synced, resynced and revoked', { concurrency: 6 }, () => {
  for (const { service, callback, fields } of SERVICES) {
    test(service, async () => life(service, callback, (await fields?.(served)) ?? {}));
  }
});

async function life(service, callback, fields) {
  const carbon = client(`person-of-${service}`);
  const sources = async (filters) => (await carbon.dataSources.queryUserDataSources({ filters })).data;
  assert.deepEqual(await sources({ source: service }), { results: [], count: 0 });

  const { data: { oauth_url: address } } = await carbon.integrations.getOauthUrl({
    service, ...fields, sync_files_on_connection: false, data_source_tags: { team: 'support' }, request_id: `first-${service}`,
  });
  // Where something is asked first, and with OAuth 1.0a, the way back is not told here.
  const back = new URL(address).searchParams.get('redirect_uri');
  if (back) assert.equal(new URL(back).pathname.replace('/relay/', '/'), `/integrations/${callback}`);
  const end = await served.answer(address);
  assert.equal(end.status, 200, end.text);

  const source = await until('the directory', async () => {
    const { results, count } = await sources({ source: service });
    assert.ok(count <= 1 && results.length === count);
    return results[0];
  }, (it) => it?.sync_status === 'READY' && it.source_items_synced_at);
  assert.equal(source.data_source_type, service);
  assert.equal(source.organization_supplied_user_id, `person-of-${service}`);
  assert.equal(source.data_source_external_id.split('|')[0], service);
  assert.ok(source.data_source_external_id.split('|')[1], 'whose account it is');
  assert.deepEqual(source.tags, { team: 'support' });
  assert.equal(source.revoked_access, false);
  assert.equal(source.token, null);

  await asksAgain(carbon, service, fields, source, address);
  await listsAnew(carbon, source);
  const item = await pick(carbon, source);
  const file = await syncs(carbon, source, item);
  await resyncs(carbon, file);

  assert.deepEqual((await carbon.dataSources.revokeAccessToken({ data_source_id: source.id })).data, { success: true });
  assert.equal((await sources({ source: service, revoked_access: false })).count, 0);
  const [revoked] = (await sources({ source: service, revoked_access: true })).results;
  assert.equal(revoked.id, source.id);
  assert.equal(revoked.last_sync_action, 'REVOKE');
  const kept = (await carbon.files.queryUserFiles({ filters: { ids: [file.id] } })).data;
  assert.equal(kept.count, 1, 'what was fetched stays');
  await assert.rejects(carbon.integrations.syncDataSourceItems({ data_source_id: source.id }), refusal(400, 404, 409));
}

/** What a refusal looks like to this client: a status and a sentence. */
const refusal = (...statuses) => (why) => {
  assert.ok(why instanceof CarbonError, String(why));
  assert.ok(statuses.includes(why.status), `${why.status} ${JSON.stringify(why.responseBody)}`);
  assert.equal(typeof why.responseBody.detail, 'string');
  return true;
};

/** A connected account is not asked to sign in again, unless the client wants another one. */
async function asksAgain(carbon, service, fields, source, address) {
  const asked = { service, ...fields, data_source_id: source.id, sync_files_on_connection: false };
  const known = (await carbon.integrations.getOauthUrl(asked)).data.oauth_url;
  assert.ok(known.startsWith(served.base), `a page of the server itself: ${known}`);
  assert.equal((await fetch(known)).status, 200);
  const other = (await carbon.integrations.getOauthUrl({ service, ...fields, connecting_new_account: true })).data.oauth_url;
  // A page that asks for more first has a name of its own each time.
  const page = (url) => new URL(url).pathname.replace(/[0-9a-f]{32}$/, '');
  assert.equal(page(other), page(address), 'a fresh sign-in');
}

async function listsAnew(carbon, source) {
  await aSecond();
  const asked = (await carbon.integrations.syncDataSourceItems({ data_source_id: source.id })).data;
  assert.equal(asked.id, source.id);
  const now = async () => (await carbon.dataSources.queryUserDataSources({ filters: { ids: [source.id] } })).data.results[0];
  await until('the directory anew', now, (it) => it.sync_status === 'READY' && it.source_items_synced_at > source.source_items_synced_at);
}

/** Goes down into the directory, level by level, until there is something to read. */
async function pick(carbon, source) {
  const list = async (more) => (await carbon.integrations.listDataSourceItems({ data_source_id: source.id, ...more })).data;
  for (const parents = [null]; parents.length > 0; ) {
    const parent_id = parents.shift() ?? undefined;
    const { items, count } = await list({ parent_id, pagination: { limit: 250, offset: 0 } });
    assert.equal(items.length, count);
    if (count > 1) {
      const second = await list({ parent_id, pagination: { limit: 1, offset: 1 } });
      assert.deepEqual([second.items.map(({ id }) => id), second.count], [[items[1].id], count]);
    }
    const names = items.map(({ name }) => name);
    assert.equal(new Set(items.map(({ id }) => id)).size, count);
    for (const item of items) {
      assert.equal(item.organization_user_data_source_id, source.id);
      assert.equal(item.source, source.data_source_type);
      assert.equal(item.parent_external_id, parent_id ?? null, item.name);
    }
    const found = items.find(isFile);
    if (found) {
      const named = await list({ parent_id, filters: { name: found.name } });
      assert.ok(named.items.some(({ id }) => id === found.id), `${found.name} among ${names}`);
      return found;
    }
    parents.push(...items.filter((item) => item.is_expandable).map((item) => item.external_id));
  }
  assert.fail(`${source.data_source_type} holds nothing to read`);
}

/** Of a kind that has text. A page is one, whatever stands below it. */
const isFile = ({ is_selectable: can, is_expandable: stands, item_type: type, file_format: format }) =>
  can && (type === 'PAGE' || !stands) && format && !['JPG', 'PNG', 'MP3', 'MP4'].includes(format);

async function syncs(carbon, source, item) {
  const ids = item.root_external_id ? [{ id: item.external_id, root_id: item.root_external_id }] : [item.external_id];
  const request_id = `files-of-${source.id}`;
  const asked = await carbon.integrations.syncFiles({ data_source_id: source.id, ids, request_id, tags: { page: 'one' }, chunk_size: 900 });
  assert.deepEqual(asked.data, { success: true });
  const file = await until(`${item.name} of ${source.data_source_type}`, async () => {
    const filters = { organization_user_data_source_id: [source.id], external_file_ids: [item.external_id] };
    const { results, count } = (await carbon.files.queryUserFiles({ filters })).data;
    assert.ok(count <= 1);
    assert.notEqual(results[0]?.sync_status, 'SYNC_ERROR', results[0]?.sync_error_message);
    return results[0];
  }, (it) => it?.sync_status === 'READY');
  assert.equal(file.name, item.name);
  assert.equal(file.source, source.data_source_type);
  assert.equal(file.request_id, request_id);
  assert.equal(file.tags.page, 'one');
  assert.equal(file.chunk_size, 900);
  assert.ok(file.file_statistics.num_characters > 0, 'it was read');
  const asks = (await carbon.files.queryUserFiles({ filters: { request_ids: [request_id] } })).data;
  assert.ok(asks.results.some(({ id }) => id === file.id), 'it is found by its request');
  const [seen] = (await carbon.integrations.listDataSourceItems({ data_source_id: source.id, filters: { external_ids: [item.external_id] } })).data.items;
  assert.equal(seen.organization_user_file_to_sync_id, file.id, 'the directory names the file');
  return file;
}

async function resyncs(carbon, file) {
  await aSecond();
  assert.equal((await carbon.files.resync({ file_id: file.id })).data.id, file.id);
  const now = async () => (await carbon.files.queryUserFiles({ filters: { ids: [file.id] } })).data.results[0];
  await until(`${file.name} of ${file.source} anew`, now, (it) => it.sync_status === 'READY' && it.last_sync > file.last_sync);
}

describe('what is refused', () => {
  test('a wrong key is 401, an unknown connection 404, both with a sentence', async () => {
    const stranger = new Carbon({ basePath: served.base, apiKey: 'tlk_nobody', customerId: 'anybody' });
    await assert.rejects(stranger.dataSources.queryUserDataSources({}), refusal(401));
    await assert.rejects(client('anybody').integrations.syncDataSourceItems({ data_source_id: 987_654 }), refusal(404));
  });

  test('a service without its own field is 400, one that does not exist 422', async () => {
    await assert.rejects(client('anybody').integrations.getOauthUrl({ service: 'ZENDESK' }), refusal(400));
    await assert.rejects(client('anybody').integrations.getOauthUrl({ service: 'NOWHERE' }), ({ status, responseBody: { detail } }) => {
      assert.equal(status, 422);
      assert.deepEqual(detail[0].loc, ['body', 'service']);
      assert.ok(detail[0].msg && detail[0].type);
      return true;
    });
  });

  test('a temporary token stands for its customer only', async () => {
    const { access_token } = (await client('token-bearer').auth.getAccessToken()).data;
    const bearer = new Carbon({ basePath: served.base, accessToken: access_token });
    assert.equal((await bearer.users.whoAmI()).data.organization_supplied_user_id, 'token-bearer');
    await assert.rejects(bearer.dataSources.query({}), refusal(401, 403));
  });
});
