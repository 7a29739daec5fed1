//! One group with members of both kinds, and the server's observer, which must accept all that they do.

use std::sync::Arc;

use hushwire_group_policy::{GroupExtension, Observer, Published};
use hushwire_identity::LeafCredential;
use hushwire_suite::Suite;
use hushwire_types::{AccountId, Clock, DeviceId, Generation, GroupId, OsEntropy, SystemClock, rng};

use crate::{Ours, Registry, Theirs};

/// What a member publishes when it commits.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The Commit.
    pub commit: Vec<u8>,
    /// The GroupInfo of the epoch that it makes.
    pub group_info: Vec<u8>,
    /// The Welcome, where it adds somebody.
    pub welcome: Option<Vec<u8>>,
}

/// A device to add.
#[derive(Debug, Clone)]
pub struct Added {
    /// Who it is.
    pub who: (AccountId, DeviceId),
    /// A KeyPackage of it.
    pub key_package: Vec<u8>,
}

/// A member of either kind, spoken to in bytes. Methods panic where the implementation refuses.
pub trait Member {
    /// Account and device.
    fn who(&self) -> (AccountId, DeviceId);
    /// A KeyPackage, of last resort or for one use.
    fn key_package(&mut self, last_resort: bool) -> Vec<u8>;
    /// Creates a group; gives the GroupInfo and the ratchet tree of its epoch 0.
    fn create(&mut self, group_id: GroupId, extension: &GroupExtension) -> (Vec<u8>, Vec<u8>);
    /// Joins by a Welcome, with the tree from outside.
    fn join(&mut self, welcome: &[u8], tree: &[u8]);
    /// Commits adds and removes, or only fresh keys, and moves on at once.
    fn commit(&mut self, add: &[Added], remove: &[DeviceId]) -> Commit;
    /// Comes in by external Commit, in place of its old leaf where there is one, and moves on at once.
    fn rejoin(&mut self, group_info: &[u8], tree: &[u8]) -> Commit;
    /// Encrypts an application message.
    fn encrypt(&mut self, plaintext: &[u8]) -> Vec<u8>;
    /// Processes a Commit, or an application message, of which it gives the sender and the plaintext.
    fn process(&mut self, message: &[u8]) -> Option<(LeafCredential, Vec<u8>)>;
    /// The epoch authenticator; `None` outside of a group.
    fn epoch_authenticator(&mut self) -> Option<Vec<u8>>;
}

/// Names a member of a room, in order of making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat(usize);

/// A group under way.
pub struct Room {
    registry: Arc<Registry>,
    members: Vec<Box<dyn Member>>,
    /// Seats of those that are in the group.
    present: Vec<Seat>,
    observer: Option<Observer>,
    /// What the server has published last.
    group_info: Vec<u8>,
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

impl Room {
    /// An empty room.
    #[must_use]
    pub fn new() -> Self {
        Self {
            registry: Arc::default(),
            members: Vec::new(),
            present: Vec::new(),
            observer: None,
            group_info: Vec::new(),
        }
    }

    /// A device of ours, outside of the group.
    pub fn ours(&mut self, account: AccountId) -> Seat {
        let member = Ours::new(&self.registry, account);
        self.seat(Box::new(member))
    }

    /// A device of OpenMLS, outside of the group.
    pub fn theirs(&mut self, account: AccountId) -> Seat {
        let member = Theirs::new(&self.registry, account);
        self.seat(Box::new(member))
    }

    fn seat(&mut self, member: Box<dyn Member>) -> Seat {
        self.members.push(member);
        Seat(self.members.len() - 1)
    }

    /// Creates the direct conversation of two accounts.
    ///
    /// # Panics
    /// Where anybody disagrees, here and in all that follows.
    pub fn create(&mut self, creator: Seat, a: AccountId, b: AccountId) {
        let extension = GroupExtension::direct(a, b, Generation(1));
        let group_id = GroupId::new(rng::bytes(&OsEntropy));
        let member = &mut self.members[creator.0];
        let (group_info, tree) = member.create(group_id, &extension);
        let suite = Suite::new(Arc::new(OsEntropy));
        let lists = self.registry.clone();
        let now = SystemClock.now();
        let observer = Observer::start(&suite, lists, &group_info, &tree, member.who(), now).unwrap();
        self.observer = Some(observer);
        self.present = vec![creator];
        self.group_info = group_info;
    }

    /// One member commits; all others apply it, the added ones join, and all compare.
    pub fn commit(&mut self, committer: Seat, add: &[Seat], remove: &[Seat]) {
        let packages = add.iter().map(|seat| self.members[seat.0].key_package(false)).collect();
        self.commit_with(committer, add, packages, remove);
    }

    /// As [`Room::commit`], with KeyPackages that were made before.
    pub fn commit_with(&mut self, committer: Seat, add: &[Seat], packages: Vec<Vec<u8>>, remove: &[Seat]) {
        let whom = |seat: &Seat| self.members[seat.0].who();
        let added: Vec<Added> = add
            .iter()
            .zip(packages)
            .map(|(seat, key_package)| Added { who: whom(seat), key_package })
            .collect();
        let removed: Vec<DeviceId> = remove.iter().map(|seat| whom(seat).1).collect();
        let commit = self.members[committer.0].commit(&added, &removed);
        self.accept(committer, &commit);
        let tree = self.observer.as_ref().unwrap().tree().unwrap();
        for seat in add {
            self.members[seat.0].join(commit.welcome.as_ref().unwrap(), &tree);
        }
        self.present.extend(add);
        self.present.retain(|seat| !remove.contains(seat));
        for seat in remove {
            assert_eq!(self.members[seat.0].epoch_authenticator(), None, "it knows that it was removed");
        }
        self.compare();
    }

    /// A device comes in by external Commit with what the server has published.
    pub fn rejoin(&mut self, seat: Seat) {
        let tree = self.observer.as_ref().unwrap().tree().unwrap();
        let group_info = self.group_info.clone();
        let commit = self.members[seat.0].rejoin(&group_info, &tree);
        self.accept(seat, &commit);
        if !self.present.contains(&seat) {
            self.present.push(seat);
        }
        self.compare();
    }

    /// Everybody says something, and everybody else reads it.
    pub fn talk(&mut self) {
        for speaker in self.present.clone() {
            let said = format!("from {speaker:?}").into_bytes();
            let message = self.members[speaker.0].encrypt(&said);
            let who = self.members[speaker.0].who();
            for listener in self.present.iter().filter(|seat| **seat != speaker) {
                let (sender, heard) = self.members[listener.0].process(&message).unwrap();
                assert_eq!(((sender.account, sender.device), &heard), (who, &said));
            }
        }
    }

    /// How many are in the group.
    #[must_use]
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// Whether nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// A KeyPackage of last resort of a member.
    pub fn last_resort(&mut self, seat: Seat) -> Vec<u8> {
        self.members[seat.0].key_package(true)
    }

    /// The server accepts the Commit, and all members but its maker apply it.
    fn accept(&mut self, committer: Seat, commit: &Commit) {
        let published = Published {
            commit: &commit.commit,
            group_info: &commit.group_info,
            welcome: commit.welcome.as_deref(),
        };
        let who = self.members[committer.0].who();
        let observer = self.observer.as_ref().unwrap();
        self.observer = Some(observer.check_commit(published, who, SystemClock.now()).unwrap().next);
        self.group_info.clone_from(&commit.group_info);
        for seat in self.present.iter().filter(|seat| **seat != committer) {
            assert_eq!(self.members[seat.0].process(&commit.commit), None);
        }
    }

    /// All members are in the same epoch with the same secrets, and the server sees the same leaves.
    fn compare(&mut self) {
        let mut authenticators: Vec<Vec<u8>> =
            self.present.iter().map(|seat| self.members[seat.0].epoch_authenticator().unwrap()).collect();
        authenticators.dedup();
        assert_eq!(authenticators.len(), 1, "everybody has the same epoch authenticator");
        let seen = self.observer.as_ref().unwrap().roster().unwrap();
        assert_eq!(seen.len(), self.present.len());
    }
}
