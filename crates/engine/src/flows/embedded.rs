//! A sign-in at a service that stands in no catalogue and that a program carries itself: the address is made here, the
//! browser's answer goes to the program, and the code comes back together with everything else that the exchange needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tieline_catalog::template::Fields;
use tieline_catalog::{ClientAuth, ErrorPlace, Provider, Way};
use url::Url;

use crate::clock::Seconds;
use crate::connection::Trouble;
use crate::diagnose::{self, About};
use crate::error::{Code, Error, Result};
use crate::flows::connect::ForProgram;
use crate::flows::discover;
use crate::flows::exchange::{self, Failed, Grant};
use crate::flows::finish::{self, Identified};
use crate::flows::identity;
use crate::flows::pair::Pair;
use crate::oauth::{self, Asking};
use crate::problem::Problem;
use crate::program::Owner;
use crate::secret::Secret;
use crate::service::{self, Proof, Service, Wishes};
use crate::sync_options::SyncOptions;
use crate::world::{AppKeys, World};

/// A code has to come within fifteen minutes of the sign-in's beginning: so long the published command line waits.
const PATIENCE: Seconds = 900;
/// Sign-ins of one organization that may wait at once; the oldest makes room.
const AT_ONCE: usize = 200;
/// A service that describes itself does so quickly, or its description is done without.
const DESCRIBES_WITHIN: Duration = Duration::from_secs(5);

/// What a sign-in is begun with.
#[derive(Debug, Clone, Default)]
pub struct Embedding {
    pub bound: Bound,
    /// Where the person signs in. A query that it holds counts as additional parameters.
    pub authorize_url: String,
    pub scopes: Vec<String>,
    /// Several are joined by `+`. None: `login`, where the additional parameters hold no `approval_prompt`.
    pub prompt: Option<String>,
    /// Asks for `offline_access` besides.
    pub offline_access: bool,
    /// A query string.
    pub additional: String,
}

/// What a sign-in belongs to, from its beginning to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bound {
    pub organization: i64,
    /// Whatever the program calls the place it connects for, and the service there.
    pub place: Option<String>,
    pub service: String,
    /// The program's name for the client secret.
    pub credential: String,
    pub client_id: String,
    /// Sent as it is, at the beginning and with the code.
    pub redirect: String,
}

/// A sign-in whose code has not come yet, with the secrets that its answer is held against.
#[derive(Debug)]
pub struct Begun {
    pub bound: Bound,
    /// Where the browser goes; holds the state.
    pub url: Url,
    state: Secret,
    verifier: Option<Secret>,
    /// As far as it is known before the exchange.
    service: Service,
    at: Seconds,
}

impl Begun {
    fn waits(&self, now: Seconds) -> bool {
        now < self.at + PATIENCE
    }

    pub fn authorize_url(&self) -> &str {
        &self.service.authorize_url
    }

    pub fn scopes(&self) -> &[String] {
        &self.service.scopes
    }
}

/// What the program brings together with the code.
#[derive(Debug)]
pub struct Finishing {
    pub owner: Owner,
    /// The program's name for the service, of letters and digits, and what a person calls it.
    pub service: String,
    pub name: String,
    pub token_url: String,
    /// A query string, whose parameters are sent to the token address with every request.
    pub token_parameters: String,
    /// None: the app has no secret.
    pub secret: Option<Secret>,
    /// `basic` or `body`, where the program knows; else empty.
    pub client_auth: String,
    pub code: Secret,
}

/// All sign-ins that were begun and wait for their code. They live as long as this does, and no longer than fifteen minutes.
#[derive(Debug, Default)]
pub struct EmbeddedSignIns {
    all: Mutex<Vec<Begun>>,
}

impl EmbeddedSignIns {
    fn lock(&self) -> MutexGuard<'_, Vec<Begun>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put(&self, begun: Begun, now: Seconds) {
        let mut all = self.lock();
        all.retain(|it| it.waits(now));
        let own = |it: &Begun| it.bound.organization == begun.bound.organization;
        if all.iter().filter(|it| own(it)).count() >= AT_ONCE
            && let Some(oldest) = all.iter().position(own)
        {
            all.remove(oldest);
        }
        all.push(begun);
    }

    /// Whether an answer with this state is waited for.
    pub fn waits(&self, state: &str, now: Seconds) -> bool {
        place(&self.lock(), state, now).is_some()
    }

    /// Takes out the sign-in that an organization began with this state. It can be taken once.
    pub fn take(&self, organization: i64, state: &str, now: Seconds) -> Option<Begun> {
        let mut all = self.lock();
        let at = place(&all, state, now).filter(|at| all[*at].bound.organization == organization)?;
        Some(all.remove(at))
    }
}

fn place(all: &[Begun], state: &str, now: Seconds) -> Option<usize> {
    let state = Secret::new(state);
    // Every one is compared, so that the time taken tells nothing.
    let same = all.iter().enumerate().filter(|(_, it)| it.state == state && it.waits(now));
    same.map(|(at, _)| at).fold(None, |_, at| Some(at))
}

/// Makes the address of the sign-in page. Errors are at the fields of [`Embedding`] and [`Bound`]; `additional` for a
/// parameter that clashes.
pub(crate) fn begin(world: &World, asked: &Embedding) -> Result<Begun> {
    let practice = world.practice.is_some();
    let mut page = service::address("authorize_url", &asked.authorize_url, practice)?;
    redirect_address(&asked.bound.redirect)?;
    let client_id = &asked.bound.client_id;
    if client_id.is_empty() || client_id.len() > 512 || !client_id.bytes().all(|it| it.is_ascii_graphic()) {
        return Err(Error::field("client_id", "A client ID is one word of letters, digits and signs."));
    }
    let own = page.query().unwrap_or_default().to_owned();
    page.set_query(None);
    // What stands in the address already must not clash with what is set here either.
    let alone = Wishes { scopes: "", prompt: None, offline_access: false, additional: &own };
    let (_, owns) = alone.read().map_err(|error| Error { field: Some("authorize_url".into()), ..error })?;
    let more = asked.additional.trim().trim_start_matches(['?', '&']);
    let twice = url::form_urlencoded::parse(more.as_bytes())
        .find(|(name, _)| *name != "prompt" && owns.iter().any(|(own, _)| own == name));
    if let Some((name, _)) = twice {
        let words = format!("{name} stands in the sign-in address already. Take it out here or there.");
        return Err(Error::field("additional", words));
    }
    let additional = [own.as_str(), more];
    let additional = additional.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("&");
    let scopes = asked.scopes.join(" ");
    let wishes = Wishes {
        scopes: &scopes,
        prompt: asked.prompt.as_deref(),
        offline_access: asked.offline_access,
        additional: &additional,
    };
    let (scopes, authorize_parameters) = wishes.read().map_err(|error| match error.field.as_deref() {
        Some("additional_parameters") => Error { field: Some("additional".into()), ..error },
        _ => error,
    })?;
    let service = Service { authorize_url: page.into(), scopes, authorize_parameters, ..Service::default() };
    let started = oauth::start(&Asking {
        provider: &service.provider(""),
        fields: &Fields::new(),
        client_id,
        redirect: &asked.bound.redirect,
        scopes: &service.scopes,
        key: None,
        state_suffix: "",
    })?;
    Ok(Begun {
        bound: asked.bound.clone(),
        url: world.client().browser_url(started.url)?,
        state: started.state,
        verifier: started.verifier,
        service,
        at: world.now(),
    })
}

/// Where the browser may be sent with a code: an https address, or one of this computer.
fn redirect_address(text: &str) -> Result<()> {
    service::address("redirect", text, true).map(drop).map_err(|_| {
        Error::field(
            "redirect",
            "The answer can go to an https address, or by http to 127.0.0.1, localhost or [::1], without a #.",
        )
    })
}

/// Parameters of a token request that are ours to set.
const OURS: [&str; 7] =
    ["grant_type", "code", "code_verifier", "redirect_uri", "refresh_token", "client_id", "client_secret"];

fn token_parameters(text: &str) -> Result<BTreeMap<String, String>> {
    let query = text.trim().trim_start_matches(['?', '&']);
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
        if OURS.contains(&name.as_str()) {
            let words = format!("Tieline sets {name} itself. Take it out here.");
            return Err(Error::field("token_parameters", words));
        }
        if parameters.get(&name).is_some_and(|known| *known != value) {
            return Err(Error::field("token_parameters", format!("{name} is there twice.")));
        }
        parameters.insert(name, value);
    }
    Ok(parameters)
}

/// The service as a sign-in to it was begun and is now to be finished, with what it tells of itself where its
/// description is about these very addresses.
pub(crate) async fn described(world: &World, begun: &Begun, with: &Finishing) -> Result<Service> {
    let practice = world.practice.is_some();
    let token_url = service::address("token_url", &with.token_url, practice)?;
    let token_parameters = token_parameters(&with.token_parameters)?;
    let chosen = match Proof::read(Some(&with.client_auth))? {
        Proof::By(chosen) => Some(chosen),
        Proof::AsTold | Proof::Nothing => None,
    };
    let found = tell(world, &token_url, practice).await;
    let found = found.filter(|found| {
        let mut authorize = found.authorize.clone();
        authorize.set_query(None);
        found.token == token_url && authorize.as_str() == begun.service.authorize_url
    });
    let told = found.as_ref().map(|found| found.client_auth);
    let url = |url: Option<Url>| url.map(String::from);
    let (revocation, userinfo) = found.map_or((None, None), |found| (found.revocation, found.userinfo));
    Ok(Service {
        name: with.name.clone(),
        token_url: token_url.into(),
        token_parameters,
        revocation_url: url(revocation),
        userinfo_url: url(userinfo),
        has_secret: with.secret.is_some(),
        // RFC 6749 §2.3.1: whoever gives out secrets takes them by Basic.
        client_auth: chosen.or(told).unwrap_or(ClientAuth::Basic),
        client_auth_chosen: true,
        ..begun.service.clone()
    })
}

async fn tell(world: &World, token_url: &Url, practice: bool) -> Option<discover::Found> {
    let issuer: Url = token_url.origin().ascii_serialization().parse().ok()?;
    let found = discover::metadata(world, &issuer, practice);
    tokio::time::timeout(DESCRIBES_WITHIN, found).await.ok()?.ok()
}

/// Exchanges the code, asks whose account it is, and keeps the connection; yields its id.
pub(crate) async fn finish(
    world: &World,
    provider: Arc<Provider>,
    app: &AppKeys,
    begun: &Begun,
    with: Finishing,
) -> Result<String> {
    let at = world.now();
    let none = Fields::new();
    let grant =
        Grant::Code { code: &with.code, verifier: begun.verifier.as_ref(), redirect: &begun.bound.redirect };
    let about = About {
        connection: None,
        client_id: &begun.bound.client_id,
        redirect: &begun.bound.redirect,
        scopes: &begun.service.scopes,
    };
    let told = |trouble: &Trouble| refused(&diagnose::problem(&provider, trouble, &about));
    let tokens = exchange::exchange(&world.client(), &provider, &none, app, grant, None).await;
    let tokens = tokens.map_err(|failed| match failed {
        Failed::Refused { refusal, .. } => {
            told(&diagnose::trouble(&provider, ErrorPlace::Exchange, &refusal, at))
        }
        Failed::Unreachable(error) => error,
    })?;
    let pair = Pair::new(&tokens, tokens.refresh.clone(), None);
    let who =
        identity::identify(world, &provider, tokens.facts.clone(), &pair.access, tokens.scopes.as_deref())
            .await
            .map_err(|failed| failed.field.unwrap_or_else(|| told(&failed.trouble)))?;
    let mut facts = tokens.facts.clone();
    facts.extend(who.facts.clone());
    let program = ForProgram {
        owner: with.owner,
        redirect: Some(begun.bound.redirect.clone()),
        options: SyncOptions::default(),
        ..ForProgram::default()
    };
    let identified = Identified {
        tokens,
        pair,
        who,
        inputs: none,
        facts,
        asked: begun.service.scopes.clone(),
        app_host: app.row.host.clone(),
        app_organization: app.row.organization,
        client_id: app.row.client_id.clone(),
        redirect: begun.bound.redirect.clone(),
        way: Way::Program,
        program: Some(Arc::new(program)),
        at,
        provider,
    };
    finish::store(world, &identified, None).await.map(|(connection, _)| connection)
}

fn refused(problem: &Problem) -> Error {
    let words = format!("{} {}", problem.happened, problem.why);
    let answer = problem.evidence.iter().find(|it| it.label == "Answer");
    let words = match answer {
        Some(answer) => format!("{} It answered: {}.", words.trim(), answer.value.trim_end_matches('.')),
        None => words.trim().to_owned(),
    };
    Error::new(Code::Refused, words, "Begin a new sign-in: a code is good for one try.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(organization: i64, state: &str, at: Seconds) -> Begun {
        Begun {
            bound: Bound { organization, ..Bound::default() },
            url: Url::parse("https://login.acme.example/").expect("an address"),
            state: Secret::new(state),
            verifier: None,
            service: Service::default(),
            at,
        }
    }

    #[test]
    fn a_state_is_good_once_for_fifteen_minutes_and_for_its_organization() {
        let all = EmbeddedSignIns::default();
        all.put(begun(1, "one", 0), 0);
        all.put(begun(1, "two", 0), 0);
        assert!(all.waits("one", PATIENCE - 1) && !all.waits("one", PATIENCE) && !all.waits("", 0));
        assert!(all.take(2, "one", 1).is_none(), "another organization");
        assert!(all.take(1, "one", 1).is_some());
        assert!(all.take(1, "one", 1).is_none(), "used");
        assert!(all.take(1, "two", PATIENCE).is_none(), "too late");
    }

    #[test]
    fn one_organization_does_not_crowd_out_another() {
        let all = EmbeddedSignIns::default();
        all.put(begun(2, "theirs", 0), 0);
        for number in 0..=AT_ONCE {
            all.put(begun(1, &number.to_string(), 0), 0);
        }
        assert!(all.waits("theirs", 1) && !all.waits("0", 1) && all.waits("1", 1));
        all.put(begun(1, "later", PATIENCE), PATIENCE);
        assert_eq!(all.lock().len(), 1, "what is over is forgotten");
    }

    #[test]
    fn parameters_for_the_token_address_are_a_query_without_ours() {
        let read = token_parameters("?audience=a+b&resource=x&audience=a%20b").expect("a query");
        assert_eq!((read["audience"].as_str(), read.len()), ("a b", 2));
        for bad in ["client_secret=x", "a=1&a=2"] {
            assert_eq!(token_parameters(bad).expect_err(bad).field.as_deref(), Some("token_parameters"));
        }
    }

    #[test]
    fn an_answer_goes_to_https_or_to_this_computer() {
        for good in
            ["https://a.example/back?x=1", "http://127.0.0.1:62168/oauth/callback", "http://localhost/"]
        {
            assert!(redirect_address(good).is_ok(), "{good}");
        }
        for bad in ["http://a.example/", "https://a.example/#x", "app.evil://x", "javascript:alert(1)", ""] {
            assert_eq!(redirect_address(bad).expect_err(bad).field.as_deref(), Some("redirect"));
        }
    }
}
