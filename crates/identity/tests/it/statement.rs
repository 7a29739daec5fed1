//! Rule R6: each statement covers every part of itself.

use hushwire_identity::statement::Recovery;
use hushwire_identity::{ChannelBinding, Handle, Login, Registration, ServerHello, ServerKey};
use hushwire_types::{AccountId, DeviceId, Secret};

use crate::fixtures::{list_key, recovery_key};

fn server() -> ServerKey {
    ServerKey::from_seed(&Secret::new([0x55; 32]))
}

#[test]
fn r6_a_server_hello_holds_on_its_connection_and_for_its_nonce_only() {
    let binding = ChannelBinding::Exporter([1; 32]);
    let hello = ServerHello { binding: &binding, client_nonce: &[2; 32] };
    let signature = hello.sign(&server());
    assert!(hello.verify(&server().public(), &signature).is_ok());
    let wrong = [
        ServerHello { binding: &ChannelBinding::Exporter([3; 32]), ..hello },
        ServerHello { binding: &ChannelBinding::EndPoint([1; 32]), ..hello },
        ServerHello { binding: &ChannelBinding::None, ..hello },
        ServerHello { client_nonce: &[3; 32], ..hello },
    ];
    assert!(wrong.iter().all(|hello| hello.verify(&server().public(), &signature).is_err()));
    assert!(hello.verify(&list_key(1).public(), &signature).is_err());
}

#[test]
fn r6_a_login_holds_for_its_server_connection_nonce_account_and_device_only() {
    let (key, server) = (list_key(1), server().public());
    let (binding, account, device) =
        (ChannelBinding::EndPoint([1; 32]), AccountId::new([4; 32]), key.device_id());
    let login = Login {
        server: &server,
        binding: &binding,
        server_nonce: &[2; 32],
        account: &account,
        device: &device,
    };
    let signature = login.sign(&key);
    assert!(login.verify(&key.public(), &signature).is_ok());
    let wrong = [
        Login { server: &list_key(9).public(), ..login },
        Login { binding: &ChannelBinding::Exporter([1; 32]), ..login },
        Login { server_nonce: &[3; 32], ..login },
        Login { account: &AccountId::new([5; 32]), ..login },
        Login { device: &DeviceId::new([5; 16]), ..login },
    ];
    assert!(wrong.iter().all(|login| login.verify(&key.public(), &signature).is_err()));
    assert!(login.verify(&list_key(2).public(), &signature).is_err());
}

#[test]
fn a_registration_holds_for_its_server_account_and_set_of_handles() {
    let (key, server, account) = (list_key(1), server().public(), AccountId::new([4; 32]));
    let handles: [Handle; 2] = ["@alice".parse().unwrap(), "+15551234567".parse().unwrap()];
    let turned = [handles[1].clone(), handles[0].clone()];
    let registration = Registration { server: &server, handles: &handles, account: &account };
    let signature = registration.sign(&key);
    assert!(Registration { handles: &turned, ..registration }.verify(&key.public(), &signature).is_ok());
    let wrong = [
        Registration { server: &key.public(), ..registration },
        Registration { handles: &handles[..1], ..registration },
        Registration { handles: &[], ..registration },
        Registration { account: &AccountId::new([5; 32]), ..registration },
    ];
    assert!(wrong.iter().all(|statement| statement.verify(&key.public(), &signature).is_err()));
}

#[test]
fn r6_a_recovery_holds_for_its_server_connection_nonce_and_handle_only() {
    let (key, server) = (recovery_key(1), server().public());
    let (binding, handle) = (ChannelBinding::EndPoint([1; 32]), "@alice".parse().unwrap());
    let recovery = Recovery { server: &server, binding: &binding, server_nonce: &[2; 32], handle: &handle };
    let signature = recovery.sign(&key);
    assert!(recovery.verify(&key.public(), &signature).is_ok());
    let wrong = [
        Recovery { server: &list_key(9).public(), ..recovery },
        Recovery { binding: &ChannelBinding::Exporter([1; 32]), ..recovery },
        Recovery { server_nonce: &[3; 32], ..recovery },
        Recovery { handle: &"@bob".parse().unwrap(), ..recovery },
    ];
    assert!(wrong.iter().all(|recovery| recovery.verify(&key.public(), &signature).is_err()));
    assert!(recovery.verify(&recovery_key(2).public(), &signature).is_err());
}
