//! What a message says, in plain words: Slack's mrkdwn and blocks with the names of people and channels.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::seconds;
use crate::clock::{Seconds, rfc3339};

/// The most characters of a message that stand for its name.
const TITLE: usize = 80;

#[derive(Default)]
pub(super) struct Names {
    pub people: HashMap<String, String>,
    pub channels: HashMap<String, String>,
    /// `https://acme.slack.com/`
    pub site: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    pub ts: String,
    user: Option<String>,
    username: Option<String>,
    bot_id: Option<String>,
    bot_profile: Option<Bot>,
    #[serde(default)]
    text: String,
    subtype: Option<String>,
    thread_ts: Option<String>,
    pub reply_count: Option<u64>,
    pub latest_reply: Option<String>,
    pub edited: Option<Edited>,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    blocks: Vec<Value>,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
struct Bot {
    name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Edited {
    pub ts: String,
}

#[derive(Deserialize)]
pub(super) struct File {
    pub id: String,
    name: Option<String>,
    title: Option<String>,
    pub filetype: Option<String>,
    mode: Option<String>,
    is_external: Option<bool>,
    pub size: Option<u64>,
    pub timestamp: Option<Seconds>,
    pub updated: Option<Seconds>,
    pub permalink: Option<String>,
    pub url_private_download: Option<String>,
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    ims: Vec<String>,
}

/// What bots write in boxes below a message.
#[derive(Deserialize)]
struct Attachment {
    pretext: Option<String>,
    title: Option<String>,
    text: Option<String>,
    fallback: Option<String>,
    #[serde(default)]
    fields: Vec<Field>,
    /// Where Slack looked up what a link leads to; nobody wrote that.
    original_url: Option<String>,
}

#[derive(Deserialize)]
struct Field {
    #[serde(default)]
    title: String,
    #[serde(default)]
    value: String,
}

impl Names {
    pub fn person<'n>(&'n self, id: &'n str) -> &'n str {
        self.people.get(id).map(String::as_str).filter(|name| !name.is_empty()).unwrap_or(id)
    }

    /// Where a person opens a channel or a message of it.
    pub fn link(&self, channel: &str, ts: Option<&str>) -> Option<String> {
        let message = ts.map(|ts| format!("/p{}", ts.replace('.', ""))).unwrap_or_default();
        Some(format!("{}archives/{channel}{message}", self.site.as_ref()?))
    }
}

impl Message {
    /// Whether it is an item of its own: no answer that the channel was shown too, and no notice of Slack that nobody
    /// answered.
    pub fn stands_alone(&self) -> bool {
        let answers = self.thread_ts.as_ref().is_some_and(|thread| *thread != self.ts);
        let notice = self.subtype.as_deref().is_some_and(|it| {
            it.starts_with("channel_")
                || it.starts_with("group_")
                || matches!(it, "pinned_item" | "unpinned_item" | "bot_add" | "bot_remove" | "reminder_add")
        });
        !answers && (!notice || self.reply_count.unwrap_or(0) > 0)
    }

    /// All that it says, as Slack wrote it.
    pub fn said(&self) -> String {
        let mut parts = vec![self.text.clone()];
        let is_bot = self.bot_id.is_some() || self.subtype.as_deref() == Some("bot_message");
        if self.text.is_empty() || is_bot {
            let mut blocks = Vec::new();
            self.blocks.iter().for_each(|block| block_words(block, &mut blocks));
            let blocks = blocks.join("");
            // Bots give a short text for notifications and the whole in blocks.
            if blocks.len() > self.text.len() {
                parts[0] = blocks;
            }
        }
        for it in self.attachments.iter().filter(|it| it.original_url.is_none()) {
            let text = it.text.as_ref().or(it.fallback.as_ref());
            parts.extend([it.pretext.as_ref(), it.title.as_ref(), text].into_iter().flatten().cloned());
            parts.extend(it.fields.iter().map(|field| format!("{}: {}", field.title, field.value)));
        }
        parts.extend(
            self.files.iter().filter(|it| it.is_there()).map(|it| format!("[{}]", escaped(&it.shown_name()))),
        );
        parts.retain(|part| !part.trim().is_empty());
        parts.join("\n")
    }

    pub fn title(&self, names: &Names) -> String {
        let said = plain(&self.said(), names);
        let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("Message").trim();
        let mut title: String = line.chars().take(TITLE).collect();
        if title.len() < line.len() {
            title.push('…');
        }
        format!("{}: {title}", self.author(names))
    }

    /// Who wrote it when, and what.
    pub fn written(&self, names: &Names) -> String {
        let at = rfc3339(seconds(&self.ts)).get(..16).unwrap_or_default().replace('T', " ");
        format!("{}, {at}\n{}", self.author(names), plain(&self.said(), names))
    }

    fn author<'n>(&'n self, names: &'n Names) -> &'n str {
        let bot = self.username.as_deref().or(self.bot_profile.as_ref().and_then(|bot| bot.name.as_deref()));
        let person = self.user.as_deref().map(|id| names.person(id));
        bot.filter(|name| !name.is_empty()).or(person).unwrap_or("Somebody")
    }
}

impl File {
    /// Neither deleted nor hidden by the plan's limit.
    pub fn is_there(&self) -> bool {
        !matches!(self.mode.as_deref(), Some("tombstone" | "hidden_by_limit"))
    }

    /// It only points to another service.
    pub fn is_elsewhere(&self) -> bool {
        self.is_external == Some(true) || self.mode.as_deref() == Some("external")
    }

    pub fn shown_name(&self) -> String {
        let names = [self.name.as_ref(), self.title.as_ref()];
        names.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or(&self.id).clone()
    }

    /// The channels in which it was shared.
    pub fn places(&self) -> impl Iterator<Item = &String> {
        self.channels.iter().chain(&self.groups).chain(&self.ims)
    }
}

/// `mpdm-maya--jonas-1`, the name of a group message, as people would write it.
pub(super) fn group(name: &str) -> String {
    let Some(people) = name.strip_prefix("mpdm-") else { return name.to_owned() };
    people.rsplit_once('-').map_or(people, |(people, _)| people).replace("--", ", ")
}

/// Mrkdwn without its signs: `<@U…>`, `<#C…|name>`, `<!here>`, `<url|label>` and the three entities.
pub(super) fn plain(text: &str, names: &Names) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let Some((inside, later)) = after.split_once('>') else { break };
        out.push_str(before);
        out.push_str(&meant(inside, names));
        rest = later;
    }
    out.push_str(rest);
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn meant(inside: &str, names: &Names) -> String {
    let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
    let label = Some(label).filter(|label| !label.is_empty());
    let sign = target.chars().next().unwrap_or(' ');
    let id = target.get(1..).unwrap_or_default();
    match sign {
        '@' => {
            let known = names.people.get(id).map(|name| escaped(name)).filter(|name| !name.is_empty());
            format!("@{}", known.as_deref().or(label).unwrap_or(id))
        }
        '#' => {
            let known = names.channels.get(id).map(|name| escaped(name)).filter(|name| !name.is_empty());
            format!("#{}", known.as_deref().or(label).unwrap_or(id))
        }
        '!' => match (label, id.split('^').next()) {
            (Some(label), _) => label.to_owned(),
            (None, Some("subteam")) => "@group".into(),
            (None, Some("date")) => String::new(),
            (None, _) => format!("@{id}"),
        },
        _ => {
            let address = target.strip_prefix("mailto:").unwrap_or(target);
            match label {
                Some(label) if !address.ends_with(label) => format!("{label} ({address})"),
                _ => address.to_owned(),
            }
        }
    }
}

/// The texts in a block and all below it, as mrkdwn.
fn block_words(block: &Value, out: &mut Vec<String>) {
    let Some(fields) = block.as_object() else {
        block.as_array().into_iter().flatten().for_each(|part| block_words(part, out));
        return;
    };
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        // Composition objects of Block Kit; what is under `text` of a rich text is not escaped.
        "mrkdwn" => return out.push(format!("{}\n", text("text"))),
        "plain_text" => return out.push(format!("{}\n", escaped(text("text")))),
        "text" => return out.push(escaped(text("text"))),
        "emoji" => return out.push(format!(":{}:", text("name"))),
        "user" => return out.push(format!("<@{}>", text("user_id"))),
        "channel" => return out.push(format!("<#{}>", text("channel_id"))),
        "link" if text("text").is_empty() => return out.push(format!("<{}>", text("url"))),
        "link" => return out.push(format!("<{}|{}>", text("url"), escaped(text("text")))),
        _ => {}
    }
    for key in ["title", "text", "fields", "elements"] {
        if let Some(part) = fields.get(key) {
            block_words(part, out);
        }
    }
    if text("type").starts_with("rich_text_") {
        out.push("\n".into());
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let one = |id: &str, name: &str| HashMap::from([(id.to_owned(), name.to_owned())]);
        Names {
            people: one("U1", "Maya <Lind>"),
            channels: one("C1", "general"),
            site: Some("https://a.slack.com/".into()),
        }
    }

    #[test]
    fn ids_and_signs_become_words() {
        for (text, words) in [
            ("Hi <@U1>, see <#C1> &amp; <#C9|other>", "Hi @Maya <Lind>, see #general & #other"),
            ("<@U9|jo> <@U9> <#C1|> <!here> <!subteam^S1|@team>", "@jo @U9 #general @here @team"),
            ("<https://x.example/a?b=1&amp;c=2|the page>", "the page (https://x.example/a?b=1&c=2)"),
            ("<mailto:a@b.example|a@b.example> <https://x.example>", "a@b.example https://x.example"),
            ("<!date^1392734382^{date}|18 Feb> &amp;lt; 3 &lt; 5", "18 Feb &lt; 3 < 5"),
            ("half <open", "half <open"),
        ] {
            assert_eq!(plain(text, &names()), words);
        }
        assert_eq!(group("mpdm-maya--jonas-1"), "maya, jonas");
        assert_eq!(
            names().link("C1", Some("1.000200")).as_deref(),
            Some("https://a.slack.com/archives/C1/p1000200")
        );
    }

    #[test]
    fn what_bots_say_in_blocks_and_boxes_is_read() {
        let bot: Message = serde_json::from_value(serde_json::json!({
            "ts": "1700000000.000100", "bot_id": "B1", "username": "Builds", "text": "Build failed",
            "blocks": [
                { "type": "header", "text": { "type": "plain_text", "text": "Build 7 failed" } },
                { "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": [
                    { "type": "text", "text": "a < b " }, { "type": "user", "user_id": "U1" },
                ] }] },
            ],
            "attachments": [
                { "title": "Log", "fallback": "exit 1", "fields": [{ "title": "Branch", "value": "main" }] },
                { "title": "A page", "original_url": "https://x.example" },
            ],
        }))
        .expect("a message");
        assert_eq!(
            bot.written(&names()),
            "Builds, 2023-11-14 22:13\nBuild 7 failed\na < b @Maya <Lind>\n\nLog\nexit 1\nBranch: main"
        );
        assert_eq!(bot.title(&names()), "Builds: Build 7 failed");
    }

    #[test]
    fn notices_and_answers_are_no_items_of_their_own() {
        let stands = |more: &str| {
            let text = format!(r#"{{"ts":"2.0","text":"x"{more}}}"#);
            serde_json::from_str::<Message>(&text).expect("a message").stands_alone()
        };
        assert!(stands("") && stands(r#","thread_ts":"2.0""#) && stands(r#","subtype":"me_message""#));
        assert!(!stands(r#","subtype":"thread_broadcast","thread_ts":"1.0""#));
        assert!(!stands(r#","subtype":"channel_join""#));
        assert!(stands(r#","subtype":"channel_join","reply_count":1"#));
        assert!(stands(r#","subtype":"tombstone","reply_count":1"#));
    }
}
