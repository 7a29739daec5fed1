//! Who receives what.

use hushwire_types::Epoch;

use crate::conversation::{Committer, Member};
use crate::error::Refusal;
use crate::mailbox::MailboxKey;

/// Who receives an application message: current members that can read its epoch, the sender not among them.
///
/// # Errors
/// `NotAMember` where the sender is none, or joined after that epoch (rule R8: an old leaf sends nothing any more).
pub fn application(members: &[Member], sender: MailboxKey, epoch: Epoch) -> Result<Vec<MailboxKey>, Refusal> {
    let readers = || members.iter().filter(|member| member.since_epoch <= epoch).map(|member| member.mailbox);
    if !readers().any(|mailbox| mailbox == sender) {
        return Err(Refusal::NotAMember);
    }
    Ok(readers().filter(|mailbox| *mailbox != sender).collect())
}

/// What a Commit does to routing. Each list is without repetitions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommitRoutes {
    /// Get a Commit entry: members before and after it, and the committer.
    pub commit: Vec<MailboxKey>,
    /// Get a Removed entry.
    pub removed: Vec<MailboxKey>,
    /// Get a Welcome.
    pub welcome: Vec<MailboxKey>,
    /// Stop being members as they were: their rows go.
    pub leave: Vec<MailboxKey>,
    /// Become members since the epoch after the Commit, after `leave`.
    pub join: Vec<MailboxKey>,
}

/// Decides on the routes of a Commit. `added` and `removed` are the mailboxes of the leaves that it adds by Add and
/// that it removes; an external committer joins by itself, and its own old leaf may be among the removed (rule R7).
///
/// # Errors
/// `NotAMember` where a committing member is none.
pub fn commit(
    members: &[Member],
    sender: MailboxKey,
    committer: Committer,
    added: &[MailboxKey],
    removed: &[MailboxKey],
) -> Result<CommitRoutes, Refusal> {
    let is_member = |mailbox: MailboxKey| members.iter().any(|member| member.mailbox == mailbox);
    if committer == Committer::Member && !is_member(sender) {
        return Err(Refusal::NotAMember);
    }
    let mut routes = CommitRoutes::default();
    for member in members {
        let mailbox = member.mailbox;
        let own = mailbox == sender;
        if removed.contains(&mailbox) || (own && committer == Committer::External) {
            routes.leave.push(mailbox);
        }
        if removed.contains(&mailbox) && !own { &mut routes.removed } else { &mut routes.commit }
            .push(mailbox);
    }
    if committer == Committer::External {
        routes.join.push(sender);
        push_new(&mut routes.commit, sender);
    }
    for mailbox in added {
        push_new(&mut routes.welcome, *mailbox);
        if !is_member(*mailbox) || routes.leave.contains(mailbox) {
            push_new(&mut routes.join, *mailbox);
        }
    }
    Ok(routes)
}

fn push_new(list: &mut Vec<MailboxKey>, mailbox: MailboxKey) {
    if !list.contains(&mailbox) {
        list.push(mailbox);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::DeviceAddress;
    use hushwire_types::{AccountId, DeviceId};

    fn members(list: &[(u64, u64)]) -> Vec<Member> {
        let address = DeviceAddress { account: AccountId::new([0; 32]), device: DeviceId::new([0; 16]) };
        list.iter()
            .map(|(mailbox, since)| Member {
                mailbox: MailboxKey(*mailbox),
                address,
                since_epoch: Epoch(*since),
            })
            .collect()
    }

    const fn keys<const N: usize>(list: [u64; N]) -> [MailboxKey; N] {
        let mut out = [MailboxKey(0); N];
        let mut index = 0;
        while index < N {
            out[index] = MailboxKey(list[index]);
            index += 1;
        }
        out
    }

    #[test]
    fn a_message_goes_to_those_who_can_read_it() {
        let members = members(&[(1, 1), (2, 1), (3, 5)]);
        assert_eq!(application(&members, MailboxKey(1), Epoch(4)).unwrap(), keys([2]));
        assert_eq!(application(&members, MailboxKey(1), Epoch(5)).unwrap(), keys([2, 3]));
        assert_eq!(application(&members, MailboxKey(3), Epoch(4)), Err(Refusal::NotAMember));
        assert_eq!(application(&members, MailboxKey(9), Epoch(5)), Err(Refusal::NotAMember));
    }

    #[test]
    fn a_commit_goes_to_those_who_stay_and_its_sender() {
        let members = members(&[(1, 1), (2, 1), (3, 1)]);
        let routes = commit(&members, MailboxKey(1), Committer::Member, &keys([4]), &keys([3])).unwrap();
        assert_eq!(routes.commit, keys([1, 2]));
        assert_eq!((routes.removed, routes.leave), (keys([3]).to_vec(), keys([3]).to_vec()));
        assert_eq!((routes.welcome, routes.join), (keys([4]).to_vec(), keys([4]).to_vec()));
    }

    #[test]
    fn r7_an_external_commit_renews_the_leaf_of_its_sender() {
        let members = members(&[(1, 1), (2, 1)]);
        let routes = commit(&members, MailboxKey(2), Committer::External, &[], &keys([2])).unwrap();
        assert_eq!(routes.commit, keys([1, 2]));
        assert_eq!((routes.leave, routes.join), (keys([2]).to_vec(), keys([2]).to_vec()));
        assert!(routes.removed.is_empty());
        let stranger = commit(&members, MailboxKey(3), Committer::External, &[], &[]).unwrap();
        assert_eq!((stranger.commit, stranger.join), (keys([1, 2, 3]).to_vec(), keys([3]).to_vec()));
    }

    #[test]
    fn a_leaf_removed_and_added_at_once_is_told_both() {
        let members = members(&[(1, 1), (2, 1)]);
        let routes = commit(&members, MailboxKey(1), Committer::Member, &keys([2]), &keys([2])).unwrap();
        assert_eq!((routes.removed, routes.welcome), (keys([2]).to_vec(), keys([2]).to_vec()));
        assert_eq!((routes.leave, routes.join), (keys([2]).to_vec(), keys([2]).to_vec()));
    }
}
