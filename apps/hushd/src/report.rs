//! `hushd report`: what people tell the operator of each other.
//!
//! Invariant: what people wrote reaches the terminal through `display`, each line of it set in, so that none of it looks like a
//! word of hushd's.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use hushwire_server::admin::{Ask, Reply, ReportPage, ReportRow, Who};
use hushwire_server::config::Config;
use hushwire_types::display;

use crate::args::{Place, Report};
use crate::operate::{ask, confirmed, day};
use crate::out;
use crate::serve::configuration;

/// What an operator must know who reads a report.
const WORD: &str = "This is the reporter's word. The server cannot read messages: nothing proves that the account wrote them.";

/// `hushd report`.
pub(crate) fn run(place: &Place, report: Report) -> Result<()> {
    let config = configuration(place, &Config::default())?;
    match report {
        Report::List { json } => list(&config, json),
        Report::Show { id, json } => show(&config, id, json),
        Report::Delete { id, yes } => {
            if !yes && !confirmed("a report", &format!("report {id}"))? {
                bail!("nothing was deleted");
            }
            ask(&config, Ask::DeleteReport { number: id })?;
            out::line(format_args!("Deleted."));
            Ok(())
        }
    }
}

fn list(config: &Config, json: bool) -> Result<()> {
    let Reply::Reports { reports } = ask(config, Ask::Reports)? else {
        bail!("the server answered something else")
    };
    if json {
        out::line(format_args!("{}", serde_json::to_string_pretty(&reports)?));
    } else {
        reports.iter().for_each(|row| out::line(format_args!("{}", line(row))));
    }
    Ok(())
}

fn show(config: &Config, id: u64, json: bool) -> Result<()> {
    let Reply::Report { report } = ask(config, Ask::Report { number: id })? else {
        bail!("the server answered something else")
    };
    if json {
        out::line(format_args!("{}", serde_json::to_string_pretty(&report)?));
    } else {
        out::line(format_args!("{}", page(&report)));
    }
    Ok(())
}

fn line(row: &ReportRow) -> String {
    let messages =
        if row.messages == 1 { "1 message".to_owned() } else { format!("{} messages", row.messages) };
    let (reported, reporter) = (name(&row.reported), name(&row.reporter));
    format!("{}  {}  {}  {reported}, by {reporter}  {messages}", row.id, day(row.at_ms), row.reason)
}

fn page(report: &ReportPage) -> String {
    let mut page = format!("Report {}  {}  {}\n", report.id, day(report.at_ms), report.reason);
    let _ = writeln!(page, "of  {}", whole_name(&report.reported));
    let _ = writeln!(page, "by  {}", whole_name(&report.reporter));
    if !report.note.is_empty() {
        let _ = writeln!(page, "note\n{}", set_in(&report.note));
    }
    let _ = write!(page, "\n{WORD}");
    for message in &report.messages {
        let _ = write!(
            page,
            "\n\n{}  {}\n{}",
            day(message.sent_at_ms),
            display::line(&message.id),
            set_in(&message.text)
        );
    }
    if report.messages.is_empty() {
        page.push_str("\n\nNo messages were chosen.");
    }
    page
}

/// The first handle of an account, else the beginning of its id.
fn name(who: &Who) -> String {
    match who.handles.first() {
        Some(handle) => display::line(handle).into_owned(),
        None => who.account.chars().take(8).collect::<String>() + "…",
    }
}

fn whole_name(who: &Who) -> String {
    let handles = who.handles.join(" ");
    let handles = if handles.is_empty() { "(deleted, or without a handle)" } else { &handles };
    format!("{}  {}", display::line(handles), who.account)
}

fn set_in(untrusted: &str) -> String {
    let lines: Vec<String> = display::text(untrusted).split('\n').map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use hushwire_server::admin::ReportedRow;

    use super::*;

    fn who(name: &str) -> Who {
        Who { account: "a".repeat(52), handles: vec![name.to_owned()] }
    }

    fn report(note: &str, texts: &[&str]) -> ReportPage {
        let message = |text: &&str| ReportedRow { id: "m1".into(), sent_at_ms: 0, text: (*text).into() };
        ReportPage {
            id: 3,
            at_ms: 0,
            reason: "abuse".into(),
            reporter: who("@bob"),
            reported: who("@alice"),
            note: note.into(),
            messages: texts.iter().map(message).collect(),
        }
    }

    #[test]
    fn what_people_wrote_is_harmless_and_set_in() {
        let forged = "\u{1b}[2J\u{9b}31m\u{202e}\nReport 4  1970-01-01 00:00 UTC  spam\r\nof  @carol";
        let page = page(&report(forged, &[forged]));
        assert!(!page.chars().any(|shown| shown.is_control() && shown != '\n'), "{page:?}");
        assert!(!page.contains('\u{202e}'));
        let foreign = page.lines().filter(|line| line.contains("Report 4") || line.contains("@carol"));
        assert_eq!(foreign.map(|line| line.starts_with("    ")).collect::<Vec<_>>(), [true; 4]);
    }

    #[test]
    fn it_says_whose_word_it_is_and_whether_there_are_messages() {
        let shown = page(&report("", &[]));
        assert!(shown.contains(WORD) && shown.ends_with("No messages were chosen."), "{shown}");
        assert!(!shown.contains("note"), "{shown}");
    }
}
