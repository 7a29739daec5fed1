//! The one GroupContext extension that every group has: which conversation it carries, between whom, and the floors.
//!
//! Encoding, all integers big-endian, one form only (a decoder refuses what the encoder would not write):
//!
//! ```text
//! version u8 = 1 ‖ conversation 32 ‖ generation u64 ‖ kind u8 ‖ kind's fields ‖ count u16 ‖ floor*
//! kind 1, direct: account a 32 ‖ account b 32, a ≤ b
//! kind 2, group: its charter, see `charter`
//! floor: account 32 ‖ list number u64 ‖ list hash 32, ascending by account
//! ```
//!
//! In a direct conversation both accounts are equal for ever. `a = b` is an account's conversation with itself. A
//! group's conversation id is random; who is in it, its leaves say.

use std::collections::BTreeMap;

use hushwire_identity::list::ListHead;
use hushwire_types::{AccountId, ConversationId, EntryHash, Generation, GroupId, ListNumber};
use mls_rs::extension::built_in::RequiredCapabilitiesExt;
use mls_rs::extension::{ExtensionType, MlsExtension};
use mls_rs::{Extension, ExtensionList};
use sha2::{Digest, Sha256};

use crate::charter::Charter;
use crate::reader::Reader;
use crate::{CREDENTIAL_TYPE, Refusal};

/// Type of the group extension, from the range for private use (RFC 9420, section 17.3). Clients advertise it.
pub const GROUP_EXTENSION: ExtensionType = ExtensionType::new(0xF048);

const VERSION: u8 = 1;
const KIND_DIRECT: u8 = 1;
const KIND_GROUP: u8 = 2;

/// The id of the direct conversation of two accounts, in either order: SHA-256 over a label and both ids, the lesser
/// first.
#[must_use]
pub fn direct_conversation_id(a: AccountId, b: AccountId) -> ConversationId {
    let hash = Sha256::new()
        .chain_update(b"hushwire direct conversation v1")
        .chain_update(a.min(b))
        .chain_update(a.max(b))
        .finalize();
    ConversationId::new(hash.into())
}

/// The id of a group's conversation: SHA-256 over a label, the account that creates it, and the MLS group id of its first
/// generation. So nobody can take the id of a conversation of others, direct or group.
#[must_use]
pub fn group_conversation_id(creator: AccountId, first: GroupId) -> ConversationId {
    let hash = Sha256::new()
        .chain_update(b"hushwire group conversation v1")
        .chain_update(creator)
        .chain_update(first)
        .finalize();
    ConversationId::new(hash.into())
}

/// For each account, the list head that its new leaves must have reached (rule R3).
pub type Floors = BTreeMap<AccountId, ListHead>;

/// What kind of conversation a group carries, and between whom.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Two accounts with equal, fixed roles and their leaves alone.
    Direct {
        /// The lesser account id.
        a: AccountId,
        /// The greater account id; equal to `a` in an account's conversation with itself.
        b: AccountId,
    },
    /// Any number of accounts under a charter that they may amend.
    Group(Charter),
}

/// The group extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupExtension {
    /// The conversation that the group carries.
    pub conversation: ConversationId,
    /// Which group of the conversation this is, from 1.
    pub generation: Generation,
    /// What kind it is.
    pub kind: Kind,
    /// The accounts' floors; none for an account without one.
    pub floors: Floors,
}

impl GroupExtension {
    /// The extension of a direct conversation's group, without floors.
    #[must_use]
    pub fn direct(one: AccountId, other: AccountId, generation: Generation) -> Self {
        Self {
            conversation: direct_conversation_id(one, other),
            generation,
            kind: Kind::Direct { a: one.min(other), b: one.max(other) },
            floors: Floors::new(),
        }
    }

    /// The extension of a group's first epoch, whose creator is its owner, without floors.
    #[must_use]
    pub fn group(conversation: ConversationId, creator: AccountId) -> Self {
        Self {
            conversation,
            generation: Generation(1),
            kind: Kind::Group(Charter::new(creator)),
            floors: Floors::new(),
        }
    }

    /// The extension of a later generation's first epoch, which goes on with a charter, without floors. The charter has its maker's
    /// role alone, as nobody else has a leaf yet.
    #[must_use]
    pub const fn successor(conversation: ConversationId, generation: Generation, charter: Charter) -> Self {
        Self { conversation, generation, kind: Kind::Group(charter), floors: Floors::new() }
    }

    /// Whether leaves of `account` can have a place in the conversation. In a group anybody's can: who may add them is
    /// judged where they are added.
    #[must_use]
    pub fn admits(&self, account: AccountId) -> bool {
        match self.kind {
            Kind::Direct { a, b } => account == a || account == b,
            Kind::Group(_) => true,
        }
    }

    /// The charter, where the conversation is a group.
    #[must_use]
    pub const fn charter(&self) -> Option<&Charter> {
        match &self.kind {
            Kind::Group(charter) => Some(charter),
            Kind::Direct { .. } => None,
        }
    }

    /// Whether both carry the same group of the same conversation, of the same kind: what never changes.
    #[must_use]
    pub fn is_same_group(&self, other: &Self) -> bool {
        let kinds = match (&self.kind, &other.kind) {
            (Kind::Group(_), Kind::Group(_)) => true,
            (one, other) => one == other,
        };
        kinds && (self.conversation, self.generation) == (other.conversation, other.generation)
    }

    /// The bytes of the extension.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(self.conversation.as_bytes());
        out.extend(self.generation.0.to_be_bytes());
        match &self.kind {
            Kind::Direct { a, b } => {
                out.push(KIND_DIRECT);
                out.extend(a.as_bytes());
                out.extend(b.as_bytes());
            }
            Kind::Group(charter) => {
                out.push(KIND_GROUP);
                charter.encode(&mut out);
            }
        }
        // At most one floor for each account with a leaf.
        out.extend(u16::try_from(self.floors.len()).unwrap_or(u16::MAX).to_be_bytes());
        for (account, head) in &self.floors {
            out.extend(account.as_bytes());
            out.extend(head.number.0.to_be_bytes());
            out.extend(head.hash.as_bytes());
        }
        out
    }

    /// Reads the extension.
    ///
    /// # Errors
    /// [`Refusal::Extensions`] where the bytes are not what [`GroupExtension::encode`] writes for some group;
    /// [`Refusal::ConversationId`] where the conversation id is not that of the two accounts;
    /// [`Refusal::ForeignAccount`] for a floor of somebody else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader(bytes);
        if reader.u8()? != VERSION {
            return Err(Refusal::Extensions);
        }
        let conversation = ConversationId::new(reader.array()?);
        let generation = Generation(reader.u64()?);
        let kind = kind(&mut reader)?;
        let floors = floors(&mut reader)?;
        if !reader.0.is_empty() || generation.0 == 0 {
            return Err(Refusal::Extensions);
        }
        let extension = Self { conversation, generation, kind, floors };
        extension.check_accounts()?;
        Ok(extension)
    }

    fn check_accounts(&self) -> Result<(), Refusal> {
        match self.kind {
            Kind::Direct { a, b } if a > b => return Err(Refusal::Extensions),
            Kind::Direct { a, b } if self.conversation != direct_conversation_id(a, b) => {
                return Err(Refusal::ConversationId);
            }
            Kind::Direct { .. } | Kind::Group(_) => {}
        }
        match self.floors.keys().find(|account| !self.admits(**account)) {
            Some(foreign) => Err(Refusal::ForeignAccount(*foreign)),
            None => Ok(()),
        }
    }

    /// The complete extensions of the group's context: this one, and the required capabilities that go with it.
    ///
    /// # Errors
    /// [`Refusal::Extensions`] where mls-rs cannot encode them, which does not happen.
    pub fn to_context(&self) -> Result<ExtensionList, Refusal> {
        let required = RequiredCapabilitiesExt::new(vec![GROUP_EXTENSION], vec![], vec![CREDENTIAL_TYPE]);
        let required = required.into_extension().map_err(|_| Refusal::Extensions)?;
        Ok(ExtensionList::from(vec![required, Extension::new(GROUP_EXTENSION, self.encode())]))
    }

    /// Reads the extension out of the extensions of a group's context.
    ///
    /// # Errors
    /// [`Refusal::Extensions`] where the context holds anything but what [`GroupExtension::to_context`] gives, and as
    /// [`GroupExtension::decode`].
    pub fn from_context(extensions: &ExtensionList) -> Result<Self, Refusal> {
        let own = extensions.get(GROUP_EXTENSION).ok_or(Refusal::Extensions)?;
        let extension = Self::decode(&own.extension_data)?;
        if extension.to_context()? == *extensions { Ok(extension) } else { Err(Refusal::Extensions) }
    }

    /// What a published GroupInfo claims its group to be. Nothing vouches for it: [`Observer`](crate::Observer) checks it.
    ///
    /// # Errors
    /// [`Refusal::GroupInfo`] for what is none, and as [`GroupExtension::from_context`].
    pub fn peek(group_info: &[u8]) -> Result<Self, Refusal> {
        let message = crate::admission::decode(group_info).map_err(|_| Refusal::GroupInfo)?;
        let info = message.as_group_info().ok_or(Refusal::GroupInfo)?;
        Self::from_context(&info.group_context().extensions)
    }
}

fn kind(reader: &mut Reader<'_>) -> Result<Kind, Refusal> {
    match reader.u8()? {
        KIND_DIRECT => {
            Ok(Kind::Direct { a: AccountId::new(reader.array()?), b: AccountId::new(reader.array()?) })
        }
        KIND_GROUP => Charter::decode(reader).map(Kind::Group),
        _ => Err(Refusal::Extensions),
    }
}

fn floors(reader: &mut Reader<'_>) -> Result<Floors, Refusal> {
    let mut floors = Floors::new();
    for _ in 0..reader.u16()? {
        let account = AccountId::new(reader.array()?);
        let head = ListHead { number: ListNumber(reader.u64()?), hash: EntryHash::new(reader.array()?) };
        if floors.last_key_value().is_some_and(|(last, _)| *last >= account) {
            return Err(Refusal::Extensions);
        }
        floors.insert(account, head);
    }
    Ok(floors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charter::{Amendment, DETAILS_BYTES, Role};
    use proptest::prelude::*;

    fn account(byte: u8) -> AccountId {
        AccountId::new([byte; 32])
    }

    fn head(number: u64, byte: u8) -> ListHead {
        ListHead { number: ListNumber(number), hash: EntryHash::new([byte; 32]) }
    }

    fn with_floors() -> GroupExtension {
        let mut extension = GroupExtension::direct(account(2), account(1), Generation(1));
        extension.floors = [(account(1), head(3, 3)), (account(2), head(4, 4))].into();
        extension
    }

    #[test]
    fn the_conversation_id_does_not_depend_on_the_order() {
        assert_eq!(
            direct_conversation_id(account(1), account(2)),
            direct_conversation_id(account(2), account(1))
        );
        assert_ne!(
            direct_conversation_id(account(1), account(2)),
            direct_conversation_id(account(1), account(1))
        );
    }

    #[test]
    fn the_encoding_round_trips_and_has_a_fixed_length() {
        let extension = with_floors();
        let bytes = extension.encode();
        assert_eq!(bytes.len(), 1 + 32 + 8 + 1 + 64 + 2 + 2 * 72);
        assert_eq!(GroupExtension::decode(&bytes), Ok(extension.clone()));
        assert_eq!(GroupExtension::from_context(&extension.to_context().unwrap()), Ok(extension));
    }

    #[test]
    fn what_the_encoder_would_not_write_is_refused() {
        let bytes = with_floors().encode();
        for end in 0..bytes.len() {
            assert!(GroupExtension::decode(&bytes[..end]).is_err());
        }
        assert_eq!(GroupExtension::decode(&[bytes.as_slice(), &[0]].concat()), Err(Refusal::Extensions));
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = to;
            GroupExtension::decode(&bytes)
        };
        assert_eq!(changed(0, 2), Err(Refusal::Extensions));
        assert_eq!(changed(1, 9), Err(Refusal::ConversationId));
        assert_eq!(changed(40, 0), Err(Refusal::Extensions), "generation 0");
        assert_eq!(changed(41, 3), Err(Refusal::Extensions), "unknown kind");
        assert_eq!(changed(42, 9), Err(Refusal::Extensions), "accounts out of order");
        assert_eq!(changed(108, 9), Err(Refusal::Extensions), "floors out of order");
        assert_eq!(
            changed(108, 0),
            Err(Refusal::ForeignAccount(AccountId::new({
                let mut id = [1; 32];
                id[0] = 0;
                id
            })))
        );
    }

    #[test]
    fn a_context_with_another_extension_is_refused() {
        let extension = with_floors();
        let mut more = extension.to_context().unwrap();
        more.set(Extension::new(ExtensionType::new(0xF001), vec![]));
        assert_eq!(GroupExtension::from_context(&more), Err(Refusal::Extensions));
        let mut fewer = extension.to_context().unwrap();
        fewer.remove(ExtensionType::REQUIRED_CAPABILITIES);
        assert_eq!(GroupExtension::from_context(&fewer), Err(Refusal::Extensions));
    }

    fn with_a_charter() -> GroupExtension {
        let mut extension = GroupExtension::group(ConversationId::new([9; 32]), account(1));
        extension.floors = [(account(3), head(3, 3))].into();
        let Kind::Group(charter) = &mut extension.kind else { panic!("a group") };
        for amendment in [
            Amendment::Role(account(2), Role::Admin),
            Amendment::Role(account(4), Role::Leaving),
            Amendment::Timer(3600),
            Amendment::Link(Some([7; 32])),
            Amendment::Details(vec![1, 2, 3]),
        ] {
            charter.amend(&amendment);
        }
        extension
    }

    #[test]
    fn a_charter_round_trips_and_has_one_form_only() {
        let extension = with_a_charter();
        let bytes = extension.encode();
        assert_eq!(GroupExtension::decode(&bytes), Ok(extension.clone()));
        assert_eq!(GroupExtension::from_context(&extension.to_context().unwrap()), Ok(extension));
        for end in 0..bytes.len() {
            assert!(GroupExtension::decode(&bytes[..end]).is_err());
        }
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = to;
            GroupExtension::decode(&bytes)
        };
        assert_eq!(changed(44, 9), Err(Refusal::Extensions), "roles out of order");
        assert_eq!(changed(44 + 32, 0), Err(Refusal::Extensions), "a member is not written down");
        assert_eq!(changed(44 + 3 * 33, 3), Err(Refusal::Extensions), "unknown permission");
        assert_eq!(changed(44 + 3 * 33 + 7, 2), Err(Refusal::Extensions), "a link is there or not");
    }

    #[test]
    fn details_have_a_limit() {
        assert_eq!(DETAILS_BYTES, 4_124, "4 KiB, a nonce of 12 bytes and a tag of 16");
        let mut extension = with_a_charter();
        let Kind::Group(charter) = &mut extension.kind else { panic!("a group") };
        charter.details = vec![0; DETAILS_BYTES];
        assert!(GroupExtension::decode(&extension.encode()).is_ok());
        let Kind::Group(charter) = &mut extension.kind else { panic!("a group") };
        charter.details.push(0);
        assert_eq!(GroupExtension::decode(&extension.encode()), Err(Refusal::Extensions));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_decodes_encodes_to_itself(
            bytes: Vec<u8>, cut in 0_usize..300, group: bool,
        ) {
            let mut mixed = if group { with_a_charter().encode() } else { with_floors().encode() };
            mixed.truncate(cut);
            mixed.extend(bytes);
            if let Ok(extension) = GroupExtension::decode(&mixed) {
                prop_assert_eq!(extension.encode(), mixed);
            }
        }
    }
}
