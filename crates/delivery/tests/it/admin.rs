use hushwire_delivery::{AdminError, NewInvite};
use hushwire_server_store::account::Suspension;
use hushwire_server_store::registration::InviteUses;
use hushwire_types::AccountId;

use crate::world::World;

#[test]
fn an_invite_is_listed_by_its_beginning_and_revoked_by_it() {
    let world = World::new();
    let service = world.direct.service();
    let new = NewInvite { label: Some("for ann".into()), uses: InviteUses::Limited(2), expires_at: None };
    let code = service.create_invite(new, world.now).unwrap().to_string();
    let listed = service.invites().unwrap();
    assert_eq!(listed.len(), 1);
    assert!(code.starts_with(&listed[0].prefix) && listed[0].prefix.len() == 4);
    assert_eq!(listed[0].label.as_deref(), Some("for ann"));
    service.revoke_invite(&listed[0].prefix.to_lowercase(), world.now).unwrap();
    assert!(service.invites().unwrap().is_empty());
    assert!(matches!(service.revoke_invite(&code, world.now), Err(AdminError::UnknownInvite)));
}

#[test]
fn a_user_is_found_by_handle_and_by_id() {
    let mut world = World::new();
    let alice = world.join("alice");
    let service = world.direct.service();
    assert_eq!(service.find_user("@Alice").unwrap(), alice.account);
    assert_eq!(service.find_user(&alice.account.to_string()).unwrap(), alice.account);
    assert!(matches!(service.find_user("@bob"), Err(AdminError::UnknownAccount)));
    let users = service.users(None, 10).unwrap();
    assert_eq!(users.iter().map(|user| user.account).collect::<Vec<_>>(), [alice.account]);
    let nobody = AccountId::new([1; 32]);
    assert!(matches!(
        service.set_suspended(nobody, Suspension::Suspended, world.now),
        Err(AdminError::UnknownAccount)
    ));
    assert!(matches!(service.delete_user(nobody, world.now), Err(AdminError::UnknownAccount)));
}
