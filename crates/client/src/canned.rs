//! For tests: a server in clear text on loopback whose answers are written beforehand.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::connect::{ServerAddress, Transport};

/// An answer with this status, these headers and this body.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Answers one connection after the other; the first line of each request in the end.
pub(crate) async fn serve(answers: Vec<Vec<u8>>) -> (ServerAddress, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !is_whole(&request) {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0, "the request ended early");
            }
            let text = String::from_utf8_lossy(&request);
            asked.push(text.lines().next().unwrap_or_default().to_owned());
            stream.write_all(&answer).await.unwrap();
        }
        asked
    });
    (here(address, Transport::Plain), serving)
}

/// The address of a server on this machine, whose identity does not matter.
pub(crate) fn here(address: std::net::SocketAddr, transport: Transport) -> ServerAddress {
    let key = hushwire_identity::ServerKey::from_seed(&hushwire_types::Secret::new([7; 32]));
    ServerAddress {
        host: address.ip().to_string().parse().unwrap(),
        port: address.port(),
        fingerprint: hushwire_identity::Fingerprint::of(&key.public()),
        transport,
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse::<usize>().unwrap());
    request.len() >= end + 4 + length
}
