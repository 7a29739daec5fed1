//! What goes up and down by HTTPS: the same requests, entries and groups, where they do not fit into frames.
//!
//! ```text
//!  upload ─► Staging ─── SendUploaded ─► the request in it, as if it had come in a frame
//!  Delivery with a reference ─► entry_body     (own mailbox, until it is acknowledged)
//!  ReferredGroup ─────────────► group_part     (who may have the group: rule R7)
//! ```

use bytes::Bytes;
use hushwire_types::{ConversationId, Epoch, Generation, Seq, Timestamp};
use hushwire_wire::bodies::GroupPart;
use hushwire_wire::{BodyRef, Error, FetchGroup, Request, SendUploaded, frame};

use crate::fault::Fault;
use crate::limits::Limit;
use crate::service::Service;
use crate::session::Caller;
use crate::staging::Upload;
use crate::step::{Next, Origin, Step};
use crate::tickets::Bearer;

impl Service {
    /// Makes room for an upload; its bytes go into what this returns.
    ///
    /// # Errors
    /// `TOO_LARGE`, `RATE_LIMITED`, or `BUSY` where too many uploads are under way.
    pub fn upload(&self, bearer: Bearer, body: BodyRef, now: Timestamp) -> Result<Upload, Error> {
        let take = || {
            self.limiter.take(Limit::Upload, bearer.0.device.as_ref(), now)?;
            self.staging.begin(bearer.0.mailbox, body, now)
        };
        take().map_err(Fault::into_error)
    }

    /// Bytes that uploads take of this process at the moment.
    #[must_use]
    pub fn uploaded_bytes(&self) -> usize {
        self.staging.bytes()
    }

    /// The body of an entry that waits in the caller's own mailbox. Reads the store.
    ///
    /// # Errors
    /// `BODY_MISSING` where there is no such entry, or not any more; `RATE_LIMITED`; a store that is down.
    pub fn entry_body(&self, bearer: Bearer, seq: Seq, now: Timestamp) -> Result<Bytes, Error> {
        let read = || {
            self.limiter.take(Limit::Download, bearer.0.device.as_ref(), now)?;
            self.store.body(bearer.0.mailbox, seq)?.ok_or(Fault::BodyMissing)
        };
        read().map_err(Fault::into_error)
    }

    /// A part of a group, for whom rule R7 allows it. May take milliseconds, for large groups more.
    ///
    /// # Errors
    /// As for [`FetchGroup`]; `STALE_EPOCH` for the GroupInfo of an epoch that is over.
    pub fn group_part(
        &self,
        bearer: Bearer,
        at: (ConversationId, Generation, Epoch),
        part: GroupPart,
        now: Timestamp,
    ) -> Result<Bytes, Error> {
        let (conversation_id, generation, epoch) = at;
        let fetch = FetchGroup { conversation_id, generation: Some(generation), epoch: Some(epoch) };
        let read = || {
            self.limiter.take(Limit::Download, bearer.0.device.as_ref(), now)?;
            let state = self.group_state(bearer.0, &fetch)?;
            match part {
                GroupPart::Tree => Ok(state.tree()?.into()),
                GroupPart::Info => state.group_info.ok_or(Fault::StaleEpoch(state.standing)),
            }
        };
        read().map_err(Fault::into_error)
    }

    /// A request that was uploaded, as if it had come in a frame.
    pub(crate) fn send_uploaded(
        &self,
        caller: Caller,
        origin: Origin,
        send: &SendUploaded,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        let held = self.staging.take(caller.mailbox, &send.upload, now).ok_or(Fault::BodyMissing)?;
        let request = frame::decode_whole(held.bytes())
            .map_err(|_| Fault::Malformed("what was uploaded is not a request"))?;
        let step = match request {
            Request::SendCommit(commit) => self.send_commit(caller, origin, commit, now),
            Request::CreateConversation(create) => self.create(caller, origin, create, now),
            _ => return Err(Fault::Malformed("only Commits and new conversations are uploaded")),
        };
        match step {
            Ok(mut step) => {
                if let Next::Check(check) = &mut step.next {
                    check.held = Some(Box::new(held));
                }
                Ok(step)
            }
            Err(fault) => {
                // The request comes again, perhaps in a while: it need not be uploaded again for that.
                held.give_back(now);
                Err(fault)
            }
        }
    }
}
