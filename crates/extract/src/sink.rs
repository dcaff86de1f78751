//! Where readers put what they find: it collapses white space, sets breaks and ends at the limit.

use crate::Text;

/// A text that grows up to a limit. Breaks and spaces are noted and written only before the next word, so that none
/// stands at the end and none is doubled.
pub(crate) struct Sink {
    text: String,
    limit: usize,
    truncated: bool,
    full: bool,
    /// Newlines to come, at most two.
    lines: u8,
    tabs: u16,
    space: bool,
    /// The length of the text when the present row began, so that a row's empty first cells are kept.
    row: usize,
    /// In a cell that holds no word yet, where breaks mean nothing.
    in_empty_cell: bool,
}

/// More empty cells than this in a row say nothing more.
const MAX_TABS: u16 = 32;

impl Sink {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            limit,
            truncated: false,
            full: false,
            lines: 0,
            tabs: 0,
            space: false,
            row: 0,
            in_empty_cell: false,
        }
    }

    /// Running text: every stretch of white space is one space.
    pub(crate) fn words(&mut self, words: &str) {
        self.space |= words.starts_with(char::is_whitespace);
        if is_collapsed(words) {
            let words = words.trim();
            if !words.is_empty() {
                self.push_clean(words);
            }
        } else {
            for word in words.split_whitespace() {
                self.push(word);
                self.space = true;
            }
        }
        self.space = words.ends_with(char::is_whitespace) || words.is_empty() && self.space;
    }

    /// Set text: lines and the spaces in them stay.
    pub(crate) fn verbatim(&mut self, text: &str) {
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let line = if lines.peek().is_some() { line.trim_end() } else { line };
            if !line.is_empty() {
                self.push(line);
            }
            if lines.peek().is_some() {
                self.newline();
            }
        }
    }

    /// One newline more, two at most.
    pub(crate) fn newline(&mut self) {
        self.break_lines((self.lines + 1).min(2));
    }

    /// What follows begins on a line of its own.
    pub(crate) fn line(&mut self) {
        self.break_lines(self.lines.max(1));
    }

    /// What follows stands apart by an empty line.
    pub(crate) fn paragraph(&mut self) {
        self.break_lines(2);
    }

    /// What follows is a row of a table, or stands behind the last one.
    pub(crate) fn row(&mut self) {
        self.in_empty_cell = false;
        self.line();
        self.row = self.text.len();
    }

    /// What follows is the row's first cell.
    pub(crate) fn first_cell(&mut self) {
        self.in_empty_cell = true;
    }

    /// What follows is the row's next cell.
    pub(crate) fn cell(&mut self) {
        if self.text.len() > self.row {
            self.lines = 0;
        }
        self.tab();
        self.in_empty_cell = true;
    }

    /// A tab in the text.
    pub(crate) fn tab(&mut self) {
        self.space = false;
        self.tabs = (self.tabs + 1).min(MAX_TABS);
    }

    /// A space, or a break that would be a space inside a cell.
    pub(crate) fn space(&mut self) {
        self.space = true;
    }

    /// Something of the file is left out.
    pub(crate) fn leave_out(&mut self) {
        self.truncated = true;
    }

    /// Nothing more fits, so the reader may stop.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    pub(crate) fn finish(self) -> Text {
        Text { text: self.text, truncated: self.truncated }
    }

    fn break_lines(&mut self, lines: u8) {
        if self.in_empty_cell {
            return;
        }
        self.lines = lines;
        self.tabs = 0;
        self.space = false;
    }

    fn push(&mut self, piece: &str) {
        let is_plain = |piece: &str| piece.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        if is_plain(piece) || !piece.chars().any(|c| is_dropped(c) || is_joiner(c)) {
            return self.push_clean(piece);
        }
        let clean: String = piece.chars().filter(|c| !is_dropped(*c)).collect();
        if !clean.chars().all(is_joiner) {
            self.push_clean(&clean);
        }
    }

    fn push_clean(&mut self, piece: &str) {
        if !self.text.is_empty() {
            for _ in 0..self.lines {
                self.append("\n");
            }
        }
        for _ in 0..self.tabs {
            self.append("\t");
        }
        if self.space && !self.text.is_empty() && self.lines == 0 && self.tabs == 0 {
            self.append(" ");
        }
        self.lines = 0;
        self.tabs = 0;
        self.space = false;
        self.in_empty_cell = false;
        self.append(piece);
    }

    fn append(&mut self, piece: &str) {
        if self.full {
            return;
        }
        let room = self.limit - self.text.len();
        if piece.len() <= room {
            self.text.push_str(piece);
            return;
        }
        let end = (0..=room).rev().find(|at| piece.is_char_boundary(*at)).unwrap_or(0);
        self.text.push_str(&piece[..end]);
        self.full = true;
        self.truncated = true;
    }
}

/// Nothing has to be done to it but to trim its ends; most text is like that.
fn is_collapsed(words: &str) -> bool {
    let mut before = 0;
    words.bytes().all(|byte| {
        let double = byte == b' ' && before == b' ';
        before = byte;
        matches!(byte, b' '..=b'~') && !double
    })
}

/// Control characters, and those that are there to be invisible: soft hyphen, zero-width space, word joiner and such.
fn is_dropped(c: char) -> bool {
    c.is_control() && c != '\t'
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{fffe}')
}

/// They shape their neighbours; alone they are the padding of newsletters.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::Sink;

    fn written(write: impl FnOnce(&mut Sink)) -> String {
        let mut sink = Sink::new(1000);
        write(&mut sink);
        sink.finish().text
    }

    #[test]
    fn white_space_collapses() {
        let text = written(|it| {
            it.words("  one \n\t two");
            it.words("fold ");
            it.words("");
            it.words(" three ");
            it.line();
            it.line();
            it.words("\u{200b}four \u{200c} \u{200c} five");
            it.paragraph();
            it.newline();
        });
        assert_eq!(text, "one twofold three\nfour five");
    }

    #[test]
    fn empty_cells_keep_their_place() {
        let text = written(|it| {
            for row in [["a", "b", ""], ["", "", "c"], ["", "", ""], ["d", "", "e"]] {
                it.row();
                for (at, cell) in row.into_iter().enumerate() {
                    if at > 0 {
                        it.cell();
                    }
                    it.words(cell);
                    it.line();
                }
            }
        });
        assert_eq!(text, "a\tb\n\t\tc\nd\t\te");
    }

    #[test]
    fn set_text_keeps_its_lines() {
        assert_eq!(written(|it| it.verbatim("a  b  \r\n  c\n\n\n\nd\n")), "a  b\n  c\n\nd");
    }

    #[test]
    fn the_cut_is_between_characters() {
        let mut sink = Sink::new(10);
        sink.words("12345678€ 9");
        sink.words("0");
        assert!(sink.is_full());
        let cut = sink.finish();
        assert_eq!((cut.text.as_str(), cut.truncated), ("12345678", true));
    }
}
