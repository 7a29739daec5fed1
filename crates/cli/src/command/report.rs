//! `hush contact report` and `hush contact reports`.
//!
//! A report is in clear for the operator: what will be sent is shown as it is, and nothing is sent until the person says so.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write as _};

use hushwire_content::display;
use hushwire_rpc::method::{ListReports, ReportContact, Reported};
use hushwire_rpc::shape::{ReasonName, ReportStanding};
use hushwire_rpc::{Profile, shape};

use crate::args::{Reason, Report};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

pub(crate) async fn run(context: &Context, profile: &Profile, wanted: Report) -> Outcome {
    let Report { who, messages, group, reason, note, block, yes } = wanted;
    let reason = match reason {
        Reason::Spam => ReasonName::Spam,
        Reason::Abuse => ReasonName::Abuse,
        Reason::Other => ReasonName::Other,
    };
    let (conversation, shown, timeout_s) = (None, None, context.timeout_s());
    let mut report = ReportContact {
        who,
        messages,
        group,
        conversation,
        reason,
        note,
        block,
        preview: false,
        shown,
        timeout_s,
    };
    if !yes {
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage("a report cannot be taken back: say --yes"));
        }
        let draft = profile.call(ReportContact { preview: true, ..report.clone() }).await?;
        if !is_wanted(&draft).await? {
            return Err(Failure::error("nothing was reported"));
        }
        report.shown = Some(draft.shown);
    }
    let reported = {
        let _waiting = context.say.waiting("Sending…");
        profile.call(report).await?
    };
    tell(context, reported)
}

/// Shows all that would be sent, and asks.
async fn is_wanted(draft: &Reported) -> Result<bool, Failure> {
    let mut err = std::io::stderr();
    let _ = write!(err, "{}\nSend this? It cannot be taken back. [y/N] ", preview(draft));
    let _ = err.flush();
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = read.await.map_err(Failure::error)??;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// All of a report, with what happens besides.
fn preview(draft: &Reported) -> String {
    let mut text =
        format!("To the operator of {}, who can read it, in your name:\n\n", display::line(&draft.server));
    let _ = writeln!(text, "report of  {}  {}", display::line(&draft.person.name), draft.person.account);
    let _ = writeln!(text, "reason     {}", draft.reason.word());
    if !draft.note.is_empty() {
        let _ = writeln!(text, "note\n{}", set_in(&draft.note));
    }
    for message in &draft.messages {
        let _ = writeln!(text, "message    {}  {}", message.id, message.sent_at.local());
        let _ = writeln!(text, "{}", set_in(&message.text));
    }
    if draft.messages.is_empty() {
        text.push_str("no messages\n");
    }
    if draft.blocked {
        let _ = writeln!(
            text,
            "\n{} will be blocked, and what waits for your answer declined.",
            display::line(&draft.person.name)
        );
    }
    text
}

/// What somebody wrote, so that no line of it looks like one of ours.
fn set_in(untrusted: &str) -> String {
    let lines: Vec<String> = display::text(untrusted).split('\n').map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

/// Says what was sent, and whether it has arrived.
fn tell(context: &Context, reported: Reported) -> Outcome {
    let words = || {
        let messages = count(reported.messages.len());
        let state = if reported.arrived { "The server has it." } else { "It is kept and sent later." };
        let blocked = if reported.blocked { " They are blocked." } else { "" };
        let (name, server) = (display::line(&reported.person.name), display::line(&reported.server));
        format!("Reported {name} to the operator of {server}, with {messages}. {state}{blocked}")
    };
    let _ = context.say.data(&reported, words);
    let Some(why) = reported.why else { return Ok(Exit::Ok) };
    let sentence = format!("{}: the report is kept, and sent the next time hush is online", why.sentence);
    Err(Failure::new(why.kind, sentence))
}

pub(crate) async fn list(context: &Context, profile: &Profile) -> Outcome {
    let reports = {
        let _waiting = context.say.waiting("Waiting for the server…");
        profile.call(ListReports { timeout_s: context.timeout_s() }).await?
    };
    for report in &reports {
        if context.say.data(report, || line(report)).is_err() {
            return Ok(Exit::Ok);
        }
    }
    if reports.is_empty() {
        context.say.note("You have reported nobody on this device.");
    }
    Ok(Exit::Ok)
}

/// `2026-11-23 18:00  @alice  spam, 2 messages  arrived 2026-11-23 18:01`
fn line(report: &shape::Report) -> String {
    let settled = report.settled_at.map(|at| at.local().to_string()).unwrap_or_default();
    let state = match report.state {
        ReportStanding::Waiting => "waits for the server".to_owned(),
        ReportStanding::Arrived => format!("arrived {settled}"),
        ReportStanding::Refused => {
            format!("not taken: {}", display::line(report.why.as_deref().unwrap_or_default()))
        }
    };
    let messages = usize::try_from(report.messages).map_or_else(|_| String::new(), count);
    format!(
        "{}  {}  {}, {messages}  {state}",
        report.made_at.local(),
        display::line(&report.person.name),
        report.reason.word()
    )
}

fn count(messages: usize) -> String {
    match messages {
        0 => "no messages".to_owned(),
        1 => "1 message".to_owned(),
        more => format!("{more} messages"),
    }
}
