//! Against what the original's library made, and against forgeries.

use bytes::Bytes;
use hushwire_classic::crypto::{CryptoError, DhPrivateKey, KeyFileError};
use hushwire_classic::message::{self, OpenError, PrivateKeys, Text};
use hushwire_classic::{
    DhPublicKey, MessageBlob, PublicKeys, RsaPem, SigningKey, VerifiedKeys, VerifyingKey,
};
use hushwire_types::{OsEntropy, SecretBytes};

use crate::samples::{blob, private_keys, server_key, signed_keys, vectors};

const TEXT: &str = "hello from the original: ünïcödé ✓";

fn verified(who: &str) -> VerifiedKeys {
    signed_keys(who).verify(&server_key().verifying().unwrap()).unwrap()
}

/// The blob with one bit of one byte turned.
fn turned(blob: &MessageBlob, at: usize) -> MessageBlob {
    let mut bytes = blob.as_bytes().to_vec();
    bytes[at] ^= 1;
    MessageBlob::new(bytes.into()).unwrap()
}

#[test]
fn a_message_of_the_originals_library_is_opened() {
    let text = message::open(&private_keys("bob").dh, &verified("alice"), &blob()).unwrap();
    assert_eq!(text.as_str(), TEXT);
}

#[test]
fn a_message_of_ours_is_opened_by_its_recipient_alone() {
    let (alice, bob) = (private_keys("alice"), private_keys("bob"));
    let text = Text::new("back".to_owned()).unwrap();
    let sealed = message::seal(&bob, &verified("alice"), &text, &OsEntropy).unwrap();
    assert_eq!(message::open(&alice.dh, &verified("bob"), &sealed), Ok(text.clone()));
    let carol = DhPrivateKey::generate().unwrap();
    assert_eq!(message::open(&carol, &verified("bob"), &sealed), Err(CryptoError::Undecryptable.into()));
    // Sent back to who wrote it as if the other had: both agree on the same key, but the signature says who it was.
    assert_eq!(message::open(&bob.dh, &verified("alice"), &sealed), Err(CryptoError::BadSignature.into()));
    let again = message::seal(&bob, &verified("alice"), &text, &OsEntropy).unwrap();
    assert_ne!(again, sealed, "salt, nonce and signature are new each time");
}

#[test]
fn a_message_with_any_part_changed_is_not_opened() {
    let (own, alice, sealed) = (private_keys("bob").dh, verified("alice"), blob());
    let last = sealed.as_bytes().len() - 1;
    for at in [28, 539, 540, last] {
        let opened = message::open(&own, &alice, &turned(&sealed, at));
        assert_eq!(opened, Err(CryptoError::BadSignature.into()), "byte {at}");
    }
    for at in [0, 15, 16, 27] {
        let opened = message::open(&own, &alice, &turned(&sealed, at));
        assert_eq!(opened, Err(CryptoError::Undecryptable.into()), "byte {at}");
    }
}

#[test]
fn what_a_sender_signed_and_is_no_text_is_not_shown() {
    let (alice, bob) = (private_keys("alice"), private_keys("bob"));
    let long = "x".repeat(1001);
    let sealed = hushwire_classic_seal_any(&alice, &verified("bob"), long.as_bytes());
    assert_eq!(message::open(&bob.dh, &verified("alice"), &sealed), Err(OpenError::NotText));
    let sealed = hushwire_classic_seal_any(&alice, &verified("bob"), b"\xff\xfe");
    assert_eq!(message::open(&bob.dh, &verified("alice"), &sealed), Err(OpenError::NotText));
}

/// Seals bytes that [`Text`] would not take, as a hostile client would.
fn hushwire_classic_seal_any(own: &PrivateKeys, peer: &VerifiedKeys, bytes: &[u8]) -> MessageBlob {
    use openssl::derive::Deriver;
    use openssl::pkey::{Id, PKey};
    use openssl::pkey_ctx::PkeyCtx;
    let private = PKey::private_key_from_pem(own.dh.to_pem(None).unwrap().expose()).unwrap();
    let public = PKey::public_key_from_raw_bytes(&peer.public().dh.0, Id::X25519).unwrap();
    let mut deriver = Deriver::new(&private).unwrap();
    deriver.set_peer(&public).unwrap();
    let mut hkdf = PkeyCtx::new_id(Id::HKDF).unwrap();
    hkdf.derive_init().unwrap();
    hkdf.set_hkdf_md(openssl::md::Md::sha256()).unwrap();
    hkdf.set_hkdf_key(&deriver.derive_to_vec().unwrap()).unwrap();
    hkdf.set_hkdf_salt(&[0; 16]).unwrap();
    hkdf.add_hkdf_info(b"message_encryption").unwrap();
    let mut key = [0; 32];
    hkdf.derive(Some(&mut key)).unwrap();
    let cipher = openssl::symm::Cipher::aes_256_gcm();
    let mut tag = [0; 16];
    let mut sealed = openssl::symm::encrypt_aead(cipher, &key, Some(&[0; 12]), &[], bytes, &mut tag).unwrap();
    sealed.extend_from_slice(&tag);
    let signature = own.rsa.sign(&sealed).unwrap();
    MessageBlob::new([&[0; 28][..], &signature.0, &sealed].concat().into()).unwrap()
}

#[test]
fn keys_are_believed_only_with_both_signatures_of_the_server() {
    let server = server_key().verifying().unwrap();
    let (alice, bob) = (signed_keys("alice"), signed_keys("bob"));
    assert!(alice.clone().verify(&server).is_ok());
    let refused = Err(CryptoError::BadSignature);
    let mut forged = alice.clone();
    forged.keys.dh = bob.keys.dh;
    assert_eq!(forged.verify(&server).map(drop), refused);
    let mut forged = alice.clone();
    forged.keys.rsa = bob.keys.rsa.clone();
    assert_eq!(forged.verify(&server).map(drop), refused);
    let mut forged = alice.clone();
    forged.rsa_signature = forged.dh_signature;
    assert_eq!(forged.verify(&server).map(drop), refused);
    let other_server = private_keys("bob").rsa.verifying().unwrap();
    assert_eq!(alice.verify(&other_server).map(drop), refused);
}

#[test]
fn a_server_signs_usable_keys_only() {
    let (server, keys) = (server_key(), signed_keys("alice").keys);
    let signed = keys.sign(&server).unwrap();
    assert_eq!(signed.keys, keys);
    assert!(signed.verify(&server.verifying().unwrap()).is_ok());
    let small = openssl::rsa::Rsa::generate(2048).unwrap().public_key_to_pem().unwrap();
    let curve = openssl::pkey::PKey::generate_ed25519().unwrap().public_key_to_pem().unwrap();
    for pem in [small, curve, b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_vec()] {
        let keys = PublicKeys { rsa: RsaPem::new(Bytes::from(pem)).unwrap(), ..keys.clone() };
        assert!(matches!(keys.sign(&server), Err(CryptoError::BadKey(_))));
    }
}

#[test]
fn a_signature_with_another_salt_length_does_not_hold() {
    use openssl::sign::{RsaPssSaltlen, Signer};
    let pem = private_keys("alice").rsa.to_pem(None).unwrap();
    let key = openssl::pkey::PKey::private_key_from_pem(pem.expose()).unwrap();
    let mut signer = Signer::new(openssl::hash::MessageDigest::sha256(), &key).unwrap();
    signer.set_rsa_padding(openssl::rsa::Padding::PKCS1_PSS).unwrap();
    signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
    let short = signer.sign_oneshot_to_vec(b"words").unwrap();
    let verifying = private_keys("alice").rsa.verifying().unwrap();
    let short = hushwire_classic::Signature::try_from(&*short).unwrap();
    assert_eq!(verifying.verify(b"words", &short), Err(CryptoError::BadSignature));
    let right = private_keys("alice").rsa.sign(b"words").unwrap();
    assert_eq!(verifying.verify(b"words", &right), Ok(()));
}

#[test]
fn a_key_that_agrees_on_the_same_with_everybody_is_refused() {
    let server = server_key();
    for dh in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        let keys = PublicKeys { dh: DhPublicKey(dh), ..signed_keys("alice").keys };
        let weak = keys.sign(&server).unwrap().verify(&server.verifying().unwrap()).unwrap();
        let text = Text::new("x".to_owned()).unwrap();
        let sealed = message::seal(&private_keys("bob"), &weak, &text, &OsEntropy);
        assert!(matches!(sealed, Err(CryptoError::BadKey(_))));
    }
}

#[test]
fn key_files_are_read_and_written_with_and_without_a_password() {
    let password = SecretBytes::new(b"horse staple".to_vec());
    let keys = private_keys("alice");
    for password in [None, Some(&password)] {
        let (dh, rsa) = (keys.dh.to_pem(password).unwrap(), keys.rsa.to_pem(password).unwrap());
        let again = DhPrivateKey::from_pem(dh.expose(), password).unwrap();
        assert_eq!(again.public().unwrap(), keys.dh.public().unwrap());
        let again = SigningKey::from_pem(rsa.expose(), password).unwrap();
        assert_eq!(again.public_pem().unwrap(), keys.rsa.public_pem().unwrap());
        assert_eq!(
            SigningKey::from_pem(dh.expose(), password).unwrap_err(),
            KeyFileError::OtherKind("RSA-4096")
        );
        assert_eq!(
            DhPrivateKey::from_pem(rsa.expose(), password).unwrap_err(),
            KeyFileError::OtherKind("X25519")
        );
    }
    let locked = keys.rsa.to_pem(Some(&password)).unwrap();
    assert_eq!(SigningKey::from_pem(locked.expose(), None).unwrap_err(), KeyFileError::PasswordNeeded);
    let wrong = SecretBytes::new(b"wrong".to_vec());
    assert_eq!(SigningKey::from_pem(locked.expose(), Some(&wrong)).unwrap_err(), KeyFileError::WrongPassword);
    assert_eq!(SigningKey::from_pem(b"nonsense", None).unwrap_err(), KeyFileError::NotAKey);
    let public = std::fs::read(vectors().join("alice/server_public_key.pem")).unwrap();
    assert_eq!(SigningKey::from_pem(&public, None).unwrap_err(), KeyFileError::NotAKey);
    assert!(VerifyingKey::from_text(&public).is_ok());
}

#[test]
fn a_new_key_is_what_the_protocol_wants() {
    let key = SigningKey::generate().unwrap();
    let pem = key.public_pem().unwrap();
    let signature = key.sign(b"words").unwrap();
    assert_eq!(VerifyingKey::from_pem(&pem).unwrap().verify(b"words", &signature), Ok(()));
    assert_eq!(
        VerifyingKey::from_pem(&pem).unwrap().verify(b"word", &signature),
        Err(CryptoError::BadSignature)
    );
}

#[test]
fn debug_shows_no_key() {
    let keys = private_keys("alice");
    let text = Text::new("a secret text".to_owned()).unwrap();
    let all = format!("{keys:?} {text:?} {:?}", server_key());
    assert_eq!(
        all,
        "PrivateKeys { dh: DhPrivateKey(..), rsa: SigningKey(..) } Text(SecretBytes(..)) SigningKey(..)"
    );
}
