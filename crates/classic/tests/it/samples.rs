//! One value of each request and response, and the people of `tests/vectors`, which the original's library made.

use std::path::PathBuf;

use bytes::Bytes;
use hushwire_classic::folder::Folder;
use hushwire_classic::message::PrivateKeys;
use hushwire_classic::{
    DhPublicKey, MessageBlob, Otp, Phone, PublicKeys, Request, Response, RsaPem, Signature, SignedKeys,
    SigningKey,
};
use hushwire_types::SecretBytes;

pub(crate) fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn read(name: &str) -> Bytes {
    std::fs::read(vectors().join(name)).unwrap().into()
}

pub(crate) fn alice() -> Phone {
    "0501111111".parse().unwrap()
}

pub(crate) fn bob() -> Phone {
    "050222".parse().unwrap()
}

/// Bob's key files are encrypted.
pub(crate) fn bobs_password() -> SecretBytes {
    SecretBytes::new(b"correct horse".to_vec())
}

pub(crate) fn private_keys(who: &str) -> PrivateKeys {
    Folder::new(&vectors().join(who)).private_keys(Some(&bobs_password())).unwrap()
}

pub(crate) fn server_key() -> SigningKey {
    SigningKey::from_pem(&read("server/server_private_key.pem"), None).unwrap()
}

/// Keys as the original's library signed them.
pub(crate) fn signed_keys(who: &str) -> SignedKeys {
    let all = read(&format!("{who}.keys"));
    let (dh, rest) = all.split_first_chunk::<32>().unwrap();
    let (pem, signatures) = rest.split_at(rest.len() - 1024);
    let (dh_signature, rsa_signature) = signatures.split_at(512);
    SignedKeys {
        keys: PublicKeys { dh: DhPublicKey(*dh), rsa: RsaPem::new(Bytes::copy_from_slice(pem)).unwrap() },
        dh_signature: Signature::try_from(dh_signature).unwrap(),
        rsa_signature: Signature::try_from(rsa_signature).unwrap(),
    }
}

/// From Alice to Bob, sealed by the original's library.
pub(crate) fn blob() -> MessageBlob {
    MessageBlob::new(read("alice_to_bob.blob")).unwrap()
}

pub(crate) fn requests() -> Vec<(&'static str, Request)> {
    vec![
        ("register", Request::Register),
        ("otp", Request::Otp(Otp::new(123_456).unwrap())),
        ("send_public_keys", Request::SendPublicKeys(signed_keys("alice").keys)),
        ("login", Request::Login),
        ("recipient_keys", Request::RecipientKeys(bob())),
        ("sender_keys", Request::SenderKeys(bob())),
        ("message", Request::Message { recipient: bob(), blob: blob() }),
        ("message_received", Request::MessageReceived(bob())),
    ]
}

pub(crate) fn responses() -> Vec<(&'static str, Response)> {
    vec![
        ("registration", Response::Registration(None)),
        ("registration_with_otp", Response::Registration(Some(Otp::new(999_999).unwrap()))),
        ("registration_failed", Response::RegistrationFailed),
        ("keys_set", Response::KeysSet),
        ("recipient_keys", Response::RecipientKeys(signed_keys("alice"))),
        ("otp_ok", Response::OtpOk),
        ("login", Response::Login),
        ("login_failed", Response::LoginFailed),
        ("error", Response::Error),
        ("message", Response::Message { sender: bob(), blob: blob() }),
        ("message_sent", Response::MessageSent),
        ("sender_keys", Response::SenderKeys { phone: bob(), keys: signed_keys("alice") }),
        ("listening", Response::Listening),
    ]
}
