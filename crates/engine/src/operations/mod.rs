//! The one door: a table of operations, each `name(ask) -> answer`.
//!
//! The table yields the dispatch that window, command line and HTTP API call, and the TypeScript types of the UI.

mod connecting;
mod describing;
mod items;
mod keeping;
mod keys;
mod schema;
mod searching;
mod setting_up;
mod show;
mod syncing;
mod whole;
pub mod wire;

use serde_json::Value;
use ts_rs::{Config, TS};
use wire::{
    AccessToken, AddKey, AddedKey, AppSummary, Approval, ById, ByProvider, CheckForm, Checks, CloseWindow,
    Connect, ConnectionDetail, ConnectionRow, DecideApproval, Disconnect, Disconnected, EventLine, EventsAsk,
    Failure, Flow, ForgetApp, ForgetContents, FormCheck, Found, ItemAsk, ItemText, ItemsAsk, ItemsPage,
    KeyGroup, KeyRow, KeyUse, Keyring, LibraryState, Nothing, OpenPage, OtherAccount, Paste, Pick,
    ProviderCard, ProviderForm, Rename, SaveApp, SaveService, SearchAsk, ServiceForm, Serving, SetPractice,
    SetSync, Settings, SignInLink, StartSync, Status, SyncState, Tested, UnlockKeyring, UsesAsk,
};

use crate::app::App;
use crate::error::{Code, Error};

pub use schema::{Described, DescribedOperation};
pub(crate) use searching::search_in;
pub(crate) use setting_up::{check_client_id, store_app};
pub(crate) use whole::no_practice;

macro_rules! operations {
    ($($(#[doc = $doc:literal])* $name:ident($ask:ty) -> $answer:ty = $work:path;)*) => {
        /// The names, in the table's order.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Calls an operation by name.
        pub(crate) async fn call(app: &App, name: &str, ask: Value) -> Result<Value, Failure> {
            match name {
                $(stringify!($name) => {
                    let ask: $ask = understood(ask)?;
                    let answer: $answer = $work(app, ask).await.map_err(Failure::from)?;
                    serde_json::to_value(answer).map_err(|error| Failure::from(Error::internal(error)))
                })*
                _ => Err(Failure::from(Error::not_found("operation", name))),
            }
        }

        /// What every operation asks and answers, for programs.
        pub fn describe() -> Described {
            let mut making = schema::Making::default();
            making.answer::<Failure>();
            making.answer::<wire::Change>();
            $(making.operation::<$ask, $answer>(stringify!($name), concat!($($doc,)* ""));)*
            making.done()
        }

        /// The UI's types: every ask and answer, and the table of operations.
        pub fn typescript() -> String {
            let config = Config::new();
            let mut types = Types::default();
            types.add::<wire::Change>(&config);
            types.add::<Failure>(&config);
            $(types.add::<$ask>(&config); types.add::<$answer>(&config);)*
            let mut text = String::from("// Made from the engine's operations. `cargo xtask types` writes it; do not edit.\n\n");
            for declaration in types.declarations.values() {
                text.push_str("export ");
                text.push_str(declaration);
                text.push('\n');
            }
            text.push_str("\nexport interface Operations {\n");
            $(
                $(text.push_str(concat!("  /**", $doc, " */\n"));)*
                text.push_str(&format!(
                    "  {}: {{ ask: {}; answer: {} }};\n", stringify!($name), <$ask as TS>::name(&config), <$answer as TS>::name(&config)
                ));
            )*
            text.push_str("}\n");
            text
        }
    };
}

operations! {
    /// What stands at the window's edge: practice or not, keyring, how many need their person.
    status(Nothing) -> Status = whole::status;
    /// Asks the system to unlock its keyring, or opens or makes the passphrase file.
    unlock_keyring(UnlockKeyring) -> Keyring = whole::unlock_keyring;
    /// What a person or an organisation set.
    settings(Nothing) -> Settings = whole::settings;
    /// Replaces all settings; what is left out takes its default.
    save_settings(Settings) -> Settings = whole::save_settings;
    /// Every fact Tieline depends on, each with its proof.
    doctor(Nothing) -> Checks = whole::doctor;
    /// Proves scheme handler, loopback and browser by using them.
    check_way_back(Nothing) -> Checks = whole::check_way_back;
    /// Switches practice mode, which keeps apart from everything real.
    set_practice(SetPractice) -> Status = whole::set_practice;
    /// Opens a page in the browser.
    open_page(OpenPage) -> Nothing = whole::open_page;
    /// Answers the window that asks how to close; without a window, nobody hears it.
    close_window(CloseWindow) -> Nothing = whole::close_window;

    /// Every service that can be connected.
    providers(Nothing) -> Vec<ProviderCard> = setting_up::providers;
    /// What a service asks for and how its app is set up.
    provider(ByProvider) -> ProviderForm = setting_up::provider;
    /// What became of typed inputs, and which app and way back they lead to.
    check_form(CheckForm) -> FormCheck = setting_up::check_form;
    /// The organisation's apps, without their secrets.
    apps(Nothing) -> Vec<AppSummary> = setting_up::apps;
    /// Enters or replaces an app; its secret goes to the keyring.
    save_app(SaveApp) -> AppSummary = setting_up::save_app;
    /// Deletes an app and its secret.
    forget_app(ForgetApp) -> Nothing = setting_up::forget_app;
    /// A described service as it is kept, for the form that changes it.
    service(ByProvider) -> ServiceForm = describing::service;
    /// Describes a service that is not in the catalogue, or changes its description.
    save_service(SaveService) -> ProviderCard = describing::save_service;
    /// Deletes a described service that nothing is connected to.
    forget_service(ByProvider) -> Nothing = describing::forget_service;

    /// Begins a sign-in and returns at once; the rest comes as changes of the flow.
    connect(Connect) -> Flow = connecting::connect;
    /// Sign-ins under way, and those that have just ended.
    flows(Nothing) -> Vec<Flow> = connecting::flows;
    /// One sign-in: how far it is, and how it ended.
    flow(ById) -> Flow = connecting::flow;
    /// Opens a sign-in's page in the browser once more.
    open_again(ById) -> Nothing = connecting::open_again;
    /// The address of a sign-in's page, to be opened in a browser on this computer.
    sign_in_link(ById) -> SignInLink = connecting::sign_in_link;
    /// Ends a waiting sign-in.
    cancel(ById) -> Nothing = connecting::cancel;
    /// Takes the address at which the browser ended, where nothing else brings it back.
    paste(Paste) -> Flow = connecting::paste;
    /// Ends a waiting sign-in and begins the same by the next way back.
    other_way(ById) -> Flow = connecting::other_way;
    /// Decides about somebody else who signed in at a reconnect.
    other_account(OtherAccount) -> Flow = connecting::other_account;

    /// Every connection: what needs its person first, then by name.
    connections(Nothing) -> Vec<ConnectionRow> = keeping::connections;
    /// One connection with all that is known of it.
    connection(ById) -> ConnectionDetail = keeping::connection;
    /// Gives a connection a name of its own; an empty one brings the account's back.
    rename(Rename) -> ConnectionRow = keeping::rename;
    /// Asks the service whether a connection works.
    test(ById) -> Tested = keeping::test;
    /// Renews a connection's sign-in now.
    refresh(ById) -> Tested = keeping::refresh;
    /// Ends a connection and deletes its secrets.
    disconnect(Disconnect) -> Disconnected = keeping::disconnect;
    /// What happened, the newest first.
    events(EventsAsk) -> Vec<EventLine> = keeping::events;

    /// What stands below an item: from the last sync, or from the provider where there was none.
    items(ItemsAsk) -> ItemsPage = items::items;
    /// Chooses what is read; a folder means all below it, now and later.
    pick(Pick) -> SyncState = items::pick;
    /// Begins a sync and returns at once; the rest comes as changes.
    start_sync(StartSync) -> SyncState = syncing::start_sync;
    /// Syncs and answers at the end.
    sync_to_the_end(StartSync) -> SyncState = syncing::sync_to_the_end;
    /// Pauses a sync; `start_sync` goes on with it.
    pause_sync(ById) -> SyncState = syncing::pause_sync;
    /// Stops a sync; what was read stays.
    cancel_sync(ById) -> SyncState = syncing::cancel_sync;
    /// How far a connection's contents are.
    sync_state(ById) -> SyncState = syncing::sync_state;
    /// How far every connection's contents are.
    syncs(Nothing) -> Vec<SyncState> = syncing::syncs;
    /// Sets what is kept, and how often it is looked at by itself.
    set_sync(SetSync) -> Vec<SyncState> = syncing::set_sync;
    /// Searches the texts that were read; works without a network.
    search(SearchAsk) -> Found = searching::search;
    /// An item's text, kept or fetched now.
    read_item(ItemAsk) -> ItemText = items::read_item;
    /// Opens an item in the browser, where its service shows it.
    open_item(ItemAsk) -> Nothing = items::open_item;
    /// What is kept, and how large it is.
    library(Nothing) -> LibraryState = searching::library;
    /// Deletes kept texts; connections and what was picked stay.
    forget_contents(ForgetContents) -> LibraryState = searching::forget_contents;

    /// Keys of other programs, the newest first, the revoked ones among them.
    keys(Nothing) -> Vec<KeyRow> = keys::keys;
    /// What a key can be given.
    key_groups(Nothing) -> Vec<KeyGroup> = keys::key_groups;
    /// Makes a key; its secret is told this once.
    add_key(AddKey) -> AddedKey = keys::add_key;
    /// Ends a key; what it connected stays.
    revoke_key(ById) -> Nothing = keys::revoke_key;
    /// What a key was used for, the newest first.
    key_uses(UsesAsk) -> Vec<KeyUse> = keys::key_uses;
    /// What programs ask for and their person has not decided yet.
    approvals(Nothing) -> Vec<Approval> = keys::approvals;
    /// Lets a program have access tokens of a connection, or not.
    decide_approval(DecideApproval) -> Nothing = keys::decide_approval;
    /// A short-lived access token for a program whose key has the right, once its person agreed to program and connection.
    access_token(ById) -> AccessToken = keys::access_token;
    /// The loopback API as it stands in this process.
    serving(Nothing) -> Serving = keys::serving;
}

/// JavaScript and the types of the page count in numbers of this size.
fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What an operation is asked, read as it wants it.
///
/// # Errors
/// `bad_input` with the field that is wrong, unknown or missing.
pub fn understood<T: serde::de::DeserializeOwned>(ask: Value) -> Result<T, Failure> {
    let ask = if ask.is_null() { Value::Object(serde_json::Map::new()) } else { ask };
    serde_path_to_error::deserialize(ask).map_err(|error| {
        let words = error.inner().to_string();
        // The way to a missing field ends at what it is missing in.
        let missing = words.strip_prefix("missing field `").and_then(|it| it.split('`').next());
        let way = error.path().iter().map(ToString::to_string).chain(missing.map(str::to_owned));
        let field = way.collect::<Vec<_>>().join(".");
        Failure {
            code: Code::BadInput.as_str().into(),
            message: format!("The request is not understood: {words}."),
            hint: "Look at the operation's documentation.".into(),
            field: (!field.is_empty()).then_some(field),
        }
    })
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self {
            code: Code::from_name(&failure.code),
            message: failure.message,
            hint: failure.hint,
            field: failure.field,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            code: error.code.as_str().into(),
            message: error.message,
            hint: error.hint,
            field: error.field,
        }
    }
}

/// Declarations by name, each type with those it is made of.
#[derive(Default)]
struct Types {
    declarations: std::collections::BTreeMap<String, String>,
}

impl Types {
    fn add<T: TS + 'static + ?Sized>(&mut self, config: &Config) {
        struct Visit<'a>(&'a mut Types, &'a Config);
        impl ts_rs::TypeVisitor for Visit<'_> {
            fn visit<T: TS + 'static + ?Sized>(&mut self) {
                self.0.add::<T>(self.1);
            }
        }
        if T::output_path().is_some() {
            let name = T::ident(config);
            if self.declarations.contains_key(&name) {
                return;
            }
            self.declarations.insert(name, T::decl(config));
        }
        T::visit_dependencies(&mut Visit(self, config));
        T::visit_generics(&mut Visit(self, config));
    }
}
