//! Starting, answering, stopping.

use crate::{Running, complained, get, run};

#[test]
fn dev_says_where_it_listens_and_keeps_its_invite() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["dev", "--listen", "127.0.0.1:0"];
    let mut server = Running::start(&words, dir.path());
    assert!(server.line().starts_with("Listening on wss://127.0.0.1:"));
    let invite = server.line();
    let (_, code) = invite.split_once("/i/").unwrap();
    assert!(server.stop().success(), "a server that is told to stop ends well");
    let mut server = Running::start(&words, dir.path());
    server.line();
    assert!(server.line().ends_with(code), "code and fingerprint are the same after a restart");
}

#[test]
fn health_invite_page_and_metrics_answer() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("hushd.toml");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(&config, format!("[metrics]\nlisten = \"{free}\"\n")).unwrap();
    let words = ["dev", "--plain", "--listen", "127.0.0.1:0", "--config", config.to_str().unwrap()];
    let mut server = Running::start(&words, &dir.path().join("data"));
    let listening = server.line();
    let address = listening.strip_prefix("Listening on ws://").unwrap();
    let invite = server.line();
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(address, "/readyz").ends_with("ready\n"));
    let (_, path) = invite.split_once(address).unwrap();
    let (path, fingerprint) = path.split_once('#').unwrap();
    let page = get(address, path);
    assert!(page.contains(fingerprint) && page.contains("hush join"), "{page}");
    assert!(get(address, "/i/short").starts_with("HTTP/1.1 404"));
    let metrics = get(&free.to_string(), "/metrics");
    assert!(metrics.contains("hushd_devices_online 0") && metrics.contains("hushd_reports 0"), "{metrics}");
}

#[test]
fn a_second_server_on_the_same_folder_or_port_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Running::start(&["dev", "--listen", "127.0.0.1:0"], dir.path());
    let line = server.line();
    let complaint = complained(&["dev", "--listen", "127.0.0.1:0"], dir.path());
    assert!(complaint.contains("another hushd is running"), "{complaint}");
    let other = tempfile::tempdir().unwrap();
    let address = line.strip_prefix("Listening on wss://").unwrap();
    let complaint = complained(&["dev", "--listen", address], other.path());
    assert!(complaint.contains("cannot be listened on"), "{complaint}");
}

#[test]
fn a_wrong_configuration_is_named_by_its_source() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("mine.toml");
    std::fs::write(&config, "listen = \"nowhere\"\n").unwrap();
    let complaint = complained(&["serve", "--config", config.to_str().unwrap()], dir.path());
    assert!(complaint.contains("mine.toml"), "{complaint}");
    let mut command = crate::hushd(&["dev"], dir.path());
    let output = command.env("HUSHD_LISTEN", "nowhere").output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("environment"), "{complaint}");
    assert!(
        !run(&["dev", "--listen", "0.0.0.0:0"], dir.path()).status.success(),
        "dev is for this machine only"
    );
}
