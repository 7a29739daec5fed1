//! Rule R9: what is accepted at all, on messages that mls-rs itself makes.

use hushwire_group_policy::{Admitted, At, GroupExtension, Header, Identities, Refusal, admit, peek};
use hushwire_types::{Epoch, GroupId};
use mls_rs::psk::{ExternalPskId, PreSharedKey};
use mls_rs::{CipherSuite, ExtensionList, IdentityProvider, MlsMessage};

use crate::world::{Morals, Pair, account, follow, refusal};

fn admitted(message: &MlsMessage) -> Result<Admitted, Refusal> {
    admit(&message.to_bytes().unwrap())
}

fn at(pair: &Pair) -> At {
    At {
        group_id: GroupId::try_from(pair.group_a.group_id()).unwrap(),
        epoch: Epoch(pair.group_a.current_epoch()),
    }
}

#[test]
fn r9_the_header_names_kind_group_and_epoch() {
    let mut pair = Pair::new();
    let here = at(&pair);
    let next = At { epoch: here.epoch.next(), ..here };
    let b2 = pair.world.device(account(2));
    let header = |message: &MlsMessage| peek(&message.to_bytes().unwrap()).unwrap();

    let application = pair.group_a.encrypt_application_message(b"text", vec![]).unwrap();
    assert_eq!(header(&application), Header::Application(here));
    let output = crate::world::add(&mut pair.group_a, &[&b2]);
    assert_eq!(header(&output.commit_message), Header::Commit(here));
    assert_eq!(header(&output.welcome_messages[0]), Header::Welcome);
    assert_eq!(header(output.external_commit_group_info.as_ref().unwrap()), Header::GroupInfo(next));
    assert_eq!(header(&b2.key_package()), Header::KeyPackage);
    let (_, external) = b2.rejoin(&pair.group_a, None).unwrap();
    assert_eq!(header(&external), Header::ExternalCommit(here));
    assert_eq!(header(&external).at(), Some(here));
}

#[test]
fn r9_application_messages_and_commits_are_admitted() {
    let mut pair = Pair::new();
    let here = at(&pair);
    let application = pair.group_a.encrypt_application_message(b"text", vec![]).unwrap();
    assert_eq!(admitted(&application), Ok(Admitted::Application(here, application)));
    let commit = pair.group_a.commit(vec![]).unwrap().commit_message;
    assert_eq!(admitted(&commit), Ok(Admitted::Commit(here, commit)));
}

#[test]
fn mls_pads_nothing_as_what_it_is_given_is_padded() {
    let mut pair = Pair::new();
    let mut bytes = |text: &[u8]| {
        pair.group_a.encrypt_application_message(text, vec![]).unwrap().to_bytes().unwrap().len()
    };
    assert_eq!(bytes(&[7; 101]), bytes(&[7; 100]) + 1);
}

#[test]
fn r9_a_commit_inside_a_private_message_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    *pair.a.rules.encrypt.lock().unwrap() = true;
    let output = pair.group_a.commit(vec![]).unwrap();
    assert_eq!(pair.refused(&output), Refusal::NotAdmitted("Commits inside a PrivateMessage"));
}

#[test]
fn r9_a_psk_proposal_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    let id = ExternalPskId::new(vec![1]);
    pair.a.client.secret_store().insert(id.clone(), PreSharedKey::new(vec![2; 32]));
    let output = pair.group_a.commit_builder().add_external_psk(id).unwrap().build().unwrap();
    assert_eq!(pair.refused(&output), Refusal::ForbiddenProposal("PreSharedKey proposals"));
}

#[test]
fn r9_a_reinit_proposal_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    let builder = pair.group_a.commit_builder();
    let version = mls_rs::ProtocolVersion::MLS_10;
    let builder = builder.reinit(None, version, CipherSuite::new(0x004E), ExtensionList::new()).unwrap();
    let output = builder.build().unwrap();
    assert_eq!(pair.refused(&output), Refusal::ForbiddenProposal("ReInit proposals"));
}

#[test]
fn r9_proposals_outside_a_commit_and_by_reference_are_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    let b2 = pair.world.device(account(2));
    let proposal = pair.group_a.propose_add(b2.key_package(), vec![]).unwrap();
    assert_eq!(admitted(&proposal), Err(Refusal::NotAdmitted("proposals outside a Commit")));
    let output = pair.group_a.commit(vec![]).unwrap();
    assert_eq!(pair.refused(&output), Refusal::ForbiddenProposal("proposals by reference"));
}

#[test]
fn r9_what_is_not_sent_to_a_group_is_refused() {
    let pair = Pair::new();
    let info = pair.group_a.group_info_message(false).unwrap();
    assert!(matches!(admitted(&info), Err(Refusal::NotAdmitted(_))));
    assert!(matches!(admitted(&pair.a.key_package()), Err(Refusal::NotAdmitted(_))));
}

#[test]
fn r9_trailing_bytes_and_application_messages_in_place_of_a_commit_are_refused() {
    let mut pair = Pair::new();
    let mut output = pair.group_a.commit(vec![]).unwrap();
    let longer = [output.commit_message.to_bytes().unwrap(), vec![0]].concat();
    assert_eq!(admit(&longer), Err(Refusal::Malformed));
    pair.group_a.clear_pending_commit();
    output.commit_message = pair.group_a.encrypt_application_message(b"text", vec![]).unwrap();
    assert!(matches!(refusal(follow(&pair.observer, &output, pair.a.who())), Refusal::NotAdmitted(_)));
}

#[test]
fn r9_nobody_is_an_external_sender() {
    let pair = Pair::new();
    let identities = Identities::new(pair.a.lists.clone());
    let judged = identities.validate_external_sender(&pair.b.identity, None, None);
    assert_eq!(judged, Err(Refusal::NotAdmitted("external senders").into()));
}

#[test]
fn what_names_another_ciphersuite_is_not_read() {
    let pair = Pair::new();
    let mut info = pair.group_a.group_info_message(false).unwrap().to_bytes().unwrap();
    assert_eq!(GroupExtension::peek(&info), Ok(pair.observer.extension().clone()));
    // version u16 ‖ wire format u16 ‖ version u16 ‖ ciphersuite u16
    assert_eq!(info[6..8], [0x00, 0x4E]);
    info[7] = 0x01;
    assert_eq!(GroupExtension::peek(&info), Err(Refusal::GroupInfo));
}
