//! A run: acts, healing, and what the oracle says.

use std::time::Duration;

use hushwire_client_store::{conversation, parked, progress};
use hushwire_engine::{Command, GroupChange, Input, MessageRef, Outcome, Reach, Recipient};
use hushwire_types::{ConversationId, Seq};
use hushwire_wire::frame::ServerFrame;
use hushwire_wire::{EntryKind, Ephemeral, Listening, Response};

use super::Tally;
use super::act::{Act, Tape};
use super::desk::{Desk, Honest};
use super::liar::{Liar, over_the_wire};
use super::oracle::Shown;
use super::story::{ALICE, BOB, CAROL, DORA, Said, Story};
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::people::handle;

/// How long everything may take once the server is honest: a group that cannot be healed is set up anew after an hour.
const HEALING: Duration = Duration::from_secs(2 * 3600);

/// A run.
pub(super) struct Ordeal {
    story: &'static Story,
    desk: Desk,
    liar: Liar,
    /// What Bob wrote.
    own: Vec<Said>,
    /// Conversations of which nothing need be there, as Bob left them.
    left: Vec<ConversationId>,
    /// What Bob need not see: he deleted it for himself.
    hidden: Vec<Said>,
    cursor: Seq,
    acts: Vec<Act>,
}

impl Ordeal {
    /// Bob's device comes online, and is shown nothing yet.
    pub(super) fn begin() -> Result<Self, Failure> {
        let story = Story::shared()?;
        let mut ordeal = Self {
            story,
            desk: Desk::of(&story.start, &[BOB], story.now)?,
            liar: Liar::new(&story.truth),
            own: Vec::new(),
            left: Vec::new(),
            hidden: Vec::new(),
            cursor: Seq(0),
            acts: Vec::new(),
        };
        ordeal.desk.go_online(BOB, &mut ordeal.liar)?;
        ordeal.cursor = ordeal.read_cursor()?;
        Ok(ordeal)
    }

    /// All of it; a failure comes with the acts that led there.
    pub(super) fn endure(mut self, bytes: &[u8]) -> Result<Tally, Failure> {
        let result = self.live(bytes);
        result.map_err(|failure| failure.after(self.acts.iter().map(|act| format!("{act:?}")).collect()))
    }

    fn live(&mut self, bytes: &[u8]) -> Result<Tally, Failure> {
        for act in Tape(bytes).acts() {
            self.acts.push(act);
            self.act(act)?;
            self.desk.settle(&mut self.liar)?;
            self.holds()?;
        }
        self.heal()
    }

    fn act(&mut self, act: Act) -> Result<(), Failure> {
        let cursor = self.read_cursor()?;
        match act {
            Act::Next { count } => {
                let entries = self.liar.after(cursor, usize::from(count).max(1));
                self.deliver(entries)
            }
            Act::CatchUp => {
                let entries = self.liar.after(cursor, usize::MAX);
                self.deliver(entries)?;
                let through_seq = self.liar.last();
                self.push(Listening { through_seq }.into())
            }
            Act::Run { from, count } => {
                let entries = self.liar.from(from, usize::from(count).max(1));
                self.deliver(entries)
            }
            Act::Bent { at, bend, number } => {
                let Some(mut entry) = self.liar.entry(at).cloned() else { return Ok(()) };
                entry.seq = number.of(entry.seq, cursor);
                let bent = self.liar.bend(self.story, entry, bend);
                self.deliver(vec![bent])
            }
            Act::Listening { through } => {
                let through_seq = through.of(self.liar.last(), cursor);
                self.push(Listening { through_seq }.into())
            }
            Act::Ephemeral { at } => self.ephemeral(at),
            Act::Time { exponent } => {
                let span = Duration::from_secs(4_u64.saturating_pow(u32::from(exponent)));
                self.desk.pass(span, &mut self.liar)
            }
            Act::Command { which, what } => self.command(which, what),
            Act::Answer { lie } => {
                self.liar.arm(lie);
                Ok(())
            }
            Act::Reconnect => self.desk.go_online(BOB, &mut self.liar),
            Act::Kill => {
                self.desk.kill(BOB)?;
                self.desk.start(BOB)?;
                self.desk.go_online(BOB, &mut self.liar)
            }
        }
    }

    fn read_cursor(&mut self) -> Result<Seq, Failure> {
        Ok(self.desk.read(BOB, progress::load)?.cursor)
    }

    /// Entries reach Bob's device, as far as a client takes them for a delivery.
    fn deliver(&mut self, entries: Vec<hushwire_wire::Entry>) -> Result<(), Failure> {
        if entries.is_empty() {
            return Ok(());
        }
        // What is of a newer version is never written by this one.
        if entries.iter().any(|entry| matches!(entry.kind, EntryKind::Unknown(_))) {
            return self.desk.feed(BOB, Input::Deliveries(entries));
        }
        match over_the_wire(entries) {
            Some(frame) => self.desk.arrive(BOB, frame),
            None => self.desk.go_online(BOB, &mut self.liar),
        }
    }

    fn push(&mut self, response: Response) -> Result<(), Failure> {
        self.desk.arrive(BOB, ServerFrame { request_id: None, response })
    }

    fn ephemeral(&mut self, at: u8) -> Result<(), Failure> {
        let Some(entry) = self.liar.entry(at) else { return Ok(()) };
        let (EntryKind::Application(body), Some(place)) = (&entry.kind, entry.place) else { return Ok(()) };
        let (conversation_id, generation, body) = (place.conversation_id, place.generation, body.clone());
        self.push(Ephemeral { conversation_id, generation, body }.into())
    }

    fn command(&mut self, which: u8, what: u8) -> Result<(), Failure> {
        let conversation = self.story.talks.nth(what);
        let [alices, _, _, doras] = self.story.accounts;
        let command = match which % 16 {
            0..=4 => return self.say(Recipient::Conversation(conversation), conversation),
            5 => return self.say(Recipient::Handle(handle(DORA)?), self.story.talks.dora),
            6 => Command::Resume { conversation },
            7 => Command::Read { conversation, through: None },
            8 => Command::Typing { conversation, stopped: false },
            9 => Command::LookUp { handle: handle(ALICE)? },
            10 => Command::Verify { account: alices },
            11 => {
                let change = GroupChange::Describe { description: format!("description {what}") };
                Command::ChangeGroup { conversation, change }
            }
            12 => Command::AddToGroup { conversation, account: doras, history: 10 },
            13 => {
                self.left.push(conversation);
                Command::ChangeGroup { conversation, change: GroupChange::Leave }
            }
            which => return self.touch(which, what),
        };
        self.desk.command(BOB, command).map(drop)
    }

    fn say(&mut self, to: Recipient, conversation: ConversationId) -> Result<(), Failure> {
        let body = format!("bob, act {}", self.acts.len());
        self.desk.command(BOB, Command::Send { to, text: body.clone(), key: None })?;
        let author = self.story.accounts.get(BOB).copied().or_fail("an account")?;
        self.own.push(Said { conversation, author, body });
        Ok(())
    }

    /// Something is done to a message that is there.
    fn touch(&mut self, which: u8, what: u8) -> Result<(), Failure> {
        let shown = Shown::of(&mut self.desk)?;
        let Some(at) = usize::from(what).checked_rem(shown.rows.len()) else { return Ok(()) };
        let (Some(row), Some(said)) = (shown.rows.get(at), shown.texts.get(at)) else { return Ok(()) };
        let entry = &row.entry;
        let (conversation, account, content) = (entry.conversation, entry.account, entry.content_id);
        let message = MessageRef { conversation, account, content };
        let command = if which.is_multiple_of(2) {
            Command::React { to: message, emoji: "👍".to_owned() }
        } else {
            self.hidden.push(said.clone());
            Command::Delete { message, reach: Reach::Here }
        };
        self.desk.command(BOB, command).map(drop)
    }

    /// What holds at any time.
    fn holds(&mut self) -> Result<Shown, Failure> {
        let shown = Shown::of(&mut self.desk)?;
        let cursor = self.read_cursor()?;
        if cursor < self.cursor && !shown.tells_of_mailbox() {
            return Err(Failure::new(format!(
                "the cursor moved back from {} to {}",
                self.cursor.0, cursor.0
            )));
        }
        self.cursor = cursor;
        shown.is_true(&[&self.story.said, &self.story.deleted, &self.own])?;
        Ok(shown)
    }

    /// The server stops lying, and after a while everything is there, or told.
    fn heal(&mut self) -> Result<Tally, Failure> {
        self.desk.go_online(BOB, &mut Honest)?;
        self.desk.pass(HEALING, &mut Honest)?;
        let shown = self.holds()?;
        let due = self.due(&self.story.said);
        let mut tally = tally(self.acts.len(), due.len(), shown.missing(&due).len());
        if untold(&shown, &due).is_none() {
            return Ok(tally);
        }
        // Nobody is told before somebody says more: R4 is about the next message.
        tally.told_late = 1;
        let more = self.others_say_more()?;
        let shown = Shown::of(&mut self.desk)?;
        shown.is_true(&[&self.story.said, &self.story.deleted, &self.own, &more])?;
        let due = self.due(&[self.story.said.as_slice(), &more].concat());
        match untold(&shown, &due) {
            None => Ok(tally),
            Some(said) => {
                let (body, state) = (&said.body, self.state_of(&said.conversation)?);
                Err(Failure::new(format!("{body:?} is missing, and nobody was told; {state}")))
            }
        }
    }

    /// A conversation and what waits in it, for whoever reads a failure.
    fn state_of(&mut self, id: &ConversationId) -> Result<String, Failure> {
        let (known, waiting) = self
            .desk
            .read(BOB, |view| Ok((conversation::find(view, id)?, parked::of_conversation(view, id)?)))?;
        let waiting: Vec<_> = waiting.iter().map(|parked| (parked.entry.seq, parked.entry.reason)).collect();
        let known = known.map(|known| (known.state, known.generation, known.known_epoch));
        let asked = self.desk.asked_last();
        Ok(format!("the conversation is {known:?}, what waits in it is {waiting:?}; asked last: {asked}"))
    }

    /// What Bob should see of what others wrote, and of what he had written before.
    fn due(&self, said: &[Said]) -> Vec<Said> {
        let is_due = |said: &&Said| !self.left.contains(&said.conversation) && !self.hidden.contains(said);
        said.iter().filter(is_due).cloned().collect()
    }

    /// Alice and Carol come back and write once more in each conversation.
    fn others_say_more(&mut self) -> Result<Vec<Said>, Failure> {
        let Story { start, talks, accounts, .. } = self.story;
        for person in [ALICE, CAROL, DORA] {
            self.desk.join(start, person)?;
            self.desk.go_online(person, &mut Honest)?;
        }
        self.desk.pass(HEALING, &mut Honest)?;
        let mut more = Vec::new();
        for (person, conversation) in [
            (ALICE, talks.alice),
            (CAROL, talks.carol),
            (ALICE, talks.group),
            (CAROL, talks.group),
            (DORA, talks.group),
            (CAROL, talks.second),
            (ALICE, talks.second),
        ] {
            let author = accounts.get(person).copied().or_fail("an account")?;
            let body = format!("the last of person {person} in {conversation}");
            let send =
                Command::Send { to: Recipient::Conversation(conversation), text: body.clone(), key: None };
            let number = self.desk.command(person, send)?;
            self.desk.pass(Duration::from_secs(5), &mut Honest)?;
            // Who was told of a mismatch writes nothing until they resume.
            if let Some(Outcome::Queued { .. }) = self.desk.outcome(person, number)? {
                more.push(Said { conversation, author, body });
            }
        }
        self.desk.pass(HEALING, &mut Honest)?;
        Ok(more)
    }
}

/// Something that is missing although nothing tells that anything is wrong.
fn untold<'a>(shown: &Shown, due: &'a [Said]) -> Option<&'a Said> {
    shown.missing(due).into_iter().find(|said| !shown.tells_of(&said.conversation))
}

fn tally(acts: usize, due: usize, missing: usize) -> Tally {
    let [acts, due, missing] = [acts, due, missing].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
    Tally { acts, shown: due.saturating_sub(missing), missing, told_late: 0 }
}
