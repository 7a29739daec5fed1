use std::io::Write;

use hushwire_backup::{CHUNK_BYTES, Key, ReadError, Record, WriteError, Writer};
use hushwire_types::{OsEntropy, Secret};
use proptest::prelude::*;

use crate::samples::{file, key, message, passphrase, read, records};

const HEADER: usize = 65;
const SEALED: usize = CHUNK_BYTES + 16;

/// Several chunks.
fn long() -> Vec<u8> {
    let many: Vec<Record> = (0..10).map(|n| Record::Message(message(vec![n; CHUNK_BYTES / 3]))).collect();
    file(&many, &key())
}

#[test]
fn a_wrong_key_and_a_wrong_kind_of_key_are_told_apart() {
    let sealed = file(&records(), &key());
    assert!(matches!(read(&sealed, &Key::Random(Secret::new([8; 32]))), Err(ReadError::WrongKey)));
    assert!(matches!(read(&sealed, &passphrase("x")), Err(ReadError::NeedsKey)));
    let sealed = file(&records(), &passphrase("correct horse"));
    assert!(matches!(read(&sealed, &passphrase("correct mule")), Err(ReadError::WrongKey)));
    assert!(matches!(read(&sealed, &key()), Err(ReadError::NeedsPassphrase)));
}

#[test]
fn another_file_and_a_newer_format_are_named() {
    for other in [&b""[..], b"hushwire", b"PK\x03\x04 something else of some length", &[0; 100]] {
        assert!(matches!(read(other, &key()), Err(ReadError::NotABackup)));
    }
    let mut newer = file(&records(), &key());
    newer[16] = 2;
    assert!(matches!(read(&newer, &key()), Err(ReadError::Newer { found: 2, known: 1 })));
    // Of a newer format nothing else is looked at.
    assert!(matches!(read(&newer[..17], &key()), Err(ReadError::Newer { .. })));
}

#[test]
fn a_file_that_ends_early_is_damaged_wherever_it_ends() {
    let whole = long();
    assert!(whole.len() > HEADER + 3 * SEALED);
    for chunks in 0..=3 {
        for more in [0, 1, 15, 16, 17, 40_000] {
            let end = (HEADER + chunks * SEALED + more).min(whole.len() - 1);
            let cut = read(&whole[..end], &key());
            assert!(matches!(cut, Err(ReadError::Damaged | ReadError::WrongKey)), "{end}: {cut:?}");
        }
    }
    for end in [17, 30, HEADER - 1] {
        assert!(matches!(read(&whole[..end], &key()), Err(ReadError::Damaged)));
    }
}

#[test]
fn chunks_that_were_moved_doubled_left_out_or_added_are_noticed() {
    let whole = long();
    let chunk = |n: usize| whole[HEADER + n * SEALED..HEADER + (n + 1) * SEALED].to_vec();
    let (head, rest) = (whole[..HEADER].to_vec(), whole[HEADER + 3 * SEALED..].to_vec());
    for order in [vec![0, 2, 1], vec![0, 1, 1, 2], vec![0, 2], vec![1, 2]] {
        let moved: Vec<u8> =
            head.iter().copied().chain(order.iter().flat_map(|n| chunk(*n))).chain(rest.clone()).collect();
        let refused = read(&moved, &key());
        assert!(matches!(refused, Err(ReadError::Damaged | ReadError::WrongKey)), "{order:?}");
    }
    let longer = [whole.clone(), vec![0; 40]].concat();
    assert!(matches!(read(&longer, &key()), Err(ReadError::Damaged)));
    // A chunk of another file under the same key.
    let other = long();
    let mixed = [&whole[..HEADER + SEALED], &other[HEADER + SEALED..]].concat();
    assert!(matches!(read(&mixed, &key()), Err(ReadError::Damaged)));
}

#[test]
fn a_header_that_asks_for_all_memory_is_refused_before_it_is_taken() {
    let mut sealed = file(&records(), &passphrase("x"));
    sealed[18..22].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(matches!(read(&sealed, &passphrase("x")), Err(ReadError::Damaged)));
    let mut weaker = file(&records(), &passphrase("x"));
    weaker[22..26].copy_from_slice(&1_u32.to_be_bytes());
    assert!(matches!(read(&weaker, &passphrase("x")), Err(ReadError::WrongKey)));
}

#[test]
fn a_full_disk_is_said() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::new(Full(SEALED + 100), &key(), &OsEntropy).unwrap();
    let mut failed = None;
    for _ in 0..9 {
        failed = failed.or(writer.write(&Record::Message(message(vec![1; CHUNK_BYTES / 2]))).err());
    }
    assert!(matches!(failed, Some(WriteError::Io(error)) if error.kind() == std::io::ErrorKind::StorageFull));
}

proptest! {
    #[test]
    fn one_flipped_bit_anywhere_gives_nothing_false(at in 0_usize..1500, bit in 0_u8..8) {
        let mut sealed = file(&records(), &key());
        let at = at % sealed.len();
        sealed[at] ^= 1_u8 << bit;
        prop_assert!(read(&sealed, &key()).is_err());
    }

    #[test]
    fn any_bytes_are_refused_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes, &key()).is_err());
        let behind = [&file(&[], &key())[..HEADER], &bytes].concat();
        prop_assert!(read(&behind, &key()).is_err());
    }
}
