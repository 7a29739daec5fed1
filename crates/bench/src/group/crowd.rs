//! The members of a group whom nobody measures, and the group that they have grown.
//!
//! The group grows as one of a good age has: a few leaves at a time, one of which then commits. So nearly all of the tree's
//! nodes are filled, and a Commit meets nearly the paths that it meets after everybody has committed once, which members of ours do.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use hushwire_group_policy::{GroupExtension, group_conversation_id};
use hushwire_identity::{DeviceList, Flags, Genesis, LeafCredential, ListKey, RecoveryKey};
use hushwire_suite::Suite;
use hushwire_types::{AccountId, ConversationId, GroupId, OsEntropy, rng};
use hushwire_wire as wire;
use mls_rs::MlsMessage;

use super::bare::Bare;

/// So many leaves come at once; the last of them commits.
const COME_AT_ONCE: usize = 8;

/// Who somebody is, as the server tells it.
pub(super) struct Known {
    pub(super) genesis: Vec<u8>,
    pub(super) entry: Vec<u8>,
}

impl Known {
    pub(super) fn keys(&self, account: AccountId) -> wire::AccountKeys {
        wire::AccountKeys {
            account_id: account,
            genesis: Some(self.genesis.clone().into()),
            first_number: hushwire_types::ListNumber(1),
            entries: vec![self.entry.clone().into()],
            username: None,
            suspended: false,
        }
    }
}

/// Somebody with bare mls-rs.
pub(super) struct Somebody {
    pub(super) credential: LeafCredential,
    pub(super) bare: Bare,
}

/// A group, what the server keeps of it, and everybody's lists.
pub(super) struct Crowd {
    pub(super) conversation: ConversationId,
    pub(super) known: HashMap<AccountId, Known>,
    suite: Suite,
    members: usize,
    founder: Somebody,
}

impl Crowd {
    /// A group of one.
    pub(super) fn new() -> Result<Self> {
        let suite = Suite::new(Arc::new(OsEntropy));
        let mut known = HashMap::new();
        let mut founder = somebody(&suite, &mut known)?;
        let group = GroupId::new(rng::bytes(&OsEntropy));
        let account = founder.credential.account;
        let conversation = group_conversation_id(account, group);
        founder.bare.create(&group, GroupExtension::group(conversation, account).to_context()?)?;
        Ok(Self { conversation, suite, known, members: 1, founder })
    }

    /// Somebody who is not in the group yet, and whom the server knows.
    pub(super) fn somebody(&mut self) -> Result<Somebody> {
        somebody(&self.suite, &mut self.known)
    }

    /// Lets the group grow to `members`.
    pub(super) fn grow(&mut self, members: usize) -> Result<()> {
        while self.members < members {
            let mut coming = Vec::new();
            for _ in 0..COME_AT_ONCE.min(members - self.members) {
                coming.push(self.somebody()?);
            }
            let packages = coming.iter().map(|one| one.bare.key_package()).collect::<Result<Vec<_>>>()?;
            let welcome = self.add(packages)?.0;
            let Some(last) = coming.last_mut() else { break };
            last.bare.join(&welcome, &self.founder.bare.tree()?)?;
            let staged = last.bare.commit(Vec::new())?;
            self.founder.bare.process(&staged.commit)?;
        }
        Ok(())
    }

    /// Adds whoever these are of; their Welcome, and the GroupInfo.
    pub(super) fn add(&mut self, packages: Vec<MlsMessage>) -> Result<(Vec<u8>, Vec<u8>)> {
        self.members += packages.len();
        let staged = self.founder.bare.commit(packages)?;
        self.founder.bare.apply(&staged)?;
        Ok((staged.welcome.context("no Welcome")?, staged.group_info))
    }

    /// The first member.
    pub(super) const fn founder(&mut self) -> &mut Bare {
        &mut self.founder.bare
    }

    pub(super) fn tree(&mut self) -> Result<Vec<u8>> {
        self.founder.bare.tree()
    }

    pub(super) fn epoch(&mut self) -> Result<u64> {
        self.founder.bare.epoch()
    }
}

fn somebody(suite: &Suite, known: &mut HashMap<AccountId, Known>) -> Result<Somebody> {
    let (list_key, mls_key) = (ListKey::generate(&OsEntropy), ListKey::generate(&OsEntropy));
    let recovery = RecoveryKey::generate(&OsEntropy);
    let genesis = Genesis::create(Flags::default(), &list_key, &recovery, &OsEntropy);
    let entry = DeviceList::first_entry(&genesis, &list_key, mls_key.public(), "phone".parse()?)?;
    let list = DeviceList::verify(genesis.as_bytes(), [&entry])?;
    let account = list.account_id();
    let credential = LeafCredential { account, device: list_key.device_id(), list: list.head() };
    known.insert(account, Known { genesis: genesis.as_bytes().to_vec(), entry });
    Ok(Somebody { credential, bare: Bare::new(&credential, &mls_key, suite)? })
}
