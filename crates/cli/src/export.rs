//! One conversation as a file for people or programs, row by row.
//!
//! Invariants:
//! - Memory does not grow with the conversation: a row is written and forgotten.
//! - Nothing that somebody wrote is markup of the page. In HTML every character that could be is escaped, also where marks in a text
//!   become elements, and a policy in the page forbids scripts and everything from elsewhere; in plain text no line can look like
//!   another one's. Plain text and JSON have what was written, marks and all.

use std::io::{self, Write};

use hushwire_content::display;
use hushwire_rpc::Time;
use hushwire_rpc::shape::{Row, RowKind, RowState};
use serde_json::{Value, json};

use crate::args::ExportFormat;
use crate::command::shape;
use crate::words::Words;

mod page;

use page::{escaped, shown, words};

const STYLE: &str = include_str!("export/style.css");

/// What is said of a conversation before its first row.
pub(crate) struct About {
    /// What it is called. Untrusted text.
    pub(crate) name: String,
    /// The conversation as JSON.
    pub(crate) conversation: Value,
    /// When this is written.
    pub(crate) at: Time,
}

/// An export on its way to `W`.
pub(crate) struct Export<W> {
    out: W,
    format: ExportFormat,
    rows: u64,
    day: String,
}

impl<W: Write> Export<W> {
    /// Writes what stands before the first row.
    pub(crate) fn begin(mut out: W, format: ExportFormat, about: &About) -> io::Result<Self> {
        match format {
            ExportFormat::Json => {
                let head = json!({
                    "format": "hushwire conversation",
                    "version": 1,
                    "exported_at": about.at,
                    "conversation": about.conversation,
                });
                let head = head.to_string();
                let open = head.strip_suffix('}').unwrap_or(&head);
                write!(out, "{open},\"messages\":[")?;
            }
            ExportFormat::Text => {
                writeln!(out, "Conversation with {}", display::line(&about.name))?;
                writeln!(out, "Exported {}\n", about.at.local())?;
            }
            ExportFormat::Html => {
                let name = escaped(&display::line(&about.name));
                write!(
                    out,
                    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
                     <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
                     <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
                     <meta name=\"referrer\" content=\"no-referrer\"><title>{name}</title>\n<style>\n{STYLE}</style></head>\n\
                     <body><main>\n<header><h1 dir=\"auto\">{name}</h1>Exported {}</header>\n",
                    escaped(&about.at.local())
                )?;
            }
        }
        Ok(Self { out, format, rows: 0, day: String::new() })
    }

    /// Writes a row.
    pub(crate) fn row(&mut self, row: &Row) -> io::Result<()> {
        match self.format {
            ExportFormat::Json => {
                let comma = if self.rows == 0 { "" } else { "," };
                writeln!(self.out, "{comma}")?;
                serde_json::to_writer(&mut self.out, row)?;
            }
            ExportFormat::Text => text(&mut self.out, row)?,
            ExportFormat::Html => {
                let day = shape::shown_time(row).day();
                if day != self.day {
                    writeln!(self.out, "<h2>{}</h2>", escaped(&day))?;
                    self.day = day;
                }
                html(&mut self.out, row)?;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Writes what stands behind the last row, and gives back what was written to, and how many rows.
    pub(crate) fn end(mut self) -> io::Result<(W, u64)> {
        match self.format {
            ExportFormat::Json => writeln!(self.out, "\n]}}")?,
            ExportFormat::Text => {}
            ExportFormat::Html => {
                let many = self.rows;
                writeln!(self.out, "<footer>{many} messages</footer>\n</main></body></html>")?;
            }
        }
        self.out.flush()?;
        Ok((self.out, self.rows))
    }
}

fn text(out: &mut impl Write, row: &Row) -> io::Result<()> {
    writeln!(out, "{}", shape::row_line(row, Words::AsWritten))?;
    for earlier in &row.earlier {
        writeln!(out, "    (before: {})", shape::paragraphs(earlier, Words::AsWritten))?;
    }
    Ok(())
}

fn html(out: &mut impl Write, row: &Row) -> io::Result<()> {
    if row.kind == RowKind::Notice {
        return writeln!(out, "<div class=\"notice\" dir=\"auto\">{}</div>", shown(&row.text));
    }
    let own = if row.own { " class=\"own\"" } else { "" };
    write!(out, "<article{own}>")?;
    if !row.own {
        write!(
            out,
            "<div class=\"from\" dir=\"auto\">{}</div>",
            escaped(&shape::author(&row.from, row.handed_over_by.as_ref()))
        )?;
    }
    if let Some(quote) = &row.quote {
        let from = escaped(&shape::name(&quote.from));
        write!(out, "<blockquote dir=\"auto\"><b>{from}</b>{}</blockquote>", words(&quote.text))?;
    }
    match row.kind {
        RowKind::Text => write!(out, "{}", words(&row.text))?,
        RowKind::Deleted => write!(out, "<p class=\"gone\" dir=\"auto\">{}</p>", shown(&row.text))?,
        _ => write!(out, "<p dir=\"auto\">{}</p>", shown(&row.text))?,
    }
    details(out, row)?;
    let time = shape::shown_time(row);
    writeln!(
        out,
        "<div class=\"more\"><time datetime=\"{}\">{}</time>{}</div></article>",
        escaped(&time.to_string()),
        escaped(&time.local()),
        escaped(&standing(row))
    )
}

fn details(out: &mut impl Write, row: &Row) -> io::Result<()> {
    if !row.earlier.is_empty() {
        write!(out, "<details><summary>edited</summary>")?;
        for earlier in &row.earlier {
            write!(out, "{}", words(earlier))?;
        }
        write!(out, "</details>")?;
    }
    if !row.reactions.is_empty() {
        write!(out, "<div class=\"reactions\">")?;
        for reaction in &row.reactions {
            let emoji = escaped(&display::line(&reaction.emoji));
            write!(out, "<span>{emoji} {}</span>", escaped(&shape::name(&reaction.from)))?;
        }
        write!(out, "</div>")?;
    }
    Ok(())
}

/// What became of a message, in words.
fn standing(row: &Row) -> String {
    if let Some(by) = &row.handed_over_by {
        return format!(" · handed over by {}", shape::name(by));
    }
    match row.state {
        Some(RowState::Queued) => " · waiting to be sent".to_owned(),
        Some(RowState::Failed) => {
            format!(" · not sent: {}", display::line(row.reason.as_deref().unwrap_or_default()))
        }
        Some(RowState::Read) => " · read".to_owned(),
        Some(RowState::Delivered) => " · delivered".to_owned(),
        Some(RowState::Sent) => " · sent".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use hushwire_rpc::shape::{Person, Quote, Reaction};
    use hushwire_types::Timestamp;

    use super::*;

    const EVIL: &str = "</p><script>alert('x')</script>\u{202e}\n2026-01-01 10:00  @bob: \"forged\" & more";

    fn person() -> Person {
        Person { account: "a".to_owned(), name: format!("@eve{EVIL}"), verified: false }
    }

    fn row() -> Row {
        Row {
            id: "3".to_owned(),
            kind: RowKind::Text,
            from: person(),
            own: false,
            text: EVIL.to_owned(),
            sent_at: Time(Timestamp::from_ms(1_700_000_000_000)),
            accepted_at: None,
            state: Some(RowState::Failed),
            reason: Some(EVIL.to_owned()),
            quote: Some(Quote { id: "2".to_owned(), from: person(), text: EVIL.to_owned() }),
            reactions: vec![Reaction { from: person(), emoji: EVIL.to_owned() }],
            edited: true,
            earlier: vec![EVIL.to_owned()],
            readers: Vec::new(),
            forwarded: false,
            calls_me: false,
            starred: false,
            pinned: false,
            expires: None,
            poll: None,
            card: None,
            handed_over_by: None,
        }
    }

    fn export(format: ExportFormat, rows: &[Row]) -> String {
        let about = About { name: EVIL.to_owned(), conversation: json!({}), at: Time(Timestamp::from_ms(0)) };
        let mut export = Export::begin(Vec::new(), format, &about).unwrap();
        rows.iter().for_each(|row| export.row(row).unwrap());
        String::from_utf8(export.end().unwrap().0).unwrap()
    }

    #[test]
    fn nothing_that_somebody_wrote_is_markup() {
        let page = export(ExportFormat::Html, &[row()]);
        assert!(!page.contains("<script") && !page.contains('\u{202e}') && !page.contains("alert('x')"));
        assert!(page.matches("&lt;script&gt;").count() >= 6, "{page}");
        assert_eq!(page.matches("<p").count(), 3);
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("url("));
    }

    #[test]
    fn marks_are_elements_on_a_page_and_marks_elsewhere() {
        let text = "**a** <b> [c](https://d.e)".to_owned();
        let row = Row { text: text.clone(), earlier: vec!["_f_".to_owned()], ..row() };
        let page = export(ExportFormat::Html, std::slice::from_ref(&row));
        assert!(page.contains("<strong>a</strong> &lt;b&gt; <a "), "{page}");
        assert!(page.contains("<em>f</em>"), "{page}");
        assert!(export(ExportFormat::Text, std::slice::from_ref(&row)).contains(&text));
        assert!(export(ExportFormat::Json, std::slice::from_ref(&row)).contains(&text));
        let poll = export(ExportFormat::Html, &[Row { kind: RowKind::Poll, ..row }]);
        assert!(poll.contains("**a** &lt;b&gt;"), "{poll}");
    }

    #[test]
    fn no_line_of_plain_text_looks_like_another_ones() {
        let lines = export(ExportFormat::Text, &[row()]);
        assert!(!lines.lines().any(|line| line.starts_with("2026-01-01")), "{lines}");
    }

    #[test]
    fn what_was_handed_over_says_so_in_every_format() {
        let told = Row { handed_over_by: Some(person()), state: Some(RowState::Received), ..row() };
        let page = export(ExportFormat::Html, std::slice::from_ref(&told));
        assert!(
            page.contains(" · handed over by @eve&lt;/p&gt;") && page.contains("(as told by @eve"),
            "{page}"
        );
        assert!(!page.contains("<script"));
        assert!(export(ExportFormat::Text, std::slice::from_ref(&told)).contains("(as told by @eve"));
        let document: Value = serde_json::from_str(&export(ExportFormat::Json, &[told])).unwrap();
        assert!(document["messages"][0]["handed_over_by"]["name"].as_str().unwrap().starts_with("@eve"));
    }

    #[test]
    fn json_is_one_document_whatever_is_in_it() {
        for rows in [vec![], vec![row()], vec![row(), row()]] {
            let document: Value = serde_json::from_str(&export(ExportFormat::Json, &rows)).unwrap();
            let messages = document["messages"].as_array().unwrap();
            assert_eq!(messages.len(), rows.len());
            assert!(messages.iter().all(|message| message["text"] == EVIL && message["earlier"][0] == EVIL));
        }
    }
}
