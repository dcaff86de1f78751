//! The practice providers, one file each, and the interface they are written to. `zendesk.rs` is the model.
//!
//! A file declares a `pub static` [`Provider`] and adds functions only where the wire is odd. How it goes:
//!
//! 1. **Hosts and endpoints.** Each [`Host`] is a documented host pattern and becomes an origin of its own;
//!    providers that declare the same pattern share the origin. A request that several of them could
//!    answer goes to the one whose app (`client_id` in query, body or Basic) or token (bearer, `token`,
//!    `refresh_token`) it names, so shared paths may simply be declared several times. In an endpoint's
//!    path `{name}` is one segment, also inside one (`/tokens/{id}.json`), and a last `{*name}` is the rest.
//! 2. **Sign-in.** [`standard::authorize`] checks client, redirect, scopes and PKCE by the declarations
//!    (`authorize`, `redirects`, `pkce`, `permissions`) and shows the consent page. What is odd is done
//!    before it (`fn my_authorize(desk, request)` that ends in `standard::authorize(desk, request)`), or in
//!    its place with [`Desk::consent`] and an own [`Ask`](crate::desk::Ask) (OAuth 1.0a: the ask carries the request token in
//!    `extras`). `call_back` says what the browser brings home; [`standard::call_back`] is code and state.
//!    `choices` are further questions on the page (a Confluence site, Notion's pages): the answer is in
//!    `grant.extra(key)`, several joined by commas.
//! 3. **Token.** A handler reads the request, calls [`Desk::redeem`] or [`Desk::renew`] and words the answer.
//!    [`standard::Credentials`] reads client id and secret from form, JSON or Basic and checks them. Lifetimes
//!    and rotation are `rules`; a handler may alter a copy of [`Desk::rules`] (lifetimes that the client asks
//!    for, `refresh: Refresh::None` when no offline access was asked).
//! 4. **API.** [`Desk::bearer`] yields the grant; `grant.person()` has names and stable ids
//!    (`person.digits(realm, 10)`, `person.uuid(realm)`).
//! 5. **Trouble.** Handlers return `Result<Reply, Problem>`: `Err(problem)` becomes the provider's wire error
//!    through `trouble`, one function that maps a [`Problem`] at a stage to the documented status and body and
//!    returns none for what the generic answer fits. Fault switches arrive at the same function, so a
//!    provider file never mentions faults. At the stages Authorize and Consent use
//!    [`Trouble::call_back`] (an error taken home by the browser) or [`Trouble::page`] (the provider's own
//!    error page; the app hears nothing). `Problem::RateLimited` gets its `Retry-After: 2` from the core.
//!
//! 6. **Contents.** `contents` makes what the provider holds, [`Desk::contents`] shows it to the endpoints
//!    (`Kind::Api`), [`Desk::limit`] and [`contents::page`] cut it into pages. Changes are ordered over the
//!    control address and stand in the journal ([`contents::Contents::since`]).
//!
//! Other tools: [`crate::dates`], [`Desk::keep`] and [`Desk::take`] (short-lived memory, such as OAuth 1.0a request tokens),
//! [`Desk::end`] and [`Desk::end_where`] (revocation), [`Desk::issuer`] and [`crate::jwt::sign`] (id_tokens),
//! [`Desk::subdomain`], `Reply::refused` (Slack's `ok: false` with status 200).

mod box_;
mod confluence;
mod dropbox;
mod gmail;
mod gong;
mod google;
mod google_cloud_storage;
mod google_drive;
mod intercom;
mod microsoft;
mod notion;
mod onedrive;
mod outlook;
mod salesforce;
mod servicenow;
mod sharepoint;
mod slack;
pub mod standard;
mod zendesk;
mod zotero;

use crate::contents::{self, Maker, State, Thing};
use crate::desk::{Decided, Desk, Trouble};
use crate::faults::Problem;
use crate::redirects::Redirects;
use crate::rules::{Alphabet, GrantRules, Shape, Shapes};
use crate::wire::{Reply, Request};

/// All seventeen, in the order of the catalogue.
pub static ALL: [&Provider; 17] = [
    &box_::BOX,
    &confluence::CONFLUENCE,
    &dropbox::DROPBOX,
    &gmail::GMAIL,
    &gong::GONG,
    &google_cloud_storage::GOOGLE_CLOUD_STORAGE,
    &google_drive::GOOGLE_DRIVE,
    &intercom::INTERCOM,
    &notion::NOTION,
    &onedrive::ONEDRIVE,
    &outlook::OUTLOOK,
    &salesforce::SALESFORCE,
    &servicenow::SERVICENOW,
    &sharepoint::SHAREPOINT,
    &slack::SLACK,
    &zendesk::ZENDESK,
    &zotero::ZOTERO,
];

pub struct Provider {
    /// `ZENDESK`.
    pub id: &'static str,
    /// In words, for pages.
    pub name: &'static str,
    /// Registered apps; the first is the one an administrator would most likely have made.
    pub apps: &'static [Registered],
    /// Believable values for the inputs that a client asks the person for, such as `("subdomain", "acme")`.
    pub inputs: &'static [(&'static str, &'static str)],
    pub hosts: &'static [Host],
    pub redirects: Redirects,
    pub authorize: Authorize,
    pub pkce: Pkce,
    pub permissions: &'static [Permission],
    pub choices: &'static [Choice],
    pub rules: GrantRules,
    pub shapes: Shapes,
    /// Makes what there is: see [`crate::contents`]. Called once, at the first request that needs it.
    pub contents: fn(&mut Maker),
    /// The id by which a correct client knows a thing; none when it must never see it.
    pub id_of: fn(&Thing) -> Option<String>,
    /// An id for a new thing beside another.
    pub new_id: fn(&mut Maker, &Thing) -> String,
    /// Parameters that the browser takes home after Allow, in order.
    pub call_back: fn(&Desk, &Decided) -> Vec<(String, String)>,
    /// The provider's words for a problem; none: the generic ones.
    pub trouble: fn(&Desk, &Trouble) -> Option<Reply>,
}

/// An OAuth app as an administrator of Acme registered it.
pub struct Registered {
    pub client_id: &'static str,
    pub client_secret: Option<&'static str>,
    /// Where this kind of app has another rule than the provider's `redirects`.
    pub redirects: Option<Redirects>,
}

pub struct Host {
    /// An exact host, or `*.` and the rest, where `*` is one or more labels.
    pub pattern: &'static str,
    pub endpoints: &'static [Endpoint],
}

pub type Answer = Result<Reply, Problem>;

pub struct Endpoint {
    pub method: &'static str,
    pub path: &'static str,
    pub kind: Kind,
    pub answer: fn(&Desk, &Request) -> Answer,
}

/// What an endpoint is for: decides what is counted and which faults strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The page that the browser opens.
    Authorize,
    /// Exchange or refresh; `grant_type=refresh_token` in the body makes it a refresh.
    Token,
    Revoke,
    /// Tells whose account it is.
    Identify,
    Api,
    /// Neither counted nor spoiled, such as the request token of OAuth 1.0a.
    Step,
}

/// How [`standard::authorize`] reads the sign-in request.
pub struct Authorize {
    /// The parameter with the scopes; empty where permissions are not asked by scope.
    pub scope: &'static str,
    pub separator: char,
    pub unknown_scopes: UnknownScopes,
    /// Granted when the request names no scope.
    pub default_scopes: &'static [&'static str],
    /// Parameters that must be there, with exactly this value unless it is empty.
    pub must: &'static [(&'static str, &'static str)],
    pub state_required: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownScopes {
    Refused,
    /// A token comes all the same, and its calls are then forbidden.
    Granted,
    Dropped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pkce {
    /// The parameters mean nothing to this provider.
    Ignored,
    /// Checked when sent.
    Optional,
    /// Demanded of apps without a secret, checked when sent by others.
    WithoutSecret,
    Required,
}

pub struct Permission {
    /// The scope's exact name; several names that mean one permission are several entries.
    pub scope: &'static str,
    pub words: &'static str,
    /// The person may untick it.
    pub tick: bool,
}

/// A further question on the consent page.
pub struct Choice {
    pub key: &'static str,
    pub label: &'static str,
    /// Value and words; the first is chosen already.
    pub options: &'static [(&'static str, &'static str)],
    /// Tick boxes, all ticked at first, in place of one out of several.
    pub several: bool,
}

impl Provider {
    /// The start of every declaration: `Provider { id: "ZENDESK", …, ..Provider::USUAL }`.
    pub const USUAL: Provider = Provider {
        id: "",
        name: "",
        apps: &[],
        inputs: &[],
        hosts: &[],
        redirects: Redirects::USUAL,
        authorize: Authorize::USUAL,
        pkce: Pkce::Optional,
        permissions: &[],
        choices: &[],
        rules: GrantRules::USUAL,
        shapes: Shapes {
            code: Shape::new("", Alphabet::Url, 43),
            access: Shape::new("", Alphabet::Url, 64),
            refresh: Shape::new("", Alphabet::Url, 64),
        },
        contents: |_| {},
        id_of: |thing| (thing.state == State::Published).then(|| thing.id.clone()),
        new_id: contents::similar_id,
        call_back: standard::call_back,
        trouble: |_, _| None,
    };

    /// The last part of every redirect address that its apps are registered with.
    pub fn callback(&self) -> String {
        match self.id {
            "GOOGLE_DRIVE" => "google".into(),
            "GOOGLE_CLOUD_STORAGE" => "gcs".into(),
            id => id.to_ascii_lowercase(),
        }
    }

    pub fn app(&self, client_id: &str) -> Option<&'static Registered> {
        self.apps.iter().find(|app| app.client_id == client_id)
    }

    /// Finds a provider by id or slug, ignoring case.
    pub fn find(name: &str) -> Option<&'static Provider> {
        ALL.into_iter().find(|provider| provider.id.eq_ignore_ascii_case(&name.replace('-', "_")))
    }
}

impl Authorize {
    /// `response_type=code`, scopes in `scope` separated by spaces, unknown ones refused.
    pub const USUAL: Authorize = Authorize {
        scope: "scope",
        separator: ' ',
        unknown_scopes: UnknownScopes::Refused,
        default_scopes: &[],
        must: &[("response_type", "code")],
        state_required: false,
    };
}

impl Registered {
    pub const fn new(client_id: &'static str, client_secret: Option<&'static str>) -> Registered {
        Registered { client_id, client_secret, redirects: None }
    }
}

impl Endpoint {
    pub const fn new(
        kind: Kind,
        method: &'static str,
        path: &'static str,
        answer: fn(&Desk, &Request) -> Answer,
    ) -> Endpoint {
        Endpoint { method, path, kind, answer }
    }
}

impl Host {
    pub const fn new(pattern: &'static str, endpoints: &'static [Endpoint]) -> Host {
        Host { pattern, endpoints }
    }
}

impl Permission {
    /// The person may untick it.
    pub const fn tick(scope: &'static str, words: &'static str) -> Permission {
        Permission { scope, words, tick: true }
    }

    /// All or nothing.
    pub const fn fixed(scope: &'static str, words: &'static str) -> Permission {
        Permission { scope, words, tick: false }
    }
}
