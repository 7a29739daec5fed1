//! One fixed value of every message, and of every variant inside them. Golden files are named after these.

use std::time::Duration;

use hushwire_types::{
    AccountId, BodyDigest, ContentId, ConversationId, DeviceId, EntryHash, Epoch, Generation, IncarnationId,
    ListNumber, LoginMark, Order, ReportId, Secret, SendSeq, Seq, SessionId, Timestamp,
};
use hushwire_wire::{
    AccountKeys, Acknowledged, AnswerHandleClaim, AppendListEntry, BodyRef, ChannelBinding,
    ClaimedKeyPackage, ClaimedKeyPackages, ConversationKind, CreateConversation, Cursor, Delivery, Entry,
    EntryKind, Ephemeral, EphemeralSent, Error, ErrorCode, Fenced, FetchGroup, FindLink, Gap, Group,
    HandleClaim, HandleClaimAnswer, HandleClaimAnswered, HandleClaimState, HandleMoved, Hello,
    KeyPackagesStored, KeysSet, LinkEnded, LinkFound, LinkMessage, LinkOpened, LinkSent, ListChanged,
    ListEntryAppended, Listening, LoggedIn, Login, LoginFailed, LoginFailure, LookUp, MessageReceived,
    MessageSent, Opaque, OpenLink, Otp, OtpOk, Ping, Place, Pong, PutKeyPackages, RecipientKeys, Recover,
    RecoverDevice, Referred, ReferredEntry, ReferredGroup, Register, Registration, RegistrationFailed,
    RegistrationFailure, RegistrationMethod, Removed, Report, ReportReason, ReportStored, ReportedMessage,
    Request, Response, SendCommit, SendEphemeral, SendLink, SendMessage, SendPublicKeys, SendUploaded,
    SenderKeys, Sensitive, WelcomeEntry, Welcomed,
};

const ACCOUNT: AccountId = AccountId::new([0xa1; 32]);
const PEER: AccountId = AccountId::new([0xa2; 32]);
const DEVICE: DeviceId = DeviceId::new([0xd1; 16]);
const CONVERSATION: ConversationId = ConversationId::new([0xc1; 32]);
const SESSION: SessionId = SessionId::new([0x51; 16]);
const MARK: LoginMark = LoginMark::new([0x4d; 16]);
const INCARNATION: IncarnationId = IncarnationId::new([0x1c; 16]);
const HASH: EntryHash = EntryHash::new([0xe1; 32]);
const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);

fn opaque(text: &str) -> Opaque {
    text.as_bytes().into()
}

fn body(byte: u8) -> BodyRef {
    BodyRef { digest: BodyDigest::new([byte; 32]), length: 2_700_000 }
}

/// Every request, several where a message has variants.
pub(crate) fn requests() -> Vec<(&'static str, Request)> {
    let mut all = vec![
        ("hello", hello().into()),
        ("ping", Ping.into()),
        ("otp", Otp { session_id: SESSION, code: Sensitive::new("042042") }.into()),
        ("send_public_keys", send_public_keys().into()),
        ("login_first", login(None, None).into()),
        ("login", login(Some(Cursor { incarnation: INCARNATION, seq: Seq(41) }), None).into()),
        ("login_with_mark", login(None, Some(MARK)).into()),
        ("sender_keys", SenderKeys { account_id: PEER, from_number: ListNumber(2) }.into()),
        ("look_up", LookUp { handle: "@bob".into() }.into()),
        ("recipient_keys", RecipientKeys { account_id: PEER, device_ids: vec![DEVICE] }.into()),
        ("append_list_entry", AppendListEntry { entry: opaque("entry") }.into()),
        ("send_commit", send_commit().into()),
        ("create_conversation", create_conversation().into()),
        ("open_link", OpenLink { commitment: [0x0c; 32] }.into()),
        ("find_link", FindLink { code: "K7QF-2M9D".into() }.into()),
        (
            "recover",
            Recover { handle: "@alice".into(), signature: [0x5c; 64], from_number: ListNumber(0) }.into(),
        ),
        ("recover_device", RecoverDevice { account_id: ACCOUNT, entry: opaque("entry") }.into()),
        ("send_link", SendLink { body: opaque("offer") }.into()),
        ("send_uploaded", SendUploaded { upload: body(0xb0) }.into()),
        (
            "create_group",
            CreateConversation { kind: ConversationKind::Group, ..create_conversation() }.into(),
        ),
        ("message_received", MessageReceived { incarnation: INCARNATION, through_seq: Seq(42) }.into()),
    ];
    all.extend(registers());
    all.extend(claim_answers());
    all.extend(reports());
    all.extend(group_requests());
    all
}

fn claim_answers() -> Vec<(&'static str, Request)> {
    let answer = |answer| -> Request {
        AnswerHandleClaim { handle: "+15551234567".into(), account_id: PEER, answer }.into()
    };
    vec![
        ("answer_handle_claim_allow", answer(HandleClaimAnswer::Allow)),
        ("answer_handle_claim_refuse", answer(HandleClaimAnswer::Refuse)),
    ]
}

fn reports() -> Vec<(&'static str, Request)> {
    let bare = Report {
        report_id: ReportId::new([0x5e; 16]),
        account_id: PEER,
        reason: ReportReason::Spam,
        note: "".into(),
        messages: Vec::new(),
    };
    let message = |byte, text: &str| ReportedMessage {
        content_id: ContentId::new([byte; 16]),
        sent_at: NOW,
        text: text.into(),
    };
    let messages = vec![message(0xe2, "cheap watches"), message(0xe3, "really\ncheap")];
    let full = Report { reason: ReportReason::Other, note: "every day".into(), messages, ..bare.clone() };
    vec![("report", bare.into()), ("report_with_messages", full.into())]
}

fn hello() -> Hello {
    Hello { min_version: 2, max_version: 3, features: vec!["calls".into()], nonce: [7; 32] }
}

fn login(cursor: Option<Cursor>, mark: Option<LoginMark>) -> Login {
    Login { account_id: ACCOUNT, device_id: DEVICE, signature: [0x5a; 64], cursor, mark }
}

fn registers() -> Vec<(&'static str, Request)> {
    let register = |method, username: Option<&str>| -> Request {
        Register { method, username: username.map(Sensitive::from), account_id: ACCOUNT }.into()
    };
    vec![
        ("register_invite", register(RegistrationMethod::Invite("K7QF-2M9D".into()), Some("alice"))),
        ("register_phone", register(RegistrationMethod::Phone("+15551234567".into()), None)),
        ("register_email", register(RegistrationMethod::Email("alice@example.org".into()), None)),
        ("register_open", register(RegistrationMethod::Open, Some("alice"))),
    ]
}

fn send_public_keys() -> SendPublicKeys {
    SendPublicKeys {
        session_id: SESSION,
        genesis: opaque("genesis"),
        list_entry: opaque("entry 1"),
        key_packages: vec![opaque("key package 1"), opaque("key package 2")],
        last_resort_key_package: opaque("last resort"),
        signature: [0x5b; 64],
    }
}

fn send_commit() -> SendCommit {
    SendCommit {
        send_seq: SendSeq(8),
        conversation_id: CONVERSATION,
        generation: Generation(1),
        epoch: Epoch(4),
        commit: opaque("commit"),
        group_info: opaque("group info"),
        welcome: Some(opaque("welcome")),
    }
}

fn create_conversation() -> CreateConversation {
    CreateConversation {
        send_seq: SendSeq(1),
        conversation_id: CONVERSATION,
        generation: Generation(1),
        kind: ConversationKind::Direct { peer: PEER },
        group_info: opaque("group info 0"),
        ratchet_tree: opaque("tree 0"),
        commit: opaque("commit"),
        commit_group_info: opaque("group info 1"),
        welcome: Some(opaque("welcome")),
    }
}

fn group_requests() -> Vec<(&'static str, Request)> {
    let put = |last_resort: Option<&str>, replace| -> Request {
        PutKeyPackages {
            key_packages: vec![opaque("key package")],
            last_resort_key_package: last_resort.map(opaque),
            replace,
        }
        .into()
    };
    let fetch = |generation, epoch| -> Request {
        FetchGroup { conversation_id: CONVERSATION, generation, epoch }.into()
    };
    let send = SendMessage {
        send_seq: SendSeq(9),
        conversation_id: CONVERSATION,
        generation: Generation(1),
        epoch: Epoch(5),
        body: opaque("ciphertext"),
    };
    let ephemeral = SendEphemeral {
        conversation_id: CONVERSATION,
        generation: Generation(1),
        epoch: Epoch(5),
        body: opaque("typing"),
    };
    vec![
        ("send_message", send.into()),
        ("send_ephemeral", ephemeral.into()),
        ("put_key_packages", put(None, false)),
        ("put_key_packages_replacing", put(Some("last resort"), true)),
        ("fetch_group_current", fetch(None, None)),
        ("fetch_group_at_epoch", fetch(Some(Generation(2)), Some(Epoch(3)))),
    ]
}

/// Every response and push, several where a message has variants.
pub(crate) fn responses() -> Vec<(&'static str, Response)> {
    let mut all = vec![
        ("welcomed", welcomed(ChannelBinding::Exporter).into()),
        ("welcomed_end_point", welcomed(ChannelBinding::EndPoint).into()),
        ("welcomed_unbound", welcomed(ChannelBinding::None).into()),
        ("pong", Pong.into()),
        ("fenced", Fenced.into()),
        ("registration", Registration { session_id: SESSION, otp_required: true, expires_at: NOW }.into()),
        ("registration_failed", registration_failed().into()),
        ("otp_ok", OtpOk.into()),
        ("keys_set", KeysSet { account_id: ACCOUNT }.into()),
        ("logged_in", logged_in(None, None).into()),
        ("logged_in_with_ticket", logged_in(Some(Secret::new([0x71; 32])), None).into()),
        ("logged_in_with_mark", logged_in(None, Some(MARK)).into()),
        ("login_failed", LoginFailed { failure: LoginFailure::Revoked, text: "Revoked.".into() }.into()),
        ("account_keys", account_keys().into()),
        ("claimed_key_packages", claimed().into()),
        ("key_packages_stored", KeyPackagesStored { key_packages_left: 20 }.into()),
        ("list_entry_appended", ListEntryAppended { list_number: ListNumber(3), list_hash: HASH }.into()),
        ("message_sent", MessageSent { send_seq: SendSeq(9), order: Order(77), accepted_at: NOW }.into()),
        ("group", group(Some("group info")).into()),
        ("group_tree_only", group(None).into()),
        ("referred_group", referred_group(Some(body(0xb1))).into()),
        ("referred_group_tree_only", referred_group(None).into()),
        ("ephemeral_sent", EphemeralSent.into()),
        ("ephemeral", ephemeral().into()),
        ("acknowledged", Acknowledged { through_seq: Seq(42) }.into()),
        ("listening", Listening { through_seq: Seq(42) }.into()),
        ("delivery", Delivery { entries: entries() }.into()),
        ("delivery_of_claims", Delivery { entries: claims() }.into()),
        ("handle_claim_answered", HandleClaimAnswered.into()),
        ("link_opened", LinkOpened { code: "K7QF-2M9D".into(), expires_at: NOW }.into()),
        ("link_found", LinkFound { commitment: [0x0c; 32] }.into()),
        ("link_sent", LinkSent.into()),
        ("link_message", LinkMessage { body: opaque("answer") }.into()),
        ("link_ended", LinkEnded.into()),
        ("report_stored", ReportStored.into()),
        ("delivery_of_references", Delivery { entries: references() }.into()),
    ];
    all.extend(errors());
    all
}

fn welcomed(binding: ChannelBinding) -> Welcomed {
    Welcomed {
        version: 2,
        features: vec![],
        server_key: [0x5e; 32],
        nonce: [8; 32],
        binding,
        signature: [0x5c; 64],
        server_time: NOW,
    }
}

fn registration_failed() -> RegistrationFailed {
    RegistrationFailed {
        failure: RegistrationFailure::OtpWrong,
        text: "The code is wrong.".into(),
        tries_left: 4,
        locked_until: Some(NOW),
    }
}

fn logged_in(body_ticket: Option<Secret<32>>, last_mark: Option<LoginMark>) -> LoggedIn {
    LoggedIn {
        cursor: Cursor { incarnation: INCARNATION, seq: Seq(41) },
        accepted_sends: SendSeq(8),
        server_time: NOW,
        key_packages_left: 12,
        last_resort_used: true,
        list_number: ListNumber(2),
        list_hash: HASH,
        body_ticket,
        last_mark,
    }
}

fn account_keys() -> AccountKeys {
    AccountKeys {
        account_id: PEER,
        genesis: Some(opaque("genesis")),
        first_number: ListNumber(1),
        entries: vec![opaque("entry 1"), opaque("entry 2")],
        username: Some("bob".into()),
        suspended: true,
    }
}

fn claimed() -> ClaimedKeyPackages {
    let key_package =
        ClaimedKeyPackage { device_id: DEVICE, key_package: opaque("key package"), last_resort: true };
    ClaimedKeyPackages { account_id: PEER, key_packages: vec![key_package] }
}

fn group(group_info: Option<&str>) -> Group {
    Group {
        conversation_id: CONVERSATION,
        generation: Generation(1),
        epoch: Epoch(5),
        group_info: group_info.map(opaque),
        ratchet_tree: opaque("tree"),
    }
}

fn referred_group(group_info: Option<BodyRef>) -> ReferredGroup {
    ReferredGroup {
        conversation_id: CONVERSATION,
        generation: Generation(1),
        epoch: Epoch(5),
        group_info,
        ratchet_tree: body(0xb2),
    }
}

fn ephemeral() -> Ephemeral {
    Ephemeral { conversation_id: CONVERSATION, generation: Generation(1), body: opaque("typing") }
}

fn errors() -> Vec<(&'static str, Response)> {
    let stale = Error::new(ErrorCode::StaleEpoch, "The group moved on.").at(Generation(1), Epoch(6));
    let limited = Error::new(ErrorCode::RateLimited, "Too often.").retry_after(Duration::from_millis(1_500));
    vec![("error_stale_epoch", stale.into()), ("error_rate_limited", limited.into())]
}

/// A claim in each of its states, and a handle that moved.
pub(crate) fn claims() -> Vec<Entry> {
    let claim = |state| {
        EntryKind::HandleClaim(HandleClaim {
            handle: "+15551234567".into(),
            account_id: PEER,
            claimed_at: NOW,
            locked_until: NOW.after(Duration::from_secs(7 * 86_400)),
            state,
        })
    };
    let states = HandleClaimState::ALL.iter().map(|state| claim(*state));
    let moved = EntryKind::HandleMoved(HandleMoved { account_id: PEER });
    (12..)
        .zip(states.chain([moved]))
        .map(|(seq, kind)| Entry { seq: Seq(seq), accepted_at: NOW, place: None, kind })
        .collect()
}

/// One entry of each other kind.
fn placed(seq: u64, order: Option<u64>, kind: EntryKind) -> Entry {
    let place = Place { conversation_id: CONVERSATION, generation: Generation(1), order: order.map(Order) };
    Entry { seq: Seq(seq), accepted_at: NOW, place: Some(place), kind }
}

/// One entry of each kind whose body is elsewhere.
pub(crate) fn references() -> Vec<Entry> {
    let referred = |of, byte| EntryKind::Referred(ReferredEntry { of, body: body(byte) });
    vec![
        placed(1, Some(1), referred(Referred::Welcome { epoch: Epoch(1) }, 0xb3)),
        placed(2, Some(2), referred(Referred::Commit, 0xb4)),
        placed(3, Some(3), referred(Referred::Removed, 0xb5)),
    ]
}

/// One entry of each kind.
pub(crate) fn entries() -> Vec<Entry> {
    let changed = ListChanged { account_id: PEER, list_number: ListNumber(3), list_hash: HASH };
    let gap = Gap { from_seq: Seq(4), through_seq: Seq(9), dropped: 5 };
    let gap_of_notices = EntryKind::Gap(Gap { from_seq: Seq(11), through_seq: Seq(11), dropped: 1 });
    vec![
        placed(1, Some(1), EntryKind::Welcome(WelcomeEntry { welcome: opaque("welcome"), epoch: Epoch(1) })),
        placed(2, Some(2), EntryKind::Application(opaque("ciphertext"))),
        placed(3, Some(3), EntryKind::Commit(opaque("commit"))),
        placed(4, Some(8), EntryKind::Gap(gap)),
        placed(6, Some(9), EntryKind::Removed(Removed { commit: opaque("commit") })),
        Entry { seq: Seq(10), accepted_at: NOW, place: None, kind: EntryKind::ListChanged(changed) },
        Entry { seq: Seq(11), accepted_at: NOW, place: None, kind: gap_of_notices },
    ]
}
