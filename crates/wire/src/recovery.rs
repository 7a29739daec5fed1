//! Recovery: whoever holds an account's recovery key and has no device left. On a connection without a login.

use hushwire_types::{AccountId, ListNumber};

use crate::field::{self, Invalid, Message};
use crate::limits::{HANDLE_BYTES, LIST_ENTRY_BYTES};
use crate::{Opaque, Sensitive, proto};

/// Asks for the list of the account whose recovery key signs; answered by [`AccountKeys`](crate::AccountKeys).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recover {
    /// A handle of the account in its canonical form.
    pub handle: Sensitive,
    /// By the recovery key, over label "hushwire recovery v1", the server's identity, the channel binding, the server's nonce
    /// and the handle.
    pub signature: [u8; 64],
    /// As in [`SenderKeys`](crate::SenderKeys).
    pub from_number: ListNumber,
}

impl Message for Recover {
    type Proto = proto::Recover;

    fn from_proto(proto: proto::Recover) -> Result<Self, Invalid> {
        Ok(Self {
            handle: field::sensitive("handle", proto.handle, HANDLE_BYTES)?,
            signature: field::id("signature", &proto.signature)?,
            from_number: ListNumber(proto.from_number),
        })
    }

    fn to_proto(&self) -> proto::Recover {
        proto::Recover {
            handle: self.handle.expose().to_owned(),
            signature: field::bytes(self.signature),
            from_number: self.from_number.0,
        }
    }
}

/// Appends an entry that the recovery key has signed; answered by [`ListEntryAppended`](crate::ListEntryAppended).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoverDevice {
    /// The account.
    pub account_id: AccountId,
    /// The entry. Its signature is the proof.
    pub entry: Opaque,
}

impl Message for RecoverDevice {
    type Proto = proto::RecoverDevice;

    fn from_proto(proto: proto::RecoverDevice) -> Result<Self, Invalid> {
        Ok(Self {
            account_id: field::id("account_id", &proto.account_id)?,
            entry: field::opaque("entry", proto.entry, LIST_ENTRY_BYTES)?,
        })
    }

    fn to_proto(&self) -> proto::RecoverDevice {
        proto::RecoverDevice { account_id: field::bytes(self.account_id), entry: field::shared(&self.entry) }
    }
}
