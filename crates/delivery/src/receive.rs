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
    /// Takes what happened to a connection from outside, in order. Frames to send now, entries that follow each other in one
    /// of them; the connection may have to close, and what comes after that is of no use.
    pub fn events(&self, session: &mut Session, events: impl IntoIterator<Item = Event>) -> Step {
        let mut outgoing = Outgoing::default();
        for event in events {
            match event {
                Event::Answer(frame) => {
                    session.in_flight = session.in_flight.saturating_sub(1);
                    outgoing.frame(frame);
                }
                Event::Ephemeral(ephemeral) => outgoing.frame(push(ephemeral)),
                Event::Link(response) => outgoing.frame(push(response)),
                Event::Published(publication) => {
                    let Phase::LoggedIn(active) = &mut session.phase else { continue };
                    if let Err(fault) = self.published(active, publication, &mut outgoing) {
                        // What cannot be served from the store any more is told: the client comes back to its cursor.
                        outgoing.frame(push(fault));
                        return Step::frames(outgoing.into_frames()).and_close();
                    }
                }
                Event::Fenced(why) => {
                    let told = self.disconnect(session);
                    outgoing.frame(fenced(why));
                    let step =
                        Step { outbound: told.into_iter().collect(), ..Step::frames(outgoing.into_frames()) };
                    return step.and_close();
                }
            }
        }
        Step::frames(outgoing.into_frames())
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

    fn published(
        &self,
        active: &mut Active,
        publication: Publication,
        outgoing: &mut Outgoing,
    ) -> Result<(), Fault> {
        let Publication { seq, entry } = publication;
        match active.stream.place(seq) {
            Place::Old => Ok(()),
            Place::Next => {
                outgoing.entry(active, seq, &entry);
                Ok(())
            }
            Place::Later => {
                active.stream.fall_behind();
                self.pump_into(active, outgoing)
            }
        }
    }

    /// Sends what the store has and the window takes.
    pub(crate) fn pump(&self, active: &mut Active) -> Result<Vec<ServerFrame>, Fault> {
        let mut outgoing = Outgoing::default();
        self.pump_into(active, &mut outgoing)?;
        Ok(outgoing.into_frames())
    }

    fn pump_into(&self, active: &mut Active, outgoing: &mut Outgoing) -> Result<(), Fault> {
        while active.stream.is_behind() {
            let Some((entries, bytes)) = active.stream.room() else { break };
            let (entries, bytes) = (entries.min(limits::DELIVERY_ENTRIES), bytes.min(limits::DELIVERY_BYTES));
            let page = self.store.entries(active.who.mailbox, active.stream.last_sent(), entries, bytes)?;
            let before = active.stream.last_sent();
            for StoredEntry { seq, entry } in page.entries {
                outgoing.entry(active, seq, &entry);
            }
            active.stream.pass(page.through);
            if page.rest == Rest::More && active.stream.last_sent() == before {
                tracing::error!("a store says that there is more and gives nothing");
                return Err(Fault::Internal);
            }
            if page.rest == Rest::Nothing && active.stream.caught_up() {
                outgoing.frame(push(Listening { through_seq: page.through }));
            }
        }
        Ok(())
    }
}

/// Frames on their way to one connection, in order. Entries that follow each other share deliveries, each within the limits
/// of one: with a delivery of its own for every entry, a busy mailbox would also be acknowledged entry by entry.
#[derive(Default)]
struct Outgoing {
    frames: Vec<ServerFrame>,
    entries: Vec<wire::Entry>,
    bytes: usize,
}

impl Outgoing {
    fn frame(&mut self, frame: ServerFrame) {
        self.close();
        self.frames.push(frame);
    }

    fn entry(&mut self, active: &mut Active, seq: Seq, entry: &Entry) {
        let entry = to_wire(seq, entry);
        let bytes = entry.encoded_len();
        let full = self.entries.len() >= limits::DELIVERY_ENTRIES
            || self.bytes.saturating_add(bytes) > limits::DELIVERY_BYTES;
        if full {
            self.close();
        }
        active.stream.send(seq, bytes);
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.push(entry);
    }

    fn close(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        self.bytes = 0;
        if !entries.is_empty() {
            self.frames.push(push(Delivery { entries }));
        }
    }

    fn into_frames(mut self) -> Vec<ServerFrame> {
        self.close();
        self.frames
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

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_server_store::mailbox::MailboxKey;
    use hushwire_types::{AccountId, DeviceId, IncarnationId, OsEntropy, Timestamp};
    use hushwire_wire::Response;

    use crate::session::Caller;
    use crate::settings::Window;
    use crate::step::ConnectionId;
    use crate::stream::Stream;
    use crate::tickets::Tickets;

    fn active() -> Active {
        let (account, device) = (AccountId::new([1; 32]), DeviceId::new([2; 16]));
        let who = Caller { account, device, mailbox: MailboxKey(3) };
        let (_, ticket) = Tickets::default().issue(ConnectionId(4), who, &OsEntropy);
        let stream = Stream::new(Window::default(), Seq(0));
        Active { who, incarnation: IncarnationId::new([5; 16]), stream, ticket }
    }

    /// How many entries each delivery has, of entries with bodies of these lengths.
    fn deliveries(bodies: &[usize]) -> Vec<usize> {
        let (mut active, mut outgoing) = (active(), Outgoing::default());
        for (seq, bytes) in (1..).map(Seq).zip(bodies) {
            outgoing.entry(&mut active, seq, &entry(*bytes));
        }
        let frames = outgoing.into_frames().into_iter().map(|frame| match frame.response {
            Response::Delivery(delivery) => delivery.entries.len(),
            _ => 0,
        });
        frames.collect()
    }

    fn entry(bytes: usize) -> Entry {
        let kind = mailbox::EntryKind::Application(vec![7; bytes].into());
        Entry { place: None, accepted_at: Timestamp::from_ms(1_000_000), kind }
    }

    #[test]
    fn a_delivery_is_filled_to_its_last_byte_and_its_last_entry() {
        let one = |bytes| to_wire(Seq(1), &entry(bytes)).encoded_len();
        let rest = limits::DELIVERY_BYTES - one(40_000) - (one(20_000) - 20_000);
        assert_eq!(one(40_000) + one(rest), limits::DELIVERY_BYTES);
        assert_eq!(deliveries(&[40_000, rest]), [2]);
        assert_eq!(deliveries(&[40_000, rest + 1]), [1, 1]);
        let many = vec![1; limits::DELIVERY_ENTRIES + 1];
        assert_eq!(deliveries(&many), [limits::DELIVERY_ENTRIES, 1]);
    }
}
