/**
 * The services of `oauth_url`, each with the path below /integrations/ that its answers come to, and with the fields of its own
 * as a client of Acme would fill them in.
 */
export const SERVICES = [
  { service: 'BOX', callback: 'box' },
  { service: 'CONFLUENCE', callback: 'confluence', fields: () => ({ confluence_subdomain: 'acme' }) },
  { service: 'DROPBOX', callback: 'dropbox' },
  { service: 'GMAIL', callback: 'gmail' },
  { service: 'GONG', callback: 'gong', fields: () => ({ gong_account_email: 'maya.lind@acme.example' }) },
  { service: 'GOOGLE_CLOUD_STORAGE', callback: 'gcs' },
  { service: 'GOOGLE_DRIVE', callback: 'google' },
  { service: 'INTERCOM', callback: 'intercom' },
  { service: 'NOTION', callback: 'notion' },
  { service: 'ONEDRIVE', callback: 'onedrive', fields: () => ({ microsoft_tenant: 'acme.onmicrosoft.com' }) },
  { service: 'OUTLOOK', callback: 'outlook', fields: () => ({ microsoft_tenant: 'acme.onmicrosoft.com' }) },
  { service: 'SALESFORCE', callback: 'salesforce', fields: () => ({ salesforce_domain: 'acme.my.salesforce.com' }) },
  { service: 'SERVICENOW', callback: 'servicenow', fields: serviceNow },
  { service: 'SHAREPOINT', callback: 'sharepoint', fields: () => ({ microsoft_tenant: 'acme.onmicrosoft.com', sharepoint_site_name: 'Mkt' }) },
  { service: 'SLACK', callback: 'slack' },
  { service: 'ZENDESK', callback: 'zendesk', fields: () => ({ zendesk_subdomain: 'acme' }) },
  { service: 'ZOTERO', callback: 'zotero' },
];

/** Here the client brings the app, and the address back that the customer registered for it. */
async function serviceNow(served) {
  const { client_id, client_secret } = served.app('SERVICENOW');
  const redirect_uri = `${served.base}/integrations/servicenow`;
  await served.register('SERVICENOW', redirect_uri);
  return { servicenow_credentials: { instance_subdomain: 'acme', client_id, client_secret, redirect_uri } };
}
