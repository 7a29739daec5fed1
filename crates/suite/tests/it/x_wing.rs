//! X-Wing against the vectors of draft-connolly-cfrg-xwing-kem
//! (<https://github.com/dconnolly/draft-connolly-cfrg-xwing-kem/blob/main/spec/test-vectors.json>, as the x-wing crate
//! 0.1.1 carries them).

use std::sync::{Arc, Mutex};

use data_encoding::HEXLOWER;
use hushwire_suite::{SuiteError, XWing};
use hushwire_types::Entropy;
use mls_rs_crypto_traits::KemType;
use serde::Deserialize;

use crate::seeded;

#[derive(Deserialize)]
struct Vector {
    seed: String,
    eseed: String,
    ss: String,
    sk: String,
    pk: String,
    ct: String,
}

/// Gives exactly these bytes, then nothing.
struct Scripted(Mutex<Vec<u8>>);

impl Entropy for Scripted {
    fn fill(&self, out: &mut [u8]) {
        let mut left = self.0.lock().unwrap();
        let rest = left.split_off(out.len());
        out.copy_from_slice(&left);
        *left = rest;
    }
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

#[test]
fn the_drafts_vectors_hold_with_randomness_from_entropy() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/x_wing.json")).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let script = [hex(&vector.seed), hex(&vector.eseed)].concat();
        let kem = XWing::new(Arc::new(Scripted(Mutex::new(script))));

        let (secret, public) = kem.generate().unwrap();
        assert_eq!(secret.as_ref(), hex(&vector.sk));
        assert_eq!(public.as_ref(), hex(&vector.pk));

        let sent = kem.encap(&public).unwrap();
        assert_eq!(sent.enc(), hex(&vector.ct));
        assert_eq!(sent.shared_secret(), hex(&vector.ss));
        assert_eq!(kem.decap(&hex(&vector.ct), &secret, &public).unwrap(), hex(&vector.ss));
    }
}

#[test]
fn deriving_expands_the_input_with_shake256_into_the_seed() {
    let kem = XWing::new(seeded(1));
    // SHAKE256 of the empty string, first 32 bytes (NIST CSRC example values).
    let seed = hex("46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f");
    assert_eq!(kem.derive(b"").0.as_ref(), seed);
    assert_eq!(kem.derive(b"").1, kem.generate_deterministic(&seed).unwrap().1);
}

#[test]
fn an_all_zero_x25519_share_is_refused() {
    let kem = XWing::new(seeded(2));
    let (secret, public) = kem.generate().unwrap();
    let mut enc = kem.encap(&public).unwrap().enc().to_vec();
    enc[1088..].fill(0);
    assert!(matches!(kem.decap(&enc, &secret, &public), Err(SuiteError::InvalidCiphertext)));
}

#[test]
fn malformed_keys_and_ciphertexts_are_refused() {
    let kem = XWing::new(seeded(3));
    let (secret, public) = kem.generate().unwrap();
    let enc = kem.encap(&public).unwrap().enc().to_vec();

    let short = public.as_ref()[1..].to_vec().into();
    assert!(matches!(kem.public_key_validate(&short), Err(SuiteError::InvalidKey)));
    // Coefficients of 0xfff are not reduced modulo 3329 (FIPS 203, section 7.2).
    let unreduced = vec![0xff; 1216].into();
    assert!(matches!(kem.encap(&unreduced), Err(SuiteError::InvalidKey)));
    assert!(matches!(kem.decap(&enc[1..], &secret, &public), Err(SuiteError::InvalidCiphertext)));
    assert!(matches!(kem.decap(&enc, &vec![1; 31].into(), &public), Err(SuiteError::InvalidKey)));
}
