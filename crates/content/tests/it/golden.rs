//! Golden bytes of the padded content. `UPDATE_GOLDEN=1` writes the files again.

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use hushwire_content::Content;

use crate::samples;

fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension("hex");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let lines: Vec<String> = bytes.chunks(50).map(|line| HEXLOWER.encode(line)).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no golden file for {name}"));
    HEXLOWER.decode(text.replace('\n', "").as_bytes()).unwrap()
}

#[test]
fn every_kind_has_its_bytes_in_both_directions() {
    for (name, content) in samples::all() {
        let padded = content.encode_padded().unwrap();
        let golden = golden(name, &padded);
        assert_eq!(padded, golden, "{name} is encoded differently");
        assert_eq!(Content::decode(&golden).unwrap().0, content, "{name} is decoded differently");
    }
}

#[test]
fn the_hash_is_of_the_content_without_its_padding() {
    let hash = samples::text("hello").encode().unwrap().hash();
    insta::assert_snapshot!(HEXLOWER.encode(&hash));
}
