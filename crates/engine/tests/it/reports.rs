//! Reports: what goes to the operator, once, whatever happens in between; what cannot be reported; and what it does here.

use std::time::Duration;

use hushwire_client_store::StoreError;
use hushwire_client_store::conversation::ConversationState;
use hushwire_client_store::report::{self, Report, ReportState};
use hushwire_client_store::timeline::EntryState;
use hushwire_content::Poll;
use hushwire_engine::{
    Command, Complaint, Event, MessageRef, Outcome, Reach, Refusal, ReportDraft, ReportReason, Setting,
    StepError, draft_report, is_blocked,
};
use hushwire_server_store::Store;
use hushwire_server_store::report::{Report as Stored, ReportReason as StoredReason};
use hushwire_types::{AccountId, ContentId};
use hushwire_wire::{Error, ErrorCode, Response};

use crate::newcomers::talked;
use crate::world::{Line, World};

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const DAVE: usize = 3;

impl World {
    /// What the operator has.
    fn stored(&self) -> Vec<Stored> {
        let lines = self.store.reports(None, 100).unwrap();
        lines.iter().map(|line| self.store.report(line.number).unwrap().unwrap()).collect()
    }

    fn reports(&mut self, index: usize) -> Vec<Report> {
        self.clients[index].db.as_mut().unwrap().read::<_, StoreError>(report::all).unwrap()
    }

    fn draft(&mut self, index: usize, complaint: &Complaint) -> Result<ReportDraft, Refusal> {
        let me = self.account(index);
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StepError>(|view| draft_report(view, me, complaint)).unwrap()
    }

    fn blocks(&mut self, index: usize, account: AccountId) -> bool {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| is_blocked(view, &account)).unwrap()
    }
}

fn complaint(account: AccountId, messages: &[MessageRef]) -> Complaint {
    let note = "  every day\n".to_owned();
    Complaint { account, reason: ReportReason::Abuse, note, messages: messages.to_vec() }
}

fn command(complaint: &Complaint) -> Command {
    Command::Report { complaint: complaint.clone(), shown: None, block: false }
}

/// Alice, who has written two texts to bob, and what he would report.
fn wronged() -> (World, Complaint) {
    let mut world = World::with(&["alice", "bob"]);
    for text in ["you fool", "and ugly"] {
        world.send(ALICE, "@bob", text);
        world.pass(Duration::from_secs(120));
    }
    let messages = [world.message(BOB, "and ugly"), world.message(BOB, "you fool")];
    let alice = world.account(ALICE);
    (world, complaint(alice, &messages))
}

fn texts(stored: &Stored) -> Vec<&str> {
    stored.complaint.messages.iter().map(|message| message.text.as_str()).collect()
}

#[test]
fn the_operator_gets_what_was_chosen_and_nothing_else_and_nobody_is_told() {
    let (mut world, complaint) = wronged();
    world.send(ALICE, "@bob", "not reported");
    world.pass(Duration::from_secs(120));
    let told = (world.events(ALICE).len(), world.timeline(ALICE).len());
    let draft = world.draft(BOB, &complaint).unwrap();
    let Outcome::Reported { report } = world.outcome(BOB, command(&complaint)) else { panic!("refused") };
    world.settle();
    let [stored] = &world.stored()[..] else { panic!("one report") };
    assert_eq!((stored.reporter, stored.complaint.reported), (world.account(BOB), world.account(ALICE)));
    assert_eq!((stored.complaint.reason, stored.complaint.note.as_str()), (StoredReason::Abuse, "every day"));
    assert_eq!(texts(stored), ["and ugly", "you fool"]);
    let shown: Vec<(ContentId, _, &str)> =
        draft.messages.iter().map(|shown| (shown.content, shown.sent_at, shown.text.as_str())).collect();
    let sent = &stored.complaint.messages;
    let sent: Vec<_> = sent.iter().map(|sent| (sent.content, sent.sent_at, sent.text.as_str())).collect();
    assert_eq!(shown, sent, "what was shown is what was sent");

    let [kept] = &world.reports(BOB)[..] else { panic!("one report") };
    assert_eq!((kept.id, kept.account, kept.messages), (report, world.account(ALICE), 2));
    assert_eq!(kept.state, ReportState::Arrived { at: world.now });
    let arrived = Event::Report { report, account: world.account(ALICE), refused: None };
    assert!(world.events(BOB).contains(&arrived));
    assert_eq!((world.events(ALICE).len(), world.timeline(ALICE).len()), told);
    world.pass(Duration::from_secs(91 * 86_400));
    world.restart(BOB);
    assert!(world.reports(BOB).is_empty(), "forgotten when the server has forgotten it");
}

#[test]
fn what_is_reported_offline_outlives_a_kill_and_arrives_later() {
    let (mut world, complaint) = wronged();
    world.go_offline(BOB);
    assert!(matches!(world.outcome(BOB, command(&complaint)), Outcome::Reported { .. }));
    world.kill(BOB);
    world.start(BOB);
    world.settle();
    assert!(world.stored().is_empty());
    assert_eq!(world.reports(BOB)[0].state, ReportState::Waiting);
    // What was chosen is what is sent, whatever its author makes of it meanwhile.
    let message = world.message(ALICE, "you fool");
    world.does(ALICE, Command::Edit { message, text: "you friend".into() });
    world.go_online(BOB);
    world.pass(Duration::from_secs(5));
    assert_eq!(texts(&world.stored()[0]), ["and ugly", "you fool"]);
    assert!(matches!(world.reports(BOB)[0].state, ReportState::Arrived { .. }));
}

#[test]
fn whoever_reports_may_die_after_any_step() {
    for at in 1..6 {
        let (mut world, complaint) = wronged();
        world.client(BOB).kill_at = Some(world.clients[BOB].steps + at);
        let id = world.command(BOB, command(&complaint));
        world.settle();
        if world.clients[BOB].engine.is_some() {
            world.kill(BOB);
        }
        world.client(BOB).kill_at = None;
        let said = matches!(world.clients[BOB].outcomes.get(&id), Some(Outcome::Reported { .. }));
        world.start(BOB);
        world.go_online(BOB);
        world.pass(Duration::from_secs(5));
        let stored = world.stored().len();
        assert!(stored == 1 || (stored == 0 && !said), "step {at}: {stored} reports");
        assert_eq!(world.reports(BOB).len(), stored, "step {at}");
    }
}

#[test]
fn a_lost_answer_repeats_nothing() {
    let (mut world, complaint) = wronged();
    world.client(BOB).line = Line::Deaf;
    world.command(BOB, command(&complaint));
    world.settle();
    assert_eq!(world.stored().len(), 1);
    assert_eq!(world.reports(BOB)[0].state, ReportState::Waiting);
    // The operator is quick; the report does not come back.
    let number = world.stored()[0].number;
    world.direct.service().delete_report(number, world.now).unwrap();
    world.client(BOB).line = Line::Good;
    world.restart(BOB);
    world.pass(Duration::from_secs(5));
    assert!(matches!(world.reports(BOB)[0].state, ReportState::Arrived { .. }));
    assert!(world.stored().is_empty());
}

#[test]
fn what_the_server_puts_off_is_sent_again_and_what_it_refuses_is_told() {
    let (mut world, complaint) = wronged();
    let answer = |world: &mut World, error: Option<Error>| {
        world.tamper = error.map(|error| -> crate::world::Tamper {
            Box::new(move |_, frame| {
                if matches!(frame.response, Response::ReportStored(_)) {
                    frame.response = error.clone().into();
                }
            })
        });
    };
    let later = Error::new(ErrorCode::RateLimited, "later").retry_after(Duration::from_secs(3600));
    answer(&mut world, Some(later));
    assert!(matches!(world.outcome(BOB, command(&complaint)), Outcome::Reported { .. }));
    world.pass(Duration::from_secs(60));
    assert_eq!(world.reports(BOB)[0].state, ReportState::Waiting);
    answer(&mut world, None);
    world.pass(Duration::from_secs(3600));
    assert!(matches!(world.reports(BOB)[0].state, ReportState::Arrived { .. }));
    assert_eq!(world.stored().len(), 1);

    answer(&mut world, Some(Error::new(ErrorCode::UnknownAccount, "nobody")));
    assert!(matches!(world.outcome(BOB, command(&complaint)), Outcome::Reported { .. }));
    world.settle();
    let ReportState::Refused { reason, .. } = world.reports(BOB)[1].state.clone() else { panic!("taken") };
    assert!(reason.contains("not on this server"), "{reason}");
    let told = |event: &Event| matches!(event, Event::Report { refused: Some(why), .. } if *why == reason);
    assert!(world.events(BOB).iter().any(told));
}

#[test]
fn only_messages_of_the_account_that_are_shown_can_be_reported() {
    let (mut world, complaint) = wronged();
    world.join("carol");
    world.send(CAROL, "@bob", "hello");
    world.send(BOB, "@alice", "stop it");
    world.pass(Duration::from_secs(120));
    let known = complaint.messages[0];
    let refused = |world: &mut World, messages: &[MessageRef]| {
        let complaint = Complaint { messages: messages.to_vec(), ..complaint.clone() };
        let drafted = world.draft(BOB, &complaint).unwrap_err();
        assert_eq!(world.outcome(BOB, command(&complaint)), Outcome::Refused(drafted.clone()));
        drafted
    };
    let (others, own) = (world.message(BOB, "hello"), world.message(BOB, "stop it"));
    assert_eq!(refused(&mut world, &[known, others]), Refusal::NotTheirs(others.content));
    assert_eq!(refused(&mut world, &[own]), Refusal::NotTheirs(own.content));
    let nothing = MessageRef { content: ContentId::new([1; 16]), ..known };
    assert_eq!(refused(&mut world, &[nothing]), Refusal::UnknownHere("such message"));

    // A reaction is a row that nobody sees; a line of the system's is not a message.
    let message = world.message(ALICE, "stop it");
    world.does(ALICE, Command::React { to: message, emoji: "🙄".into() });
    let hidden = world.hidden(BOB);
    assert_eq!(refused(&mut world, &[hidden]), Refusal::UnknownHere("such message"));
    let group = world.make_group(ALICE, "Choir", &["bob"]);
    world.pass(Duration::from_secs(60));
    let system = world
        .timeline(BOB)
        .into_iter()
        .find(|row| row.entry.conversation == group && matches!(row.entry.state, EntryState::System { .. }));
    let system = system.map(|row| of(&row.entry)).unwrap();
    assert_eq!(refused(&mut world, &[system]), Refusal::NoMessage(system.content));

    let message = world.message(ALICE, "you fool");
    world.does(ALICE, Command::Delete { message, reach: Reach::Everyone });
    assert_eq!(refused(&mut world, &complaint.messages), Refusal::DeletedMessage(message.content));
    assert!(world.stored().is_empty() && world.reports(BOB).is_empty());
    for refusal in [Refusal::NotTheirs(own.content), Refusal::DeletedMessage(message.content)] {
        assert!(
            refusal.to_string().contains(&own.content.to_string()) || refusal.to_string().contains("deleted")
        );
    }
}

fn of(entry: &hushwire_client_store::timeline::NewEntry) -> MessageRef {
    MessageRef { conversation: entry.conversation, account: entry.account, content: entry.content_id }
}

impl World {
    /// A row that nobody sees, of somebody else.
    fn hidden(&mut self, index: usize) -> MessageRef {
        let me = self.account(index);
        let shown: Vec<MessageRef> = self.timeline(index).iter().map(|row| of(&row.entry)).collect();
        let last = hushwire_client_store::timeline::RowId(0);
        let db = self.clients[index].db.as_mut().unwrap();
        let all = db
            .read::<_, StoreError>(|view| hushwire_client_store::history::after(view, last, 1_000))
            .unwrap();
        let mut rows = all.iter().map(|past| of(&past.entry.entry));
        rows.find(|row| row.account != me && !shown.contains(row)).unwrap()
    }
}

#[test]
fn what_somebody_else_handed_over_cannot_be_reported() {
    let (mut world, id) = talked(&["alice", "bob", "carol", "dave"], &["one", "two"]);
    world.add(ALICE, id, "carol", 50);
    world.pass(Duration::from_secs(60));
    let (alice, bob) = (world.account(ALICE), world.account(BOB));
    let message = world.message(CAROL, "two");
    assert_eq!(message.account, bob);
    let of_bob = complaint(bob, &[message]);
    let handed = Refusal::HandedOver(message.content);
    assert_eq!(world.outcome(CAROL, command(&of_bob)), Outcome::Refused(handed));
    // Alice has it from bob himself; what she handed over of her own is her word.
    let of_bob = Complaint { messages: vec![world.message(ALICE, "two")], ..of_bob };
    assert!(matches!(world.outcome(ALICE, command(&of_bob)), Outcome::Reported { .. }));
    let of_alice = complaint(alice, &[world.message(CAROL, "one")]);
    assert!(matches!(world.outcome(CAROL, command(&of_alice)), Outcome::Reported { .. }));
    // Dave has never heard of either.
    let unknown = Outcome::Refused(Refusal::UnknownHere("account"));
    assert_eq!(world.outcome(DAVE, command(&of_bob)), unknown);
}

#[test]
fn a_report_has_limits_and_needs_no_messages() {
    let (mut world, complaint) = wronged();
    let bob = world.account(BOB);
    let oneself = Complaint { account: bob, messages: Vec::new(), ..complaint.clone() };
    assert_eq!(world.outcome(BOB, command(&oneself)), Outcome::Refused(Refusal::Oneself));
    let wordy = Complaint { note: "n".repeat(501), ..complaint.clone() };
    assert_eq!(world.outcome(BOB, command(&wordy)), Outcome::Refused(Refusal::NoteTooLong(500)));
    let twice = [complaint.messages.clone(), complaint.messages.clone()].concat();
    let twice = Complaint { messages: twice, note: "ä".repeat(500), ..complaint.clone() };
    assert_eq!(world.draft(BOB, &twice).unwrap().messages.len(), 2, "each is in it once");

    let mut many = complaint.messages.clone();
    for number in 0..19 {
        world.send(ALICE, "@bob", &format!("text {number}"));
        world.pass(Duration::from_secs(60));
        many.push(world.message(BOB, &format!("text {number}")));
    }
    let many = Complaint { messages: many, ..complaint.clone() };
    assert_eq!(world.outcome(BOB, command(&many)), Outcome::Refused(Refusal::TooManyReported(20)));
    let mut long = Vec::new();
    for letter in ["ä", "ö"] {
        let text = letter.repeat(16_000);
        world.send(ALICE, "@bob", &text);
        world.pass(Duration::from_secs(60));
        long.push(world.message(BOB, &text));
    }
    let long = Complaint { messages: long, ..complaint.clone() };
    assert_eq!(world.outcome(BOB, command(&long)), Outcome::Refused(Refusal::ReportTooLarge));
    let one = Complaint { messages: long.messages[..1].to_vec(), ..complaint.clone() };
    assert!(matches!(world.outcome(BOB, command(&one)), Outcome::Reported { .. }));
    let bare = Complaint { messages: Vec::new(), note: String::new(), ..complaint };
    assert!(matches!(world.outcome(BOB, command(&bare)), Outcome::Reported { .. }));
    world.settle();
    let sizes: Vec<usize> = world.stored().iter().map(|stored| stored.complaint.messages.len()).collect();
    assert_eq!(sizes, [1, 0]);
}

#[test]
fn a_message_is_reported_as_it_is_shown_and_not_otherwise_than_it_was_shown() {
    let (mut world, complaint) = wronged();
    let alice = world.account(ALICE);
    let conversation = complaint.messages[0].conversation;
    let options = vec!["yes".to_owned(), "of course".to_owned()];
    let poll = Poll { question: "Are you a fool?".into(), options, multiple: false };
    world.outcome(ALICE, Command::Poll { conversation, poll });
    world.pass(Duration::from_secs(60));
    let is_new = |row: &&hushwire_client_store::timeline::Entry| {
        row.entry.account == alice && !complaint.messages.contains(&of(&row.entry))
    };
    let poll = world.timeline(BOB).iter().find(is_new).map(|row| of(&row.entry)).unwrap();
    let complaint = Complaint { messages: vec![complaint.messages[1], poll], ..complaint };
    let draft = world.draft(BOB, &complaint).unwrap();
    let shown: Vec<&str> = draft.messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(shown, ["you fool", "Poll: Are you a fool?\n1. yes\n2. of course"]);

    let message = world.message(ALICE, "you fool");
    world.does(ALICE, Command::Edit { message, text: "you friend".into() });
    let report = |shown: &ReportDraft| Command::Report {
        complaint: complaint.clone(),
        shown: Some(shown.clone()),
        block: true,
    };
    assert_eq!(world.outcome(BOB, report(&draft)), Outcome::Refused(Refusal::ReportChanged));
    assert!(!world.blocks(BOB, alice) && world.reports(BOB).is_empty(), "all of it or nothing");
    let draft = world.draft(BOB, &complaint).unwrap();
    assert_eq!(draft.messages[0].text, "you friend");
    assert!(matches!(world.outcome(BOB, report(&draft)), Outcome::Reported { .. }));
    world.settle();
    assert_eq!(texts(&world.stored()[0])[0], "you friend");
    assert!(world.blocks(BOB, alice));
}

#[test]
fn a_strangers_request_is_reported_declined_and_blocked_in_one_step() {
    let mut world = World::with(&["alice"]);
    world.join_shy("bob");
    world.send(ALICE, "@bob", "cheap watches");
    world.pass(Duration::from_secs(120));
    let alice = world.account(ALICE);
    let complaint = complaint(alice, &[world.message(BOB, "cheap watches")]);
    world.go_offline(BOB);
    let report = Command::Report { complaint, shown: None, block: true };
    assert!(matches!(world.outcome(BOB, report), Outcome::Reported { .. }));
    assert!(world.blocks(BOB, alice) && world.texts(BOB).is_empty(), "gone at once");
    world.restart(BOB);
    world.send(ALICE, "@bob", "very cheap");
    world.pass(Duration::from_secs(120));
    assert_eq!(texts(&world.stored()[0]), ["cheap watches"]);
    assert!(world.texts(BOB).is_empty());
    assert_eq!((world.count(ALICE, "delivered"), world.count(ALICE, "read_by")), (0, 0));
    world.does(BOB, Command::Set(Setting::Blocked { account: alice, on: false }));
    world.send(ALICE, "@bob", "sorry");
    world.pass(Duration::from_secs(120));
    assert_eq!(world.texts(BOB).len(), 1, "what comes after is a request again");
}

#[test]
fn a_group_of_strangers_is_left_with_it_and_one_that_was_accepted_is_not() {
    let mut world = World::with(&["alice"]);
    world.join_shy("bob");
    let id = world.make_group(ALICE, "Bargains", &["bob"]);
    world.say(ALICE, id, "buy now");
    world.pass(Duration::from_secs(120));
    let complaint = complaint(world.account(ALICE), &[world.message(BOB, "buy now")]);
    let report = Command::Report { complaint, shown: None, block: true };
    assert!(matches!(world.outcome(BOB, report), Outcome::Reported { .. }));
    world.pass(Duration::from_secs(120));
    assert_eq!(world.state(BOB, id), ConversationState::Closed);
    assert_eq!(texts(&world.stored()[0]), ["buy now"]);

    let (mut world, id) = talked(&["alice", "bob"], &["one", "two"]);
    let complaint = self::complaint(world.account(ALICE), &[world.message(BOB, "one")]);
    let report = Command::Report { complaint, shown: None, block: true };
    assert!(matches!(world.outcome(BOB, report), Outcome::Reported { .. }));
    world.pass(Duration::from_secs(120));
    assert_eq!(world.state(BOB, id), ConversationState::Active);
    assert_eq!(world.texts(BOB).len(), 2);
}

#[test]
fn a_report_and_its_block_are_on_all_devices_of_who_made_it_and_one_of_them_sends_it() {
    let (mut world, complaint) = wronged();
    let (alice, laptop) = (complaint.account, world.link(BOB));
    world.pass(Duration::from_secs(120));
    world.go_offline(BOB);
    let command = Command::Report { complaint, shown: None, block: true };
    assert!(matches!(world.outcome(BOB, command), Outcome::Reported { .. }));
    world.pass(Duration::from_secs(60));
    assert_eq!((world.reports(laptop), world.stored().len()), (vec![], 0));
    world.restart(BOB);
    world.pass(Duration::from_secs(60));
    let made = world.reports(BOB);
    assert!(matches!(made[0].state, ReportState::Arrived { .. }), "{made:?}");
    // One that is linked later is told as well, and a backup has it.
    let tablet = world.link(BOB);
    world.pass(Duration::from_secs(120));
    for index in [laptop, tablet] {
        assert_eq!(world.reports(index), made);
        assert!(world.blocks(index, alice));
        world.restart(index);
    }
    world.pass(Duration::from_secs(60));
    assert_eq!(world.stored().len(), 1);
    // None of them has its words, and each forgets it with the device that made it.
    let words = world.clients[laptop].db.as_mut().unwrap();
    let kept = words.read::<_, StoreError>(|view| report::request(view, &made[0].id)).unwrap();
    assert_eq!(kept, None);
    for _ in 0..2 {
        world.pass(Duration::from_secs(50 * 24 * 60 * 60));
    }
    for index in [BOB, laptop, tablet] {
        assert_eq!(world.reports(index), [], "{index}");
        assert!(world.blocks(index, alice));
    }
    // Who comes then is told nothing of it.
    let desk = world.link(BOB);
    world.pass(Duration::from_secs(120));
    assert_eq!((world.reports(desk), world.blocks(desk, alice)), (vec![], true));
}

#[test]
fn that_a_report_waits_or_is_refused_is_told_too() {
    let (mut world, complaint) = wronged();
    let laptop = world.link(BOB);
    world.pass(Duration::from_secs(120));
    world.client(BOB).line = Line::Deaf;
    world.outcome(BOB, command(&complaint));
    world.pass(Duration::from_secs(10));
    world.client(BOB).line = Line::Good;
    world.tamper = Some(Box::new(|_, frame| {
        if matches!(frame.response, Response::ReportStored(_)) {
            frame.response = Error::new(ErrorCode::Unsupported, "").into();
        }
    }));
    world.restart(BOB);
    world.pass(Duration::from_secs(60));
    let told = world.reports(laptop);
    assert!(
        matches!(&told[0].state, ReportState::Refused { reason, .. } if reason.contains("no reports")),
        "{told:?}"
    );
    assert_eq!(told, world.reports(BOB));
}
