//! Where a text is cut before it is parsed: below a quote or a list.
//!
//! CommonMark takes the line below a quote into the quote, as the rest of a paragraph whose `>` somebody left out. In a chat that line
//! is the answer, and to show it as the words of whoever is quoted would be wrong; so what is below is parsed on its own.

use std::ops::Range;

/// The parts of a text that are parsed on their own: together the whole text, each one whole lines.
pub(super) fn sections(text: &str) -> Vec<Range<usize>> {
    let mut sections = Vec::new();
    let (mut begin, mut at) = (0, 0);
    let mut within = Kind::Words;
    let mut fence = None;
    for line in text.split_inclusive('\n') {
        let is_blank = line.trim().is_empty();
        // Code in an item ends where the item does.
        if within == Kind::List && !is_blank && !is_set_in(line) {
            fence = None;
        }
        if let Some(open) = fence {
            // In code a `>` is just that.
            if Fence::of(line).is_some_and(|closing| closing.closes(open)) {
                fence = None;
            }
        } else if !is_blank {
            let kind = Kind::of(line, within);
            if within != Kind::Words && kind != within {
                sections.push(begin..at);
                begin = at;
            }
            within = kind;
            fence = match kind {
                Kind::Words => Fence::of(line),
                Kind::List => Fence::of(line.trim_start_matches(is_of_marker)),
                // Code in a quote ends with it, and all its lines begin with `>`.
                Kind::Quote => None,
            };
        }
        at += line.len();
    }
    sections.push(begin..at);
    sections
}

/// What a line is by its beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Words,
    Quote,
    List,
}

impl Kind {
    fn of(line: &str, within: Self) -> Self {
        if within == Self::List && is_set_in(line) {
            return Self::List;
        }
        let rest = line.trim_start_matches([' ', '\t']);
        if rest.starts_with('>') {
            return Self::Quote;
        }
        let digits = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let behind = if digits.len() == rest.len() {
            rest.strip_prefix(['-', '*', '+'])
        } else {
            digits.strip_prefix(['.', ')'])
        };
        match behind {
            Some(behind) if behind.is_empty() || behind.starts_with([' ', '\t', '\n']) => Self::List,
            _ => Self::Words,
        }
    }
}

fn is_set_in(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

fn is_of_marker(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, ' ' | '\t' | '-' | '*' | '+' | '.' | ')')
}

/// A line that begins or ends code.
#[derive(Clone, Copy)]
pub(super) struct Fence<'a> {
    mark: char,
    length: usize,
    /// What stands behind it.
    pub(super) info: &'a str,
}

impl<'a> Fence<'a> {
    /// The fence that a line is.
    pub(super) fn of(line: &'a str) -> Option<Self> {
        let rest = line.trim_start_matches([' ', '\t']);
        let mark = rest.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = rest.trim_start_matches(mark);
        let length = rest.len() - info.len();
        // Code in a line can stand between three marks too.
        let is_fence = length >= 3 && !(mark == '`' && info.contains(mark));
        is_fence.then(|| Self { mark, length, info: info.trim() })
    }

    /// Whether it ends what `open` began.
    pub(super) const fn closes(self, open: Fence<'_>) -> bool {
        self.mark as u32 == open.mark as u32 && self.length >= open.length && self.info.is_empty()
    }
}
