//! Rule R9: what is accepted at all, decided on the decoded message before any of it is processed.

use hushwire_suite::CIPHER_SUITE;
use mls_rs::MlsMessage;
use mls_rs::group::proposal::Proposal;

use crate::policy::name;
use crate::{At, Header, Refusal, peek};

/// A message of a group that may be processed. It says nothing yet of whether it is authentic or allowed.
#[derive(Debug, Clone, PartialEq)]
pub enum Admitted {
    /// A PrivateMessage with application data.
    Application(At, MlsMessage),
    /// A PublicMessage with a Commit whose proposals are all inline and of allowed kinds.
    Commit(At, MlsMessage),
}

/// Admits a message that was sent to a group.
///
/// # Errors
/// [`Refusal::Malformed`], [`Refusal::NotAdmitted`] or [`Refusal::ForbiddenProposal`].
pub fn admit(bytes: &[u8]) -> Result<Admitted, Refusal> {
    match peek(bytes)? {
        Header::Application(at) => Ok(Admitted::Application(at, decode(bytes)?)),
        Header::Commit(at) | Header::ExternalCommit(at) => {
            let message = decode(bytes)?;
            check_proposals(&message)?;
            Ok(Admitted::Commit(at, message))
        }
        Header::GroupInfo(_) => Err(Refusal::NotAdmitted("GroupInfos sent to a group")),
        Header::Welcome => Err(Refusal::NotAdmitted("Welcomes sent to a group")),
        Header::KeyPackage => Err(Refusal::NotAdmitted("KeyPackages sent to a group")),
    }
}

/// Decodes one MLSMessage of ciphersuite 0x004E, where it names one.
pub(crate) fn decode(bytes: &[u8]) -> Result<MlsMessage, Refusal> {
    let message = MlsMessage::from_bytes(bytes).map_err(|_| Refusal::Malformed)?;
    match message.cipher_suite() {
        Some(other) if other != CIPHER_SUITE => Err(Refusal::Malformed),
        _ => Ok(message),
    }
}

fn check_proposals(commit: &MlsMessage) -> Result<(), Refusal> {
    if !commit.proposals_by_reference().is_empty() {
        return Err(Refusal::ForbiddenProposal("proposals by reference"));
    }
    commit.proposals_by_value().into_iter().try_for_each(|proposal| match proposal {
        Proposal::Add(_)
        | Proposal::Remove(_)
        | Proposal::ExternalInit(_)
        | Proposal::GroupContextExtensions(_) => Ok(()),
        other => Err(Refusal::ForbiddenProposal(name(other))),
    })
}
