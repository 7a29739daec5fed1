//! What the members of a group have agreed on: roles, who may do what, the disappearing timer, the invite link, and the
//! group's details as ciphertext.
//!
//! A charter is the group's part of the [`GroupExtension`](crate::GroupExtension), so that all members and the server
//! see the same one, and every change of it is a Commit that [`rules`](crate::rules) judges.
//!
//! - An account that is not named has the role [`Role::Member`]. Roles are of accounts, never of devices.
//! - A group is never without somebody in charge: where nobody is an owner, the admins have an owner's [`Rank`]; where
//!   there is no admin either, every member has. So the loss of the last owner's devices needs no repair.
//! - Names are secret (rule R5): [`Charter::details`] is ciphertext, whose key is in no published GroupInfo.
//!
//! Encoding, integers big-endian, one form only:
//!
//! ```text
//! count u16 ‖ (account 32 ‖ role u8)*, ascending by account
//! ‖ add u8 ‖ details u8 ‖ write u8 ‖ timer u32 (seconds, 0 = off)
//! ‖ link u8 (0 or 1) ‖ [hash 32] ‖ length u16 ‖ details
//! ```

use std::collections::BTreeMap;

use hushwire_types::AccountId;

use crate::Refusal;
use crate::reader::Reader;

/// Bytes of a group's encrypted details: a name of 64 characters, a description of 500 in any script, and a reference to
/// an avatar, padded to at most 4 KiB, with nonce and tag.
pub const DETAILS_BYTES: usize = 4096 + 28;

/// What an account is in a group, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// It has left: its leaves are removed by whoever commits next, and nothing of it is accepted any more.
    Leaving,
    /// Neither owner nor admin. Not written down.
    Member,
    /// May add and remove members, and change permissions and the link.
    Admin,
    /// May do all that, and say who is admin or owner.
    Owner,
}

impl Role {
    /// In the encoding, where a member does not stand.
    const fn code(self) -> u8 {
        match self {
            Self::Member => 0,
            Self::Owner => 1,
            Self::Admin => 2,
            Self::Leaving => 3,
        }
    }

    const fn named(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Owner),
            2 => Some(Self::Admin),
            3 => Some(Self::Leaving),
            _ => None,
        }
    }
}

/// How much an account may decide, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rank {
    /// It has left.
    Leaving,
    /// A member's.
    Member,
    /// An admin's.
    Admin,
    /// An owner's.
    Owner,
}

/// Who may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Every member.
    Everybody,
    /// Admins and owners.
    Admins,
}

impl Who {
    const fn code(self) -> u8 {
        match self {
            Self::Everybody => 1,
            Self::Admins => 2,
        }
    }

    const fn decode(code: u8) -> Result<Self, Refusal> {
        match code {
            1 => Ok(Self::Everybody),
            2 => Ok(Self::Admins),
            _ => Err(Refusal::Extensions),
        }
    }

    fn includes(self, rank: Rank) -> bool {
        match self {
            Self::Everybody => rank >= Rank::Member,
            Self::Admins => rank >= Rank::Admin,
        }
    }
}

/// Who may do what in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permissions {
    /// Who may add accounts.
    pub add: Who,
    /// Who may change name, description, avatar and the disappearing timer.
    pub details: Who,
    /// Who may write messages. Only members can hold each other to it: to the server a receipt looks like a message.
    pub write: Who,
}

impl Default for Permissions {
    /// Admins add accounts; everybody changes details and writes.
    fn default() -> Self {
        Self { add: Who::Admins, details: Who::Everybody, write: Who::Everybody }
    }
}

/// SHA-256 of an invite link's secret, under a label.
pub type LinkHash = [u8; 32];

/// The charter of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charter {
    /// Whoever is more or less than a member.
    roles: BTreeMap<AccountId, Role>,
    /// Who may do what.
    pub permissions: Permissions,
    /// After how many seconds read messages disappear; 0 for never.
    pub timer_secs: u32,
    /// The invite link that may be used to ask for admission, if there is one.
    pub link: Option<LinkHash>,
    /// Name, description and avatar as ciphertext; empty where the group has none. Opaque to the policy.
    pub details: Vec<u8>,
}

/// One change of a charter, so that it can be made again after a lost race, on whatever the group is then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amendment {
    /// An account's role.
    Role(AccountId, Role),
    /// Who may do what.
    Permissions(Permissions),
    /// The disappearing timer in seconds; 0 for never.
    Timer(u32),
    /// The invite link.
    Link(Option<LinkHash>),
    /// The encrypted details.
    Details(Vec<u8>),
}

impl Charter {
    /// The charter of a new group, whose creator is its owner.
    #[must_use]
    pub fn new(creator: AccountId) -> Self {
        Self {
            roles: [(creator, Role::Owner)].into(),
            permissions: Permissions::default(),
            timer_secs: 0,
            link: None,
            details: Vec::new(),
        }
    }

    /// The role of an account that has leaves in the group.
    #[must_use]
    pub fn role(&self, account: AccountId) -> Role {
        self.roles.get(&account).copied().unwrap_or(Role::Member)
    }

    /// The accounts that are more or less than members, ascending.
    pub fn named(&self) -> impl Iterator<Item = (AccountId, Role)> {
        self.roles.iter().map(|(account, role)| (*account, *role))
    }

    /// How much an account that has leaves in the group may decide.
    #[must_use]
    pub fn rank(&self, account: AccountId) -> Rank {
        match self.role(account) {
            Role::Leaving => Rank::Leaving,
            Role::Owner => Rank::Owner,
            Role::Admin if !self.has(Role::Owner) => Rank::Owner,
            Role::Admin => Rank::Admin,
            Role::Member if !self.has(Role::Owner) && !self.has(Role::Admin) => Rank::Owner,
            Role::Member => Rank::Member,
        }
    }

    fn has(&self, role: Role) -> bool {
        self.roles.values().any(|each| *each == role)
    }

    /// Whether an account may add others.
    #[must_use]
    pub fn may_add(&self, account: AccountId) -> bool {
        self.permissions.add.includes(self.rank(account))
    }

    /// Whether an account may change details and timer.
    #[must_use]
    pub fn may_change_details(&self, account: AccountId) -> bool {
        self.permissions.details.includes(self.rank(account))
    }

    /// Whether an account may write messages that are shown.
    #[must_use]
    pub fn may_write(&self, account: AccountId) -> bool {
        self.permissions.write.includes(self.rank(account))
    }

    /// Applies a change. Whether it is allowed is for [`rules`](crate::rules) to say.
    pub fn amend(&mut self, amendment: &Amendment) {
        match amendment {
            Amendment::Role(account, Role::Member) => self.forget(*account),
            Amendment::Role(account, role) => {
                self.roles.insert(*account, *role);
            }
            Amendment::Permissions(permissions) => self.permissions = *permissions,
            Amendment::Timer(secs) => self.timer_secs = *secs,
            Amendment::Link(link) => self.link = *link,
            Amendment::Details(details) => self.details.clone_from(details),
        }
    }

    /// An account is not in the group any more.
    pub fn forget(&mut self, account: AccountId) {
        self.roles.remove(&account);
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        // A role stands for an account with a leaf, so there are never more of them than a group has leaves.
        out.extend(u16::try_from(self.roles.len()).unwrap_or(u16::MAX).to_be_bytes());
        for (account, role) in &self.roles {
            out.extend(account.as_bytes());
            out.push(role.code());
        }
        let Permissions { add, details, write } = self.permissions;
        out.extend([add.code(), details.code(), write.code()]);
        out.extend(self.timer_secs.to_be_bytes());
        match self.link {
            None => out.push(0),
            Some(hash) => {
                out.push(1);
                out.extend(hash);
            }
        }
        out.extend(u16::try_from(self.details.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend(&self.details);
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let mut roles = BTreeMap::new();
        for _ in 0..reader.u16()? {
            let account = AccountId::new(reader.array()?);
            if roles.last_key_value().is_some_and(|(last, _)| *last >= account) {
                return Err(Refusal::Extensions);
            }
            roles.insert(account, Role::named(reader.u8()?).ok_or(Refusal::Extensions)?);
        }
        let permissions = Permissions {
            add: Who::decode(reader.u8()?)?,
            details: Who::decode(reader.u8()?)?,
            write: Who::decode(reader.u8()?)?,
        };
        let timer_secs = reader.u32()?;
        let link = match reader.u8()? {
            0 => None,
            1 => Some(reader.array()?),
            _ => return Err(Refusal::Extensions),
        };
        let length = usize::from(reader.u16()?);
        if length > DETAILS_BYTES {
            return Err(Refusal::Extensions);
        }
        Ok(Self { roles, permissions, timer_secs, link, details: reader.bytes(length)?.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(byte: u8) -> AccountId {
        AccountId::new([byte; 32])
    }

    #[test]
    fn a_group_is_never_without_somebody_in_charge() {
        let mut charter = Charter::new(account(1));
        charter.amend(&Amendment::Role(account(2), Role::Admin));
        assert_eq!(charter.rank(account(1)), Rank::Owner);
        assert_eq!(charter.rank(account(2)), Rank::Admin);
        assert_eq!(charter.rank(account(3)), Rank::Member);
        charter.forget(account(1));
        assert_eq!(charter.rank(account(2)), Rank::Owner, "no owner: the admins are in charge");
        assert_eq!(charter.rank(account(3)), Rank::Member);
        charter.forget(account(2));
        assert_eq!(charter.rank(account(3)), Rank::Owner, "no admin either: everybody is");
    }

    #[test]
    fn who_leaves_has_no_say_even_where_nobody_else_has_one() {
        let mut charter = Charter::new(account(1));
        charter.amend(&Amendment::Role(account(1), Role::Leaving));
        assert_eq!(charter.rank(account(1)), Rank::Leaving);
        assert_eq!(charter.rank(account(2)), Rank::Owner);
        assert!(!charter.may_write(account(1)));
    }

    #[test]
    fn permissions_say_who_may() {
        let mut charter = Charter::new(account(1));
        assert!(!charter.may_add(account(2)));
        assert!(charter.may_change_details(account(2)) && charter.may_write(account(2)));
        let admins = Permissions { add: Who::Everybody, details: Who::Admins, write: Who::Admins };
        charter.amend(&Amendment::Permissions(admins));
        assert!(charter.may_add(account(2)));
        assert!(!charter.may_change_details(account(2)) && !charter.may_write(account(2)));
        assert!(charter.may_write(account(1)));
    }
}
