//! Settings of a person that their devices tell each other: the latest value of each counts, wherever it was set.
//!
//! A register is told whole, so that one that is lost, comes twice or comes late does no harm, and a device that joins
//! later gets them all.

use std::fmt;

use hushwire_types::{Subject, Timestamp};

use crate::content::{Invalid, fixed};
use crate::{limits, proto};

/// One setting and its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Register {
    /// What it is about.
    pub subject: Subject,
    /// Which setting it is.
    pub code: u32,
    /// Its value, as that setting reads it.
    pub value: Vec<u8>,
    /// When it was set, later than every value that the device knew.
    pub at: Timestamp,
}

impl Register {
    fn from_proto(proto: proto::Register) -> Result<Self, Invalid> {
        if proto.value.len() > limits::REGISTER_BYTES {
            return Err(Invalid::too_large("value"));
        }
        let subject = match (&*proto.account, &*proto.conversation, &*proto.content_id) {
            ([], [], []) => Subject::Everything,
            (account, [], []) => Subject::Account(fixed("account", account)?),
            ([], conversation, []) => Subject::Conversation(fixed("conversation", conversation)?),
            (account, conversation, content) => Subject::Message {
                conversation: fixed("conversation", conversation)?,
                account: fixed("account", account)?,
                content: fixed("content_id", content)?,
            },
        };
        Ok(Self { subject, code: proto.code, value: proto.value, at: Timestamp::from_ms(proto.at) })
    }

    fn to_proto(&self) -> proto::Register {
        let mut out = proto::Register {
            code: self.code,
            value: self.value.clone(),
            at: self.at.as_ms(),
            ..Default::default()
        };
        match self.subject {
            Subject::Everything => {}
            Subject::Account(account) => out.account = account.as_bytes().to_vec(),
            Subject::Conversation(conversation) => out.conversation = conversation.as_bytes().to_vec(),
            Subject::Message { conversation, account, content } => {
                out.conversation = conversation.as_bytes().to_vec();
                out.account = account.as_bytes().to_vec();
                out.content_id = content.as_bytes().to_vec();
            }
        }
        out
    }
}

pub(crate) fn from_proto(proto: proto::Registers) -> Result<Vec<Register>, Invalid> {
    if proto.registers.is_empty() {
        return Err(Invalid::Missing { field: "registers" });
    }
    if proto.registers.len() > limits::REGISTERS {
        return Err(Invalid::too_large("registers"));
    }
    proto.registers.into_iter().map(Register::from_proto).collect()
}

pub(crate) fn to_proto(registers: &[Register]) -> proto::Registers {
    proto::Registers { registers: registers.iter().map(Register::to_proto).collect() }
}

impl fmt::Debug for Register {
    /// Shows no value: a draft is what somebody wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register")
            .field("subject", &self.subject)
            .field("code", &self.code)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
