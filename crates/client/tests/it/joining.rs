//! Registrations that were cut off.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hushwire_client::{CodeSource, Codes, Link, Transport, Wish, World, join};
use hushwire_server::config::Driver;
use hushwire_server::{Config, Server};

use crate::place;

/// Reads the code from the server's file, and keeps a copy of the profile as it is before the server has its keys.
struct Copier {
    codes: PathBuf,
    profile: PathBuf,
    copy: PathBuf,
}

impl CodeSource for Copier {
    fn code(&mut self, _wrong: Option<u32>) -> Result<String, String> {
        std::fs::create_dir_all(&self.copy).unwrap();
        for file in std::fs::read_dir(&self.profile).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), self.copy.join(file.file_name())).unwrap();
        }
        let text = std::fs::read_to_string(&self.codes).map_err(|error| error.to_string())?;
        let line = text.lines().last().ok_or("no code")?;
        let (_, rest) = line.split_once("\"code\":\"").ok_or("no code")?;
        Ok(rest.chars().take(6).collect())
    }
}

fn codes(folder: &Path, profile: &str, copy: &str) -> Codes {
    let (profile, copy) = (place(folder, profile).folder, place(folder, copy).folder);
    Arc::new(Mutex::new(Copier { codes: folder.join("codes"), profile, copy }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_whose_last_answer_was_lost_ends_with_the_account_that_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::dev(folder.path().join("server"));
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.otp.phone = Driver::File { path: folder.path().join("codes") };
    let server = Server::start(&config).await.unwrap();
    let wish = Wish {
        link: server.link(None).parse().unwrap(),
        username: None,
        proof: Some("+15551234567".parse().unwrap()),
        device_name: "laptop".parse().unwrap(),
        transport: Transport::Tls,
    };
    let heard = place(folder.path(), "heard");
    let made = join(&heard, &wish, &codes(folder.path(), "heard", "unheard"), World::default()).await;
    let made = made.ok().unwrap();
    let account = made.client.account().await.unwrap().account;
    made.client.close().await;

    // The copy is a device that died before it heard that the server has its account.
    let unheard = place(folder.path(), "unheard");
    let again = join(&unheard, &wish, &codes(folder.path(), "unheard", "spare"), World::default()).await;
    let again = again.ok().unwrap().client;
    assert_eq!(again.account().await.unwrap().account, account);
    assert_eq!(again.caught_up(Duration::from_secs(60)).await, Link::Live);
    again.close().await;
    server.stop().await;
}
