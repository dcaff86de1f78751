//! What a provider's file makes its contents with. All chance follows from the provider's id, so that the
//! same things are there at every start.

use super::format::Format;
use super::thing::Thing;
use super::{Contents, names};

const DAY: u64 = 86_400;
/// Times are counted back from the last multiple of so many days: a restart does not shift them, and they do
/// not grow old either.
const ANCHOR_DAYS: u64 = 28;
const YEARS: u64 = 3 * 365 * DAY;

pub struct Maker {
    chance: Chance,
    wanted: usize,
    anchor: u64,
    /// How many titles and file names have been given out.
    named: usize,
    contents: Contents,
}

impl Maker {
    /// `now` is practice time.
    pub(crate) fn new(provider: &str, purpose: &str, wanted: usize, now: u64) -> Maker {
        Maker {
            chance: Chance::of(&[provider, purpose]),
            wanted,
            anchor: now - now % (ANCHOR_DAYS * DAY),
            named: 0,
            contents: Contents::default(),
        }
    }

    /// How many things there should be in the end, those that are there already included.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// How many are still to be added.
    pub fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.contents.len())
    }

    /// Adds a thing after its parent. A second one with the same id is left out: see [`Maker::fresh`].
    pub fn add(&mut self, thing: Thing) {
        if !self.contents.insert(thing) {
            tracing::warn!("a practice thing was left out, because its id is taken");
        }
    }

    /// What has been added so far.
    pub fn made(&self) -> &Contents {
        &self.contents
    }

    /// Asks for ids until one is free. Ids of ten digits or fewer need this.
    pub fn fresh(&mut self, mut new_id: impl FnMut(&mut Maker) -> String) -> String {
        loop {
            let id = new_id(self);
            if self.contents.get(&id).is_none() {
                return id;
            }
        }
    }

    /// 0 up to, but not including, `below`.
    pub fn number(&mut self, below: u64) -> u64 {
        self.chance.below(below)
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        self.chance.pick(all)
    }

    /// `n` digits, the first of them no zero.
    pub fn digits(&mut self, n: usize) -> String {
        let first = self.of("123456789", n.min(1));
        first + &self.of("0123456789", n.saturating_sub(1))
    }

    /// Lower case.
    pub fn hex(&mut self, n: usize) -> String {
        self.of("0123456789abcdef", n)
    }

    /// Upper and lower case.
    pub fn letters(&mut self, n: usize) -> String {
        self.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", n)
    }

    /// `n` characters of an ASCII alphabet.
    pub fn of(&mut self, alphabet: &str, n: usize) -> String {
        (0..n).map(|_| char::from(*self.chance.pick(alphabet.as_bytes()))).collect()
    }

    pub fn uuid(&mut self) -> String {
        let variant = self.of("89ab", 1);
        let (a, b, c, d, e) = (self.hex(8), self.hex(4), self.hex(3), self.hex(3), self.hex(12));
        format!("{a}-{b}-4{c}-{variant}{d}-{e}")
    }

    /// A heading as people write them. One in twenty is odd: very long, in other scripts, with quotes, slashes
    /// and leading dots.
    pub fn title(&mut self) -> String {
        self.named += 1;
        match self.named % 20 {
            7 => names::ODD_TITLES[self.named / 20 % names::ODD_TITLES.len()].to_owned(),
            _ => {
                let pattern = *self.chance.pick(&names::TITLES);
                let subject = *self.chance.pick(&names::SUBJECTS);
                pattern.replace("{s}", subject)
            }
        }
    }

    /// A file's name without slashes and control characters, at most 255 bytes, in general with the extension
    /// of the format. One in twenty is odd.
    pub fn file_name(&mut self, format: Format) -> String {
        self.named += 1;
        let stem = match self.named % 20 {
            7 => names::ODD_FILES[self.named / 20 % names::ODD_FILES.len()].to_owned(),
            _ => {
                let pattern = *self.chance.pick(&names::FILES);
                let subject = *self.chance.pick(&names::SUBJECTS);
                let year = (2023 + self.number(4)).to_string();
                pattern.replace("{s}", subject).replace("{y}", &year)
            }
        };
        match format.extension() {
            "" => stem,
            extension => format!("{stem}.{extension}"),
        }
    }

    /// A time that is always the same within four weeks.
    pub fn days_ago(&self, days: u64) -> u64 {
        self.anchor - days * DAY
    }

    /// A time in the past three years.
    pub fn when(&mut self) -> u64 {
        self.anchor - self.number(YEARS)
    }

    /// From that time up to the newest.
    pub fn since(&mut self, earlier: u64) -> u64 {
        earlier + self.number(self.anchor.saturating_sub(earlier).max(1))
    }

    /// Name and mail address of somebody who is no account at the provider.
    pub fn person(&mut self) -> (String, String) {
        let (given, family) = (*self.chance.pick(&names::GIVEN), *self.chance.pick(&names::FAMILY));
        let address = format!("{given}.{family}@{}", self.chance.pick(&names::DOMAINS)).to_lowercase();
        (format!("{given} {family}"), address)
    }

    pub(super) fn into_contents(self) -> Contents {
        self.contents
    }
}

/// A fresh id that looks like that one: as long, digits for digits, letters for letters, hexadecimal for
/// hexadecimal, the same signs and the same front up to the last underscore.
pub fn similar_id(maker: &mut Maker, like: &Thing) -> String {
    let front = like.id.rfind('_').map_or(0, |at| at + 1);
    let (front, rest) = like.id.split_at(front);
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let hex = rest.bytes().all(|byte| is_hex(byte) || byte == b'-') && rest.bytes().any(|it| it > b'9');
    let mut id = front.to_owned();
    for (at, letter) in rest.chars().enumerate() {
        let alphabet = match letter {
            '0'..='9' | 'a'..='f' if hex => "0123456789abcdef",
            '0'..='9' if at == 0 => "123456789",
            '0'..='9' => "0123456789",
            'a'..='z' => "abcdefghijklmnopqrstuvwxyz",
            'A'..='Z' => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            other => {
                id.push(other);
                continue;
            }
        };
        id.push_str(&maker.of(alphabet, 1));
    }
    id
}

/// Numbers that look random and always come the same (splitmix64).
pub struct Chance(u64);

impl Chance {
    pub fn of(seeds: &[&str]) -> Chance {
        // FNV-1a, with an end mark after each part.
        let mut state = 0xcbf2_9ce4_8422_2325_u64;
        for byte in seeds.iter().flat_map(|seed| seed.bytes().chain([0xff])) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Chance(state)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, below: u64) -> u64 {
        self.next() % below.max(1)
    }

    /// One of a list that is not empty.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}
