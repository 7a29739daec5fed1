//! Why a transaction of a step is given up, inside the engine.

use std::collections::{BTreeMap, BTreeSet};

use hushwire_client_store::StoreError;
use hushwire_identity::ListHead;
use hushwire_mls::MlsError;
use hushwire_types::{AccountId, ConversationId, Seq};

use crate::StepError;

/// The reason to roll back. All but `Failed` are tried again at once with what was learned.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The step fails.
    Failed(StepError),
    /// The entry with this number harmed what is in memory: handle it as the verdict says, without touching the group.
    Entry(Seq, Verdict),
    /// The ephemeral message with this hash harmed what is in memory: pass it over.
    Ephemeral([u8; 32]),
    /// A conversation's group cannot be used any more: rejoin it.
    Lost(ConversationId),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(StepError::Store(error))
    }
}

impl From<StepError> for Stop {
    fn from(error: StepError) -> Self {
        Self::Failed(error)
    }
}

/// What to do with an entry instead of processing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Note it as unreadable.
    Unreadable,
    /// It breaks a rule: pass over it.
    Ignored,
    /// Keep it until these lists are here.
    NeedsLists(Vec<(AccountId, ListHead)>),
    /// It is a Welcome to a second group of a conversation's generation: tell.
    SecondGroup,
    /// It is a Commit that this device cannot apply: rejoin.
    Lost,
    /// It is a Welcome for a KeyPackage that is gone: rejoin.
    Orphan,
}

/// What was learned from tries that were rolled back, within one step.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    pub(crate) verdicts: BTreeMap<Seq, Verdict>,
    pub(crate) lost: BTreeSet<ConversationId>,
    pub(crate) passed_over: BTreeSet<[u8; 32]>,
}

/// An MLS failure that no peer can cause: our rows or our code are wrong.
pub(crate) fn own_fault(error: &MlsError) -> Stop {
    match error {
        MlsError::State(_) => Stop::Failed(StepError::Damaged("group state")),
        _ => Stop::Failed(StepError::Bug("an operation on a group was not expected here")),
    }
}
