//! What happened before Bob's device comes back: made once in a process.

use std::sync::OnceLock;
use std::time::Duration;

use hushwire_engine::{Command, GroupChange, MessageRef, Outcome, Reach, Recipient, Setting};
use hushwire_types::{AccountId, ConversationId, Timestamp};
use hushwire_wire::{Entry, Response, ServerFrame};

use super::desk::{Between, Desk, Honest, Passed};
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::people::{Start, T0, handle};
use crate::simulator::plan::Devices;

pub(super) const ALICE: usize = 0;
pub(super) const BOB: usize = 1;
pub(super) const CAROL: usize = 2;
pub(super) const DORA: usize = 3;

/// Long enough for the Commits that follow, which keep a minute between them.
pub(super) const A_WHILE: Duration = Duration::from_secs(130);

/// Entries that wait at least.
const LEAST: usize = 20;

/// A text that somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) conversation: ConversationId,
    pub(super) author: AccountId,
    pub(super) body: String,
}

/// Where Bob talks with others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Talks {
    pub(super) alice: ConversationId,
    pub(super) carol: ConversationId,
    pub(super) group: ConversationId,
    /// Where Bob never said anything yet.
    pub(super) dora: ConversationId,
    /// Another group, which Bob's device does not know yet.
    pub(super) second: ConversationId,
}

impl Talks {
    /// By a number.
    pub(super) fn nth(&self, number: u8) -> ConversationId {
        match number % 4 {
            0 => self.alice,
            1 => self.group,
            2 => self.carol,
            _ => self.second,
        }
    }
}

/// The world as Bob's device comes back to it.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) start: Start,
    pub(super) now: Timestamp,
    pub(super) talks: Talks,
    pub(super) accounts: [AccountId; 4],
    /// Everything that Bob should see.
    pub(super) said: Vec<Said>,
    /// What was deleted for everyone: it may be seen until that is known.
    pub(super) deleted: Vec<Said>,
    /// What waits in Bob's mailbox.
    pub(super) truth: Vec<Entry>,
}

impl Story {
    /// The one of this process.
    pub(super) fn shared() -> Result<&'static Self, Failure> {
        static STORY: OnceLock<Result<Story, Failure>> = OnceLock::new();
        STORY.get_or_init(tell).as_ref().map_err(Clone::clone)
    }
}

/// The story while it is told.
struct Teller {
    desk: Desk,
    accounts: [AccountId; 4],
    said: Vec<Said>,
}

impl Teller {
    fn wait(&mut self) -> Result<(), Failure> {
        self.desk.pass(A_WHILE, &mut Honest)
    }

    fn outcome(&mut self, person: usize, command: Command) -> Result<Outcome, Failure> {
        let number = self.desk.command(person, command)?;
        self.desk.settle(&mut Honest)?;
        match self.desk.outcome(person, number)?.or_fail("an outcome")? {
            Outcome::Refused(refusal) => Err(Failure::new(format!("a command was refused: {refusal}"))),
            outcome => Ok(outcome),
        }
    }

    /// Somebody writes something.
    fn say(&mut self, person: usize, to: Recipient, body: &str) -> Result<MessageRef, Failure> {
        let author = *self.accounts.get(person).or_fail("an account")?;
        let send = Command::Send { to, text: body.to_owned(), key: None };
        let Outcome::Queued { conversation, content } = self.outcome(person, send)? else {
            return Err(Failure::new("a text was not stored"));
        };
        self.said.push(Said { conversation, author, body: body.to_owned() });
        self.desk.pass(Duration::from_secs(5), &mut Honest)?;
        Ok(MessageRef { conversation, account: author, content })
    }

    fn group(&mut self, by: usize, name: &str, members: Vec<AccountId>) -> Result<ConversationId, Failure> {
        let made = self.outcome(by, Command::CreateGroup { name: name.to_owned(), members })?;
        self.wait()?;
        match made {
            Outcome::Begun { conversation } => Ok(conversation),
            _ => Err(Failure::new("a group was not made")),
        }
    }
}

fn tell() -> Result<Story, Failure> {
    let everybody = [ALICE, BOB, CAROL, DORA];
    let mut desk = Desk::of(Start::shared(Devices::One)?, &everybody, T0)?;
    let mut accounts = [AccountId::new([0; 32]); 4];
    for (person, account) in accounts.iter_mut().enumerate() {
        *account = desk.client(person)?.account;
        desk.go_online(person, &mut Honest)?;
        desk.command(person, Command::Set(Setting::Requests { on: false }))?;
    }
    let mut teller = Teller { desk, accounts, said: Vec::new() };
    let talks = everybody_meets(&mut teller)?;
    // From here on Bob's device is away.
    teller.desk.kill(BOB)?;
    while_bob_is_away(&mut teller, &talks)?;
    let second = second_group(&mut teller)?;
    finish(teller, Talks { second, ..talks })
}

/// Conversations with Bob, in which something was said.
fn everybody_meets(teller: &mut Teller) -> Result<Talks, Failure> {
    let bob = || Ok::<_, Failure>(Recipient::Handle(handle(BOB)?));
    let alice = teller.say(ALICE, bob()?, "alice to bob, first")?.conversation;
    let carol = teller.say(CAROL, bob()?, "carol to bob, first")?.conversation;
    for (who, whom) in [(ALICE, CAROL), (ALICE, DORA), (CAROL, ALICE)] {
        teller.outcome(who, Command::LookUp { handle: handle(whom)? })?;
    }
    let Outcome::Found { conversation: dora, .. } =
        teller.outcome(BOB, Command::LookUp { handle: handle(DORA)? })?
    else {
        return Err(Failure::new("Bob does not find Dora"));
    };
    let [_, bobs, carols, _] = teller.accounts;
    let group = teller.group(ALICE, "group", vec![bobs, carols])?;
    for (who, body) in
        [(ALICE, "alice to all, first"), (BOB, "bob to all, first"), (CAROL, "carol to all, first")]
    {
        teller.say(who, Recipient::Conversation(group), body)?;
    }
    teller.say(BOB, Recipient::Conversation(alice), "bob to alice, first")?;
    teller.wait()?;
    Ok(Talks { alice, carol, dora, group, second: group })
}

/// What is written and changed that his device must catch up with, Commits among it.
fn while_bob_is_away(teller: &mut Teller, talks: &Talks) -> Result<(), Failure> {
    let Talks { alice, carol, group, .. } = *talks;
    let [direct, carols, room] = [alice, carol, group].map(Recipient::Conversation);
    let text = teller.say(ALICE, direct.clone(), "alice to bob, second")?;
    teller.say(ALICE, room.clone(), "alice to all, second")?;
    let gone = teller.say(ALICE, direct.clone(), "alice to bob, deleted")?;
    let name = GroupChange::Name { name: "the group".to_owned() };
    teller.outcome(ALICE, Command::ChangeGroup { conversation: group, change: name })?;
    teller.say(CAROL, room.clone(), "carol to all, second")?;
    teller.outcome(ALICE, Command::Edit { message: text, text: "alice to bob, put otherwise".to_owned() })?;
    teller.outcome(ALICE, Command::React { to: text, emoji: "👍".to_owned() })?;
    teller.outcome(ALICE, Command::Delete { message: gone, reach: Reach::Everyone })?;
    teller.say(CAROL, carols.clone(), "carol to bob, second")?;
    teller.wait()?;
    let [.., doras] = teller.accounts;
    let add = GroupChange::Add { account: doras };
    teller.outcome(ALICE, Command::ChangeGroup { conversation: group, change: add })?;
    teller.wait()?;
    teller.say(DORA, room.clone(), "dora to all, first")?;
    teller.say(CAROL, room, "carol to all, third")?;
    // A day later a send brings a fresh leaf with it.
    teller.desk.pass(Duration::from_secs(25 * 3600), &mut Honest)?;
    teller.say(ALICE, direct.clone(), "alice to bob, third")?;
    teller.wait()?;
    teller.say(ALICE, direct, "alice to bob, fourth")?;
    teller.say(CAROL, carols, "carol to bob, third")?;
    Ok(())
}

/// A group into which Bob comes by a Welcome.
fn second_group(teller: &mut Teller) -> Result<ConversationId, Failure> {
    let [alices, bobs, ..] = teller.accounts;
    let second = teller.group(CAROL, "second", vec![alices, bobs])?;
    teller.say(CAROL, Recipient::Conversation(second), "carol to the second, first")?;
    teller.say(ALICE, Recipient::Conversation(second), "alice to the second, first")?;
    teller.wait()?;
    Ok(second)
}

fn finish(teller: Teller, talks: Talks) -> Result<Story, Failure> {
    let Teller { mut desk, accounts, mut said } = teller;
    for person in [ALICE, CAROL, DORA] {
        desk.kill(person)?;
    }
    let start = desk.taken(Start::shared(Devices::One)?)?;
    let deleted: Vec<Said> = said.extract_if(.., |said| said.body.ends_with("deleted")).collect();
    let now = desk.now;
    let truth = listen(&start, now)?;
    if truth.len() < LEAST {
        return Err(Failure::new("too little waits for Bob's device"));
    }
    Ok(Story { start, now, talks, accounts, said, deleted, truth })
}

/// What the server has for Bob, and nothing is acknowledged.
fn listen(start: &Start, now: Timestamp) -> Result<Vec<Entry>, Failure> {
    struct Keep(Vec<Entry>);
    impl Between for Keep {
        fn pass(&mut self, _: usize, frame: ServerFrame) -> Passed {
            if let Response::Delivery(delivery) = frame.response {
                self.0.extend(delivery.entries);
            }
            Passed::Nothing
        }
    }
    let mut keep = Keep(Vec::new());
    Desk::of(start, &[BOB], now)?.go_online(BOB, &mut keep)?;
    Ok(keep.0)
}
