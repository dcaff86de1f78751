/** The services of `oauth_url`, each with the fields of its own as a client of Acme would fill them in. */
export const SERVICES = [
  { service: 'BOX' },
  { service: 'CONFLUENCE', fields: () => ({ confluence_subdomain: 'acme' }) },
  { service: 'DROPBOX' },
  { service: 'GMAIL' },
  { service: 'GONG', fields: () => ({ gong_account_email: 'maya.lind@acme.example' }) },
  { service: 'GOOGLE_CLOUD_STORAGE' },
  { service: 'GOOGLE_DRIVE' },
  { service: 'INTERCOM' },
  { service: 'NOTION' },
  { service: 'ONEDRIVE', fields: () => ({ microsoft_tenant: 'acme.onmicrosoft.com' }) },
  { service: 'OUTLOOK', fields: () => ({ microsoft_tenant: 'acme.onmicrosoft.com' }) },
  { service: 'SALESFORCE', fields: () => ({ salesforce_domain: 'acme.my.salesforce.com' }) },
  { service: 'SERVICENOW', fields: serviceNow },
  { service: 'SHAREPOINT', fields: () => ({ microsoft_tenant: 'acme.onmicrosoft.com', sharepoint_site_name: 'Mkt' }) },
  { service: 'SLACK' },
  { service: 'ZENDESK', fields: () => ({ zendesk_subdomain: 'acme' }) },
  { service: 'ZOTERO' },
];

/** Here the client brings the app, and the address back that the customer registered for it. */
async function serviceNow(served) {
  const { client_id, client_secret } = served.app('SERVICENOW');
  const redirect_uri = `${served.base}/integrations/servicenow`;
  await served.register('SERVICENOW', redirect_uri);
  return { servicenow_credentials: { instance_subdomain: 'acme', client_id, client_secret, redirect_uri } };
}
