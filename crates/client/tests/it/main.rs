//! The client's sockets against a real server in the same process, and against whoever sits in between.
#![cfg(test)]

mod bodies;
mod joining;
mod large;
mod relay;

use std::path::Path;
use std::sync::{Arc, Mutex};

use hushwire_client::{CodeSource, Codes, JoinError, Joined, KeySource, Place, Transport, Wish, World, join};
use hushwire_server::admin::{Ask, Reply};
use hushwire_server::{Config, Server};
use hushwire_types::Secret;

/// A server on a port that the system picks, and an invite to it.
async fn server(folder: &Path) -> (Server, String) {
    let mut config = Config::dev(folder.join("server"));
    config.listen = "127.0.0.1:0".parse().unwrap();
    let server = Server::start(&config).await.unwrap();
    let link = invite(&server);
    (server, link)
}

fn invite(server: &Server) -> String {
    let ask = Ask::CreateInvite { uses: None, lives_for_s: None, label: None };
    let Reply::Invite { code } = server.ask(ask) else { panic!("no invite") };
    server.link(Some(&code.parse().unwrap()))
}

struct Nobody;

impl CodeSource for Nobody {
    fn code(&mut self, _wrong: Option<u32>) -> Result<String, String> {
        Err("nobody is asked here".to_owned())
    }
}

fn place(folder: &Path, name: &str) -> Place {
    Place { folder: folder.join(name), key: KeySource::Key(Secret::new([7; 32])) }
}

async fn join_as(folder: &Path, name: &str, link: &str) -> Result<Joined, JoinError> {
    join_over(folder, name, link, Transport::Tls).await
}

async fn join_over(folder: &Path, name: &str, link: &str, transport: Transport) -> Result<Joined, JoinError> {
    let wish = Wish {
        link: link.parse().unwrap(),
        username: Some(format!("@{name}").parse().unwrap()),
        proof: None,
        device_name: "laptop".parse().unwrap(),
        transport,
    };
    let codes: Codes = Arc::new(Mutex::new(Nobody));
    join(&place(folder, name), &wish, &codes, World::default()).await
}
