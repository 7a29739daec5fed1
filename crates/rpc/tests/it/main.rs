//! The documents against the code.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use hushwire_rpc::schema;
use serde_json::Value;

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[test]
fn the_document_is_what_the_code_does() {
    let now = format!("{:#}\n", schema::document());
    let path = docs("rpc.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "docs/rpc.json is another one: look at what changed, then run with UPDATE_GOLDEN=1");
}

#[test]
fn the_page_has_a_row_for_every_method_with_every_parameter() {
    let page = std::fs::read_to_string(docs("rpc.md")).unwrap();
    let row = |name: &str| {
        let beginning = format!("| `{name}` |");
        page.lines().find(|line| line.starts_with(&beginning)).map(str::to_owned)
    };
    for method in schema::document()["methods"].as_array().unwrap() {
        let name = method["name"].as_str().unwrap();
        let row = row(name).unwrap_or_else(|| panic!("docs/rpc.md has no row for {name}"));
        for parameter in method["params"].as_array().unwrap() {
            let parameter = parameter["name"].as_str().unwrap();
            let understood = row.contains('…') && ["with", "group", "conversation"].contains(&parameter);
            assert!(
                understood || row.contains(&format!("`{parameter}`")),
                "{name} takes {parameter}, too: {row}"
            );
        }
    }
    let methods = page.lines().filter(|line| line.starts_with("| `") && line.contains("` | ")).count();
    assert!(methods >= schema::document()["methods"].as_array().map_or(0, Vec::len));
}

#[test]
fn a_parameter_that_is_needed_says_so() {
    let document = schema::document();
    let methods = document["methods"].as_array().unwrap();
    let send = methods.iter().find(|method| method["name"] == "send").unwrap();
    let needed = |name: &str| -> &Value {
        let params = send["params"].as_array().unwrap();
        &params.iter().find(|param| param["name"] == name).unwrap()["required"]
    };
    assert_eq!(
        (needed("text"), needed("key"), needed("to")),
        (&Value::from(true), &Value::from(false), &Value::from(false))
    );
}
