//! Marks within a line: which ones count, and what they do to the words between them.

use std::ops::Range;

use pulldown_cmark::LinkType;

use super::build::Builder;
use super::{Inline, Look, Span};

/// Up to here scripts set spaces between words; from here on some set none, or set endings behind the mark.
const OTHER_SCRIPTS: char = '\u{530}';
/// Marks in a row that are passed over to look at what is beyond them: more than anybody means.
const NEIGHBOURS: usize = 32;

/// A mark that is open.
pub(super) struct Mark {
    /// How words looked before it.
    before: Look,
    /// How many bytes it has on either side; none where it is no mark but just characters.
    bytes: usize,
}

/// A link whose words are being read.
pub(super) struct OpenLink {
    address: String,
    start: usize,
    /// What stands before it.
    line: Vec<Inline>,
}

/// Where addresses stand in running text.
pub(super) fn addresses(source: &str) -> Vec<Range<usize>> {
    let mut addresses: Vec<Range<usize>> = Vec::new();
    for (at, _) in source.match_indices("://") {
        if addresses.last().is_some_and(|before| at < before.end) {
            continue;
        }
        let (before, after) = source.split_at(at);
        let scheme =
            before.len() - before.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).len();
        let end = after.find(char::is_whitespace).map_or(source.len(), |length| at + length);
        addresses.push(at - scheme..end);
    }
    addresses
}

impl Builder<'_> {
    pub(super) fn open_mark(&mut self, range: &Range<usize>, bytes: usize, set: impl FnOnce(&mut Look)) {
        self.words_to(range.start);
        let bytes = if self.counts(range) { bytes } else { 0 };
        self.marks.push(Mark { before: self.look, bytes });
        if bytes > 0 {
            set(&mut self.look);
            self.cursor = range.start + bytes;
        }
    }

    pub(super) fn close_mark(&mut self, range: &Range<usize>) {
        let Some(Mark { before, bytes }) = self.marks.pop() else { return };
        self.words_to(range.end.saturating_sub(bytes));
        self.look = before;
        self.cursor = range.end;
    }

    /// Whether a mark is one: not within a word, nor in an address.
    fn counts(&self, range: &Range<usize>) -> bool {
        let is_mark = |letter: &char| matches!(letter, '*' | '_' | '~');
        let is_of_word = |letter: char| letter < OTHER_SCRIPTS && letter.is_alphanumeric();
        let (before, behind) = (self.slice(&(0..range.start)), self.slice(&(range.end..self.source.len())));
        let before = before.chars().rev().take(NEIGHBOURS).find(|letter| !is_mark(letter));
        let behind = behind.chars().take(NEIGHBOURS).find(|letter| !is_mark(letter));
        let next = self.addresses.partition_point(|address| address.end <= range.start);
        let is_in_address = self.addresses.get(next).is_some_and(|address| address.contains(&range.start));
        !is_in_address && !before.is_some_and(is_of_word) && !behind.is_some_and(is_of_word)
    }

    /// Where a link leads to, if it may lead there.
    pub(super) fn address(&self, kind: LinkType, written: &str, range: &Range<usize>) -> Option<String> {
        let address = match kind {
            LinkType::Inline | LinkType::Autolink => written.to_owned(),
            LinkType::Email => format!("mailto:{written}"),
            _ => return None,
        };
        // One with escapes or entities says something else than it leads to.
        let is_as_written = self.slice(range).contains(written);
        let begins = |scheme: &str| {
            address.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
                && address.len() > scheme.len()
        };
        let may_be = ["http://", "https://", "mailto:"].iter().any(|scheme| begins(scheme));
        let is_one = !address.contains(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '>'));
        (is_as_written && may_be && is_one).then_some(address)
    }

    pub(super) fn open_link(&mut self, address: String, range: &Range<usize>) {
        self.words_to(range.start);
        let line = std::mem::take(&mut self.page.line);
        self.link = Some(OpenLink { address, start: range.start, line });
        self.cursor = range.start + 1;
    }

    pub(super) fn close_link(&mut self, range: &Range<usize>) {
        let Some(OpenLink { address, start, line }) = self.link.take() else { return };
        let words = std::mem::replace(&mut self.page.line, line);
        let words: Vec<Span> = words
            .into_iter()
            .filter_map(|inline| match inline {
                Inline::Span(span) => Some(span),
                Inline::Link { .. } => None,
            })
            .collect();
        if words.iter().all(|span| span.text.trim().is_empty()) {
            // Nothing would be seen of it.
            self.cursor = start;
            self.words_to(range.end);
            return;
        }
        self.page.line.push(Inline::Link { address, words });
        self.cursor = range.end;
    }
}
