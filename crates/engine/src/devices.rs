//! Commands about this account's own devices: the next entry of its list, signed here and appended by the server.
//!
//! ```text
//!  DraftDevice ─► a signed draft, to be made whole by the new device   (nothing is stored or sent)
//!  AddDevice, RenameDevice, RevokeDevice ─► AppendListEntry ─► ListEntryAppended ─► own list, groups, people
//!                                                  └─► LIST_CONFLICT: another device was faster, nothing changed
//! ```
//!
//! Invariants:
//! - An entry is part of the own list here only once the server has it: two devices that write at once would else hold two
//!   different entries of one number, for ever.
//! - One entry is under way at a time. Where its answer is lost, the server's list tells at the next login what became of it.

use hushwire_identity::list::{Author, Joining};
use hushwire_identity::{DeviceList, DeviceName, ListError};
use hushwire_types::{DeviceId, ListNumber};
use hushwire_wire as wire;

use crate::known_list::By;
use crate::step::Step;
use crate::stop::Stop;
use crate::{CommandId, Outcome, Refusal, Tag};

/// An entry of the own list that the server is asked to append.
#[derive(Debug, Clone)]
pub(crate) struct Appending {
    command: CommandId,
    number: ListNumber,
    entry: Vec<u8>,
}

impl Appending {
    /// Who waits for it.
    pub(crate) const fn command(&self) -> CommandId {
        self.command
    }
}

impl Step<'_, '_> {
    /// The entry that adds a device, up to that device's own signature.
    pub(crate) fn draft_device(&mut self, joining: &Joining) -> Result<Outcome, Stop> {
        Ok(match self.own_list()?.draft(&self.me.list_key, joining) {
            Ok(draft) => Outcome::Drafted { draft },
            Err(error) => Outcome::Refused(refusal(error)),
        })
    }

    pub(crate) fn add_device(&mut self, id: CommandId, entry: &[u8]) -> Result<(), Stop> {
        self.append_to_own(id, |_, _| Ok(entry.to_vec()))
    }

    pub(crate) fn rename_device(
        &mut self,
        id: CommandId,
        device: DeviceId,
        name: &DeviceName,
    ) -> Result<(), Stop> {
        self.append_to_own(id, |list, author| list.rename(author, device, name.clone()))
    }

    /// A device cannot revoke itself: it could not remove its leaves any more, nor tell the person how it went.
    pub(crate) fn revoke_device(&mut self, id: CommandId, device: DeviceId) -> Result<(), Stop> {
        if device == self.me.device {
            self.done(id, Outcome::Refused(Refusal::ThisDevice));
            return Ok(());
        }
        self.append_to_own(id, |list, author| list.revoke(author, device))
    }

    fn append_to_own(
        &mut self,
        command: CommandId,
        write: impl FnOnce(&DeviceList, Author<'_>) -> Result<Vec<u8>, ListError>,
    ) -> Result<(), Stop> {
        let list = self.own_list()?;
        let written = write(&list, Author::Device(&self.me.list_key)).and_then(|entry| {
            // Signed elsewhere, an addition is checked like one of the server's.
            DeviceList::clone(&list).append(&entry)?;
            Ok(entry)
        });
        let refused = match written {
            Err(error) => refusal(error),
            Ok(_) if !self.session.is_online() => Refusal::Unreachable,
            Ok(_) if self.session.appending.is_some() => Refusal::ListMoved,
            Ok(entry) => {
                let number = list.head().number.next();
                if self.request(Tag::ListEntry(number), wire::AppendListEntry { entry: entry.clone().into() })
                {
                    self.session.appending = Some(Appending { command, number, entry });
                    return Ok(());
                }
                Refusal::ListMoved
            }
        };
        self.done(command, Outcome::Refused(refused));
        Ok(())
    }

    /// The server has answered; whether it was about an entry that a command has written.
    pub(crate) fn appended(
        &mut self,
        number: ListNumber,
        result: Result<(), &wire::Error>,
    ) -> Result<bool, Stop> {
        let Some(Appending { command, entry, .. }) =
            self.session.appending.take_if(|appending| appending.number == number)
        else {
            return Ok(false);
        };
        let outcome = match result {
            Ok(()) => {
                self.grow_own(&entry, By::This)?;
                Outcome::Done
            }
            Err(error) if error.code == wire::ErrorCode::ListConflict => Outcome::Refused(Refusal::ListMoved),
            Err(error) => Outcome::Refused(Refusal::Refused {
                reason: error.text.clone(),
                retry_after_ms: crate::contacts::wait_ms(error),
            }),
        };
        self.done(command, outcome);
        Ok(true)
    }
}

fn refusal(error: ListError) -> Refusal {
    match error {
        ListError::Refused(hushwire_identity::Refusal::NotActive) => Refusal::UnknownHere("such device"),
        ListError::Refused(hushwire_identity::Refusal::Author) => Refusal::Revoked,
        // Of another place than the head: it was drafted before the list moved.
        ListError::Gap { .. } | ListError::Fork { .. } => Refusal::ListMoved,
        error => Refusal::BadEntry(error.to_string()),
    }
}
