//! One run: members of both kinds do the same in turns.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hushwire_content::{Content, Encoded, Kind, SeenList, Text, Witness};
use hushwire_engine::Command;
use hushwire_identity::{LeafCredential, ServerKey};
use hushwire_types::{Clock, ContentId, Epoch, OsEntropy, SystemClock, Timestamp, rng};
use hushwire_wire::{EntryKind, Opaque, WelcomeEntry};

use super::bare::{Shelf, Staged, Tree};
use super::crowd::{Crowd, Somebody};
use super::member::{Member, Server};
use super::{Both, Shape, Times, histogram, micros};
use crate::newcomer;

/// Steps of a clock that wait for a Commit before it counts as missing.
const TICKS: u32 = 10_000;

/// How long a bare member took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    /// With its database.
    pub(super) durable: Duration,
    /// Without.
    pub(super) in_memory: Duration,
}

/// A bare member with its database, and what it said.
struct Plain {
    who: Somebody,
    shelf: Shelf,
    said: u64,
    last: Option<[u8; 32]>,
}

/// Which of the two kinds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Bare,
}

/// Both, each of them first in every second round.
fn turns(round: usize) -> [Side; 2] {
    if round.is_multiple_of(2) { [Side::Ours, Side::Bare] } else { [Side::Bare, Side::Ours] }
}

/// A text whose message has 1 KiB.
fn text() -> String {
    "x".repeat(1024 - 200)
}

pub(super) struct Run {
    shape: Shape,
    server: Server,
    ours: Vec<Member>,
    bare: Vec<Plain>,
    now: Timestamp,
    welcome: Vec<u8>,
    pub(super) times: Times,
}

impl Run {
    /// Lets the group grow, and adds those who are measured.
    pub(super) fn new(folder: &Path, shape: &Shape) -> Result<Self> {
        let begin = Instant::now();
        let mut crowd = Crowd::new()?;
        crowd.grow(shape.devices - 2 * shape.rounds)?;
        let grown = begin.elapsed();
        let now = SystemClock.now();
        let key = ServerKey::generate(&OsEntropy);
        let mut direct = newcomer::services(&key)?;
        let mut server = Server::new(crowd);
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for round in 0..shape.rounds {
            let name = format!("ours{round}");
            ours.push(Member::new(&mut direct, &key, &mut server, folder, &name, now)?);
            let who = server.crowd.somebody()?;
            let shelf = Shelf::new(folder, &format!("bare{round}"))?;
            bare.push(Plain { who, shelf, said: 0, last: None });
        }
        let mut packages = Vec::new();
        for (ours, bare) in ours.iter().zip(&bare) {
            packages.extend([ours.key_package()?, bare.who.bare.key_package()?]);
        }
        let (welcome, group_info) = server.crowd.add(packages)?;
        (server.group_info, server.tree) = (group_info, server.crowd.tree()?);
        server.epoch = Epoch(server.crowd.epoch()?);
        let times = Times {
            grown,
            met: histogram()?,
            joined: Both::new()?,
            sent: Both::new()?,
            received: Both::new()?,
            committed: Both::new()?,
            processed: Both::new()?,
            applied: Both::new()?,
        };
        Ok(Self { shape: *shape, server, ours, bare, now, welcome, times })
    }

    /// Everybody who is measured joins by the same Welcome.
    pub(super) fn join(&mut self) -> Result<()> {
        let place = self.server.place();
        let conversation = self.server.crowd.conversation;
        let entry = WelcomeEntry { welcome: self.welcome.clone().into(), epoch: self.server.epoch };
        for round in 0..self.shape.rounds {
            for side in turns(round) {
                if side == Side::Bare {
                    let Self { bare, welcome, server, .. } = self;
                    let took = bare.get_mut(round).context("no such member")?.join(welcome, &server.tree)?;
                    self.times.joined.bare(took);
                    continue;
                }
                let now = self.now;
                let member = self.ours.get_mut(round).context("no such member")?;
                let first = member.deliver([(place, EntryKind::Welcome(entry.clone()))], now)?;
                let settled = member.settle(&mut self.server, now)?;
                if !member.is_in(&conversation)? {
                    bail!("the Welcome did not lead into the group");
                }
                self.times.joined.ours(first + settled.tree);
                self.times.met.saturating_record(micros(settled.others));
                member.command(Command::Accept { conversation }, now)?;
                member.settle(&mut self.server, now)?;
            }
        }
        Ok(())
    }

    /// The first of each kind write.
    pub(super) fn send(&mut self) -> Result<()> {
        let (text, conversation) = (text(), self.server.crowd.conversation);
        for round in 0..self.shape.messages {
            self.now = self.now.after(Duration::from_millis(20));
            let now = self.now;
            for side in turns(round as usize) {
                let elapsed = match side {
                    Side::Bare => {
                        let took = self.plain(0)?.send(&text)?;
                        (round > 0).then(|| self.times.sent.bare(took));
                        continue;
                    }
                    Side::Ours => self.first()?.send(conversation, &text, now)?,
                };
                (round > 0).then(|| self.times.sent.ours(elapsed));
                let Self { ours, server, .. } = self;
                ours.first_mut().context("nobody")?.settle(server, now)?;
            }
        }
        Ok(())
    }

    /// The others write, and the first of each kind receive it as a batch.
    pub(super) fn receive(&mut self) -> Result<()> {
        let (text, conversation) = (text(), self.server.crowd.conversation);
        for round in 0..self.shape.batches {
            let mut batch = Vec::new();
            for number in 0..self.shape.batch as usize {
                let writer = 1 + number % (self.shape.rounds - 1);
                let place = self.server.place();
                let message = self.plain(writer)?.write(&text)?;
                batch.push((place, message));
            }
            self.now = self.now.after(Duration::from_millis(20));
            for side in turns(round as usize) {
                match side {
                    Side::Bare => {
                        let took = self.plain(0)?.receive(batch.iter().map(|(_, message)| message))?;
                        self.times.received.bare(took);
                    }
                    Side::Ours => {
                        let now = self.now;
                        let entries: Vec<_> = batch
                            .iter()
                            .map(|(place, message)| (*place, EntryKind::Application(message.clone().into())))
                            .collect();
                        let elapsed = self.first()?.deliver(entries, now)?;
                        self.times.received.ours(elapsed);
                        let Self { ours, server, .. } = self;
                        ours.first_mut().context("nobody")?.settle(server, now)?;
                    }
                }
            }
        }
        let has = self.first()?.received(&conversation)?;
        let wrote = u64::from(self.shape.batches) * u64::from(self.shape.batch);
        if has == wrote { Ok(()) } else { bail!("{has} of {wrote} messages have come") }
    }

    /// Everybody commits once, and all others follow.
    pub(super) fn commit(&mut self) -> Result<()> {
        for round in 0..self.shape.rounds {
            for side in turns(round) {
                match side {
                    Side::Ours => {
                        let commit = self.commit_of_ours(round)?;
                        self.spread(&commit, Side::Ours, round, None)?;
                    }
                    Side::Bare => {
                        self.now = self.now.after(Duration::from_secs(1));
                        let (took, staged) = self.plain(round)?.commit()?;
                        self.times.committed.bare(took);
                        self.server.group_info.clone_from(&staged.group_info);
                        self.spread(&staged.commit.clone(), Side::Bare, round, Some(&staged))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Lets the clock go on until it is this member's turn for a fresh leaf.
    fn commit_of_ours(&mut self, round: usize) -> Result<Vec<u8>> {
        let Self { ours, server, now, .. } = self;
        let member = ours.get_mut(round).context("no such member")?;
        for _ in 0..TICKS {
            let elapsed = member.tick(*now)?;
            if member.has_commit() {
                self.times.committed.ours(elapsed);
                member.settle(server, *now)?;
                let accepted = server.accepted.take().context("no Commit")?;
                server.group_info = accepted.group_info.to_vec();
                return Ok(accepted.commit.to_vec());
            }
            member.settle(server, *now)?;
            *now = member.wake.filter(|wake| wake > now).unwrap_or(now.after(Duration::from_secs(1)));
        }
        bail!("no Commit was made")
    }

    /// Gives a Commit to everybody who is measured.
    fn spread(&mut self, commit: &[u8], by: Side, round: usize, staged: Option<&Staged>) -> Result<()> {
        let (place, now) = (self.server.place(), self.now);
        self.server.epoch = self.server.epoch.next();
        for index in 0..self.shape.rounds {
            for side in turns(index) {
                let own = side == by && index == round;
                match side {
                    Side::Ours => {
                        let Self { ours, server, times, .. } = self;
                        let member = ours.get_mut(index).context("no such member")?;
                        let entry = (place, EntryKind::Commit(Opaque::from(commit.to_vec())));
                        let elapsed = member.deliver([entry], now)?;
                        if own {
                            times.applied.ours(elapsed)
                        } else {
                            times.processed.ours(elapsed)
                        }
                        member.settle(server, now)?;
                    }
                    Side::Bare => {
                        let own = staged.filter(|_| own);
                        let took = self.plain(index)?.follow(commit, own)?;
                        match own {
                            Some(_) => self.times.applied.bare(took),
                            None => self.times.processed.bare(took),
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn first(&mut self) -> Result<&mut Member> {
        self.ours.first_mut().context("nobody")
    }

    fn plain(&mut self, index: usize) -> Result<&mut Plain> {
        self.bare.get_mut(index).context("no such member")
    }
}

impl Plain {
    /// `work`, and then the group written into its database with what `work` returned.
    fn timed(
        &mut self,
        tree: Tree,
        work: impl FnOnce(&mut Somebody) -> Result<Vec<Vec<u8>>>,
    ) -> Result<(Took, Vec<Vec<u8>>)> {
        let begin = Instant::now();
        let rows = work(&mut self.who)?;
        self.who.bare.write()?;
        let in_memory = begin.elapsed();
        self.shelf.keep(&mut self.who.bare, tree, &rows)?;
        Ok((Took { durable: begin.elapsed(), in_memory }, rows))
    }

    fn join(&mut self, welcome: &[u8], tree: &[u8]) -> Result<Took> {
        let joined = self.timed(Tree::Changed, |who| {
            who.bare.join(welcome, tree)?;
            Ok(Vec::new())
        });
        Ok(joined?.0)
    }

    fn send(&mut self, text: &str) -> Result<Took> {
        let plaintext = content(&self.who.credential, text, self.said, None, Vec::new())?.padded()?;
        Ok(self.timed(Tree::Same, |who| Ok(vec![who.bare.encrypt(&plaintext)?]))?.0)
    }

    /// A message for others, which nobody measures.
    fn write(&mut self, text: &str) -> Result<Vec<u8>> {
        self.said += 1;
        let transcript = self.who.bare.transcript_hash()?;
        let content = content(&self.who.credential, text, self.said, self.last, transcript)?;
        self.last = Some(content.hash());
        self.who.bare.encrypt(&content.padded()?)
    }

    fn receive<'a>(&mut self, messages: impl Iterator<Item = &'a Vec<u8>>) -> Result<Took> {
        let decrypt = |who: &mut Somebody| messages.map(|message| who.bare.decrypt(message)).collect();
        Ok(self.timed(Tree::Same, decrypt)?.0)
    }

    /// A Commit that is durable and not applied.
    fn commit(&mut self) -> Result<(Took, Staged)> {
        let begin = Instant::now();
        let staged = self.who.bare.commit(Vec::new())?;
        let in_memory = begin.elapsed();
        self.shelf.keep_rows(&[&staged.commit, &staged.group_info, &staged.secrets])?;
        Ok((Took { durable: begin.elapsed(), in_memory }, staged))
    }

    /// A Commit that came by the stream.
    fn follow(&mut self, commit: &[u8], own: Option<&Staged>) -> Result<Took> {
        let followed = self.timed(Tree::Changed, |who| {
            match own {
                Some(staged) => who.bare.apply(staged)?,
                None => who.bare.process(commit)?,
            }
            Ok(Vec::new())
        });
        Ok(followed?.0)
    }
}

/// A text as a member of ours writes it.
fn content(
    by: &LeafCredential,
    text: &str,
    counter: u64,
    previous: Option<[u8; 32]>,
    transcript_hash: Vec<u8>,
) -> Result<Encoded> {
    let list = SeenList { number: by.list.number, hash: by.list.hash };
    let transcript_hash = if transcript_hash.is_empty() { vec![0; 32] } else { transcript_hash };
    let content = Content {
        content_id: ContentId::new(rng::bytes(&OsEntropy)),
        sent_at: SystemClock.now(),
        fallback: String::new(),
        witness: Witness { counter: counter.max(1), previous, list, transcript_hash, peer_list: None },
        lives_for_s: 0,
        kind: Kind::Text(Text::new(text.to_owned())),
    };
    Ok(content.encode()?)
}
