//! Data as lines for people; strangers' words are made harmless, and the marks in messages shown where they can be. JSON is what the
//! methods answer.

use std::fmt::Write as _;

use hushwire_client::{Alert, ClaimState};
use hushwire_content::display;
use hushwire_rpc::shape::{Change, Expires, Person, Row, RowKind, RowState, TrustName};
use hushwire_rpc::{Time, time};
use hushwire_types::Timestamp;

use crate::words::Words;

/// Somebody's name, safe to print.
pub(crate) fn name(person: &Person) -> String {
    display::line(&person.name).into_owned()
}

/// Who wrote a message: as somebody tells it, where it did not come from its author.
pub(crate) fn author(from: &Person, handed_over_by: Option<&Person>) -> String {
    match handed_over_by {
        Some(by) => format!("{} (as told by {})", name(from), name(by)),
        None => name(from),
    }
}

/// How far somebody is trusted, in a word.
pub(crate) const fn trust(trust: TrustName) -> &'static str {
    match trust {
        TrustName::Unverified => "unverified",
        TrustName::Verified => "verified",
        TrustName::Changed => "CHANGED",
    }
}

/// A row as a line: `2026-11-23 18:00  @alice: hello`.
pub(crate) fn row_line(row: &Row, words: Words) -> String {
    let mark = match row.state {
        Some(RowState::Queued) => "  (waiting to be sent)".to_owned(),
        Some(RowState::Failed) => {
            format!("  (not sent: {})", display::line(row.reason.as_deref().unwrap_or_default()))
        }
        Some(RowState::Read) => "  ✓✓ read".to_owned(),
        Some(RowState::Delivered) => "  ✓✓".to_owned(),
        Some(RowState::Sent) => "  ✓".to_owned(),
        _ => String::new(),
    };
    format!("{}{mark}", message_line(row, words))
}

/// A message as a line.
fn message_line(row: &Row, words: Words) -> String {
    let time = shown_time(row).local();
    if row.kind == RowKind::Notice {
        return format!("{time}  -- {}", display::line(&row.text));
    }
    let from = if row.own { "you".to_owned() } else { author(&row.from, row.handed_over_by.as_ref()) };
    let forwarded = if row.forwarded { "(forwarded) " } else { "" };
    // Marks are for texts; a poll is laid out already.
    let of_text = if row.kind == RowKind::Text { words } else { Words::AsWritten };
    let says = format!("{forwarded}{}", paragraphs(&row.text, of_text));
    let mut line = match &row.quote {
        Some(quote) => {
            format!("{time}  {from}: > {}: {}\n    {says}", name(&quote.from), shortened(&quote.text, words))
        }
        None => format!("{time}  {from}: {says}"),
    };
    if row.edited {
        line.push_str("  (edited)");
    }
    for reaction in &row.reactions {
        let _ = write!(line, "  [{} {}]", display::line(&reaction.emoji), name(&reaction.from));
    }
    if row.starred {
        line.push_str("  ★");
    }
    if row.pinned {
        line.push_str("  (pinned)");
    }
    match row.expires {
        Some(Expires { at: Some(at), .. }) => {
            let _ = write!(line, "  (disappears {})", at.local());
        }
        Some(Expires { lives_for_s, at: None }) => {
            let _ = write!(line, "  (disappears {} after it is read)", time::length(lives_for_s));
        }
        None => {}
    }
    line
}

/// The first words of a text, on one line.
fn shortened(text: &str, words: Words) -> String {
    const SHOWN: usize = 60;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(SHOWN).collect();
    let more = if line.chars().count() > SHOWN { "…" } else { "" };
    format!("{}{more}", words.line(&short))
}

/// A text whose further lines are set in, so that none of them looks like a message of somebody else.
pub(crate) fn paragraphs(text: &str, words: Words) -> String {
    words.text(text).replace('\n', "\n    ")
}

/// The author's time, unless it is far from the server's.
pub(crate) fn time_of(sent_at: Time, accepted_at: Option<Time>) -> Time {
    const TOLERANCE: std::time::Duration = std::time::Duration::from_secs(5 * 60);
    match accepted_at {
        Some(accepted) => {
            let (earlier, later) = (accepted.min(sent_at), accepted.max(sent_at));
            if later.0.since(earlier.0) > TOLERANCE { accepted } else { sent_at }
        }
        None => sent_at,
    }
}

/// When a row was written.
pub(crate) fn shown_time(row: &Row) -> Time {
    time_of(row.sent_at, row.accepted_at)
}

/// An alert as a line, with the times that a claim has.
fn alert_line(change: &Change) -> String {
    let words = change.text.as_deref().unwrap_or_default();
    let alert = change.alert.clone().and_then(|alert| serde_json::from_value(alert).ok());
    let more = match alert {
        Some(Alert::HandleClaim(claim)) if claim.state == ClaimState::Claimed => format!(
            ". Claimed {}, until {}; to decide: hush handles",
            Time(Timestamp::from_ms(claim.claimed_at_ms)).local(),
            Time(Timestamp::from_ms(claim.locked_until_ms)).local(),
        ),
        Some(Alert::OldCopy) => ". Another device of yours may have them: hush device history".to_owned(),
        _ => String::new(),
    };
    format!("!! {}", display::line(&format!("{words}{more}")))
}

/// A change as a line, where it is one that people want to see.
pub(crate) fn change_line(change: &Change, words: Words) -> Option<String> {
    match (change.kind.as_str(), &change.message) {
        ("alert", _) => Some(alert_line(change)),
        ("message" | "notice", Some(message)) => Some(message_line(message, words)),
        ("edited" | "deleted" | "reacted" | "voted" | "pinned", Some(message)) => {
            Some(format!("~ {}", message_line(message, words)))
        }
        ("report", _) => Some(match &change.refused {
            Some(Some(reason)) => {
                format!("-- the server did not take your report: {}", display::line(reason))
            }
            _ => "-- your report has reached the operator of the server".to_owned(),
        }),
        ("failed", _) => {
            let reason = change.reason.as_deref().unwrap_or_default();
            Some(format!("-- not sent: {}", display::line(reason)))
        }
        _ => None,
    }
}
