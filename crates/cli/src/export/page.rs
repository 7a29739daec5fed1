//! Texts of strangers as HTML.
//!
//! Invariant: whatever they wrote is escaped here, once, and every element and attribute is ours.

use std::fmt::Write as _;

use hushwire_content::display;
use hushwire_content::markup::{self, Block, Inline, Item, Span};

/// The words of a message, as elements of their own.
pub(super) fn words(untrusted: &str) -> String {
    let mut out = String::new();
    blocks(&mut out, &markup::parse(untrusted));
    out
}

/// A text in which marks mean nothing.
pub(super) fn shown(words: &str) -> String {
    escaped(&display::text(words))
}

/// Text that was made harmless before.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn blocks(out: &mut String, blocks: &[Block]) {
    for block in blocks {
        match block {
            // The margins of its neighbours are the line.
            Block::Text(line) if line.is_empty() => {}
            Block::Text(line) => {
                out.push_str("<p dir=\"auto\">");
                inlines(out, line);
                out.push_str("</p>");
            }
            Block::Code { info, text } => {
                if !info.is_empty() {
                    let _ = write!(out, "<div class=\"info\">{}</div>", escaped(info));
                }
                let _ = write!(out, "<pre><code>{}</code></pre>", escaped(text));
            }
            Block::Quote(quoted) => {
                out.push_str("<blockquote dir=\"auto\">");
                self::blocks(out, quoted);
                out.push_str("</blockquote>");
            }
            Block::List(items) => list(out, items),
        }
    }
}

fn list(out: &mut String, items: &[Item]) {
    let kind = if items.iter().any(|item| item.number.is_some()) { "ol" } else { "ul" };
    let _ = write!(out, "<{kind} dir=\"auto\">");
    for item in items {
        let value = item.number.map(|number| format!(" value=\"{number}\"")).unwrap_or_default();
        let _ = write!(out, "<li{value}>");
        match item.blocks.as_slice() {
            [Block::Text(line)] => inlines(out, line),
            several => blocks(out, several),
        }
        out.push_str("</li>");
    }
    let _ = write!(out, "</{kind}>");
}

fn inlines(out: &mut String, line: &[Inline]) {
    for inline in line {
        match inline {
            Inline::Span(words) => span(out, words),
            Inline::Link { address, words } => {
                let address = escaped(address);
                let _ = write!(out, "<a rel=\"noreferrer noopener\" href=\"{address}\">");
                words.iter().for_each(|words| span(out, words));
                out.push_str("</a>");
                // Paper and fingers show no address on hovering.
                if !inline.says_its_address() {
                    let _ = write!(out, " <span class=\"to\">({address})</span>");
                }
            }
        }
    }
}

fn span(out: &mut String, Span { text, look }: &Span) {
    let elements = [(look.bold, "strong"), (look.italic, "em"), (look.struck, "s"), (look.code, "code")];
    let elements = || elements.iter().filter(|(has, _)| *has).map(|(_, element)| element);
    for element in elements() {
        let _ = write!(out, "<{element}>");
    }
    out.push_str(&escaped(text));
    for element in elements().rev() {
        let _ = write!(out, "</{element}>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_has_its_element() {
        for (text, page) in [
            ("a\nb", "<p dir=\"auto\">a\nb</p>"),
            (
                "**a** _b_ ~~c~~ `<d>`",
                "<p dir=\"auto\"><strong>a</strong> <em>b</em> <s>c</s> <code>&lt;d&gt;</code></p>",
            ),
            ("***a***", "<p dir=\"auto\"><strong><em>a</em></strong></p>"),
            (
                "> a\n\nb",
                "<blockquote dir=\"auto\"><p dir=\"auto\">a</p></blockquote><p dir=\"auto\">\nb</p>",
            ),
            ("- a\n- *b*", "<ul dir=\"auto\"><li>a</li><li><em>b</em></li></ul>"),
            (
                "3. a\n   - b",
                "<ol dir=\"auto\"><li value=\"3\"><p dir=\"auto\">a</p><ul dir=\"auto\"><li>b</li></ul></li></ol>",
            ),
            ("```c++\nif (a < b)\n```", "<div class=\"info\">c++</div><pre><code>if (a &lt; b)</code></pre>"),
        ] {
            assert_eq!(words(text), page);
        }
    }

    #[test]
    fn a_link_says_where_it_leads() {
        assert_eq!(
            words("[a](https://b.c/?d=1&e)"),
            "<p dir=\"auto\"><a rel=\"noreferrer noopener\" href=\"https://b.c/?d=1&amp;e\">a</a> \
             <span class=\"to\">(https://b.c/?d=1&amp;e)</span></p>"
        );
        assert_eq!(
            words("<a@b.c>"),
            "<p dir=\"auto\"><a rel=\"noreferrer noopener\" href=\"mailto:a@b.c\">a@b.c</a></p>"
        );
    }

    #[test]
    fn nothing_that_somebody_wrote_is_an_element_or_an_attribute() {
        for text in [
            "[click](javascript:alert(1))",
            "<script>alert(1)</script>",
            "![a](https://b.c/d.png)",
            "> <img src=x onerror=alert(1)>",
            "- <b>a</b>",
            "```<script>\n</code></pre><script>\n```",
            "`</code><script>`",
            "[<script>](data:text/html,a)",
        ] {
            let page = words(text);
            assert!(
                !["<script", "<img", "<a ", "<b>"].iter().any(|element| page.contains(element)),
                "{page}"
            );
        }
        let page = words("[a](https://b\"onclick=\"alert(1)) [\"><script>](https://b'c)");
        assert!(
            !page.contains("<script") && !page.contains("\"onclick") && page.contains("b&quot;onclick"),
            "{page}"
        );
    }
}
