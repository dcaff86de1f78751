// Made from the engine's operations. `cargo xtask types` writes it; do not edit.

export type AccessToken = { access_token: string, token_type: string, 
/**
 * None where nothing tells.
 */
expires_at: string | null, };
export type Account = { id: string, name: string, email: string, workspace: string, };
export type AddKey = { 
/**
 * What you call the program.
 */
name: string, 
/**
 * Keys of one organization share what they make. Default: one of the key's own name.
 */
organization: string | null, 
/**
 * Operations or groups; default: all groups but `tokens`, and but `contracts` where `reach` names connections.
 */
operations: Array<string> | null, reach: Reach | null, origins: Array<string>, per_minute: number | null, };
export type AddedKey = { key: KeyRow, secret: string, };
export type AdminMessage = { subject: string, body: string, };
export type AppSummary = { provider: string, provider_name: string, 
/**
 * Empty where one app serves all.
 */
host: string, client_id: string, has_secret: boolean, 
/**
 * The organisation's relay page, where it has one.
 */
relay: string | null, loopback_port: number | null, saved_at: string, connections: number, };
export type Approval = { id: number, key: string, key_name: string, connection: string, connection_name: string, asked_at: string, };
export type ById = { id: string, };
export type ByProvider = { 
/**
 * Id or slug.
 */
provider: string, };
export type Change = { "what": "connection", id: string, } | { "what": "flow", id: string, } | { "what": "sync", id: string, } | { "what": "keyring" } | { "what": "providers" } | { "what": "settings" } | { "what": "keys" } | { "what": "approval" } | { "what": "serving" } | { "what": "unexpected_return" } | { "what": "closing" } | { "what": "close", how: Closing, } | { "what": "elsewhere" } | { "what": "world" };
export type Check = { 
/**
 * `deep_link`, `loopback`, `browser`, `keyring`, `store`, `network`, `clock`, `catalogue`
 */
key: string, title: string, ok: boolean, words: string, press: Press | null, };
export type CheckForm = { provider: string, inputs: { [key in string]: string }, way: string | null, 
/**
 * The app's redirect settings as they stand in the admin's form, not yet saved.
 */
relay: string | null, loopback_port: number | null, };
export type Checks = { checks: Array<Check>, };
export type ChoiceLine = { value: string, label: string, };
export type CloseWindow = { how: Closing, };
export type Closing = "go_on" | "stop" | "keep";
export type Connect = { provider: string, inputs: { [key in string]: string }, 
/**
 * Scopes beyond the usual ones.
 */
more_scopes: Array<string>, 
/**
 * The connection to sign in again.
 */
reconnect: string | null, way: string | null, 
/**
 * The caller opens the address itself.
 */
quiet: boolean, };
export type ConnectionDetail = { row: ConnectionRow, inputs: Array<NamedValue>, client_id: string, app_host: string, redirect: string, way_words: string, permissions: Array<Permission>, lasts: Lasts, secret: SecretPlace, health: Health, grant_page: GrantPage | null, disconnect: DisconnectPlan, 
/**
 * What the program decided that asked for it; none where its person did.
 */
program: ProgramOptions | null, 
/**
 * The newest fifty.
 */
events: Array<EventLine>, };
export type ConnectionRow = { id: string, provider: string, provider_name: string, slug: string, monogram: string, color: string, 
/**
 * The name the person gave, else the account's.
 */
name: string, account: Account, state: ConnectionState, 
/**
 * "Working", "Needs you", …
 */
state_words: string, problem: Problem | null, 
/**
 * "No end date", "Next sign-in by 12 Mar 2027"
 */
sign_in_words: string, next_sign_in_at: string | null, connected_at: string, last_used_at: string | null, 
/**
 * How many permissions were asked and not granted.
 */
missing_scopes: number, };
export type ConnectionState = "working" | "needs_you" | "temporarily_failing" | "waiting_for_admin" | "keyring_locked" | "disconnecting";
export type Crumb = { id: string, name: string, };
export type DecideApproval = { id: number, allow: boolean, };
export type Disconnect = { id: string, 
/**
 * Tell the provider as well. Default: where it does not reach further than this connection.
 */
revoke: boolean | null, 
/**
 * Keep what was read, to be searched on.
 */
keep_contents: boolean, };
export type DisconnectPlan = { 
/**
 * The provider can be told to forget.
 */
revokes: boolean, 
/**
 * What will happen, sentence by sentence.
 */
words: Array<string>, 
/**
 * It reaches further than this connection: how.
 */
reaches_further: string | null, 
/**
 * Texts that are kept of it: to be deleted, or kept.
 */
kept_texts: number, };
export type Disconnected = { name: string, 
/**
 * The provider was told and its answer proves it.
 */
revoked: boolean, 
/**
 * Offline: it happens as soon as there is a network.
 */
queued: boolean, 
/**
 * What happened, sentence by sentence, with what stays.
 */
words: Array<string>, grant_page: GrantPage | null, };
export type EventLine = { 
/**
 * Counts up; pass as `before` for older ones.
 */
id: number, connection: string, connection_name: string, at: string, 
/**
 * `connected`, `refreshed`, `failed`, `used`, `token_given`, `reconnected`, `scopes_changed`, `disconnecting`, `disconnected`, `recovered`, `renamed`
 */
kind: string, words: string, 
/**
 * `ok`, `lit`, `plain`
 */
tone: string, };
export type EventsAsk = { 
/**
 * One connection's, or everybody's.
 */
id: string | null, before: number | null, 
/**
 * Default 100, at most 500.
 */
limit: number | null, };
export type Failure = { 
/**
 * Stable: `not_found`, `bad_input`, `keyring_locked`, …
 */
code: string, message: string, 
/**
 * What to do.
 */
hint: string, 
/**
 * The field it is about, where it is about one.
 */
field: string | null, };
export type FieldCheck = { key: string, 
/**
 * As it will be used.
 */
value: string, 
/**
 * In words: "acme.zendesk.com".
 */
preview: string, problem: string | null, };
export type Flow = { id: string, provider: string, provider_name: string, reconnect: string | null, 
/**
 * Where the browser goes: "acme.zendesk.com".
 */
host: string, way: WayPlan, 
/**
 * The way offered should this one fail.
 */
next_way: WayPlan | null, started_at: string, ends_at: string, step: FlowStep, 
/**
 * The new, or renewed, connection.
 */
connection: string | null, problem: Problem | null, 
/**
 * Something to know while waiting: the browser could not be opened, say.
 */
notice: string | null, 
/**
 * What was allowed less than asked, in words.
 */
missing: Array<ScopeLine>, 
/**
 * Somebody else signed in at a reconnect: who. Answer with `keep_other_account`.
 */
other_account: Account | null, };
export type FlowStep = "waiting" | "finishing" | "other_account" | "connected" | "refused" | "failed" | "cancelled" | "timed_out";
export type ForgetApp = { provider: string, host: string, };
export type ForgetContents = { 
/**
 * None: of all.
 */
connection: string | null, };
export type FormCheck = { fields: Array<FieldCheck>, 
/**
 * The organisation's app that will be used.
 */
app: AppSummary | null, 
/**
 * What the app belongs to ("acme.zendesk.com"), empty where one app serves all.
 */
app_host: string, 
/**
 * The way back that will be used, then the ones after it.
 */
ways: Array<WayPlan>, guide: Guide, 
/**
 * Everything is there: `connect` can be pressed.
 */
ready: boolean, };
export type Found = { hits: Array<Hit>, 
/**
 * How many texts were searched.
 */
texts: number, 
/**
 * There are more than are shown.
 */
more: boolean, };
export type GrantPage = { url: string, words: string, };
export type Guide = { who: string, url: string, steps: Array<string>, 
/**
 * Every redirect address worth registering, best first.
 */
redirects: Array<string>, scopes: Array<string>, };
export type Health = { words: string, last_ok_at: string | null, last_refresh_at: string | null, refreshes: number, last_failed_at: string | null, };
export type Hit = { item: ItemRow, provider: string, provider_name: string, 
/**
 * The account's name.
 */
account: string, 
/**
 * What it stands in, from the top down.
 */
path: Array<Crumb>, snippet: string, 
/**
 * Where the words stand in the snippet, in UTF-16 units: from, to.
 */
marks: Array<[number, number]>, };
export type InputField = { key: string, label: string, help: string, where_to_find: string, example: string, 
/**
 * `text`, `email`, `choice`
 */
kind: string, choices: Array<ChoiceLine>, default: string, required: boolean, };
export type ItemAsk = { connection: string, item: string, };
export type ItemRow = { connection: string, id: string, parent: string | null, name: string, kind: Kind, 
/**
 * `pdf`, `docx`, `html`; none where it has no contents.
 */
format: string | null, size: number | null, modified: string | null, url: string | null, 
/**
 * Its contents can be read.
 */
selectable: boolean, 
/**
 * There is something below it.
 */
expandable: boolean, 
/**
 * `no`, `waiting`, `kept`, `failed`
 */
read: string, 
/**
 * Why it could not be read.
 */
failure: string | null, 
/**
 * By itself, or with what it stands in.
 */
picked: Picked, };
export type ItemText = { item: ItemRow, text: string, 
/**
 * It is from the library; else it was fetched just now and is not kept.
 */
kept: boolean, };
export type ItemsAsk = { connection: string, 
/**
 * The id of the item to look into; none: the top.
 */
parent: string | null, 
/**
 * Words in the name, anywhere in the connection. Needs a listing to have been made.
 */
search: string | null, 
/**
 * These, as they are known here; the provider is not asked.
 */
ids: Array<string> | null, 
/**
 * What could not be read, anywhere in the connection.
 */
failed: boolean, 
/**
 * `next` of the page before.
 */
cursor: string | null, 
/**
 * 1 to 1,000; default 200.
 */
limit: number | null, };
export type ItemsPage = { items: Array<ItemRow>, 
/**
 * To be asked with for the next page; none after the last.
 */
next: string | null, 
/**
 * How many there are in all, where that is known.
 */
count: number | null, 
/**
 * From the top down to what is looked into.
 */
path: Array<Crumb>, 
/**
 * It was asked of the provider just now; else it is what the last sync saw.
 */
live: boolean, };
export type KeyGroup = { name: string, meaning: string, 
/**
 * A key has it where nobody said otherwise.
 */
usual: boolean, 
/**
 * It reaches everything of the key's organization: a key that is limited to some connections cannot have it.
 */
everything: boolean, operations: Array<string>, };
export type KeyRow = { id: string, name: string, 
/**
 * Whose are the connections made through it.
 */
organization: OrganizationRow, 
/**
 * Operations, and groups of them.
 */
operations: Array<string>, reach: Reach, 
/**
 * Origins of pages that may use it.
 */
origins: Array<string>, 
/**
 * Requests a minute in place of the usual limits; 0: no limit.
 */
per_minute: number | null, made_at: string, last_used_at: string | null, revoked_at: string | null, };
export type KeyUse = { 
/**
 * Counts up; pass as `before` for older ones.
 */
id: number, at: string, 
/**
 * The operation, or method and route.
 */
what: string, connection: string, connection_name: string, 
/**
 * HTTP status.
 */
status: number, 
/**
 * Within that second.
 */
times: number, };
export type Keyring = { state: KeyringState, 
/**
 * "Keyring unlocked"
 */
title: string, 
/**
 * What it means and what to press.
 */
words: string, 
/**
 * "your system’s keyring", "a file locked with your passphrase"
 */
place: string, };
export type KeyringState = "unlocked" | "locked" | "absent" | "file_open" | "file_locked";
export type Kind = "FILE" | "FOLDER" | "DRIVE" | "SITE" | "BUCKET" | "ARTICLE" | "CATEGORY" | "SECTION" | "COLLECTION" | "KNOWLEDGE_BASE" | "SPACE" | "PAGE" | "DATABASE" | "TICKET" | "CONVERSATION" | "CHANNEL" | "THREAD" | "MESSAGE" | "LABEL" | "WORKSPACE" | "CALL" | "LIBRARY" | "REFERENCE" | "NOTE" | "ATTACHMENT";
export type Lasts = { 
/**
 * When the access token in hand runs out.
 */
access_until: string | null, access_words: string, refresh_words: string, 
/**
 * The date by which the person has to sign in again if nothing else happens.
 */
next_sign_in_at: string | null, why: string, ends_early: Array<string>, };
export type LibraryPart = { connection: string, provider: string, provider_name: string, account: string, connected: boolean, kept: number, bytes: number, };
export type LibraryState = { 
/**
 * The file.
 */
place: string, 
/**
 * Bytes on the disk.
 */
size: number, 
/**
 * The largest it may grow, in MB.
 */
limit_mb: number | null, texts: number, parts: Array<LibraryPart>, };
export type NamedValue = { label: string, value: string, };
export type Nothing = Record<symbol, never>;
export type OpenPage = { 
/**
 * A grant page, a registration page or the practice control page; other addresses are refused.
 */
url: string, };
export type OptionLine = { label: string, value: string, 
/**
 * What becomes of it.
 */
note: string | null, };
export type OrganizationRow = { 
/**
 * From 1; never used twice.
 */
number: number, name: string, 
/**
 * `org_00000001`, as the source contract writes it.
 */
id: string, 
/**
 * The same as a ULID, as the embedded contract writes it.
 */
ulid: string, };
export type OtherAccount = { id: string, 
/**
 * True: a new connection for the other account. False: throw the sign-in away.
 */
keep: boolean, };
export type Paste = { id: string, 
/**
 * The whole address the browser ended at.
 */
address: string, };
export type Permission = { name: string, meaning: string, without: string, asked: boolean, 
/**
 * None where the provider does not tell.
 */
granted: boolean | null, };
export type Phase = "idle" | "listing" | "reading" | "paused" | "failed";
export type Pick = { connection: string, 
/**
 * Ids of items; a folder means all below it, now and later.
 */
add: Array<string>, remove: Array<string>, };
export type Picked = "no" | "itself" | "with" | "partly";
export type Press = { label: string, action: PressAction, url: string | null, };
export type PressAction = "sign_in_again" | "test_again" | "edit_app" | "edit_inputs" | "ask_admin" | "unlock_keyring" | "open_page" | "network_settings" | "other_way" | "close";
export type Problem = { 
/**
 * Stable, for programs: `admin_approval`.
 */
code: string, happened: string, why: string, press: Press, more: Array<Press>, 
/**
 * A message ready to send where somebody else must act.
 */
message: AdminMessage | null, 
/**
 * What the provider said, and when, without secrets.
 */
evidence: Array<NamedValue>, };
export type ProgramOptions = { organization: string, 
/**
 * The end user it is for; empty: the organization itself.
 */
customer: string, number: number, tags: Array<NamedValue>, options: Array<OptionLine>, };
export type ProviderCard = { 
/**
 * `GOOGLE_DRIVE`
 */
id: string, 
/**
 * `google_drive`; also the icon's file name where there is one.
 */
slug: string, 
/**
 * The last part of every redirect address: `google`.
 */
callback: string, name: string, 
/**
 * `files`, `mail`, `knowledge`, `support`, `sales`, `chat`, `research`, `other`
 */
category: string, summary: string, monogram: string, color: string, 
/**
 * The organisation's app is set up for at least one place.
 */
app_ready: boolean, connections: number, 
/**
 * Described by an admin rather than built in.
 */
custom: boolean, };
export type ProviderForm = { card: ProviderCard, notice: string | null, inputs: Array<InputField>, scopes: Array<ScopeLine>, grant_page: GrantPage | null, 
/**
 * Facts no source confirms.
 */
unconfirmed: Array<string>, client_id_label: string, secret_label: string, 
/**
 * `required`, `optional`, `none`
 */
secret: string, };
export type Reach = "all" | "own" | { "these": Array<string> };
export type Rename = { id: string, name: string, };
export type SaveApp = { provider: string, 
/**
 * Inputs that tell which subdomain or instance the app belongs to.
 */
inputs: { [key in string]: string }, client_id: string, 
/**
 * Absent keeps the stored one; empty removes it.
 */
client_secret: string | null, 
/**
 * `https://…` page that forwards the answer; its path ends in `/integrations/<provider>`.
 */
relay: string | null, loopback_port: number | null, };
export type SaveService = { 
/**
 * The described service that is changed; its connections stay. Absent: the one of this name, which may be new.
 */
id?: string, name: string, 
/**
 * Read authorize, token and revoke addresses from the issuer's RFC 8414 metadata.
 */
issuer: string, authorize_url: string, token_url: string, client_id: string, 
/**
 * Absent keeps the stored one; empty removes it.
 */
client_secret: string | null, 
/**
 * Separated by spaces.
 */
scopes: string, 
/**
 * Default `login`, unless `additional_parameters` bring `approval_prompt`; several joined by `+`.
 */
prompt: string | null, 
/**
 * Add `offline_access` to the scopes. Default true.
 */
offline_access: boolean | null, 
/**
 * How the app proves itself: `basic`, `body`, or `none` without a secret. Default: as the issuer's metadata says,
 * else `body`.
 */
client_auth?: string, 
/**
 * A query string: `audience=x&hd=acme.com`.
 */
additional_parameters: string, };
export type ScopeLine = { name: string, meaning: string, without: string, optional: boolean, 
/**
 * Ticked when the app is registered, not asked for at sign-in.
 */
at_registration: boolean, };
export type SearchAsk = { 
/**
 * The last word may be the beginning of one.
 */
words: string, connection: string | null, 
/**
 * Id or slug.
 */
provider: string | null, kinds: Array<Kind>, 
/**
 * Changed since: RFC 3339.
 */
since: string | null, 
/**
 * 1 to 200; default 50.
 */
limit: number | null, };
export type SecretPlace = { words: string, 
/**
 * The keyring entry's name, which is no secret.
 */
entry: string, };
export type ServiceForm = { card: ProviderCard, 
/**
 * Empty where the addresses were given.
 */
issuer: string, authorize_url: string, token_url: string, client_id: string, has_secret: boolean, 
/**
 * `basic`, `body`, `none`; empty: as the issuer's metadata says, else `body`.
 */
client_auth: string, scopes: string, prompt: string | null, offline_access: boolean, additional_parameters: string, 
/**
 * By its metadata, the issuer keeps an account signed in only where the prompt asks for consent.
 */
offline_by_consent: boolean, };
export type Serving = { on: boolean, 
/**
 * Where it answers.
 */
url: string | null, port: number, 
/**
 * Why it does not answer although it should.
 */
problem: string | null, 
/**
 * Keys that work.
 */
keys: number, };
export type SetPractice = { on: boolean, };
export type SetSync = { 
/**
 * None: all connections.
 */
connection: string | null, everything: boolean | null, 
/**
 * 0 (off), 3, 6, 12 or 24.
 */
every_hours: number | null, };
export type Settings = { 
/**
 * `http://proxy.acme.example:8080`; empty takes the system's. No user name or password.
 */
proxy: string, 
/**
 * PEM text of certificates to trust besides the system's.
 */
extra_ca: string, 
/**
 * Port of loopback redirects where the provider wants a registered one. Default 47823.
 */
loopback_port: number | null, 
/**
 * The organisation's relay page: `https://acme.example/tieline`.
 */
relay: string, 
/**
 * Where messages for the administrator go.
 */
admin_email: string, 
/**
 * Nothing is read by itself when an account is connected; else what brings everything at once begins.
 */
read_later: boolean, 
/**
 * The largest the library may grow, in MB; none: as large as the disk allows.
 */
library_limit_mb: number | null, 
/**
 * The window is closed while a sync is under way: `ask` (also when empty), `go_on` in the background, `stop`.
 */
when_closing: string, 
/**
 * Other programs may use the connections over the loopback API while the window is open.
 */
api: boolean, 
/**
 * Its port. Default 47824.
 */
api_port: number | null, 
/**
 * `system`, `light`, `dark`
 */
theme: string, };
export type SignInLink = { 
/**
 * The address to open in a browser on this computer. Holds no secret.
 */
url: string, };
export type StartSync = { connection: string, 
/**
 * Read these again, whether they changed or not.
 */
items: Array<string> | null, 
/**
 * Read again all that could not be read.
 */
failed: boolean, };
export type Status = { version: string, 
/**
 * Practice mode: only practice providers on this computer, kept apart from everything real.
 */
practice: boolean, 
/**
 * Where a person switches the practice providers' faults.
 */
practice_control: string | null, keyring: Keyring, sign_ins: number, needs_you: number, 
/**
 * Disconnects that wait for the network.
 */
queued: number, data_folder: string, };
export type SyncFailure = { code: string, message: string, hint: string, };
export type SyncState = { connection: string, 
/**
 * Its contents can be listed at all.
 */
can: boolean, 
/**
 * What they are called: "articles", "files".
 */
items: string, 
/**
 * Everything is kept; else what is picked.
 */
everything: boolean, 
/**
 * 0: only on demand.
 */
every_hours: number, next_at: string | null, phase: Phase, 
/**
 * In this process, or another one, right now.
 */
running: boolean, 
/**
 * Everything there is has been seen at least once.
 */
complete: boolean, listed: number, waiting: number, kept: number, failed: number, 
/**
 * Bytes of text kept.
 */
bytes: number, 
/**
 * Bytes at the provider that are still to be fetched, where it tells.
 */
bytes_waiting: number, 
/**
 * Until when the provider asks for a pause.
 */
paused_until: string | null, ended_at: string | null, 
/**
 * Listings that were begun, the one under way included: most syncs make one.
 */
listings: number, 
/**
 * Taken out by the last sync, because they are no longer there.
 */
removed: number, 
/**
 * The last sync, or what was left of it, was cancelled.
 */
cancelled: boolean, 
/**
 * Why the last sync did not come to its end.
 */
failure: SyncFailure | null, picked_folders: number, picked_items: number, picked_bytes: number, 
/**
 * One sentence: how it stands.
 */
words: string, };
export type Tested = { ok: boolean, words: string, 
/**
 * Milliseconds the provider took.
 */
took_ms: number, problem: Problem | null, row: ConnectionRow, };
export type UnlockKeyring = { 
/**
 * For the passphrase file only; never stored. At least 8 characters when the file is made.
 */
passphrase: string | null, 
/**
 * Make the passphrase file where the system has no keyring.
 */
choose_file: boolean, };
export type UsesAsk = { 
/**
 * The key.
 */
id: string, before: number | null, 
/**
 * Default 100, at most 500.
 */
limit: number | null, };
export type WayPlan = { 
/**
 * `deep_link`, `loopback`, `relay`, `paste`
 */
way: string, 
/**
 * The exact redirect address.
 */
redirect: string, title: string, why: string, usable: boolean, };

export interface Operations {
  /** What stands at the window's edge: practice or not, keyring, how many need their person. */
  status: { ask: Nothing; answer: Status };
  /** Asks the system to unlock its keyring, or opens or makes the passphrase file. */
  unlock_keyring: { ask: UnlockKeyring; answer: Keyring };
  /** What a person or an organisation set. */
  settings: { ask: Nothing; answer: Settings };
  /** Replaces all settings; what is left out takes its default. */
  save_settings: { ask: Settings; answer: Settings };
  /** Every fact Tieline depends on, each with its proof. */
  doctor: { ask: Nothing; answer: Checks };
  /** Proves scheme handler, loopback and browser by using them. */
  check_way_back: { ask: Nothing; answer: Checks };
  /** Switches practice mode, which keeps apart from everything real. */
  set_practice: { ask: SetPractice; answer: Status };
  /** Opens a page in the browser. */
  open_page: { ask: OpenPage; answer: Nothing };
  /** Answers the window that asks how to close; without a window, nobody hears it. */
  close_window: { ask: CloseWindow; answer: Nothing };
  /** Every service that can be connected. */
  providers: { ask: Nothing; answer: Array<ProviderCard> };
  /** What a service asks for and how its app is set up. */
  provider: { ask: ByProvider; answer: ProviderForm };
  /** What became of typed inputs, and which app and way back they lead to. */
  check_form: { ask: CheckForm; answer: FormCheck };
  /** The organisation's apps, without their secrets. */
  apps: { ask: Nothing; answer: Array<AppSummary> };
  /** Enters or replaces an app; its secret goes to the keyring. */
  save_app: { ask: SaveApp; answer: AppSummary };
  /** Deletes an app and its secret. */
  forget_app: { ask: ForgetApp; answer: Nothing };
  /** A described service as it is kept, for the form that changes it. */
  service: { ask: ByProvider; answer: ServiceForm };
  /** Describes a service that is not in the catalogue, or changes its description. */
  save_service: { ask: SaveService; answer: ProviderCard };
  /** Deletes a described service that nothing is connected to. */
  forget_service: { ask: ByProvider; answer: Nothing };
  /** Begins a sign-in and returns at once; the rest comes as changes of the flow. */
  connect: { ask: Connect; answer: Flow };
  /** Sign-ins under way, and those that have just ended. */
  flows: { ask: Nothing; answer: Array<Flow> };
  /** One sign-in: how far it is, and how it ended. */
  flow: { ask: ById; answer: Flow };
  /** Opens a sign-in's page in the browser once more. */
  open_again: { ask: ById; answer: Nothing };
  /** The address of a sign-in's page, to be opened in a browser on this computer. */
  sign_in_link: { ask: ById; answer: SignInLink };
  /** Ends a waiting sign-in. */
  cancel: { ask: ById; answer: Nothing };
  /** Takes the address at which the browser ended, where nothing else brings it back. */
  paste: { ask: Paste; answer: Flow };
  /** Ends a waiting sign-in and begins the same by the next way back. */
  other_way: { ask: ById; answer: Flow };
  /** Decides about somebody else who signed in at a reconnect. */
  other_account: { ask: OtherAccount; answer: Flow };
  /** Every connection: what needs its person first, then by name. */
  connections: { ask: Nothing; answer: Array<ConnectionRow> };
  /** One connection with all that is known of it. */
  connection: { ask: ById; answer: ConnectionDetail };
  /** Gives a connection a name of its own; an empty one brings the account's back. */
  rename: { ask: Rename; answer: ConnectionRow };
  /** Asks the service whether a connection works. */
  test: { ask: ById; answer: Tested };
  /** Renews a connection's sign-in now. */
  refresh: { ask: ById; answer: Tested };
  /** Ends a connection and deletes its secrets. */
  disconnect: { ask: Disconnect; answer: Disconnected };
  /** What happened, the newest first. */
  events: { ask: EventsAsk; answer: Array<EventLine> };
  /** What stands below an item: from the last sync, or from the provider where there was none. */
  items: { ask: ItemsAsk; answer: ItemsPage };
  /** Chooses what is read; a folder means all below it, now and later. */
  pick: { ask: Pick; answer: SyncState };
  /** Begins a sync and returns at once; the rest comes as changes. */
  start_sync: { ask: StartSync; answer: SyncState };
  /** Syncs and answers at the end. */
  sync_to_the_end: { ask: StartSync; answer: SyncState };
  /** Pauses a sync; `start_sync` goes on with it. */
  pause_sync: { ask: ById; answer: SyncState };
  /** Stops a sync; what was read stays. */
  cancel_sync: { ask: ById; answer: SyncState };
  /** How far a connection's contents are. */
  sync_state: { ask: ById; answer: SyncState };
  /** How far every connection's contents are. */
  syncs: { ask: Nothing; answer: Array<SyncState> };
  /** Sets what is kept, and how often it is looked at by itself. */
  set_sync: { ask: SetSync; answer: Array<SyncState> };
  /** Searches the texts that were read; works without a network. */
  search: { ask: SearchAsk; answer: Found };
  /** An item's text, kept or fetched now. */
  read_item: { ask: ItemAsk; answer: ItemText };
  /** Opens an item in the browser, where its service shows it. */
  open_item: { ask: ItemAsk; answer: Nothing };
  /** What is kept, and how large it is. */
  library: { ask: Nothing; answer: LibraryState };
  /** Deletes kept texts; connections and what was picked stay. */
  forget_contents: { ask: ForgetContents; answer: LibraryState };
  /** Keys of other programs, the newest first, the revoked ones among them. */
  keys: { ask: Nothing; answer: Array<KeyRow> };
  /** What a key can be given. */
  key_groups: { ask: Nothing; answer: Array<KeyGroup> };
  /** Makes a key; its secret is told this once. */
  add_key: { ask: AddKey; answer: AddedKey };
  /** Ends a key; what it connected stays. */
  revoke_key: { ask: ById; answer: Nothing };
  /** What a key was used for, the newest first. */
  key_uses: { ask: UsesAsk; answer: Array<KeyUse> };
  /** What programs ask for and their person has not decided yet. */
  approvals: { ask: Nothing; answer: Array<Approval> };
  /** Lets a program have access tokens of a connection, or not. */
  decide_approval: { ask: DecideApproval; answer: Nothing };
  /** A short-lived access token for a program whose key has the right, once its person agreed to program and connection. */
  access_token: { ask: ById; answer: AccessToken };
  /** The loopback API as it stands in this process. */
  serving: { ask: Nothing; answer: Serving };
}
