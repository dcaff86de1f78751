//! The texts. Everything follows from the id and the name, so the same thing always says the same.

use super::maker::Chance;
use super::thing::Thing;

pub fn token(id: &str) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut rest = Chance::of(&["token", id]).next();
    let mut token = String::from("z");
    for _ in 0..12 {
        token.push(char::from(DIGITS[(rest % 32) as usize]));
        rest /= 32;
    }
    token
}

/// One to six paragraphs about what the thing's name says.
pub fn made(thing: &Thing) -> String {
    let mut chance = Chance::of(&["words", &thing.id]);
    let subject = subject(&thing.name);
    let count = 1 + chance.below(6) as usize;
    let mut paragraphs = Vec::with_capacity(count);
    for at in 0..count {
        let mut sentences = Vec::new();
        if at == 0 {
            sentences.push(chance.pick(&OPENINGS).replace("{s}", subject));
            sentences.push(format!("The reference for this text is {}.", thing.token()));
        }
        for _ in 0..2 + chance.below(3) {
            sentences.push(chance.pick(&SENTENCES).replace("{s}", subject));
        }
        paragraphs.push(sentences.join(" "));
    }
    // Real stores speak more than one language.
    if chance.below(8) == 0 {
        paragraphs.push((*chance.pick(&FOREIGN)).to_owned());
    }
    paragraphs.join("\n\n")
}

/// Exactly so many bytes.
pub fn repeated(words: &str, length: usize) -> String {
    let mut text = String::with_capacity(length + words.len() + 2);
    while text.len() < length && !words.is_empty() {
        text.push_str(words);
        text.push_str("\n\n");
    }
    let end = (0..=length.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text.push_str(&" ".repeat(length - end));
    text
}

/// The name without its extension.
fn subject(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() && end.len() <= 4 && !end.contains(' ') => stem,
        _ => name,
    }
}

const OPENINGS: [&str; 8] = [
    "This page is about “{s}”.",
    "Here is what the team has agreed on for “{s}”.",
    "“{s}” was last reviewed at the spring meeting in Zürich.",
    "Start here when somebody asks about “{s}”.",
    "The following sums up “{s}” for new colleagues.",
    "Notes on “{s}”, kept by the people who do the work.",
    "“{s}”: what it is, who looks after it and what comes next.",
    "These are the open points of “{s}”.",
];

const SENTENCES: [&str; 32] = [
    "A customer’s request is answered within one working day.",
    "Please write to the person in charge before you change anything here.",
    "The figures were checked against the ledger & signed off by Finance.",
    "If the address has changed, send a link that is good for 24 hours.",
    "Amounts are in euros unless another currency is named.",
    "The supplier in Kraków delivers on Tuesdays and Fridays.",
    "Nobody outside the team needs to see the draft.",
    "An example: 3 < 5, and \"quoted\" text stays quoted.",
    "Travel costs are repaid with the next salary.",
    "The older version is kept for ten years and then deleted.",
    "Two people have to agree before money leaves the account.",
    "The café on the ground floor takes deliveries until noon.",
    "Questions that come up often are collected at the end of each month.",
    "The contract runs for three years and renews itself by one.",
    "In the second quarter sales grew by 12.4 % over the year before.",
    "Every laptop is encrypted, and lost ones are locked within the hour.",
    "The outage lasted 47 minutes and touched one customer in nine.",
    "We looked at four candidates – two of them in depth.",
    "New colleagues get their accounts on the first morning.",
    "The meeting moved to Thursday because of the public holiday.",
    "Reports go to the board on the fifth working day.",
    "The warranty covers parts but not the labour.",
    "Until then the old price list holds.",
    "The survey was answered by 214 of 380 people.",
    "What was decided stands at the top, what is open at the bottom.",
    "The archive room is on floor −1, beside the lift.",
    "An invoice without an order number goes back to the sender.",
    "The trial showed no difference that mattered in practice.",
    "Maya has the last word on wording, Jonas on numbers.",
    "Do not send passwords by mail, and do not store them in a sheet.",
    "The training takes ninety minutes and can be repeated at any time.",
    "Once the parcel is handed over, the tracking number appears here.",
];

const FOREIGN: [&str; 5] = [
    "Die Schlüsselübergabe erfolgt am ersten Arbeitstag; Rückfragen beantwortet das Büro in München.",
    "Les délais dépassés sont signalés à l’équipe concernée avant la fin de la journée.",
    "La señora Núñez revisó el año pasado todas las facturas de la región.",
    "お客様からのお問い合わせには一営業日以内に回答します。",
    "Клиент получает ответ в течение одного рабочего дня.",
];
