//! What a text's marks mean: a small part of Markdown as data, for whoever shows it.
//!
//! Bold, italic, struck, code, quotes, lists and links are understood; everything else that Markdown knows (headings, tables,
//! images, HTML, footnotes, rules, references, escapes) stays as it was written, character for character. [`parse`] says what is
//! there, and a renderer for a terminal or a page only puts its own marks around it.
//!
//! People write chat, not documents, so this differs from CommonMark where that would change what somebody said:
//! - A newline is a newline.
//! - A quote ends with its last line that begins with `>`, and a list with its last line that is set in: the answer below is no part of it.
//! - What touches a letter or a digit on its outside is no mark (`snake_case`, `2*3*4`), nor is what stands in an address.
//! - `>_<` is no quote, a dash alone no list, and a fence that is never closed no code.
//!
//! Invariants:
//! - What comes out is harmless as [`display`] means it; nothing has to be made so again.
//! - Nothing is hidden: every letter that was written is in some [`Span`], [`Block::Code`], number of an item or address.
//! - An address begins with `http:`, `https:` or `mailto:`, stood there as it is, and has no white space in it.
//! - Blocks and spans are nested [`DEPTH`] deep at most; what is deeper stays as it was written. So a renderer may recurse.
//! - Time and memory are linear in the text.

mod build;
mod marks;
mod sections;

use crate::display;

/// How deep quotes, lists, marks and links are in each other at most.
pub const DEPTH: usize = 8;

/// Lines that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Words in one or more lines, which are set apart by newlines; none at all are an empty line.
    Text(Vec<Inline>),
    /// Lines of code.
    Code {
        /// What stood behind the opening fence: mostly a language, often nothing.
        info: String,
        /// The lines, without a newline at the end.
        text: String,
    },
    /// What somebody quotes.
    Quote(Vec<Self>),
    /// A list; all its items have numbers, or none has.
    List(Vec<Item>),
}

/// An item of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The number that was written, but for zeros before it; none where it is a dash.
    pub number: Option<u32>,
    /// What the item says.
    pub blocks: Vec<Block>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inline {
    /// Words.
    Span(Span),
    /// Words that lead somewhere.
    Link {
        /// Where to. Whoever shows a link shows this too, unless the words say just that.
        address: String,
        /// The words; never none.
        words: Vec<Span>,
    },
}

/// Words of one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The words, newlines included.
    pub text: String,
    /// How they look.
    pub look: Look,
}

/// How words look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// `**bold**`
    pub bold: bool,
    /// `*italic*`
    pub italic: bool,
    /// `~~struck~~`
    pub struck: bool,
    /// `` `code` ``
    pub code: bool,
}

impl Inline {
    /// Whether a link's words are its address, so that it need not be said.
    #[must_use]
    pub fn says_its_address(&self) -> bool {
        let Self::Link { address, words } = self else { return true };
        let said: String = words.iter().map(|span| span.text.as_str()).collect();
        said == *address || address.strip_prefix("mailto:") == Some(&said)
    }
}

/// What a text of a stranger says. One without marks is one [`Block::Text`] of one span: [`display::text`] of it.
#[must_use]
pub fn parse(untrusted: &str) -> Vec<Block> {
    // Before it is parsed, so that nobody is shown other marks than were understood.
    let harmless = display::text(untrusted);
    let blocks = build::build(&harmless);
    // Where a mark is taken away its neighbours meet, and combining characters could pile up.
    let mut shown = String::with_capacity(harmless.len());
    tell(&blocks, &mut shown);
    if display::text(&shown) == shown {
        return blocks;
    }
    let span = Span { text: harmless.into_owned(), look: Look::default() };
    vec![Block::Text(vec![Inline::Span(span)])]
}

/// All that there is to read, in its order.
fn tell(blocks: &[Block], out: &mut String) {
    for block in blocks {
        match block {
            Block::Text(inlines) => inlines.iter().for_each(|inline| tell_inline(inline, out)),
            Block::Code { info, text } => out.extend([info, "\n", text]),
            Block::Quote(blocks) => tell(blocks, out),
            Block::List(items) => {
                for item in items {
                    out.extend(item.number.map(|number| format!("{number}. ")));
                    tell(&item.blocks, out);
                }
            }
        }
        out.push('\n');
    }
}

fn tell_inline(inline: &Inline, out: &mut String) {
    match inline {
        Inline::Span(span) => out.push_str(&span.text),
        Inline::Link { address, words } => {
            out.extend(words.iter().map(|span| span.text.as_str()));
            if !inline.says_its_address() {
                out.extend([" ", address]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
