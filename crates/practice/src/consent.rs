//! What happens when the person presses Allow or Cancel.

use crate::desk::{Ask, Back, Code, Decided, Desk, FOREIGN_ISSUER};
use crate::faults::{Fault, Problem, Stage};
use crate::grants::Grant;
use crate::house::{Active, House};
use crate::pages;
use crate::people::{PEOPLE, Person};
use crate::providers::Provider;
use crate::wire::{Reply, Request};

/// Takes the form of the consent page: `request`, `person`, `permission` (repeated), `choice.<key>`
/// (repeated), `fault` (may be empty), `decision` (`allow` or `cancel`).
pub(crate) fn decide(house: &House, request: &Request) -> Reply {
    let form = request.form();
    let one = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let all = |name: &str| -> Vec<String> {
        form.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    };
    let now = house.clock.now();
    if request.method != "POST" {
        return Reply::page(405, pages::stale());
    }
    let Some((provider, ask)) = house.state().pending.take(one("request"), now) else {
        return Reply::page(410, pages::stale());
    };
    let desk = Desk { provider, house };
    let back = Back { redirect_uri: ask.redirect_uri.clone(), state: ask.state.clone() };
    let wish = Fault::from_name(one("fault"));
    let struck = |fault: Fault| wish == Some(fault) || house.strike(provider, fault);
    let no = |problem: Problem, stage: Stage| {
        house.count(provider, |counts| counts.refused += 1);
        desk.say_back(problem, stage, request, Some(&back))
    };

    if wish == Some(Fault::RedirectMismatch) {
        return no(Problem::RedirectMismatch, Stage::Authorize);
    }
    if struck(Fault::AdminApproval) {
        return no(Problem::AdminApproval, Stage::Consent);
    }
    if one("decision") != "allow" || struck(Fault::Refuse) {
        return no(Problem::Refused, Stage::Consent);
    }
    let chosen = Person::find(one("person")).unwrap_or(&PEOPLE[0]);
    let person = if struck(Fault::OtherAccount) { chosen.somebody_else() } else { chosen };
    let mut scopes = allowed(provider, &ask, &all("permission"));
    if struck(Fault::UntickedScope) {
        leave_one_out(provider, &mut scopes);
    }
    let mut extras = ask.extras.clone();
    for choice in provider.choices {
        let values = all(&format!("choice.{}", choice.key));
        extras.insert(choice.key.to_owned(), values.join(","));
    }
    if let Some(fault) = wish.filter(|fault| !fault.comes_later() && !fault.strikes(Stage::Consent)) {
        house.set_fault(provider, Active { fault, times: Some(1) });
    }
    let foreign_issuer = struck(Fault::WrongIssuer);
    let draft = Grant {
        provider: provider.id.to_owned(),
        client_id: ask.client_id,
        person: person.id.to_owned(),
        scopes,
        redirect_uri: ask.redirect_uri,
        extras,
        foreign_issuer,
        later: wish.filter(|fault| fault.comes_later()),
        ..Grant::default()
    };
    let code = provider.shapes.code.mint();
    let decided = Decided { code: &code, back: &back, grant: &draft };
    let mut pairs = (provider.call_back)(&desk, &decided);
    if foreign_issuer {
        pairs.retain(|(key, _)| key != "iss");
        pairs.push(("iss".to_owned(), FOREIGN_ISSUER.to_owned()));
    }
    let entry = Code {
        provider: provider.id,
        redirect_sent: ask.redirect_sent,
        challenge: ask.challenge,
        expires: now + desk.rules().code_seconds,
        used: false,
        draft,
    };
    let mut state = house.state();
    // Dead codes are remembered for a day, so that they can still be told apart from invented ones.
    state.codes.retain(|_, code| now < code.expires + 86_400);
    state.codes.insert(code.clone(), entry);
    drop(state);
    if back.redirect_uri.is_empty() {
        return Reply::page(200, pages::code(provider, &code));
    }
    Reply::redirect(&back.redirect_uri, &pairs)
}

/// The scopes asked for, without those that could be unticked and were.
fn allowed(provider: &Provider, ask: &Ask, ticked: &[String]) -> Vec<String> {
    let can_untick =
        |scope: &String| provider.permissions.iter().any(|it| it.scope == scope.as_str() && it.tick);
    ask.scopes.iter().filter(|scope| !can_untick(scope) || ticked.contains(scope)).cloned().collect()
}

/// Drops the last scope that the person could have unticked, else the last one.
fn leave_one_out(provider: &Provider, scopes: &mut Vec<String>) {
    let can_untick =
        |scope: &String| provider.permissions.iter().any(|it| it.scope == scope.as_str() && it.tick);
    let at = scopes.iter().rposition(can_untick).or_else(|| scopes.len().checked_sub(1));
    if let Some(at) = at {
        scopes.remove(at);
    }
}
