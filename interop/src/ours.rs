//! A member on our own [`Device`].

use std::sync::Arc;

use hushwire_group_policy::GroupExtension;
use hushwire_identity::LeafCredential;
use hushwire_mls::{Addition, Change, Device, DeviceKeys, Intent, KeyPackageKind, NewGroup, Processed};
use hushwire_suite::Suite;
use hushwire_types::{AccountId, Clock, DeviceId, Epoch, GroupId, OsEntropy, Secret, SystemClock, rng};

use crate::Registry;
use crate::room::{Added, Commit, Member};

/// Our member. Its state stays in memory.
pub struct Ours {
    device: Device,
    keys: DeviceKeys,
    registry: Arc<Registry>,
    group: Option<GroupId>,
}

impl Ours {
    /// A new device of an account.
    ///
    /// # Panics
    /// Where `mls` fails, here and in all that follows: this is a test.
    pub fn new(registry: &Arc<Registry>, account: AccountId) -> Self {
        let seed = Secret::new(rng::bytes(&OsEntropy));
        let (_, public) = suite().signature_keys(&seed).unwrap();
        let keys = DeviceKeys { credential: registry.register(account, &public), mls_key: seed };
        Self { device: device(&keys, registry), keys, registry: registry.clone(), group: None }
    }

    fn group(&self) -> GroupId {
        self.group.unwrap()
    }
}

impl Member for Ours {
    fn who(&self) -> (AccountId, DeviceId) {
        (self.keys.credential.account, self.keys.credential.device)
    }

    fn key_package(&mut self, last_resort: bool) -> Vec<u8> {
        let kind = if last_resort { KeyPackageKind::LastResort } else { KeyPackageKind::Pooled };
        self.device.key_package(kind, SystemClock.now()).unwrap().bytes
    }

    fn create(&mut self, group_id: GroupId, extension: &GroupExtension) -> (Vec<u8>, Vec<u8>) {
        self.group = Some(group_id);
        let new = NewGroup { group_id, extension: extension.clone() };
        let published = self.device.create(new, SystemClock.now()).unwrap();
        (published.group_info, published.ratchet_tree)
    }

    fn join(&mut self, welcome: &[u8], tree: &[u8]) {
        self.group = Some(self.device.join(welcome, tree, SystemClock.now()).unwrap().group_id);
    }

    fn commit(&mut self, add: &[Added], remove: &[DeviceId]) -> Commit {
        let add = add.iter().map(|added| {
            let (account, device) = added.who;
            Addition { account, device, key_package: added.key_package.clone() }
        });
        let change = Change { add: add.collect(), remove: remove.to_vec(), ..Change::default() };
        let intent = if change == Change::default() { Intent::Refresh } else { Intent::Change(change) };
        let (group, now) = (self.group(), SystemClock.now());
        let staged = self.device.stage_commit(&group, &intent, now).unwrap();
        self.device.apply_own_commit(&group, &staged.secrets, now).unwrap();
        Commit { commit: staged.bytes, group_info: staged.group_info, welcome: staged.welcome }
    }

    /// As a device that has lost everything but its keys.
    fn rejoin(&mut self, group_info: &[u8], tree: &[u8]) -> Commit {
        self.device = device(&self.keys, &self.registry);
        let staged = self.device.stage_rejoin(group_info, tree, Epoch(0)).unwrap();
        self.group = Some(staged.group_id);
        self.device.apply_own_commit(&staged.group_id, &staged.secrets, SystemClock.now()).unwrap();
        Commit { commit: staged.bytes, group_info: staged.group_info, welcome: None }
    }

    fn encrypt(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.device.encrypt(&self.group(), plaintext).unwrap().bytes
    }

    fn process(&mut self, message: &[u8]) -> Option<(LeafCredential, Vec<u8>)> {
        match self.device.process(&self.group(), message, SystemClock.now()).unwrap() {
            Processed::Application(text) => Some((text.sender, text.plaintext.expose().to_vec())),
            Processed::Commit(_) => None,
        }
    }

    fn epoch_authenticator(&mut self) -> Option<Vec<u8>> {
        let group = self.group?;
        if self.device.view(&group).unwrap().removed {
            return None;
        }
        Some(self.device.epoch_authenticator(&group).unwrap().expose().to_vec())
    }
}

fn suite() -> Suite {
    Suite::new(Arc::new(OsEntropy))
}

fn device(keys: &DeviceKeys, registry: &Arc<Registry>) -> Device {
    let keys = DeviceKeys { credential: keys.credential, mls_key: keys.mls_key.clone() };
    Device::new(keys, suite(), registry.clone()).unwrap()
}
