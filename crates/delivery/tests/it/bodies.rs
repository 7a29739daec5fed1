//! Requests, entries and groups that do not fit into frames.

use std::time::Duration;

use hushwire_delivery::limits::{Limit, Limits, Quota};
use hushwire_delivery::{Bearer, Checked, Next};
use hushwire_delivery::{Peer, Settings};
use hushwire_mls::{Addition, Change, Intent, NewGroup};
use hushwire_server_store::Bounds;
use hushwire_types::{BodyDigest, Epoch, Generation, GroupId, Secret, SendSeq, Seq, rng};
use hushwire_wire::bodies::GroupPart;
use hushwire_wire::{
    BodyRef, ConversationKind, CreateConversation, EntryKind, ErrorCode, FetchGroup, Hello, Opaque,
    RecipientKeys, Referred, ReferredGroup, Request, Response, SendUploaded, frame, limits,
};
use sha2::{Digest, Sha256};

use crate::faults::{begin, session_of};
use crate::world::{BINDING, Device, Line, World, additions, code, sent};

/// Devices of bob besides his first: their Welcome has more than the 64 KiB of one message.
const MANY: usize = 59;

fn world() -> World {
    World::with(Settings { limits: Limits::none(), ..Settings::default() }, Bounds::default())
}

fn reference(bytes: &[u8]) -> BodyRef {
    let length = u32::try_from(bytes.len()).unwrap();
    BodyRef { digest: BodyDigest::new(Sha256::digest(bytes).into()), length }
}

impl World {
    /// Logs in again; the ticket of that login.
    fn ticket(&mut self, device: &mut Device) -> Secret<32> {
        self.come_back(device, None).0.body_ticket.unwrap()
    }

    /// The ticket of a login on a connection that the world does not drive.
    fn ticket_of(&self, device: &Device) -> Secret<32> {
        let service = self.direct.service();
        let mut session = service.connect(Peer { binding: BINDING, address: None });
        let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: [1; 32] };
        let answer = begin(self, &mut session, hello).frames.remove(0).response;
        let Response::Welcomed(welcomed) = answer else { panic!("not welcomed") };
        let line = Line { nonce: welcomed.nonce, ..device.line };
        let login = self.login_request(&device.keys, line, None);
        let answer = begin(self, &mut session, login).frames.remove(0).response;
        let Response::LoggedIn(logged_in) = answer else { panic!("not logged in") };
        logged_in.body_ticket.unwrap()
    }

    fn bearer(&self, ticket: &Secret<32>) -> Result<Bearer, ErrorCode> {
        let peer = Peer { binding: BINDING, address: None };
        self.direct.service().bearer(Some(ticket), &peer, self.now).map_err(|error| error.code)
    }

    fn upload(&self, ticket: &Secret<32>, request: &Request) -> SendUploaded {
        let bytes = frame::encode_whole(request).unwrap();
        let upload = reference(&bytes);
        let mut coming =
            self.direct.service().upload(self.bearer(ticket).unwrap(), upload, self.now).unwrap();
        bytes.chunks(10_000).for_each(|chunk| coming.push(chunk).unwrap());
        coming.finish(self.now).unwrap();
        SendUploaded { upload }
    }

    fn claims(&mut self, by: &Device, of: &[&Device]) -> Vec<Addition> {
        let mut all = Vec::new();
        for devices in of.chunks(limits::CLAIMED_KEY_PACKAGES) {
            let (account_id, device_ids) =
                (devices[0].account, devices.iter().map(|device| device.id).collect());
            match self.ask(by.line, RecipientKeys { account_id, device_ids }) {
                Response::ClaimedKeyPackages(claimed) => all.extend(additions(&claimed)),
                other => panic!("nothing claimed: {other:?}"),
            }
        }
        all
    }

    /// A conversation of alice with all devices of bob, ready to be sent.
    fn large_creation(&mut self, alice: &mut Device, bob: &[&Device]) -> CreateConversation {
        let group_id = GroupId::new(rng::bytes(&*self.entropy));
        let peer = bob[0].account;
        let extension = hushwire_group_policy::GroupExtension::direct(alice.account, peer, Generation(1));
        let published = alice.mls.create(NewGroup { group_id, extension }, self.now).unwrap();
        let add = self.claims(alice, bob);
        let intent = Intent::Change(Change { add, ..Change::default() });
        let staged = alice.mls.stage_commit(&group_id, &intent, self.now).unwrap();
        alice.send_seq += 1;
        CreateConversation {
            send_seq: SendSeq(alice.send_seq),
            conversation_id: hushwire_group_policy::direct_conversation_id(alice.account, peer),
            generation: Generation(1),
            kind: ConversationKind::Direct { peer },
            group_info: published.group_info.into(),
            ratchet_tree: published.ratchet_tree.into(),
            commit: staged.bytes.into(),
            commit_group_info: staged.group_info.into(),
            welcome: staged.welcome.map(Opaque::from),
        }
    }
}

#[test]
fn a_conversation_with_sixty_devices_goes_up_and_comes_down() {
    let mut world = world();
    let (mut alice, mut phone, mut carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    let others: Vec<Device> = (0..MANY).map(|_| world.link(&phone)).collect();
    let all: Vec<&Device> = std::iter::once(&phone).chain(&others).collect();
    let create = world.large_creation(&mut alice, &all);
    let request = Request::from(create.clone());
    assert!(frame::needs_upload(&request));
    assert!(create.commit.len() > limits::MESSAGE_BYTES);
    let welcome = create.welcome.clone().unwrap();
    assert!(welcome.len() > limits::MESSAGE_BYTES);

    // Up: named before it is there, then uploaded, then lost with the process, then accepted, and accepted again.
    let ticket = world.ticket(&mut alice);
    let missing = SendUploaded { upload: reference(&frame::encode_whole(&request).unwrap()) };
    assert_eq!(code(world.ask(alice.line, missing)), ErrorCode::BodyMissing);
    world.upload(&ticket, &request);
    world.restart();
    assert_eq!(world.bearer(&ticket).unwrap_err(), ErrorCode::NotLoggedIn);
    let ticket = world.ticket(&mut alice);
    assert_eq!(code(world.ask(alice.line, missing)), ErrorCode::BodyMissing);
    let send = world.upload(&ticket, &request);
    let first = sent(world.ask(alice.line, send));
    assert_eq!(world.direct.service().uploaded_bytes(), 0, "what was accepted takes no room");
    let send = world.upload(&ticket, &request);
    assert_eq!(sent(world.ask(alice.line, send)), first);

    // Down: alice's own Commit, bob's Welcome, each by its reference, each from the own mailbox only.
    let (seq, of, body) = referred(&mut world, &mut alice);
    assert_eq!((of, body), (Referred::Commit, reference(&create.commit)));
    let ticket = world.ticket(&mut alice);
    let bearer = world.bearer(&ticket).unwrap();
    let fetched = world.direct.service().entry_body(bearer, seq, world.now).unwrap();
    assert_eq!(fetched, create.commit.as_slice());
    let (seq, of, body) = referred(&mut world, &mut phone);
    assert_eq!((of, body), (Referred::Welcome { epoch: Epoch(1) }, reference(&welcome)));
    let ticket = world.ticket(&mut phone);
    let bearer = world.bearer(&ticket).unwrap();
    let fetched = world.direct.service().entry_body(bearer, seq, world.now).unwrap();
    assert_eq!(fetched, welcome.as_slice());
    let strange = world.ticket(&mut carol);
    let stranger = world.bearer(&strange).unwrap();
    let foreign = world.direct.service().entry_body(stranger, seq, world.now).unwrap_err();
    assert_eq!(foreign.code, ErrorCode::BodyMissing, "carol's mailbox has no such entry");

    // The tree: by reference, for those only who may have it (rule R7), and good to join by.
    let fetch =
        FetchGroup { conversation_id: create.conversation_id, generation: None, epoch: Some(Epoch(1)) };
    let Response::ReferredGroup(group) = world.ask(phone.line, fetch) else { panic!("a group in a frame") };
    let ReferredGroup { conversation_id, generation, epoch, group_info, ratchet_tree } = group;
    let at = (conversation_id, generation, epoch);
    let part = |bearer, part| world.direct.service().group_part(bearer, at, part, world.now);
    let (tree, info) = (part(bearer, GroupPart::Tree).unwrap(), part(bearer, GroupPart::Info).unwrap());
    assert_eq!((Some(reference(&info)), reference(&tree)), (group_info, ratchet_tree));
    assert!(tree.len() > limits::FRAME_BYTES);
    for kind in [GroupPart::Tree, GroupPart::Info] {
        assert_eq!(part(stranger, kind).unwrap_err().code, ErrorCode::UnknownConversation);
    }
    phone.mls.join(&fetched, &tree, world.now).unwrap();
}

/// The one referred entry of a device that has just logged in.
fn referred(world: &mut World, device: &mut Device) -> (Seq, Referred, BodyRef) {
    let (_, pushes) = world.come_back(device, None);
    let found = crate::world::entries(pushes).into_iter().find_map(|entry| match entry.kind {
        EntryKind::Referred(referred) => Some((entry.seq, referred.of, referred.body)),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn the_same_send_is_the_same_whichever_way_it_comes() {
    let mut world = world();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    let (commit, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    let first = sent(world.ask(alice.line, commit.clone()));
    let ticket = world.ticket(&mut alice);
    let send = world.upload(&ticket, &commit.clone().into());
    assert_eq!(sent(world.ask(alice.line, send)), first);
    let other = hushwire_wire::SendCommit { epoch: Epoch(9), ..commit };
    let send = world.upload(&ticket, &other.into());
    assert_eq!(code(world.ask(alice.line, send)), ErrorCode::IdReused);
}

#[test]
fn only_commits_and_new_conversations_are_uploaded() {
    let mut world = world();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    let message = world.message(&mut alice, &talk, b"hello");
    let ticket = world.ticket(&mut alice);
    let send = world.upload(&ticket, &message.into());
    assert_eq!(code(world.ask(alice.line, send)), ErrorCode::Malformed);
}

#[test]
fn a_ticket_ends_with_its_connection_and_with_a_newer_login() {
    let mut world = world();
    let mut alice = world.join("alice");
    let first = world.ticket(&mut alice);
    let older = alice.line;
    assert!(world.bearer(&first).is_ok());
    let second = world.ticket(&mut alice);
    assert_eq!(world.bearer(&first).unwrap_err(), ErrorCode::NotLoggedIn);
    assert!(world.bearer(&second).is_ok());
    world.direct.disconnect(older.connection);
    assert!(world.bearer(&second).is_ok(), "an older connection that goes takes nothing away");
    world.direct.disconnect(alice.line.connection);
    assert_eq!(world.bearer(&second).unwrap_err(), ErrorCode::NotLoggedIn);
}

#[test]
fn uploads_and_downloads_are_limited() {
    let rare = Quota::new(1, Duration::from_secs(60));
    let limits = Limits::none().with(Limit::Upload, rare).with(Limit::Download, rare);
    let limits = limits.with(Limit::LoginAddress, rare);
    let mut world = World::with(Settings { limits, ..Settings::default() }, Bounds::default());
    let mut alice = world.join("alice");
    let ticket = world.ticket(&mut alice);
    let bearer = world.bearer(&ticket).unwrap();
    let service = world.direct.service();
    let body = reference(b"bytes");
    assert!(service.upload(bearer, body, world.now).is_ok());
    let limited = service.upload(bearer, body, world.now).err().unwrap();
    assert_eq!(limited.code, ErrorCode::RateLimited);
    assert_eq!(service.entry_body(bearer, Seq(1), world.now).unwrap_err().code, ErrorCode::BodyMissing);
    assert_eq!(service.entry_body(bearer, Seq(1), world.now).unwrap_err().code, ErrorCode::RateLimited);
    let stranger = Peer { binding: BINDING, address: Some("192.0.2.9".parse().unwrap()) };
    let guess = || service.bearer(Some(&Secret::new([1; 32])), &stranger, world.now).unwrap_err().code;
    assert_eq!((guess(), guess()), (ErrorCode::NotLoggedIn, ErrorCode::RateLimited));
}

#[test]
fn a_ticket_is_no_good_once_its_device_has_logged_in_again() {
    let mut world = world();
    let alice = world.join("alice");
    let older = world.ticket_of(&alice);
    assert!(world.bearer(&older).is_ok());
    // The older connection has not heard of it yet.
    let newer = world.ticket_of(&alice);
    assert_eq!(world.bearer(&older).unwrap_err(), ErrorCode::NotLoggedIn);
    assert!(world.bearer(&newer).is_ok());
}

#[test]
fn an_upload_takes_room_until_its_request_is_written() {
    let mut world = world();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    let (commit, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    let ticket = world.ticket(&mut alice);
    let request = Request::from(commit);
    let bytes = frame::encode_whole(&request).unwrap().len();
    let send = world.upload(&ticket, &request);
    let mut session = session_of(&mut world, &alice);
    let Next::Check(check) = begin(&world, &mut session, send).next else { panic!("nothing to check") };
    let service = world.direct.service();
    let Checked::Write(job) = service.check(*check, world.now) else { panic!("refused") };
    assert_eq!(service.uploaded_bytes(), bytes);
    service.commit(vec![*job], world.now);
    assert_eq!(service.uploaded_bytes(), 0);
}
