//! `hush send`.

use std::io::Read;

use hushwire_rpc::FaultKind;
use hushwire_rpc::method::{self, Fate, FateState, Sent, Until};

use crate::args::Send;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

/// The longest text that is read from standard input; methods refuse far shorter ones with a better sentence.
const STDIN_BYTES: u64 = 1 << 20;

pub(crate) async fn run(context: &Context, send: Send) -> Outcome {
    let given = if send.group.is_empty() { Given::Here } else { Given::Groups };
    let (to, text) = words(send.words, send.stdin, given)?;
    let (groups, conversations, key) = (send.group, Vec::new(), send.key);
    let (until, timeout_s) = (Until::Sent, context.timeout_s());
    let send = method::Send { to, groups, conversations, text, key, until, timeout_s };
    context
        .with_profile(async |profile| {
            let sent = {
                let _waiting = context.say.waiting("Sending…");
                profile.call(send).await?
            };
            tell(context, &sent)
        })
        .await
}

/// Says what became of a message.
pub(crate) fn tell(context: &Context, sent: &Sent) -> Outcome {
    let recipients = sent.fates.len();
    let mut failures = Vec::new();
    for fate in &sent.fates {
        // The only one's failure is told as the failure of the whole.
        let told = recipients > 1 || context.global.json || fate.state == FateState::Sent;
        if told && context.say.data(fate, || line(fate)).is_err() {
            break;
        }
        failures.extend(fate.fault());
    }
    match (failures.pop(), failures.len() + 1) {
        (None, _) => Ok(Exit::Ok),
        (Some(_), failed) if failed < recipients => Err(Failure::new(
            FaultKind::Partly,
            format!("sent to {} of {recipients} recipients, not to all", recipients - failed),
        )),
        (Some(last), _) => Err(last),
    }
}

fn line(fate: &Fate) -> String {
    let (name, why) = (&fate.to, fate.reason.as_deref().unwrap_or_default());
    match fate.state {
        FateState::Sent => format!("Sent to {name}."),
        FateState::Queued => format!("Not sent to {name} yet: {why}"),
        FateState::Failed => format!("Not sent to {name}: {why}"),
    }
}

/// Where recipients may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    /// Among the words only, so that there must be one.
    Here,
    /// Groups were named, too.
    Groups,
}

/// Recipients and text: the last word is the text, unless it comes from standard input.
fn words(mut words: Vec<String>, stdin: bool, given: Given) -> Result<(Vec<String>, String), Failure> {
    if stdin {
        if words.is_empty() && given == Given::Here {
            return Err(Failure::usage("give at least one recipient: hush send @bob --stdin"));
        }
        let mut text = String::new();
        let read = std::io::stdin().take(STDIN_BYTES).read_to_string(&mut text);
        read.map_err(|error| Failure::usage(format!("standard input is not text: {error}")))?;
        let text = text.strip_suffix('\n').map(str::to_owned).unwrap_or(text);
        return Ok((words, text));
    }
    match words.pop() {
        Some(text) if !words.is_empty() || given == Given::Groups => Ok((words, text)),
        _ => Err(Failure::usage("give at least one recipient and a text: hush send @bob \"hello\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn the_last_word_is_the_text() {
        let (to, text) = words(strings(&["@a", "@b", "hello"]), false, Given::Here).unwrap();
        assert_eq!((to, text.as_str()), (strings(&["@a", "@b"]), "hello"));
        assert_eq!(words(strings(&["@a"]), false, Given::Here).unwrap_err().kind, FaultKind::Usage);
        let (to, text) = words(strings(&["hello"]), false, Given::Groups).unwrap();
        assert_eq!((to, text.as_str()), (vec![], "hello"));
    }
}
