//! What an MLS message says of itself in clear: kind, group and epoch (RFC 9420, section 6), read without decoding the
//! rest of it.

use hushwire_types::{Epoch, GroupId};
use mls_rs::WireFormat;
use mls_rs::group::{ContentType, Sender};
use mls_rs_codec::{MlsDecode, byte_vec};

use crate::Refusal;

const MLS_10: u16 = 1;

/// A group and an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct At {
    /// The group.
    pub group_id: GroupId,
    /// The epoch in which the message was made; for a GroupInfo, that which it describes.
    pub epoch: Epoch,
}

/// The kinds of message that are accepted at all (rule R9), with their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Header {
    /// A PrivateMessage with application data.
    Application(At),
    /// A PublicMessage with a Commit of a member.
    Commit(At),
    /// A PublicMessage with an external Commit.
    ExternalCommit(At),
    /// A GroupInfo.
    GroupInfo(At),
    /// A Welcome, which names no group.
    Welcome,
    /// A KeyPackage, which names no group.
    KeyPackage,
}

impl Header {
    /// Group and epoch, where the kind has them.
    #[must_use]
    pub const fn at(&self) -> Option<At> {
        match self {
            Self::Application(at) | Self::Commit(at) | Self::ExternalCommit(at) | Self::GroupInfo(at) => {
                Some(*at)
            }
            Self::Welcome | Self::KeyPackage => None,
        }
    }
}

/// Reads the header of an MLSMessage. What follows the header is not looked at.
///
/// # Errors
/// [`Refusal::Malformed`] where there is no such header; [`Refusal::NotAdmitted`] for what rule R9 refuses.
pub fn peek(mut bytes: &[u8]) -> Result<Header, Refusal> {
    let reader = &mut bytes;
    if read::<u16>(reader)? != MLS_10 {
        return Err(Refusal::Malformed);
    }
    match read(reader)? {
        WireFormat::PublicMessage => public(reader),
        WireFormat::PrivateMessage => private(reader),
        WireFormat::GroupInfo => {
            let (_version, _cipher_suite) = (read::<u16>(reader)?, read::<u16>(reader)?);
            place(reader).map(Header::GroupInfo)
        }
        WireFormat::Welcome => Ok(Header::Welcome),
        WireFormat::KeyPackage => Ok(Header::KeyPackage),
        _ => Err(Refusal::Malformed),
    }
}

fn public(reader: &mut &[u8]) -> Result<Header, Refusal> {
    let at = place(reader)?;
    let sender = read(reader)?;
    let _authenticated_data: Vec<u8> = byte_vec::mls_decode(reader).map_err(|_| Refusal::Malformed)?;
    match (read(reader)?, sender) {
        (ContentType::Commit, Sender::Member(_)) => Ok(Header::Commit(at)),
        (ContentType::Commit, Sender::NewMemberCommit) => Ok(Header::ExternalCommit(at)),
        (ContentType::Commit, _) => Err(Refusal::Malformed),
        (ContentType::Proposal, _) => Err(Refusal::NotAdmitted("proposals outside a Commit")),
        (ContentType::Application, _) => Err(Refusal::NotAdmitted("unencrypted application messages")),
    }
}

fn private(reader: &mut &[u8]) -> Result<Header, Refusal> {
    let at = place(reader)?;
    match read(reader)? {
        ContentType::Application => Ok(Header::Application(at)),
        ContentType::Commit => Err(Refusal::NotAdmitted("Commits inside a PrivateMessage")),
        ContentType::Proposal => Err(Refusal::NotAdmitted("proposals outside a Commit")),
    }
}

fn place(reader: &mut &[u8]) -> Result<At, Refusal> {
    let group_id: Vec<u8> = byte_vec::mls_decode(reader).map_err(|_| Refusal::Malformed)?;
    let group_id = GroupId::try_from(group_id.as_slice()).map_err(|_| Refusal::Malformed)?;
    Ok(At { group_id, epoch: Epoch(read(reader)?) })
}

fn read<T: MlsDecode>(reader: &mut &[u8]) -> Result<T, Refusal> {
    T::mls_decode(reader).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// version ‖ wire format ‖ group id ‖ epoch
    fn start(wire_format: u8, group_id_len: u8) -> Vec<u8> {
        let group_id = vec![7; usize::from(group_id_len)];
        [&[0, 1, 0, wire_format, group_id_len][..], &group_id, &[0, 0, 0, 0, 0, 0, 0, 5]].concat()
    }

    const AT: At = At { group_id: GroupId::new([7; 32]), epoch: Epoch(5) };

    #[test]
    fn r9_private_messages_carry_application_data_only() {
        let message = |content_type| peek(&[start(2, 32), vec![content_type]].concat());
        assert_eq!(message(1), Ok(Header::Application(AT)));
        assert!(matches!(message(2), Err(Refusal::NotAdmitted(_))));
        assert!(matches!(message(3), Err(Refusal::NotAdmitted(_))));
        assert_eq!(message(4), Err(Refusal::Malformed));
    }

    #[test]
    fn r9_public_messages_carry_commits_only() {
        let message =
            |sender: &[u8], content_type| peek(&[&start(1, 32), sender, &[1, 99], &[content_type]].concat());
        let (member, external, new_member) = (&[1, 0, 0, 0, 3][..], &[2, 0, 0, 0, 3][..], &[4][..]);
        assert_eq!(message(member, 3), Ok(Header::Commit(AT)));
        assert_eq!(message(new_member, 3), Ok(Header::ExternalCommit(AT)));
        assert_eq!(message(external, 3), Err(Refusal::Malformed));
        assert!(matches!(message(member, 1), Err(Refusal::NotAdmitted(_))));
        assert!(matches!(message(member, 2), Err(Refusal::NotAdmitted(_))));
    }

    #[test]
    fn a_group_id_of_another_length_or_version_is_malformed() {
        assert_eq!(peek(&[start(2, 31), vec![1]].concat()), Err(Refusal::Malformed));
        assert_eq!(peek(&[0, 2, 0, 3]), Err(Refusal::Malformed));
        assert_eq!(peek(&[0, 1, 0, 3]), Ok(Header::Welcome));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(format in 0_u8..8, bytes: Vec<u8>) {
            let _ = peek(&[start(format, 32), bytes].concat());
        }
    }
}
