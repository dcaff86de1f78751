//! The pages a person sees. They load nothing from anywhere and say on top that this is practice.

use std::fmt::Write as _;

use crate::desk::Ask;
use crate::faults::Fault;
use crate::people::PEOPLE;
use crate::providers::Provider;

const STYLE: &str = include_str!("pages.css");

/// The sign-in and consent page.
pub fn consent(provider: &Provider, id: &str, ask: &Ask) -> String {
    let name = provider.name;
    let mut body = format!(
        "<h1>Sign in to {name}</h1>\
         <p>The app <strong>Tieline</strong> of <strong>Acme</strong> asks for access. \
         At the real {name} you would sign in with your password here.</p>\
         <form method=\"post\" action=\"{}\">\
         <input type=\"hidden\" name=\"request\" value=\"{}\">",
        crate::house::CONSENT,
        text(id)
    );
    body.push_str("<fieldset><legend>Who are you?</legend>");
    for (index, person) in PEOPLE.iter().enumerate() {
        let options = Field { kind: "radio", name: "person", value: person.id, ticked: index == 0 };
        body.push_str(&options.html(person.name, &format!("{} · {}", person.email, person.job)));
    }
    body.push_str("</fieldset><fieldset><legend>Tieline may</legend>");
    for scope in &ask.scopes {
        let known = provider.permissions.iter().find(|permission| permission.scope == scope.as_str());
        let (words, tick) = known.map_or((scope.as_str(), false), |it| (it.words, it.tick));
        let small =
            if known.is_none() { "A permission that this provider does not know" } else { scope.as_str() };
        if tick {
            let field = Field { kind: "checkbox", name: "permission", value: scope, ticked: true };
            body.push_str(&field.html(words, small));
        } else {
            let _ = write!(
                body,
                "<p class=\"choice fixed\"><span>{}<small>{}</small></span></p>",
                text(words),
                text(small)
            );
        }
    }
    if ask.scopes.is_empty() {
        body.push_str("<p class=\"quiet\">Everything that you may see yourself.</p>");
    }
    body.push_str("</fieldset>");
    for choice in provider.choices {
        let _ = write!(body, "<fieldset><legend>{}</legend>", text(choice.label));
        let name = format!("choice.{}", choice.key);
        for (index, (value, words)) in choice.options.iter().enumerate() {
            let kind = if choice.several { "checkbox" } else { "radio" };
            let ticked = choice.several || index == 0;
            let field = Field { kind, name: &name, value, ticked };
            body.push_str(&field.html(words, ""));
        }
        body.push_str("</fieldset>");
    }
    let _ = write!(
        body,
        "<details><summary>Make something go wrong</summary>\
         <label for=\"fault\">What should happen?</label>\
         <select id=\"fault\" name=\"fault\"><option value=\"\" selected>Nothing, all goes well</option>\
         <optgroup label=\"During this sign-in\">{}</optgroup>\
         <optgroup label=\"Later, when the app renews its access\">{}</optgroup></select></details>\
         <div class=\"buttons\">\
         <button name=\"decision\" value=\"cancel\">Cancel</button>\
         <button name=\"decision\" value=\"allow\" class=\"main\">Allow</button></div></form>",
        fault_options(false),
        fault_options(true)
    );
    frame(&format!("Sign in to {name}"), &body, "")
}

fn fault_options(later: bool) -> String {
    let faults =
        Fault::ALL.into_iter().filter(|fault| fault.comes_later() == later && *fault != Fault::ShortPages);
    faults.map(|fault| format!("<option value=\"{}\">{}</option>", fault.name(), fault.words())).collect()
}

/// A provider's own error page.
pub fn trouble(provider: &Provider, title: &str, words: &str) -> String {
    let body = format!(
        "<p class=\"quiet\">{}</p><h1>{}</h1><p>{}</p>\
         <p class=\"quiet\">The app does not hear about this page. You can close it.</p>",
        provider.name,
        text(title),
        text(words)
    );
    frame(title, &body, "")
}

/// For an app that has no way back: the person copies the code.
pub fn code(provider: &Provider, code: &str) -> String {
    let body = format!(
        "<h1>Copy this code</h1><p>Paste it into the app to finish connecting {}.</p><p><code>{}</code></p>",
        provider.name,
        text(code)
    );
    frame("Copy this code", &body, "")
}

/// In place of a consent page that was answered already or is too old.
pub fn stale() -> String {
    let body = "<h1>This sign-in is over</h1>\
                <p>It was answered already, or it waited too long. Start again from the app.</p>";
    frame("This sign-in is over", body, "")
}

pub fn nothing_here(pattern: &str) -> String {
    let body = format!(
        "<h1>Nothing here</h1><p>This address stands in for {} while you practise. \
         It knows the sign-in and the requests that apps make, and no other page.</p>",
        text(pattern)
    );
    frame("Nothing here", &body, "")
}

/// The page of a captive portal, for the fault of that name.
pub fn garbage() -> String {
    frame("Guest network", "<h1>Welcome to the guest network</h1><p>Accept the terms to go on.</p>", "")
}

/// The person's page of the control address; its script fills the table.
pub fn control(providers: &[&Provider]) -> String {
    let rows: String = providers
        .iter()
        .map(|provider| {
            let (id, name) = (provider.id, provider.name);
            let options: String = Fault::ALL
                .into_iter()
                .map(|fault| format!("<option value=\"{}\">{}</option>", fault.name(), fault.words()))
                .collect();
            format!(
                "<tr data-provider=\"{id}\"><th scope=\"row\">{name}</th>\
                 <td><label class=\"hidden\" for=\"fault-{id}\">Fault for {name}</label>\
                 <select id=\"fault-{id}\"><option value=\"\">All goes well</option>{options}</select></td>\
                 <td data-count=\"authorize\">0</td><td data-count=\"exchanges\">0</td>\
                 <td data-count=\"refreshes\">0</td><td data-count=\"revokes\">0</td>\
                 <td data-count=\"identifies\">0</td><td data-count=\"api\">0</td>\
                 <td data-count=\"refused\">0</td></tr>"
            )
        })
        .collect();
    let body = format!(
        "<h1>Practice providers</h1>\
         <p>Choose what goes wrong; it stays so until you choose otherwise. \
         The numbers are requests since the start.</p>\
         <div class=\"buttons\"><button id=\"clear\" type=\"button\">Let all go well</button>\
         <span id=\"told\" role=\"status\"></span></div>\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Providers\">\
         <table><thead><tr><th scope=\"col\">Provider</th>\
         <th scope=\"col\">Fault</th><th scope=\"col\">Sign-ins</th><th scope=\"col\">Exchanges</th>\
         <th scope=\"col\">Refreshes</th><th scope=\"col\">Revocations</th><th scope=\"col\">Identify</th>\
         <th scope=\"col\">Other calls</th><th scope=\"col\">Refused</th></tr></thead>\
         <tbody>{rows}</tbody></table></div><script src=\"/control.js\"></script>"
    );
    frame("Practice providers", &body, "wide")
}

struct Field<'a> {
    kind: &'a str,
    name: &'a str,
    value: &'a str,
    ticked: bool,
}

impl Field<'_> {
    fn html(&self, words: &str, small: &str) -> String {
        let ticked = if self.ticked { " checked" } else { "" };
        let small = if small.is_empty() { String::new() } else { format!("<small>{}</small>", text(small)) };
        format!(
            "<label class=\"choice\"><input type=\"{}\" name=\"{}\" value=\"{}\"{ticked}>\
             <span>{}{small}</span></label>",
            self.kind,
            text(self.name),
            text(self.value),
            text(words)
        )
    }
}

fn frame(title: &str, body: &str, class: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{} (practice)</title><style>{STYLE}</style></head><body>\
         <header><strong>Practice:</strong> nothing leaves this computer</header>\
         <main class=\"{class}\">{body}</main></body></html>",
        text(title)
    )
}

/// Text for an element or a quoted attribute.
fn text(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
