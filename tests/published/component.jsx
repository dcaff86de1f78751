/** The page of a program that embeds carbon-connect, as its README shows it: its own backend fetches the tokens. */
import { CarbonConnect } from 'carbon-connect';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';

const { api } = window.settings;

async function tokenFetcher() {
  return (await fetch('/token')).json();
}

function Page() {
  const [open, setOpen] = useState(true);
  return (
    <CarbonConnect
      orgName="Acme"
      brandIcon="/icon.svg"
      tokenFetcher={tokenFetcher}
      apiURL={api}
      open={open}
      setOpen={setOpen}
      theme="light"
      tags={{ page: 'embedded' }}
      dataSourceTags={{ team: 'support' }}
      useRequestIds
      dataSourcePollingInterval={3000}
      enabledIntegrations={[
        { id: 'ZENDESK', useCarbonFilePicker: true, syncFilesOnConnection: false },
        { id: 'GOOGLE_DRIVE' },
        { id: 'SLACK' },
      ]}
      onSuccess={(told) => window.told.push(told)}
      onError={(told) => window.failed.push(told)}
    />
  );
}

window.told = [];
window.failed = [];
createRoot(document.getElementById('page')).render(<Page />);
