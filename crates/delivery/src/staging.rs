//! Uploads that wait for the request that names them.
//!
//! They are kept in memory: an upload that is lost, by a restart or because it waited too long, is answered with
//! `BODY_MISSING`, and its client, which has it on the disk, uploads it again.
//!
//! Invariants:
//! - Room is taken before the first byte comes and given back when the last user of the bytes is gone: while they come,
//!   while they wait, and while the request that they hold is checked and written. So [`TOTAL_BYTES`] is what uploads
//!   ever take of this process.
//! - A device has [`PER_DEVICE`] uploads of [`PER_DEVICE_BYTES`] together; a new one pushes out its oldest that wait.
//! - What waits is what its digest says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_types::Timestamp;
use hushwire_wire::{BodyRef, limits};
use sha2::{Digest, Sha256};

use crate::fault::Fault;

/// Uploads of one device: a Commit in each of some conversations, sent one after the other.
const PER_DEVICE: usize = 4;
/// Bytes of one device: the largest upload, and room for usual ones beside it.
const PER_DEVICE_BYTES: usize = limits::UPLOAD_BYTES + limits::BODY_BYTES;
/// Bytes of all devices: ten of the largest uploads at once, or fifty of a group of 1,000 devices.
const TOTAL_BYTES: usize = 128 << 20;
/// How long an upload waits. Its request follows within seconds where the connection holds.
const LIFETIME: Duration = Duration::from_secs(600);

/// The uploads of all devices.
#[derive(Clone, Default)]
pub(crate) struct Staging {
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Default)]
struct Shelf {
    uploads: HashMap<MailboxKey, Vec<Staged>>,
    bytes: usize,
    numbered: u64,
}

struct Staged {
    number: u64,
    body: BodyRef,
    state: State,
}

enum State {
    /// It is coming.
    Coming,
    /// It waits, since then.
    Waits(Timestamp, Bytes),
    /// The request that it holds is under way.
    Taken,
}

/// Room for one upload, given back when this goes.
struct Room {
    staging: Staging,
    mailbox: MailboxKey,
    /// Which upload of the mailbox; none where it was left there.
    number: Option<u64>,
}

/// An upload that is coming in.
pub struct Upload {
    room: Room,
    body: BodyRef,
    bytes: BytesMut,
    hash: Sha256,
}

/// An upload whose request is under way.
pub(crate) struct Held {
    room: Room,
    bytes: Bytes,
}

impl Staging {
    /// Takes room for an upload.
    pub(crate) fn begin(&self, mailbox: MailboxKey, body: BodyRef, now: Timestamp) -> Result<Upload, Fault> {
        if body.size() > limits::UPLOAD_BYTES {
            return Err(Fault::TooLarge);
        }
        let mut shelf = self.lock();
        shelf.expire(now);
        shelf.make_room(mailbox, &body)?;
        shelf.numbered = shelf.numbered.saturating_add(1);
        shelf.bytes = shelf.bytes.saturating_add(body.size());
        let number = shelf.numbered;
        shelf.uploads.entry(mailbox).or_default().push(Staged { number, body, state: State::Coming });
        drop(shelf);
        let room = Room { staging: self.clone(), mailbox, number: Some(number) };
        Ok(Upload { room, body, bytes: BytesMut::new(), hash: Sha256::new() })
    }

    /// The upload that a request names. It is given once.
    pub(crate) fn take(&self, mailbox: MailboxKey, body: &BodyRef, now: Timestamp) -> Option<Held> {
        let mut shelf = self.lock();
        shelf.expire(now);
        let staged = shelf.uploads.get_mut(&mailbox)?;
        let found = staged
            .iter_mut()
            .find(|staged| staged.body == *body && matches!(staged.state, State::Waits(..)))?;
        let State::Waits(_, bytes) = std::mem::replace(&mut found.state, State::Taken) else { return None };
        let room = Room { staging: self.clone(), mailbox, number: Some(found.number) };
        Some(Held { room, bytes })
    }

    /// Lets go what waited too long.
    pub(crate) fn expire(&self, now: Timestamp) {
        self.lock().expire(now);
    }

    /// Bytes that are taken by uploads now.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn set(&self, mailbox: MailboxKey, number: u64, state: State) {
        let mut shelf = self.lock();
        let staged =
            shelf.uploads.get_mut(&mailbox).and_then(|all| all.iter_mut().find(|one| one.number == number));
        if let Some(staged) = staged {
            staged.state = state;
        }
    }

    /// The shelf stays valid whatever panicked while it was held.
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn remove(&mut self, mailbox: MailboxKey, number: u64) {
        let Some(staged) = self.uploads.get_mut(&mailbox) else { return };
        if let Some(at) = staged.iter().position(|one| one.number == number) {
            let gone = staged.remove(at);
            self.bytes = self.bytes.saturating_sub(gone.body.size());
        }
        if staged.is_empty() {
            self.uploads.remove(&mailbox);
        }
    }

    fn make_room(&mut self, mailbox: MailboxKey, body: &BodyRef) -> Result<(), Fault> {
        // The same upload again takes the place of the one before.
        while let Some(same) = self.waiting(mailbox, |one| one.body == *body) {
            self.remove(mailbox, same);
        }
        while !self.device_has_room(mailbox, body) {
            let oldest = self.waiting(mailbox, |_| true).ok_or(Fault::Busy)?;
            self.remove(mailbox, oldest);
        }
        if self.bytes.saturating_add(body.size()) > TOTAL_BYTES { Err(Fault::Busy) } else { Ok(()) }
    }

    fn device_has_room(&self, mailbox: MailboxKey, body: &BodyRef) -> bool {
        let Some(staged) = self.uploads.get(&mailbox) else { return true };
        let bytes: usize = staged.iter().map(|one| one.body.size()).sum();
        staged.len() < PER_DEVICE && bytes.saturating_add(body.size()) <= PER_DEVICE_BYTES
    }

    fn waiting(&self, mailbox: MailboxKey, which: impl Fn(&Staged) -> bool) -> Option<u64> {
        let staged = self.uploads.get(&mailbox)?.iter();
        staged.filter(|one| matches!(one.state, State::Waits(..)) && which(one)).map(|one| one.number).next()
    }

    fn expire(&mut self, now: Timestamp) {
        let mut gone = 0_usize;
        self.uploads.retain(|_, staged| {
            staged.retain(|one| {
                let over = matches!(one.state, State::Waits(since, _) if now.since(since) > LIFETIME);
                gone = gone.saturating_add(if over { one.body.size() } else { 0 });
                !over
            });
            !staged.is_empty()
        });
        self.bytes = self.bytes.saturating_sub(gone);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.staging.lock().remove(self.mailbox, number);
        }
    }
}

impl Room {
    /// Ends this hold on the room and leaves the upload in it.
    fn leave(mut self, state: State) {
        if let Some(number) = self.number.take() {
            self.staging.set(self.mailbox, number, state);
        }
    }
}

impl Upload {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// `MALFORMED` where there are more of them than were announced.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), hushwire_wire::Error> {
        if self.bytes.len().saturating_add(chunk.len()) > self.body.size() {
            return Err(Fault::Malformed("the upload is longer than it said").into_error());
        }
        self.hash.update(chunk);
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// All bytes have come: the upload waits for its request.
    ///
    /// # Errors
    /// `MALFORMED` where they are not what was announced.
    pub fn finish(self, now: Timestamp) -> Result<(), hushwire_wire::Error> {
        if self.bytes.len() != self.body.size() {
            return Err(Fault::Malformed("the upload is shorter than it said").into_error());
        }
        let digest: [u8; 32] = self.hash.finalize().into();
        if digest != *self.body.digest.as_bytes() {
            return Err(Fault::Malformed("the upload has another digest than it said").into_error());
        }
        self.room.leave(State::Waits(now, self.bytes.freeze()));
        Ok(())
    }
}

impl Held {
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The request was not taken on: the upload waits again.
    pub(crate) fn give_back(self, now: Timestamp) {
        self.room.leave(State::Waits(now, self.bytes));
    }
}

/// Bodies are in no log.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_types::BodyDigest;

    const T0: Timestamp = Timestamp::from_ms(1_000_000);
    const A: MailboxKey = MailboxKey(1);
    const B: MailboxKey = MailboxKey(2);

    fn body(bytes: &[u8]) -> BodyRef {
        let length = u32::try_from(bytes.len()).unwrap();
        BodyRef { digest: BodyDigest::new(Sha256::digest(bytes).into()), length }
    }

    fn put(staging: &Staging, mailbox: MailboxKey, bytes: &[u8]) -> Result<(), Fault> {
        let mut upload = staging.begin(mailbox, body(bytes), T0)?;
        bytes.chunks(1000).for_each(|chunk| upload.push(chunk).unwrap());
        upload.finish(T0).unwrap();
        Ok(())
    }

    #[test]
    fn an_upload_is_given_once_to_the_device_that_made_it() {
        let staging = Staging::default();
        put(&staging, A, b"request").unwrap();
        assert!(staging.take(B, &body(b"request"), T0).is_none(), "somebody else's");
        assert!(staging.take(A, &body(b"another"), T0).is_none());
        let held = staging.take(A, &body(b"request"), T0).unwrap();
        assert_eq!((held.bytes().as_ref(), staging.bytes()), (b"request".as_slice(), 7));
        assert!(staging.take(A, &body(b"request"), T0).is_none());
        held.give_back(T0);
        drop(staging.take(A, &body(b"request"), T0).unwrap());
        assert_eq!(staging.bytes(), 0, "its room is given back with it");
        assert!(staging.take(A, &body(b"request"), T0).is_none());
    }

    #[test]
    fn an_upload_that_is_not_what_it_said_or_breaks_off_leaves_nothing() {
        let staging = Staging::default();
        let mut short = staging.begin(A, body(b"request"), T0).unwrap();
        short.push(b"req").unwrap();
        assert!(short.finish(T0).is_err());
        let mut long = staging.begin(A, body(b"request"), T0).unwrap();
        assert!(long.push(b"request and more").is_err());
        drop(long);
        let mut other = staging.begin(A, body(b"request"), T0).unwrap();
        other.push(b"REQUEST").unwrap();
        assert!(other.finish(T0).is_err());
        drop(staging.begin(A, body(b"request"), T0).unwrap());
        assert_eq!(staging.bytes(), 0);
        assert!(staging.take(A, &body(b"request"), T0).is_none());
    }

    #[test]
    fn what_waits_too_long_goes() {
        let staging = Staging::default();
        put(&staging, A, b"request").unwrap();
        staging.expire(T0.after(LIFETIME));
        assert_eq!(staging.bytes(), 7);
        let late = T0.after(LIFETIME + Duration::from_secs(1));
        assert!(staging.take(A, &body(b"request"), late).is_none());
        assert_eq!(staging.bytes(), 0);
        put(&staging, A, b"another").unwrap();
        staging.expire(late);
        assert_eq!(staging.bytes(), 0, "nobody needs to ask for it");
    }

    #[test]
    fn a_device_pushes_out_its_own_oldest_and_nobody_elses() {
        let staging = Staging::default();
        put(&staging, B, b"theirs").unwrap();
        for number in 0..=PER_DEVICE {
            put(&staging, A, &[u8::try_from(number).unwrap()]).unwrap();
        }
        assert!(staging.take(A, &body(&[0]), T0).is_none());
        assert!(staging.take(A, &body(&[1]), T0).is_some());
        assert!(staging.take(B, &body(b"theirs"), T0).is_some());
    }

    #[test]
    fn room_is_bounded_for_a_device_and_for_all() {
        let staging = Staging::default();
        let large = |byte| BodyRef {
            digest: BodyDigest::new([byte; 32]),
            length: u32::try_from(limits::UPLOAD_BYTES).unwrap(),
        };
        let first = staging.begin(A, large(0), T0).unwrap();
        assert!(
            matches!(staging.begin(A, large(1), T0), Err(Fault::Busy)),
            "what comes in is not pushed out"
        );
        let many: Vec<_> =
            (0..20).map_while(|number| staging.begin(MailboxKey(10 + number), large(2), T0).ok()).collect();
        assert!((2..20).contains(&many.len()) && staging.bytes() <= TOTAL_BYTES);
        assert!(matches!(staging.begin(B, large(3), T0), Err(Fault::Busy)));
        drop((first, many));
        assert!(staging.begin(B, large(3), T0).is_ok());
        let beyond = BodyRef { length: large(0).length + 1, ..large(0) };
        assert!(matches!(staging.begin(B, beyond, T0), Err(Fault::TooLarge)));
    }

    #[test]
    fn the_same_upload_again_takes_the_place_of_the_one_before() {
        let staging = Staging::default();
        put(&staging, A, b"another").unwrap();
        put(&staging, A, b"request").unwrap();
        put(&staging, A, b"request").unwrap();
        assert_eq!(staging.bytes(), 14);
        let held = staging.take(A, &body(b"request"), T0).unwrap();
        assert_eq!(format!("{held:?}"), "Held(7 bytes)");
        assert!(staging.take(A, &body(b"request"), T0).is_none());
        assert!(staging.take(A, &body(b"another"), T0).is_some());
    }

    #[test]
    fn beside_the_largest_upload_a_usual_one_has_room_and_a_larger_one_goes() {
        let large = BodyRef {
            digest: BodyDigest::new([9; 32]),
            length: u32::try_from(limits::UPLOAD_BYTES).unwrap(),
        };
        for (usual, stays) in [(limits::BODY_BYTES, true), (limits::BODY_BYTES + 1, false)] {
            let staging = Staging::default();
            let usual = vec![7; usual];
            put(&staging, A, &usual).unwrap();
            let coming = staging.begin(A, large, T0).unwrap();
            assert_eq!(staging.take(A, &body(&usual), T0).is_some(), stays);
            drop(coming);
        }
    }

    #[test]
    fn all_uploads_together_have_128_mib_to_the_last_byte() {
        let staging = Staging::default();
        let begin = |device: u64, bytes: usize| {
            let length = u32::try_from(bytes).unwrap();
            staging.begin(MailboxKey(device), BodyRef { digest: BodyDigest::new([1; 32]), length }, T0)
        };
        let twelve: Vec<_> = (0..10).map(|device| begin(device, 12 << 20).unwrap()).collect();
        assert!(matches!(begin(10, (8 << 20) + 1), Err(Fault::Busy)));
        let rest = begin(10, 8 << 20).unwrap();
        assert!(matches!(begin(11, 1), Err(Fault::Busy)));
        drop((twelve, rest));
    }
}
