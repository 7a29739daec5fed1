//! The words of messages on standard output: styled at a terminal, as they were written everywhere else.
//!
//! Invariant: the only escape sequences are ours, and each is closed on its line.

use std::fmt::Write as _;
use std::io::{IsTerminal, stdout};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style};
use hushwire_content::display;
use hushwire_content::markup::{self, Block, Inline, Item, Look, Span};

/// Bars, and what stands beside the words.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Code has no typeface of its own at a terminal.
const CODE: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));

/// How the words of messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// With the marks that somebody typed, so that programs read what was written.
    AsWritten,
    /// With what the marks mean.
    Styled,
}

impl Words {
    /// Styled where a person looks and wants colours: `NO_COLOR` and the like are heeded.
    pub(crate) fn of_standard_output() -> Self {
        let out = stdout();
        // Colours can be forced into a pipe, but what is read from one stays what was written.
        let is_styled = out.is_terminal() && AutoStream::choice(&out) != ColorChoice::Never;
        if is_styled { Self::Styled } else { Self::AsWritten }
    }

    /// A text, in lines. One that begins with a quote, a list or code begins on a line of its own.
    pub(crate) fn text(self, untrusted: &str) -> String {
        if self == Self::AsWritten {
            return display::text(untrusted).into_owned();
        }
        let blocks = markup::parse(untrusted);
        let mut lines = lines(&blocks);
        if !matches!(blocks.first(), None | Some(Block::Text(_))) {
            lines.insert(0, String::new());
        }
        lines.join("\n")
    }

    /// A text on one line.
    pub(crate) fn line(self, untrusted: &str) -> String {
        let line = display::line(untrusted);
        match markup::parse(&line).as_slice() {
            [Block::Text(inlines)] if self == Self::Styled => styled(inlines),
            _ => line.into_owned(),
        }
    }
}

fn lines(blocks: &[Block]) -> Vec<String> {
    let mut all = Vec::new();
    for block in blocks {
        match block {
            Block::Text(inlines) => all.extend(styled(inlines).split('\n').map(str::to_owned)),
            Block::Code { info, text } => {
                if !info.is_empty() {
                    all.push(format!("  {DIM}{info}{DIM:#}"));
                }
                all.extend(text.split('\n').map(|line| format!("  {CODE}{line}{CODE:#}")));
            }
            Block::Quote(blocks) => {
                all.extend(lines(blocks).iter().map(|line| format!("{DIM}│{DIM:#} {line}")))
            }
            Block::List(items) => all.extend(items.iter().flat_map(item)),
        }
    }
    all
}

fn item(item: &Item) -> Vec<String> {
    let marker = item.number.map_or_else(|| "• ".to_owned(), |number| format!("{number}. "));
    let margin = " ".repeat(marker.chars().count());
    let lines = lines(&item.blocks).into_iter().enumerate();
    lines.map(|(number, line)| format!("{}{line}", if number == 0 { &marker } else { &margin })).collect()
}

fn styled(inlines: &[Inline]) -> String {
    let mut out = String::new();
    for inline in inlines {
        match inline {
            Inline::Span(words) => span(&mut out, words, Effects::new()),
            Inline::Link { address, words } => {
                words.iter().for_each(|words| span(&mut out, words, Effects::UNDERLINE));
                if !inline.says_its_address() {
                    let _ = write!(out, " ({address})");
                }
            }
        }
    }
    out
}

fn span(out: &mut String, Span { text, look }: &Span, more: Effects) {
    let Look { bold, italic, struck, code } = *look;
    let effects =
        more.set(Effects::BOLD, bold).set(Effects::ITALIC, italic).set(Effects::STRIKETHROUGH, struck);
    let style = if code { CODE } else { Style::new() };
    let style = style.effects(effects);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        if !line.is_empty() {
            let _ = write!(out, "{style}{line}{style:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With ANSI's numbers of what is switched on, and `0` for the end.
    fn told(text: &str) -> String {
        Words::Styled.text(text).replace("\u{1b}[", "<").replace('m', ">")
    }

    #[test]
    fn each_mark_has_its_style() {
        for (text, screen) in [
            ("a\nb", "a\nb"),
            ("**a** _b_ ~~c~~ `d`", "<1>a<0> <3>b<0> <9>c<0> <36>d<0>"),
            ("***a***", "<1><3>a<0>"),
            ("**a\nb**", "<1>a<0>\n<1>b<0>"),
            ("> a\n> > b\n\nc", "\n<2>│<0> a\n<2>│<0> <2>│<0> b\n\nc"),
            ("a\n- b\n  c\n- d\n  1. e", "a\n• b\n  c\n• d\n  1. e"),
            ("```rust\na\n  b\n```", "\n  <2>rust<0>\n  <36>a<0>\n  <36>  b<0>"),
        ] {
            assert_eq!(told(text), screen);
        }
    }

    #[test]
    fn a_link_says_where_it_leads() {
        assert_eq!(told("[a **b**](https://c.d)"), "<4>a <0><1><4>b<0> (https://c.d)");
        assert_eq!(told("[https://a.b](https://c.d)"), "<4>https://a.b<0> (https://c.d)");
        assert_eq!(told("<https://c.d>"), "<4>https://c.d<0>");
    }

    #[test]
    fn no_escape_of_a_stranger_reaches_the_terminal() {
        for text in [
            "**\u{1b}[2Ja**",
            "`\u{1b}]0;a\u{7}`",
            "```\n\u{9b}2J\n```",
            "[a](https://b/\u{1b}[31m)",
            "> \u{1b}[A\n- \u{8}",
        ] {
            let screen = Words::Styled.text(text);
            let ours = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[4m", "\u{1b}[36m"];
            let rest = ours.iter().fold(screen, |screen, ours| screen.replace(ours, ""));
            assert!(!rest.chars().any(|shown| shown.is_control() && shown != '\n'), "{rest:?}");
        }
    }

    #[test]
    fn what_programs_read_is_what_was_written() {
        let text = "**a** [b](https://c.d)\n> e\n```\nf\n```";
        assert_eq!(Words::AsWritten.text(text), text);
        assert_eq!(Words::AsWritten.line("**a**\n_b_"), "**a**␊_b_");
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(Words::Styled.line("**a**\n> `b`"), "\u{1b}[1ma\u{1b}[0m␊> \u{1b}[36mb\u{1b}[0m");
        assert_eq!(Words::Styled.line("> a **b**"), "> a **b**");
    }
}
