//! The whole provider: HPKE over X-Wing, signatures, and where its randomness comes from.

use hushwire_suite::{CIPHER_SUITE, Suite, SuiteProvider};
use hushwire_types::Secret;
use mls_rs_core::crypto::{CipherSuite, CipherSuiteProvider, CryptoProvider, HpkePsk};

use crate::seeded;

fn provider(seed: u64) -> SuiteProvider {
    Suite::new(seeded(seed)).cipher_suite_provider(CIPHER_SUITE).unwrap()
}

#[test]
fn there_is_one_ciphersuite() {
    let suite = Suite::new(seeded(0));
    assert_eq!(suite.supported_cipher_suites(), [CipherSuite::new(0x004E)]);
    assert!(suite.cipher_suite_provider(CipherSuite::CURVE25519_AES128).is_none());
}

#[test]
fn what_is_sealed_opens_only_with_the_right_key_info_and_aad() {
    let p = provider(1);
    let (secret, public) = p.kem_generate().unwrap();
    let (other, other_public) = p.kem_derive(b"other").unwrap();
    let sealed = p.hpke_seal(&public, b"info", Some(b"aad"), b"text").unwrap();

    assert_eq!(*p.hpke_open(&sealed, &secret, &public, b"info", Some(b"aad")).unwrap(), b"text");
    assert!(p.hpke_open(&sealed, &secret, &public, b"else", Some(b"aad")).is_err());
    assert!(p.hpke_open(&sealed, &secret, &public, b"info", None).is_err());
    assert!(p.hpke_open(&sealed, &other, &other_public, b"info", Some(b"aad")).is_err());

    let psk = || HpkePsk::new(b"id", &[7; 32]);
    let sealed = p.hpke_seal_psk(&public, b"info", None, b"text", psk()).unwrap();
    assert_eq!(*p.hpke_open_psk(&sealed, &secret, &public, b"info", None, psk()).unwrap(), b"text");
    assert!(p.hpke_open(&sealed, &secret, &public, b"info", None).is_err());
}

#[test]
fn contexts_of_both_sides_export_the_same_secret() {
    use mls_rs_core::crypto::{HpkeContextR, HpkeContextS};
    let p = provider(2);
    let (secret, public) = p.kem_generate().unwrap();
    let (enc, sender) = p.hpke_setup_s(&public, b"info").unwrap();
    let receiver = p.hpke_setup_r(&enc, &secret, &public, b"info").unwrap();
    assert_eq!(sender.export(b"label", 32).unwrap(), receiver.export(b"label", 32).unwrap());
}

#[test]
fn the_sizes_are_those_of_aes_256_gcm_and_sha_384() {
    let p = provider(3);
    assert_eq!((p.aead_key_size(), p.aead_nonce_size(), p.kdf_extract_size()), (32, 12, 48));
    assert_eq!(p.hash(b"").unwrap().len(), 48);
    assert_eq!(p.mac(b"key", b"data").unwrap().len(), 48);
}

#[test]
fn signature_keys_come_from_their_seed() {
    // RFC 8032, section 7.1, test 1.
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let p = provider(4);
    let (secret, public) =
        Suite::new(seeded(4)).signature_keys(&Secret::try_from(seed.as_slice()).unwrap()).unwrap();
    assert_eq!(public.as_ref(), hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
    assert_eq!(p.signature_key_derive_public(&secret).unwrap(), public);

    let signature = p.sign(&secret, b"").unwrap();
    assert_eq!(
        signature,
        hex(concat!(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ))
    );
    p.verify(&public, &signature, b"").unwrap();
    assert!(p.verify(&public, &signature, b"x").is_err());
}

#[test]
fn equal_entropy_gives_equal_bytes_everywhere() {
    let run = |seed| {
        let p = provider(seed);
        let (_, public) = p.kem_generate().unwrap();
        let sealed = p.hpke_seal(&public, b"", None, b"text").unwrap();
        let (_, signing) = p.signature_key_generate().unwrap();
        (public, sealed, signing, p.random_bytes_vec(16).unwrap())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).1, run(8).1);
}
