//! From the parser's events to blocks.
//!
//! Words are taken from the text itself, by the parser's offsets: whatever lies between two events and is no mark that we know goes
//! along, so nothing can get lost with a kind of event that nobody thought of.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, OffsetIter, Options, Parser, Tag, TagEnd};

use super::marks::{self, Mark, OpenLink};
use super::sections::{Fence, sections};
use super::{Block, DEPTH, Inline, Item, Look, Span};

/// A section's events, with offsets in the section.
type Events<'a> = OffsetIter<'a>;

/// What a harmless text says.
pub(super) fn build(source: &str) -> Vec<Block> {
    let mut builder = Builder {
        source,
        addresses: marks::addresses(source),
        cursor: 0,
        frames: Vec::new(),
        page: Page::default(),
        marks: Vec::new(),
        look: Look::default(),
        link: None,
    };
    for section in sections(source) {
        let part = source.get(section.clone()).unwrap_or_default();
        let mut events = Parser::new_ext(part, Options::ENABLE_STRIKETHROUGH).into_offset_iter();
        while let Some((event, range)) = events.next() {
            let range = section.start + range.start..section.start + range.end;
            builder.take(event, &range, &mut events);
        }
    }
    builder.words_to(source.len());
    builder.flush(Edge::End);
    builder.page.blocks
}

/// What is written into now.
#[derive(Default)]
pub(super) struct Page {
    blocks: Vec<Block>,
    /// Words that no block has yet.
    pub(super) line: Vec<Inline>,
}

/// A quote, a list or an item that is not complete, and what was written into before.
struct Frame {
    kind: FrameKind,
    start: usize,
    outer: Page,
    /// Of a list.
    items: Vec<Item>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FrameKind {
    Quote,
    List,
    Item(Option<u32>),
}

/// What comes behind a line of words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Block,
    End,
}

/// Blocks in the making.
pub(super) struct Builder<'a> {
    pub(super) source: &'a str,
    pub(super) addresses: Vec<Range<usize>>,
    /// Everything before it was dealt with.
    pub(super) cursor: usize,
    frames: Vec<Frame>,
    pub(super) page: Page,
    pub(super) marks: Vec<Mark>,
    pub(super) look: Look,
    pub(super) link: Option<OpenLink>,
}

impl<'a> Builder<'a> {
    fn take(&mut self, event: Event<'_>, range: &Range<usize>, events: &mut Events<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag, range, events),
            Event::End(tag) => self.end(tag, range),
            Event::Text(_) => {
                self.words_to(range.start);
                self.say(self.slice(range));
                self.cursor = self.cursor.max(range.end);
            }
            // One in several lines would lose them, and an empty one be nothing.
            Event::Code(code) if !self.slice(range).contains('\n') && !code.trim().is_empty() => {
                self.words_to(range.start);
                let before = self.look;
                self.look.code = true;
                self.say(&code);
                self.look = before;
                self.cursor = range.end;
            }
            // The next words bring them along.
            Event::SoftBreak | Event::HardBreak => {}
            _ => self.words_of(range),
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: &Range<usize>, events: &mut Events<'_>) {
        match tag {
            Tag::Paragraph => {}
            Tag::Item => self.open_item(range),
            Tag::BlockQuote(_) if self.has_room() && self.is_quote(range) => {
                self.open(FrameKind::Quote, range);
                self.cursor = range.start + 1;
            }
            Tag::List(_) if self.has_room() => self.open(FrameKind::List, range),
            Tag::CodeBlock(CodeBlockKind::Fenced(_)) => self.code(range, events),
            Tag::Emphasis if self.has_room() => self.open_mark(range, 1, |look| look.italic = true),
            Tag::Strong if self.has_room() => self.open_mark(range, 2, |look| look.bold = true),
            Tag::Strikethrough if self.has_room() => {
                // One tilde means "about".
                let bytes = if self.slice(range).starts_with("~~") { 2 } else { 0 };
                self.open_mark(range, bytes, |look| look.struck = true);
            }
            Tag::Link { link_type, dest_url, title, .. }
                if self.has_room() && title.is_empty() && self.link.is_none() =>
            {
                match self.address(*link_type, dest_url, range) {
                    Some(address) => self.open_link(address, range),
                    None => self.as_written(range, events),
                }
            }
            _ => self.as_written(range, events),
        }
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => self.close_mark(range),
            TagEnd::Link => self.close_link(range),
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => self.close(range),
            _ => {}
        }
    }

    pub(super) fn slice(&self, range: &Range<usize>) -> &'a str {
        self.source.get(range.clone()).unwrap_or_default()
    }

    /// Whether one thing more fits into what is open.
    fn has_room(&self) -> bool {
        let lists_and_quotes = self.frames.iter().filter(|frame| !matches!(frame.kind, FrameKind::Item(_)));
        lists_and_quotes.count() + self.marks.len() + usize::from(self.link.is_some()) < DEPTH
    }

    /// Leaves what is no mark of ours as it is, with all that is in it.
    fn as_written(&mut self, range: &Range<usize>, events: &mut Events<'_>) {
        skip(events);
        self.words_of(range);
    }

    fn words_of(&mut self, range: &Range<usize>) {
        self.words_to(range.start);
        self.words_to(range.end);
    }

    /// Takes everything up to there for words. In a quote or a list the beginnings of lines belong to those.
    pub(super) fn words_to(&mut self, end: usize) {
        let gap = self.slice(&(self.cursor..end));
        let mut is_beginning = self.slice(&(0..self.cursor)).ends_with('\n');
        self.cursor = self.cursor.max(end);
        if self.frames.is_empty() {
            return self.say(gap);
        }
        for line in gap.split_inclusive('\n') {
            let words = if is_beginning { line.trim_start_matches([' ', '\t', '>']) } else { line };
            self.say(words);
            is_beginning = true;
        }
    }

    pub(super) fn say(&mut self, words: &str) {
        if words.is_empty() {
            return;
        }
        match self.page.line.last_mut() {
            Some(Inline::Span(last)) if last.look == self.look => last.text.push_str(words),
            _ => self.page.line.push(Inline::Span(Span { text: words.to_owned(), look: self.look })),
        }
    }
}

/// Quotes and lists.
impl Builder<'_> {
    /// Faces are no quotes.
    fn is_quote(&self, range: &Range<usize>) -> bool {
        let behind = self.slice(range).chars().nth(1);
        behind.is_none_or(|next| next == '>' || next.is_whitespace() || next.is_alphanumeric())
    }

    fn open(&mut self, kind: FrameKind, range: &Range<usize>) {
        self.words_to(range.start);
        self.flush(Edge::Block);
        let outer = std::mem::take(&mut self.page);
        self.frames.push(Frame { kind, start: range.start, outer, items: Vec::new() });
    }

    fn open_item(&mut self, range: &Range<usize>) {
        let digits: String = self.slice(range).chars().take_while(char::is_ascii_digit).collect();
        self.open(FrameKind::Item(digits.parse().ok()), range);
        self.cursor = range.start + digits.len() + 1;
    }

    fn close(&mut self, range: &Range<usize>) {
        // The newlines behind it are its neighbour's.
        let end = range.start + self.slice(range).trim_end().len();
        self.words_to(end.max(self.cursor));
        self.flush(Edge::Block);
        let Some(Frame { kind, start, outer, items }) = self.frames.pop() else { return };
        let blocks = std::mem::replace(&mut self.page, outer).blocks;
        let block = match kind {
            FrameKind::Item(number) => {
                if let Some(list) = self.frames.last_mut() {
                    list.items.push(Item { number, blocks });
                }
                return;
            }
            FrameKind::Quote if !blocks.is_empty() => Block::Quote(blocks),
            FrameKind::List if blocks.is_empty() && items.iter().all(|item| !item.blocks.is_empty()) => {
                Block::List(items)
            }
            // Nothing is in it: a dash or an arrow.
            FrameKind::Quote | FrameKind::List => {
                let end = std::mem::replace(&mut self.cursor, start);
                self.words_to(end);
                return;
            }
        };
        self.page.blocks.push(block);
    }

    fn code(&mut self, range: &Range<usize>, events: &mut Events<'_>) {
        let whole = self.slice(range).trim_end();
        let Some(info) = closed_fence(whole) else { return self.as_written(range, events) };
        let mut text = String::new();
        while let Some((Event::Text(line), _)) = events.next() {
            text.push_str(&line);
        }
        if text.trim().is_empty() {
            return self.words_of(range);
        }
        self.words_to(range.start);
        self.flush(Edge::Block);
        let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
        self.page.blocks.push(Block::Code { info: info.to_owned(), text });
        self.cursor = range.start + whole.len();
    }

    /// Makes a block of the words that there are.
    fn flush(&mut self, edge: Edge) {
        let mut line = std::mem::take(&mut self.page.line);
        let (mut begins, mut ends) = (false, false);
        if !self.frames.is_empty() {
            trim(line.first_mut(), str::trim_start);
            trim(line.last_mut(), str::trim_end);
        } else {
            // The newlines next to a block are the ends of its line and of the one before.
            if !self.page.blocks.is_empty() {
                begins = trim(line.first_mut(), |text| text.strip_prefix('\n').unwrap_or(text));
            }
            if edge == Edge::Block {
                trim(line.last_mut(), |text| text.trim_end_matches([' ', '\t']));
                ends = trim(line.last_mut(), |text| text.strip_suffix('\n').unwrap_or(text));
            }
        }
        line.retain(|inline| !matches!(inline, Inline::Span(span) if span.text.is_empty()));
        if !line.is_empty() || (begins && ends) {
            self.page.blocks.push(Block::Text(line));
        }
    }
}

/// Cuts words, and says whether that made a difference.
fn trim(inline: Option<&mut Inline>, cut: impl Fn(&str) -> &str) -> bool {
    let Some(Inline::Span(span)) = inline else { return false };
    let rest = cut(&span.text).to_owned();
    let is_shorter = rest.len() < span.text.len();
    span.text = rest;
    is_shorter
}

/// What stands behind the fence that opens code, where another one closes it.
fn closed_fence(code: &str) -> Option<&str> {
    let mut lines = code.lines();
    let open = Fence::of(lines.next()?)?;
    let last = lines.next_back()?.trim_start_matches([' ', '\t', '>']);
    Fence::of(last)?.closes(open).then_some(open.info)
}

/// Passes over everything that is in what has just begun, and its end.
fn skip(events: &mut Events<'_>) {
    let mut open = 1_usize;
    while open > 0
        && let Some((event, _)) = events.next()
    {
        match event {
            Event::Start(_) => open += 1,
            Event::End(_) => open -= 1,
            _ => {}
        }
    }
}
