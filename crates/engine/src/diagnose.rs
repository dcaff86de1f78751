//! From a provider's error to its cause, and from the cause to words and a button. Pure.

use tieline_catalog::{Cause, ErrorPlace, Provider, template};

use crate::clock::{Seconds, rfc3339};
use crate::connection::{Connection, Trouble};
use crate::error::{Code, Error};
use crate::oauth::Refusal;
use crate::problem::{AdminMessage, NamedValue, Press, PressAction, Problem};

/// Finds the cause: first by the provider's own rules, then by what RFC 6749 and HTTP say.
pub fn trouble(provider: &Provider, place: ErrorPlace, refusal: &Refusal, now: Seconds) -> Trouble {
    let said = format!("{} {}", refusal.codes.join(" "), refusal.description).to_lowercase();
    let rule = provider.errors.iter().find(|rule| {
        (rule.at.is_empty() || rule.at.contains(&place))
            && rule.code.as_ref().is_none_or(|code| {
                refusal.codes.iter().any(|it| it == code)
                    || refusal.description.starts_with(&format!("AADSTS{code}:"))
            })
            && rule.status.is_none_or(|status| status == refusal.status)
            && rule.holds.as_ref().is_none_or(|text| said.contains(&text.to_lowercase()))
    });
    let is = |code: &str| refusal.codes.iter().any(|it| it == code);
    let cause = match (rule, place) {
        // What only time can mend stays temporary, whatever the body says.
        (_, _) if refusal.status == 429 => Cause::RateLimited,
        (None, _) if refusal.status >= 500 => Cause::Temporary,
        (Some(rule), _) => rule.cause,
        (None, ErrorPlace::Callback) if is("access_denied") => Cause::Declined,
        (None, _) if is("temporarily_unavailable") || is("server_error") => Cause::Temporary,
        (None, _) if is("invalid_client") || is("unauthorized_client") => Cause::WrongClient,
        (None, _) if is("invalid_scope") || is("insufficient_scope") => Cause::ScopeMissing,
        (None, ErrorPlace::Exchange) if is("invalid_grant") => Cause::CodeExpired,
        (None, ErrorPlace::Refresh) if is("invalid_grant") => Cause::Revoked,
        (None, ErrorPlace::Api) if refusal.status == 401 => Cause::Revoked,
        // RFC 6750 §3.1's word and a common one beside it, from those that put errors under status 200.
        (None, ErrorPlace::Api) if is("invalid_token") || is("token_expired") => Cause::Revoked,
        (None, ErrorPlace::Api) if refusal.status == 403 => Cause::ScopeMissing,
        (None, ErrorPlace::Api) if refusal.status == 404 => Cause::WrongHost,
        (None, _) if refusal.status >= 200 && refusal.status < 300 => Cause::Garbage,
        (None, _) => Cause::Unknown,
    };
    let mut evidence = vec![("Answer".to_owned(), answer(provider, refusal))];
    if !refusal.description.is_empty() {
        evidence.push((format!("{}'s words", provider.name), refusal.description.clone()));
    }
    evidence.extend(refusal.traces.iter().cloned());
    let says =
        rule.and_then(|rule| rule.says.clone()).filter(|_| rule.is_some_and(|rule| rule.cause == cause));
    Trouble { cause, place, since: now, says, evidence }
}

/// Trouble on the way to the provider, before it could say anything.
pub fn unreachable(error: &Error, place: ErrorPlace, now: Seconds) -> Trouble {
    Trouble {
        cause: if error.code == Code::Temporary { Cause::Offline } else { Cause::Unknown },
        place,
        since: now,
        says: None,
        evidence: vec![("What Tieline saw".to_owned(), error.message.clone())],
    }
}

fn answer(provider: &Provider, refusal: &Refusal) -> String {
    let code = refusal.codes.last().map(|code| format!(" ({code})")).unwrap_or_default();
    match refusal.status {
        0 => format!("{} sent the browser back with an error{code}", provider.name),
        status => format!("{} answered {status}{code}", provider.name),
    }
}

/// The likeliest reason why a refresh token is dead, from the provider's limits and how long it lay unused.
pub fn likeliest(provider: &Provider, it: &Connection, mut trouble: Trouble, now: Seconds) -> Trouble {
    const DAY: Seconds = 86_400;
    if trouble.cause != Cause::Revoked {
        return trouble;
    }
    let life = &provider.lifetime;
    let idle = (now - it.refreshed_at) / DAY;
    let age = (now - it.authorized_at) / DAY;
    let general = trouble.says.take();
    if life.absolute_days.is_some_and(|days| age >= Seconds::from(days)) {
        trouble.cause = Cause::AbsoluteLimit;
    } else if life.idle_days.is_some_and(|days| idle >= Seconds::from(days))
        || it.refresh_until.is_some_and(|at| at <= now)
    {
        trouble.cause = Cause::Idle;
    } else {
        trouble.says = general;
    }
    let ago = |days: Seconds| match days {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        _ => format!("{days} days ago"),
    };
    trouble.evidence.push(("Signed in".into(), format!("{}, last renewed {}", ago(age), ago(idle))));
    trouble
}

/// Words and buttons for trouble. `admin_email` and the app's redirect make the ready message.
pub fn problem(provider: &Provider, trouble: &Trouble, about: &About<'_>) -> Problem {
    let name = &provider.name;
    let words = words(provider, trouble, about);
    let fields = about.connection.map(Connection::fields).unwrap_or_default();
    let page = provider.grant_page.as_ref().and_then(|page| template::fill_url(&page.url, &fields).ok());
    let press = |action: PressAction| Press {
        label: match action {
            PressAction::SignInAgain if about.connection.is_none() => "Try again".to_owned(),
            PressAction::SignInAgain => "Sign in again".into(),
            PressAction::TestAgain => "Test again".into(),
            PressAction::EditApp => "Open the app set-up".into(),
            PressAction::EditInputs => "Change the address".into(),
            PressAction::AskAdmin => "Ask your administrator".into(),
            PressAction::UnlockKeyring => "Unlock the keyring".into(),
            PressAction::OpenPage => format!("See it at {name}"),
            PressAction::NetworkSettings => "Network settings".into(),
            PressAction::OtherWay => "Try the other way back".into(),
            PressAction::Close => "Close".into(),
        },
        action,
        url: (action == PressAction::OpenPage).then(|| page.clone()).flatten(),
    };
    Problem {
        code: code(trouble.cause).into(),
        happened: words.happened,
        why: words.why,
        press: press(words.press),
        more: words.more.iter().map(|action| press(*action)).collect(),
        message: words.for_admin.map(|ask| message(provider, trouble, about, &ask)),
        evidence: trouble
            .evidence
            .iter()
            .map(|(label, value)| NamedValue { label: label.clone(), value: value.clone() })
            .chain([NamedValue { label: "Since".into(), value: rfc3339(trouble.since) }])
            .collect(),
    }
}

/// What is known around the trouble.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    pub connection: Option<&'a Connection>,
    pub client_id: &'a str,
    pub redirect: &'a str,
    pub scopes: &'a [String],
}

struct Words {
    happened: String,
    why: String,
    press: PressAction,
    more: Vec<PressAction>,
    /// What an administrator is asked to do.
    for_admin: Option<String>,
}

fn words(provider: &Provider, trouble: &Trouble, about: &About<'_>) -> Words {
    use PressAction::{AskAdmin, EditApp, EditInputs, NetworkSettings, OtherWay, SignInAgain, TestAgain};
    let name = &provider.name;
    let kept =
        if about.connection.is_some() { " Nothing is lost; it goes on from where it stopped." } else { "" };
    let (happened, why, press, more, for_admin): (String, String, _, Vec<PressAction>, Option<String>) = match trouble.cause {
        Cause::Declined => (
            "The sign-in was cancelled.".into(),
            format!("{name} says that access was not allowed. That happens when somebody presses Cancel on its page."),
            SignInAgain, vec![], None,
        ),
        Cause::AdminApproval => (
            "An administrator has to agree first.".into(),
            format!("Your organisation lets only administrators approve new apps at {name}. The message to them is written."),
            AskAdmin, vec![SignInAgain],
            Some(format!("approve the app for {name} so that people can connect their accounts")),
        ),
        Cause::AdminBlocked => (
            "Your organisation does not allow this.".into(),
            format!("A rule at {name} blocks this sign-in. Signing in again does not change it; an administrator can."),
            AskAdmin, vec![TestAgain],
            Some(format!("check the access rules at {name} that block this app or this computer")),
        ),
        Cause::WrongSecret => (
            "The app's secret is wrong.".into(),
            format!("{name} did not accept the client secret that your organisation's app uses."),
            EditApp, vec![AskAdmin],
            Some("send the current client secret of the app, or enter it in Tieline".into()),
        ),
        Cause::SecretExpired => (
            "The app's secret has run out.".into(),
            format!("The client secret of your organisation's app at {name} was made for a limited time. A new one brings all its connections back."),
            EditApp, vec![AskAdmin],
            Some("make a new client secret for the app and enter it in Tieline".into()),
        ),
        Cause::WrongClient => (
            format!("{name} does not know this app."),
            "The client ID is mistyped, or the app was deleted, or it belongs to another tenant.".into(),
            EditApp, vec![AskAdmin],
            Some("check that the app exists and that its client ID is the one below".into()),
        ),
        Cause::RedirectMismatch => (
            "The way back is not registered.".into(),
            format!("{name} sends people back only to addresses that the app lists. This one is missing: {}", about.redirect),
            EditApp, vec![OtherWay, AskAdmin],
            Some(format!("add this redirect address to the app, exactly as it stands: {}", about.redirect)),
        ),
        Cause::CodeExpired => (
            "The answer came too late.".into(),
            format!("{name} gives {} to bring its answer back, and each answer works once.", lasting(provider.oauth.code_lifetime)),
            SignInAgain, vec![OtherWay], None,
        ),
        Cause::ScopeMissing => (
            "A permission is missing.".into(),
            format!("{name} refused because the sign-in does not allow this. Sign in again and leave every box ticked, or ask your administrator to add the permission to the app."),
            SignInAgain, vec![EditApp, AskAdmin],
            Some("add the permissions listed below to the app".into()),
        ),
        Cause::Revoked => (
            "The sign-in was taken back.".into(),
            format!("{name} no longer accepts it. Somebody removed the permission, the password was changed, or the account was signed out everywhere.{kept}"),
            SignInAgain, vec![], None,
        ),
        Cause::Idle => (
            "The sign-in ran out.".into(),
            match provider.lifetime.idle_days {
                Some(days) => format!("{name} forgets a sign-in that was not used for {days} days.{kept}"),
                None => format!("{name} forgets a sign-in that was not used for a while.{kept}"),
            },
            SignInAgain, vec![], None,
        ),
        Cause::AbsoluteLimit => (
            "The sign-in ran out.".into(),
            match provider.lifetime.absolute_days {
                Some(days) => format!("{name} asks for a new one every {days} days.{kept}"),
                None => format!("{name} asks for a new one at intervals.{kept}"),
            },
            SignInAgain, vec![], None,
        ),
        Cause::SessionPolicy => (
            "Your organisation asks for a new sign-in.".into(),
            format!("A rule at {name} wants people to sign in again at intervals. That is expected.{kept}"),
            SignInAgain, vec![AskAdmin],
            Some("exempt the app from the session rule, if that fits your policy".into()),
        ),
        Cause::TestingApp => (
            "The sign-in ran out after a few days.".into(),
            format!("Your organisation's app at {name} is still marked as being tested, and such sign-ins are short.{kept}"),
            SignInAgain, vec![AskAdmin],
            Some("publish the app, or make it internal to the organisation, so that sign-ins last".into()),
        ),
        Cause::TooManyGrants => (
            "A newer sign-in took this one's place.".into(),
            match provider.lifetime.grants_per_user {
                Some(most) => format!("{name} keeps {most} sign-ins for one person and app; one more ends the oldest.{kept}"),
                None => format!("{name} keeps only a few sign-ins for one person and app.{kept}"),
            },
            SignInAgain, vec![], None,
        ),
        Cause::NotLicensed => (
            "This account has nothing to read there.".into(),
            format!("{name} says that the account has no licence, or that this part of {name} is switched off for it."),
            AskAdmin, vec![SignInAgain],
            Some(format!("give the account a licence for {name}, or tell which account has one")),
        ),
        Cause::WrongTenant => (
            "The account belongs elsewhere.".into(),
            format!("{name} does not find this account in the organisation that was entered."),
            EditInputs, vec![SignInAgain], None,
        ),
        Cause::WrongHost => (
            "There is nothing at this address.".into(),
            format!("{name} does not know the address or place that was entered, or the account may not see it."),
            EditInputs, vec![TestAgain], None,
        ),
        Cause::RateLimited => (
            format!("{name} asks us to pause."),
            "Too many requests came in a short time, not only from Tieline. It goes on by itself.".into(),
            TestAgain, vec![], None,
        ),
        Cause::Temporary => (
            format!("{name} is not well at the moment."),
            "Its servers answered with an error of their own. Tieline tries again by itself.".into(),
            TestAgain, vec![], None,
        ),
        Cause::Offline => (
            format!("{name} cannot be reached."),
            format!(
                "{} Tieline goes on by itself once it answers.",
                trouble.evidence.first().map_or("There is no way to it from this computer right now.", |(_, words)| words.as_str())
            ),
            TestAgain, vec![NetworkSettings], None,
        ),
        Cause::Garbage => (
            format!("{name} sent something unreadable."),
            "The answer was no answer of that service. A proxy, a hotel network's sign-in page or an outage can do that.".into(),
            TestAgain, vec![NetworkSettings], None,
        ),
        Cause::Unknown => (
            format!("{name} refused."),
            trouble.evidence.iter().rev().find(|(label, _)| label.ends_with("words")).map_or_else(
                || "It gave no reason that Tieline knows.".to_owned(),
                |(_, words)| format!("It says: {words}"),
            ),
            SignInAgain, vec![TestAgain, AskAdmin],
            Some(format!("look at what {name} answered, below")),
        ),
    };
    let mut why = trouble.says.clone().unwrap_or(why);
    if trouble.says.is_some() && !kept.is_empty() && press == SignInAgain {
        why.push_str(kept);
    }
    Words { happened, why, press, more, for_admin }
}

fn message(provider: &Provider, trouble: &Trouble, about: &About<'_>, ask: &str) -> AdminMessage {
    use std::fmt::Write;
    let name = &provider.name;
    let mut body = format!(
        "Hello,\n\nI would like to connect my {name} account with Tieline, and it needs your help: can you {ask}?\n\n"
    );
    let _ = writeln!(
        body,
        "Tieline is a desktop app. Sign-ins stay in the keyring of this computer; no other company's server takes part.\n"
    );
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(body, "{label}: {value}");
        }
    };
    line("Service", name);
    line("App (client ID)", about.client_id);
    line("Redirect address", about.redirect);
    line("Permissions", &about.scopes.join(" "));
    let fields = about.connection.map(Connection::fields).unwrap_or_default();
    line("Where the app is set up", &template::fill_url(&provider.register.url, &fields).unwrap_or_default());
    for (label, value) in &trouble.evidence {
        line(label, value);
    }
    line("Time", &rfc3339(trouble.since));
    body.push_str("\nThank you");
    AdminMessage { subject: format!("{name}: a sign-in needs your help"), body }
}

fn lasting(seconds: u32) -> String {
    match seconds {
        0..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds / 60),
    }
}

/// Stable, for programs.
pub fn code(cause: Cause) -> &'static str {
    match cause {
        Cause::Declined => "declined",
        Cause::AdminApproval => "admin_approval",
        Cause::AdminBlocked => "admin_blocked",
        Cause::WrongSecret => "wrong_secret",
        Cause::SecretExpired => "secret_expired",
        Cause::WrongClient => "wrong_client",
        Cause::RedirectMismatch => "redirect_mismatch",
        Cause::CodeExpired => "code_expired",
        Cause::ScopeMissing => "scope_missing",
        Cause::Revoked => "revoked",
        Cause::Idle => "idle",
        Cause::AbsoluteLimit => "absolute_limit",
        Cause::SessionPolicy => "session_policy",
        Cause::TestingApp => "testing_app",
        Cause::TooManyGrants => "too_many_grants",
        Cause::NotLicensed => "not_licensed",
        Cause::WrongTenant => "wrong_tenant",
        Cause::WrongHost => "wrong_host",
        Cause::RateLimited => "rate_limited",
        Cause::Temporary => "temporary",
        Cause::Offline => "offline",
        Cause::Garbage => "garbage",
        Cause::Unknown => "unknown",
    }
}
