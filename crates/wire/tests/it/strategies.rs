//! Any value of every message, within its limits.

use std::time::Duration;

use hushwire_types::{
    AccountId, BodyDigest, ContentId, ConversationId, DeviceId, EntryHash, Epoch, Generation, IncarnationId,
    ListNumber, LoginMark, Order, ReportId, Secret, SendSeq, Seq, SessionId, Timestamp,
};
use hushwire_wire::limits::{BODY_BYTES, UPLOAD_BYTES};
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
    SenderKeys, Sensitive, Standing, WelcomeEntry, Welcomed,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn opaque() -> impl Strategy<Value = Opaque> + Clone {
    vec(any::<u8>(), 1..300).prop_map(Opaque::from)
}

fn opaques() -> impl Strategy<Value = Vec<Opaque>> {
    vec(opaque(), 0..20)
}

fn sensitive() -> impl Strategy<Value = Sensitive> + Clone {
    "[a-z0-9@+._-]{1,32}".prop_map(Sensitive::new)
}

fn text() -> impl Strategy<Value = String> {
    "[ -~]{0,100}"
}

fn account() -> impl Strategy<Value = AccountId> + Clone {
    any::<[u8; 32]>().prop_map(AccountId::new)
}

fn device() -> impl Strategy<Value = DeviceId> {
    any::<[u8; 16]>().prop_map(DeviceId::new)
}

fn conversation() -> impl Strategy<Value = ConversationId> + Clone {
    any::<[u8; 32]>().prop_map(ConversationId::new)
}

fn session() -> impl Strategy<Value = SessionId> {
    any::<[u8; 16]>().prop_map(SessionId::new)
}

fn incarnation() -> impl Strategy<Value = IncarnationId> {
    any::<[u8; 16]>().prop_map(IncarnationId::new)
}

fn hash() -> impl Strategy<Value = EntryHash> {
    any::<[u8; 32]>().prop_map(EntryHash::new)
}

fn signature() -> impl Strategy<Value = [u8; 64]> {
    vec(any::<u8>(), 64).prop_map(|bytes| bytes.try_into().unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_ms)
}

fn generation() -> impl Strategy<Value = Generation> + Clone {
    (1_u64..).prop_map(Generation)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u64>().prop_map(Epoch)
}

fn send_seq() -> impl Strategy<Value = SendSeq> {
    (1_u64..).prop_map(SendSeq)
}

fn seq() -> impl Strategy<Value = Seq> {
    (1_u64..).prop_map(Seq)
}

fn cursor() -> impl Strategy<Value = Cursor> {
    (incarnation(), any::<u64>()).prop_map(|(incarnation, seq)| Cursor { incarnation, seq: Seq(seq) })
}

fn body(max: usize) -> impl Strategy<Value = BodyRef> {
    (any::<[u8; 32]>(), 1..=u32::try_from(max).unwrap())
        .prop_map(|(digest, length)| BodyRef { digest: BodyDigest::new(digest), length })
}

fn features() -> impl Strategy<Value = Vec<String>> {
    vec("[a-z-]{1,32}", 0..5)
}

prop_compose! {
    fn hello()(low in 1_u32.., span in any::<u32>(), features in features(), nonce: [u8; 32]) -> Hello {
        Hello { min_version: low, max_version: low.saturating_add(span), features, nonce }
    }
}

prop_compose! {
    fn login()(
        account_id in account(), device_id in device(), signature in signature(), cursor in option::of(cursor()),
        mark in option::of(any::<[u8; 16]>().prop_map(LoginMark::new)),
    ) -> Login {
        Login { account_id, device_id, signature, cursor, mark }
    }
}

fn method() -> impl Strategy<Value = RegistrationMethod> {
    prop_oneof![
        sensitive().prop_map(RegistrationMethod::Invite),
        sensitive().prop_map(RegistrationMethod::Phone),
        sensitive().prop_map(RegistrationMethod::Email),
        Just(RegistrationMethod::Open),
    ]
}

prop_compose! {
    fn register()(method in method(), username in option::of(sensitive()), account_id in account()) -> Register {
        Register { method, username, account_id }
    }
}

prop_compose! {
    fn send_public_keys()(
        session_id in session(), genesis in opaque(), list_entry in opaque(), key_packages in opaques(),
        last_resort_key_package in opaque(), signature in signature(),
    ) -> SendPublicKeys {
        SendPublicKeys { session_id, genesis, list_entry, key_packages, last_resort_key_package, signature }
    }
}

prop_compose! {
    fn put_key_packages()(
        key_packages in opaques(), last_resort_key_package in option::of(opaque()), replace: bool,
    ) -> PutKeyPackages {
        PutKeyPackages { key_packages, last_resort_key_package, replace }
    }
}

prop_compose! {
    fn send_message()(
        send_seq in send_seq(), conversation_id in conversation(), generation in generation(), epoch in epoch(),
        body in opaque(),
    ) -> SendMessage {
        SendMessage { send_seq, conversation_id, generation, epoch, body }
    }
}

prop_compose! {
    fn send_ephemeral()(
        conversation_id in conversation(), generation in generation(), epoch in epoch(), body in opaque(),
    ) -> SendEphemeral {
        SendEphemeral { conversation_id, generation, epoch, body }
    }
}

prop_compose! {
    fn send_commit()(
        send_seq in send_seq(), conversation_id in conversation(), generation in generation(), epoch in epoch(),
        commit in opaque(), group_info in opaque(), welcome in option::of(opaque()),
    ) -> SendCommit {
        SendCommit { send_seq, conversation_id, generation, epoch, commit, group_info, welcome }
    }
}

prop_compose! {
    fn create_conversation()(
        send_seq in send_seq(), conversation_id in conversation(), generation in generation(),
        peer in option::of(account()), group_info in opaque(), ratchet_tree in opaque(), commit in opaque(),
        commit_group_info in opaque(), welcome in option::of(opaque()),
    ) -> CreateConversation {
        CreateConversation {
            send_seq, conversation_id, generation, kind: peer.map_or(ConversationKind::Group, |peer| ConversationKind::Direct { peer }), group_info,
            ratchet_tree, commit, commit_group_info, welcome,
        }
    }
}

prop_compose! {
    fn fetch_group()(
        conversation_id in conversation(), generation in option::of(generation()),
        epoch in option::of((1_u64..).prop_map(Epoch)),
    ) -> FetchGroup {
        FetchGroup { conversation_id, generation, epoch }
    }
}

/// Any request.
pub(crate) fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::from(Ping)),
        hello().prop_map(Request::from),
        register().prop_map(Request::from),
        (session(), "[0-9]{6}").prop_map(|(session_id, code)| Otp { session_id, code: code.into() }.into()),
        send_public_keys().prop_map(Request::from),
        login().prop_map(Request::from),
        (account(), any::<u64>()).prop_map(|(account_id, number)| {
            SenderKeys { account_id, from_number: ListNumber(number) }.into()
        }),
        sensitive().prop_map(|handle| LookUp { handle }.into()),
        (account(), vec(device(), 0..20)).prop_map(|(account_id, device_ids)| RecipientKeys {
            account_id,
            device_ids
        }
        .into()),
        put_key_packages().prop_map(Request::from),
        opaque().prop_map(|entry| AppendListEntry { entry }.into()),
        any::<[u8; 32]>().prop_map(|commitment| OpenLink { commitment }.into()),
        sensitive().prop_map(|code| FindLink { code }.into()),
        opaque().prop_map(|body| SendLink { body }.into()),
        (sensitive(), any::<[u8; 32]>(), any::<u64>()).prop_map(|(handle, half, number)| {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&half);
            Recover { handle, signature, from_number: ListNumber(number) }.into()
        }),
        (account(), opaque()).prop_map(|(account_id, entry)| RecoverDevice { account_id, entry }.into()),
        (sensitive(), account(), any::<i32>()).prop_map(|(handle, account_id, answer)| {
            let answer = HandleClaimAnswer::from_code(answer);
            AnswerHandleClaim { handle, account_id, answer }.into()
        }),
        report().prop_map(Request::from),
        send_message().prop_map(Request::from),
        send_ephemeral().prop_map(Request::from),
        send_commit().prop_map(Request::from),
        create_conversation().prop_map(Request::from),
        fetch_group().prop_map(Request::from),
        body(UPLOAD_BYTES).prop_map(|upload| SendUploaded { upload }.into()),
        (incarnation(), seq()).prop_map(|(incarnation, through_seq)| MessageReceived {
            incarnation,
            through_seq
        }
        .into()),
    ]
}

prop_compose! {
    fn reported_message()(content_id: [u8; 16], sent_at in time(), text in ".{0,100}") -> ReportedMessage {
        ReportedMessage { content_id: ContentId::new(content_id), sent_at, text: text.into() }
    }
}

prop_compose! {
    fn report()(
        report_id: [u8; 16], account_id in account(), reason: i32, note in ".{0,100}",
        messages in vec(reported_message(), 0..20),
    ) -> Report {
        let (report_id, reason) = (ReportId::new(report_id), ReportReason::from_code(reason));
        Report { report_id, account_id, reason, note: note.into(), messages }
    }
}

fn binding() -> impl Strategy<Value = ChannelBinding> {
    prop_oneof![Just(ChannelBinding::Exporter), Just(ChannelBinding::EndPoint), Just(ChannelBinding::None)]
}

prop_compose! {
    fn welcomed()(
        version in 1_u32.., features in features(), server_key: [u8; 32], nonce: [u8; 32], binding in binding(),
        signature in signature(), server_time in time(),
    ) -> Welcomed {
        Welcomed { version, features, server_key, nonce, binding, signature, server_time }
    }
}

prop_compose! {
    fn registration_failed()(
        failure: i32, text in text(), tries_left: u32,
        locked_until in option::of((1_u64..).prop_map(Timestamp::from_ms)),
    ) -> RegistrationFailed {
        RegistrationFailed { failure: RegistrationFailure::from_code(failure), text, tries_left, locked_until }
    }
}

prop_compose! {
    fn logged_in()(
        cursor in cursor(), sends: u64, server_time in time(), key_packages_left: u32, last_resort_used: bool,
        number: u64, list_hash in hash(), ticket in option::of(any::<[u8; 32]>()),
        last_mark in option::of(any::<[u8; 16]>().prop_map(LoginMark::new)),
    ) -> LoggedIn {
        LoggedIn {
            cursor, accepted_sends: SendSeq(sends), server_time, key_packages_left, last_resort_used,
            list_number: ListNumber(number), list_hash, body_ticket: ticket.map(Secret::new), last_mark,
        }
    }
}

prop_compose! {
    fn account_keys()(
        account_id in account(), genesis in option::of(opaque()), number in 1_u64.., entries in opaques(),
        username in option::of(sensitive()), suspended: bool,
    ) -> AccountKeys {
        AccountKeys { account_id, genesis, first_number: ListNumber(number), entries, username, suspended }
    }
}

prop_compose! {
    fn claimed_key_package()(
        device_id in device(), key_package in opaque(), last_resort: bool,
    ) -> ClaimedKeyPackage {
        ClaimedKeyPackage { device_id, key_package, last_resort }
    }
}

prop_compose! {
    fn group()(
        conversation_id in conversation(), generation in generation(), epoch in epoch(),
        group_info in option::of(opaque()), ratchet_tree in opaque(),
    ) -> Group {
        Group { conversation_id, generation, epoch, group_info, ratchet_tree }
    }
}

prop_compose! {
    fn referred_group()(
        conversation_id in conversation(), generation in generation(), epoch in epoch(),
        group_info in option::of(body(BODY_BYTES)), ratchet_tree in body(BODY_BYTES),
    ) -> ReferredGroup {
        ReferredGroup { conversation_id, generation, epoch, group_info, ratchet_tree }
    }
}

prop_compose! {
    fn error()(
        code: i32, wait in option::of(1_u64..), text in text(),
        standing in option::of((generation(), epoch())),
    ) -> Error {
        Error {
            code: ErrorCode::from_code(code),
            retry_after: wait.map(Duration::from_millis),
            text,
            standing: standing.map(|(generation, epoch)| Standing { generation, epoch }),
        }
    }
}

fn place(order: impl Strategy<Value = Option<Order>>) -> impl Strategy<Value = Option<Place>> {
    (conversation(), generation(), order)
        .prop_map(|(conversation_id, generation, order)| Some(Place { conversation_id, generation, order }))
}

fn order() -> impl Strategy<Value = Order> {
    (1_u64..).prop_map(Order)
}

fn placed_kind() -> impl Strategy<Value = EntryKind> {
    prop_oneof![
        opaque().prop_map(EntryKind::Application),
        opaque().prop_map(EntryKind::Commit),
        (opaque(), 1_u64..).prop_map(|(welcome, epoch)| {
            EntryKind::Welcome(WelcomeEntry { welcome, epoch: Epoch(epoch) })
        }),
        opaque().prop_map(|commit| EntryKind::Removed(Removed { commit })),
        referred().prop_map(EntryKind::Referred),
    ]
}

fn referred() -> impl Strategy<Value = ReferredEntry> {
    let of = prop_oneof![
        Just(Referred::Commit),
        (1_u64..).prop_map(|epoch| Referred::Welcome { epoch: Epoch(epoch) }),
        Just(Referred::Removed),
    ];
    (of, body(BODY_BYTES)).prop_map(|(of, body)| ReferredEntry { of, body })
}

fn gap() -> impl Strategy<Value = EntryKind> {
    (seq(), any::<u64>(), 1_u64..).prop_map(|(from_seq, span, dropped)| {
        let through_seq = Seq(from_seq.0.saturating_add(span));
        EntryKind::Gap(Gap { from_seq, through_seq, dropped })
    })
}

fn list_changed() -> impl Strategy<Value = EntryKind> {
    (account(), any::<u64>(), hash()).prop_map(|(account_id, number, list_hash)| {
        EntryKind::ListChanged(ListChanged { account_id, list_number: ListNumber(number), list_hash })
    })
}

fn handle_claim() -> impl Strategy<Value = EntryKind> {
    (sensitive(), account(), time(), time(), any::<i32>()).prop_map(
        |(handle, account_id, claimed_at, locked_until, state)| {
            let state = HandleClaimState::from_code(state);
            EntryKind::HandleClaim(HandleClaim { handle, account_id, claimed_at, locked_until, state })
        },
    )
}

fn handle_moved() -> impl Strategy<Value = EntryKind> {
    account().prop_map(|account_id| EntryKind::HandleMoved(HandleMoved { account_id }))
}

/// An entry without its number.
fn entry() -> impl Strategy<Value = Entry> {
    let body = prop_oneof![
        (place(order().prop_map(Some)), placed_kind()),
        (place(option::of(order())), gap()),
        (Just(None), prop_oneof![gap(), list_changed(), handle_claim(), handle_moved()]),
    ];
    (time(), body).prop_map(|(accepted_at, (place, kind))| Entry { seq: Seq(0), accepted_at, place, kind })
}

fn delivery() -> impl Strategy<Value = Delivery> {
    (vec((entry(), 1_u64..9), 1..10), any::<u32>()).prop_map(|(entries, start)| {
        let mut seq = u64::from(start);
        let numbered = entries.into_iter().map(|(entry, step)| {
            seq += step;
            Entry { seq: Seq(seq), ..entry }
        });
        Delivery { entries: numbered.collect() }
    })
}

/// Any response that a server of this version writes.
pub(crate) fn response() -> impl Strategy<Value = Response> {
    let small = prop_oneof![
        Just(Response::from(Pong)),
        Just(Response::from(Fenced)),
        Just(Response::from(OtpOk)),
        Just(Response::from(EphemeralSent)),
        Just(Response::from(HandleClaimAnswered)),
        Just(Response::from(LinkSent)),
        Just(Response::from(LinkEnded)),
        Just(Response::from(ReportStored)),
        any::<[u8; 32]>().prop_map(|commitment| LinkFound { commitment }.into()),
        (sensitive(), time()).prop_map(|(code, expires_at)| LinkOpened { code, expires_at }.into()),
        opaque().prop_map(|body| LinkMessage { body }.into()),
        account().prop_map(|account_id| KeysSet { account_id }.into()),
        any::<u64>().prop_map(|seq| Acknowledged { through_seq: Seq(seq) }.into()),
        any::<u64>().prop_map(|seq| Listening { through_seq: Seq(seq) }.into()),
        any::<u32>().prop_map(|key_packages_left| KeyPackagesStored { key_packages_left }.into()),
        (any::<u64>(), hash()).prop_map(|(number, list_hash)| {
            ListEntryAppended { list_number: ListNumber(number), list_hash }.into()
        }),
        (session(), any::<bool>(), time()).prop_map(|(session_id, otp_required, expires_at)| {
            Registration { session_id, otp_required, expires_at }.into()
        }),
        (any::<i32>(), text())
            .prop_map(|(code, text)| { LoginFailed { failure: LoginFailure::from_code(code), text }.into() }),
        (send_seq(), order(), time()).prop_map(|(send_seq, order, accepted_at)| {
            MessageSent { send_seq, order, accepted_at }.into()
        }),
        (conversation(), generation(), opaque()).prop_map(|(conversation_id, generation, body)| {
            Ephemeral { conversation_id, generation, body }.into()
        }),
    ];
    prop_oneof![
        8 => small,
        1 => welcomed().prop_map(Response::from),
        1 => registration_failed().prop_map(Response::from),
        1 => logged_in().prop_map(Response::from),
        1 => account_keys().prop_map(Response::from),
        1 => (account(), vec(claimed_key_package(), 0..20)).prop_map(|(account_id, key_packages)| {
            ClaimedKeyPackages { account_id, key_packages }.into()
        }),
        1 => group().prop_map(Response::from),
        1 => referred_group().prop_map(Response::from),
        1 => error().prop_map(Response::from),
        2 => delivery().prop_map(Response::from),
    ]
}
