//! From the mailbox to the device: streaming with a window, acknowledgements, what reaches a connection from outside.

use hushwire_server_store::large::{Large, LargeKind};
use hushwire_server_store::mailbox::{self, Acknowledge, Entry, Rest, StoredEntry};
use hushwire_types::Seq;
use hushwire_wire as wire;
use hushwire_wire::{Delivery, Error, ErrorCode, Fenced, Listening, MessageReceived, ServerFrame, limits};

use crate::fault::Fault;
use crate::job::{After, Job};
use crate::service::Service;
use crate::session::{Active, Phase, Session};
use crate::step::{Event, Fence, Next, Origin, Publication, Step, push};
use crate::stream::Place;

impl Service {
    /// Takes what happened to a connection from outside. Frames to send now; the connection may have to close.
    pub fn event(&self, session: &mut Session, event: Event) -> Step {
        match event {
            Event::Answer(frame) => {
                session.in_flight = session.in_flight.saturating_sub(1);
                Step::frames(vec![frame])
            }
            Event::Ephemeral(ephemeral) => Step::frames(vec![push(ephemeral)]),
            Event::Published(publication) => match &mut session.phase {
                Phase::LoggedIn(active) => or_close(self.published(active, publication)),
                _ => Step::frames(Vec::new()),
            },
            Event::Fenced(why) => {
                self.disconnect(session);
                Step::frames(vec![fenced(why)]).and_close()
            }
        }
    }

    /// A client has committed what was delivered.
    pub(crate) fn message_received(
        &self,
        session: &mut Session,
        origin: Origin,
        received: &MessageReceived,
    ) -> Result<Step, Fault> {
        let mailbox = session.caller()?.mailbox;
        let Phase::LoggedIn(active) = &mut session.phase else { return Err(Fault::NotLoggedIn) };
        if received.incarnation != active.incarnation {
            return Err(Fault::Malformed("this is not the mailbox that the acknowledgement is for"));
        }
        // What was never sent cannot have been committed.
        let through = received.through_seq.min(active.stream.last_sent());
        active.stream.acknowledge(through);
        let frames = self.pump(active)?;
        let job = Job::new(origin, Acknowledge { mailbox, through }, After::Acknowledged);
        Ok(Step { frames, outbound: Vec::new(), next: Next::Write(Box::new(job)) })
    }

    fn published(&self, active: &mut Active, publication: Publication) -> Result<Vec<ServerFrame>, Fault> {
        let Publication { seq, entry } = publication;
        match active.stream.place(seq) {
            Place::Old => Ok(Vec::new()),
            Place::Next => {
                let entry = to_wire(seq, &entry);
                active.stream.send(seq, entry.encoded_len());
                Ok(vec![push(Delivery { entries: vec![entry] })])
            }
            Place::Later => {
                active.stream.fall_behind();
                self.pump(active)
            }
        }
    }

    /// Sends what the store has and the window takes.
    pub(crate) fn pump(&self, active: &mut Active) -> Result<Vec<ServerFrame>, Fault> {
        let mut frames = Vec::new();
        while active.stream.is_behind() {
            let Some((entries, bytes)) = active.stream.room() else { break };
            let (entries, bytes) = (entries.min(limits::DELIVERY_ENTRIES), bytes.min(limits::DELIVERY_BYTES));
            let page = self.store.entries(active.who.mailbox, active.stream.last_sent(), entries, bytes)?;
            let before = active.stream.last_sent();
            frames.extend(deliveries(active, page.entries));
            active.stream.pass(page.through);
            if page.rest == Rest::More && active.stream.last_sent() == before {
                tracing::error!("a store says that there is more and gives nothing");
                return Err(Fault::Internal);
            }
            if page.rest == Rest::Nothing && active.stream.caught_up() {
                frames.push(push(Listening { through_seq: page.through }));
            }
        }
        Ok(frames)
    }
}

/// Entries as deliveries that each fit into a frame.
fn deliveries(active: &mut Active, page: Vec<StoredEntry>) -> Vec<ServerFrame> {
    let mut frames = Vec::new();
    let mut entries = Vec::new();
    let mut size = 0_usize;
    for StoredEntry { seq, entry } in page {
        let entry = to_wire(seq, &entry);
        let bytes = entry.encoded_len();
        if !entries.is_empty() && size.saturating_add(bytes) > limits::DELIVERY_BYTES {
            frames.push(push(Delivery { entries: std::mem::take(&mut entries) }));
            size = 0;
        }
        active.stream.send(seq, bytes);
        size = size.saturating_add(bytes);
        entries.push(entry);
    }
    if !entries.is_empty() {
        frames.push(push(Delivery { entries }));
    }
    frames
}

/// A connection that cannot be served from the store any more is told and closed: the client comes back to its cursor.
fn or_close(frames: Result<Vec<ServerFrame>, Fault>) -> Step {
    match frames {
        Ok(frames) => Step::frames(frames),
        Err(fault) => Step::frames(vec![push(fault)]).and_close(),
    }
}

fn fenced(why: Fence) -> ServerFrame {
    match why {
        Fence::Newer => push(Fenced),
        Fence::Suspended => push(Fault::Suspended),
        Fence::Gone => {
            push(Error::new(ErrorCode::NotLoggedIn, "this device is no longer part of the account"))
        }
    }
}

/// An entry as the wire has it.
fn to_wire(seq: Seq, entry: &Entry) -> wire::Entry {
    let place = entry.place.map(|place| wire::Place {
        conversation_id: place.conversation,
        generation: place.generation,
        order: (place.order.0 != 0).then_some(place.order),
    });
    wire::Entry { seq, accepted_at: entry.accepted_at, place, kind: kind(&entry.kind) }
}

fn kind(kind: &mailbox::EntryKind) -> wire::EntryKind {
    use mailbox::EntryKind;
    match kind {
        EntryKind::Application(body) => wire::EntryKind::Application(body.clone().into()),
        EntryKind::Commit(commit) => wire::EntryKind::Commit(commit.clone().into()),
        EntryKind::Welcome { epoch, welcome } => {
            wire::EntryKind::Welcome(wire::WelcomeEntry { welcome: welcome.clone().into(), epoch: *epoch })
        }
        EntryKind::Removed { commit } => {
            wire::EntryKind::Removed(wire::Removed { commit: commit.clone().into() })
        }
        EntryKind::Large(large) => wire::EntryKind::Referred(referred(large)),
        EntryKind::Gap(gap) => wire::EntryKind::Gap(wire::Gap {
            from_seq: gap.from,
            through_seq: gap.through,
            dropped: gap.dropped,
        }),
        EntryKind::ListChanged { account, head } => wire::EntryKind::ListChanged(wire::ListChanged {
            account_id: *account,
            list_number: head.number,
            list_hash: head.hash,
        }),
        EntryKind::HandleClaim(notice) => wire::EntryKind::HandleClaim(crate::claims::to_wire(notice)),
        EntryKind::HandleMoved { account } => {
            wire::EntryKind::HandleMoved(wire::HandleMoved { account_id: *account })
        }
    }
}

fn referred(large: &Large) -> wire::ReferredEntry {
    let of = match large.of {
        LargeKind::Commit => wire::Referred::Commit,
        LargeKind::Welcome { epoch } => wire::Referred::Welcome { epoch },
        LargeKind::Removed => wire::Referred::Removed,
    };
    let length = u32::try_from(large.length).unwrap_or(u32::MAX);
    wire::ReferredEntry { of, body: wire::BodyRef { digest: large.digest, length } }
}

/// What the store hands round itself is what fits into a frame.
const _: () = assert!(hushwire_server_store::large::INLINE_BYTES == limits::MESSAGE_BYTES);
