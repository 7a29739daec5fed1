//! Answers to requests, each to the flow that asked.

use hushwire_wire as wire;
use hushwire_wire::Response;

use crate::step::Step;
use crate::stop::Stop;
use crate::{Broken, Tag};

impl Step<'_, '_> {
    /// Handles an answer. One that was not asked for on this connection is ignored.
    pub(crate) fn answer(&mut self, tag: &Tag, result: &Result<Response, wire::Error>) -> Result<(), Stop> {
        let Some(connection) = self.connection() else { return Ok(()) };
        if !connection.in_flight.remove(tag) {
            return Ok(());
        }
        let tries = connection.tries(tag);
        if self.dispatch(tag, result)? == Fits::No {
            self.reconnect(Broken::WrongAnswer);
        } else if let (Ok(_), Some(connection)) = (result, self.connection()) {
            connection.succeed(tag, tries);
        }
        Ok(())
    }

    fn dispatch(&mut self, tag: &Tag, result: &Result<Response, wire::Error>) -> Result<Fits, Stop> {
        match (tag, result) {
            (Tag::Send(seq), Ok(Response::MessageSent(sent))) => self.send_answer(*seq, Ok(sent))?,
            (Tag::Send(seq), Err(error)) => self.send_answer(*seq, Err(error))?,
            (Tag::LookUp(handle), Ok(Response::AccountKeys(keys))) => {
                self.look_up_answer(handle, Ok(keys))?
            }
            (Tag::LookUp(handle), Err(error)) => self.look_up_answer(handle, Err(error))?,
            (Tag::Keys(account), Ok(Response::AccountKeys(keys))) => self.keys_answer(*account, Ok(keys))?,
            (Tag::Keys(account), Err(error)) => self.keys_answer(*account, Err(error))?,
            (Tag::Claim { conversation, account }, Ok(Response::ClaimedKeyPackages(claimed))) => {
                self.claim_answer(conversation, *account, Ok(claimed))?;
            }
            (Tag::Claim { conversation, account }, Err(error)) => {
                self.claim_answer(conversation, *account, Err(error))?;
            }
            (Tag::Group { conversation, epoch, .. }, Ok(Response::Group(group))) => {
                self.group_answer(tag, conversation, *epoch, Ok(group))?;
            }
            (Tag::Group { conversation, epoch, .. }, Err(error)) => {
                self.group_answer(tag, conversation, *epoch, Err(error))?;
            }
            (Tag::Decision { handle, claimant }, Ok(Response::HandleClaimAnswered(_))) => {
                self.decision_answer(handle, *claimant, Ok(()))?;
            }
            (Tag::Decision { handle, claimant }, Err(error)) => {
                self.decision_answer(handle, *claimant, Err(error))?;
            }
            (Tag::KeyPackages, Ok(Response::KeyPackagesStored(stored))) => {
                self.key_packages_answer(Ok(stored))?
            }
            (Tag::KeyPackages, Err(error)) => self.key_packages_answer(Err(error))?,
            (Tag::ListEntry(number), Ok(Response::ListEntryAppended(appended))) => {
                self.list_entry_answer(*number, Ok(appended))?;
            }
            (Tag::ListEntry(number), Err(error)) => self.list_entry_answer(*number, Err(error))?,
            (Tag::Report(id), Ok(Response::ReportStored(_))) => self.report_answer(id, Ok(()))?,
            (Tag::Report(id), Err(error)) => self.report_answer(id, Err(error))?,
            // Nobody waits for it, and a refused one is not said again.
            (Tag::Ephemeral(_), Ok(Response::EphemeralSent(_)) | Err(_)) => {}
            (_, Ok(_)) => return Ok(Fits::No),
        }
        Ok(Fits::Yes)
    }
}

/// Whether an answer is of the kind that its request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fits {
    Yes,
    No,
}
