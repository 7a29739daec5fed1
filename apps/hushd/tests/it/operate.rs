//! What operators do, with the server running and without.

use crate::{Running, complained, said};

#[test]
fn invites_are_made_listed_and_revoked_with_and_without_a_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let link = said(&["invite", "create", "--label", "stopped"], dir.path());
    assert!(link.starts_with("hush://") && link.contains("/i/"), "{link}");
    let mut server = Running::start(&["dev", "--listen", "127.0.0.1:0"], dir.path());
    server.line();
    said(&["invite", "create", "--uses", "3", "--label", "running"], dir.path());
    let list = said(&["invite", "list"], dir.path());
    assert!(list.contains("stopped") && list.contains("running") && list.contains("left 3"), "{list}");
    let (_, code) = link.split_once("/i/").unwrap();
    let (code, _) = code.split_once('#').unwrap();
    assert!(!list.contains(code), "a list does not give an invite away");
    said(&["invite", "revoke", code], dir.path());
    let complaint = complained(&["invite", "revoke", code], dir.path());
    assert!(complaint.contains("no such invite"), "{complaint}");
}

#[test]
fn nobody_is_listed_and_an_unknown_account_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    said(&["invite", "create"], dir.path());
    assert_eq!(said(&["user", "list", "--json"], dir.path()).trim(), "[]");
    let complaint = complained(&["user", "suspend", "@nobody"], dir.path());
    assert!(complaint.contains("no such account"), "{complaint}");
    let complaint = complained(&["user", "delete", "@nobody"], dir.path());
    assert!(complaint.contains("--yes"), "{complaint}");
}

#[test]
fn a_backup_is_a_whole_database_and_is_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    said(&["invite", "create", "--label", "kept"], dir.path());
    let copy = dir.path().join("copy.db");
    said(&["backup", copy.to_str().unwrap()], dir.path());
    let before = std::fs::read(&copy).unwrap();
    complained(&["backup", copy.to_str().unwrap()], dir.path());
    assert_eq!(before, std::fs::read(&copy).unwrap());

    let restored = tempfile::tempdir().unwrap();
    std::fs::copy(&copy, restored.path().join("hushd.db")).unwrap();
    std::fs::copy(dir.path().join("server-identity.key"), restored.path().join("server-identity.key"))
        .unwrap();
    assert!(said(&["invite", "list"], restored.path()).contains("kept"));
}

#[test]
fn a_backup_is_made_while_the_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Running::start(&["dev", "--listen", "127.0.0.1:0"], dir.path());
    server.line();
    let copy = dir.path().join("copy.db");
    assert!(said(&["backup", copy.to_str().unwrap()], dir.path()).contains("checked"));
    assert!(copy.exists());
}

#[test]
fn init_writes_a_configuration_that_can_be_read_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hushd.toml");
    let init = |file: &std::path::Path| {
        std::process::Command::new(env!("CARGO_BIN_EXE_hushd")).arg("init").arg(file).output().unwrap()
    };
    assert!(init(&file).status.success());
    assert!(!init(&file).status.success());
    let found = said(
        &["doctor", "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()],
        &dir.path().join("data"),
    );
    assert!(found.lines().all(|line| line.starts_with("good: ")), "{found}");
}

#[test]
fn doctor_names_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    said(&["invite", "create"], dir.path());
    let key = dir.path().join("server-identity.key");
    std::fs::write(&key, "nonsense").unwrap();
    let output = crate::run(&["doctor", "--listen", "127.0.0.1:0"], dir.path());
    assert!(!output.status.success());
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(found.contains("BAD:  ") && found.contains("server-identity.key"), "{found}");
}
