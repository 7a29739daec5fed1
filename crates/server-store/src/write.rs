//! The operations that change a store, and what comes of each.

use hushwire_types::{AccountId, Seq};

use crate::account::{AppendListEntry, CreateAccount, DeleteAccount, ListHead, SetSuspended};
use crate::claim::{AnswerClaim, ClaimHandle, HandleClaimed};
use crate::classic::{
    AcknowledgeClassic, BeginClassic, ClassicMessage, ClassicStored, CountClassicGuess, CreateClassic,
    StoreClassic,
};
use crate::conversation::{Append, AppendCommit, CreateConversation, Sent};
use crate::key_package::{ClaimKeyPackages, ClaimedKeyPackage, KeyPackageState, PutKeyPackages};
use crate::mailbox::{Acknowledge, MailboxKey, Publication, RecordLogin};
use crate::registration::{CreateInvite, OtpOutcome, RevokeInvite, StartSession, TryOtp};
use crate::report::{DeleteReport, StoreReport};
use crate::upkeep::{Expire, Expired, PutMeta, SaveLimits};

/// One operation. Each struct says what it does and which [`Written`] answers it.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each variant is the struct of its name")]
pub enum Write {
    CreateInvite(CreateInvite),
    RevokeInvite(RevokeInvite),
    StartSession(StartSession),
    TryOtp(TryOtp),
    CreateAccount(Box<CreateAccount>),
    ClaimHandle(ClaimHandle),
    AnswerClaim(AnswerClaim),
    AppendListEntry(Box<AppendListEntry>),
    SetSuspended(SetSuspended),
    DeleteAccount(DeleteAccount),
    PutKeyPackages(PutKeyPackages),
    ClaimKeyPackages(ClaimKeyPackages),
    CreateConversation(Box<CreateConversation>),
    Append(Append),
    AppendCommit(Box<AppendCommit>),
    Acknowledge(Acknowledge),
    RecordLogin(RecordLogin),
    Expire(Expire),
    SaveLimits(SaveLimits),
    PutMeta(PutMeta),
    BeginClassic(BeginClassic),
    CountClassicGuess(CountClassicGuess),
    CreateClassic(CreateClassic),
    StoreClassic(StoreClassic),
    AcknowledgeClassic(AcknowledgeClassic),
    StoreReport(StoreReport),
    DeleteReport(DeleteReport),
}

/// What came of an accepted operation. After the batch is durable, the caller answers and publishes from it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Written {
    /// Done; there is nothing to say.
    Done,
    /// An OTP was tried.
    Otp(OtpOutcome),
    /// The account exists.
    AccountCreated {
        /// The account.
        account: AccountId,
        /// The mailbox of its first device.
        mailbox: MailboxKey,
        /// Notices of a handle that passed to it.
        publications: Vec<Publication>,
    },
    /// A handle was claimed.
    Claim(HandleClaimed),
    /// A claim was decided about.
    ClaimAnswered {
        /// The notices.
        publications: Vec<Publication>,
    },
    /// A device list moved.
    ListAppended {
        /// Where it stands now.
        head: ListHead,
        /// Mailboxes that are gone: close their connections.
        closed: Vec<MailboxKey>,
        /// The notices.
        publications: Vec<Publication>,
    },
    /// KeyPackages were stored.
    KeyPackages(KeyPackageState),
    /// KeyPackages were claimed, one for each device that had any.
    Claimed(Vec<ClaimedKeyPackage>),
    /// A send was accepted, now or before.
    Sent(Sent),
    /// Everything up to here is acknowledged.
    Acknowledged(Seq),
    /// An account was deleted: close the connections of its mailboxes.
    Deleted {
        /// The mailboxes that are gone.
        closed: Vec<MailboxKey>,
    },
    /// A message of wire version 1 is stored.
    ClassicStored(ClassicStored),
    /// The next message of a sender in wire version 1.
    ClassicNext(Option<ClassicMessage>),
    /// What was too old is gone.
    Expired(Expired),
}

macro_rules! from {
    ($($name:ident),*; boxed $($boxed:ident),*) => {
        $(impl From<$name> for Write {
            fn from(operation: $name) -> Self {
                Self::$name(operation)
            }
        })*
        $(impl From<$boxed> for Write {
            fn from(operation: $boxed) -> Self {
                Self::$boxed(Box::new(operation))
            }
        })*
    };
}

from!(
    CreateInvite, RevokeInvite, StartSession, TryOtp, ClaimHandle, AnswerClaim, SetSuspended, DeleteAccount, PutKeyPackages,
    ClaimKeyPackages, Append, Acknowledge, RecordLogin, Expire, SaveLimits, PutMeta, BeginClassic, CountClassicGuess, CreateClassic,
    StoreClassic, AcknowledgeClassic, StoreReport, DeleteReport;
    boxed CreateAccount, AppendListEntry, CreateConversation, AppendCommit
);
