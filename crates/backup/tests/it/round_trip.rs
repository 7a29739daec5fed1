use hushwire_backup::{CHUNK_BYTES, Header, KeyKind, Record, WriteError, Writer};
use hushwire_types::OsEntropy;
use proptest::prelude::*;

use crate::samples::{file, key, message, passphrase, read, records};

#[test]
fn every_kind_of_record_comes_back_as_it_was() {
    assert_eq!(read(&file(&records(), &key()), &key()).unwrap(), records());
    assert_eq!(read(&file(&[], &key()), &key()).unwrap(), []);
}

#[test]
fn a_passphrase_opens_what_it_closed_and_the_header_says_which_kind_it_is() {
    let sealed = file(&records(), &passphrase("correct horse"));
    assert_eq!(read(&sealed, &passphrase("correct horse")).unwrap(), records());
    assert_eq!(Header::read(&mut sealed.as_slice()).unwrap().kind(), KeyKind::Passphrase);
    assert_eq!(Header::read(&mut file(&[], &key()).as_slice()).unwrap().kind(), KeyKind::Random);
}

#[test]
fn nothing_is_in_clear_and_no_two_files_are_alike() {
    let (one, other) = (file(&records(), &key()), file(&records(), &key()));
    for word in ["canary", "Family", "@bob"] {
        assert!(!one.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
    assert_ne!(one, other);
    let shown = format!("{:?} {:?}", key(), records());
    for word in ["canary", "Family", "@bob", "[7, 7", "99, 97"] {
        assert!(!shown.contains(word), "{word}");
    }
}

#[test]
fn a_record_over_the_limit_is_refused_by_the_writer() {
    let mut writer = Writer::new(Vec::new(), &key(), &OsEntropy).unwrap();
    let huge = Record::Message(message(vec![0; 2 << 20]));
    assert!(matches!(writer.write(&huge), Err(WriteError::TooLarge)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn records_of_any_length_come_back_across_the_borders_of_chunks(
        lengths in prop::collection::vec(0..CHUNK_BYTES * 2, 0..6),
    ) {
        let records: Vec<Record> =
            lengths.iter().map(|length| Record::Message(message(vec![9; *length]))).collect();
        prop_assert_eq!(read(&file(&records, &key()), &key()).unwrap(), records);
    }
}
