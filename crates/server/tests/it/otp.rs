//! Each driver against the other end that it speaks to. The code must arrive there, and be nowhere else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::thread::JoinHandle;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use hushwire_server::config::{Driver, SmtpSecurity};
use hushwire_server::otp::{self, Address, Message, OtpError};
use hushwire_types::Secret;
use sha2::Sha256;

const CODE: &str = "493817";

fn message(to: Address) -> Message {
    Message { to, code: Secret::new(*b"493817"), lives_for: Duration::from_secs(60) }
}

fn phone() -> Message {
    message(Address::Phone("+15551234567".to_owned()))
}

fn deliver(driver: &Driver, message: Message) -> Result<(), OtpError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(otp::deliver(driver, message))
}

/// Serves one connection on a port that the system picks.
fn peer<T: Send + 'static>(talk: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, std::thread::spawn(move || talk(listener.accept().unwrap().0)))
}

#[test]
fn without_a_driver_nothing_is_sent() {
    assert!(matches!(deliver(&Driver::None, phone()), Err(OtpError::NoDriver)));
}

#[test]
fn a_file_gets_one_private_line_for_each_code() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("codes");
    let driver = Driver::File { path: path.clone() };
    deliver(&driver, phone()).unwrap();
    deliver(&driver, phone()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 2);
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let wanted = serde_json::json!({"kind": "phone", "to": "+15551234567", "code": CODE, "lives_for_s": 60});
    assert_eq!(line, wanted);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_command_gets_the_code_on_its_standard_input_only() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let script =
        format!("cat > {0}; tr '\\0' ' ' < /proc/$$/cmdline >> {0}.line; env >> {0}.line", out.display());
    let driver = Driver::Command { command: vec!["/bin/sh".to_owned(), "-c".to_owned(), script] };
    deliver(&driver, phone()).unwrap();
    assert!(std::fs::read_to_string(&out).unwrap().contains(CODE));
    assert!(!std::fs::read_to_string(dir.path().join("out.line")).unwrap().contains(CODE));
}

#[test]
fn a_command_that_fails_is_a_failure_without_the_code() {
    let driver = Driver::Command {
        command: vec!["/bin/sh".to_owned(), "-c".to_owned(), "cat >&2; exit 3".to_owned()],
    };
    let error = deliver(&driver, phone()).unwrap_err().to_string();
    assert!(error.contains("exit status: 3") && !error.contains(CODE), "{error}");
    let driver = Driver::Command { command: vec!["/nowhere/send-sms".to_owned()] };
    assert!(deliver(&driver, phone()).unwrap_err().to_string().contains("/nowhere/send-sms"));
}

/// Reads an HTTP request: its head and its body.
fn request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    let length = head.lines().find_map(|line| {
        line.to_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse::<usize>())
    });
    let mut body = vec![0; length.unwrap().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line =
        head.lines().find(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())));
    line.unwrap().split_once(':').unwrap().1.trim()
}

#[test]
fn a_webhook_gets_a_body_that_its_key_signed() {
    let (port, served) = peer(|mut stream| {
        let request = request(&mut stream);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        request
    });
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("key");
    std::fs::write(&key_file, "a key\n").unwrap();
    let driver = Driver::Webhook { url: format!("http://127.0.0.1:{port}/otp"), key_file };
    deliver(&driver, phone()).unwrap();
    let (head, body) = served.join().unwrap();
    assert!(String::from_utf8_lossy(&body).contains(CODE) && !head.contains(CODE));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"a key").unwrap();
    mac.update(format!("{}.", header(&head, "X-Hushwire-Timestamp")).as_bytes());
    mac.update(&body);
    let wanted = format!("sha256={}", data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes()));
    assert_eq!(header(&head, "X-Hushwire-Signature"), wanted);
}

#[test]
fn a_webhook_that_refuses_is_a_failure_without_the_code() {
    let (port, served) = peer(|mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("key");
    std::fs::write(&key_file, "a key").unwrap();
    let driver = Driver::Webhook { url: format!("http://127.0.0.1:{port}/otp"), key_file };
    let error = deliver(&driver, phone()).unwrap_err().to_string();
    served.join().unwrap();
    assert!(error.contains("500") && !error.contains(CODE), "{error}");
}

/// A mail server that takes one message and returns it.
fn take_mail(stream: TcpStream) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let mut say = |line: &str| stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    say("220 mail.test ESMTP");
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return mail;
        }
        match line.trim_end().to_uppercase() {
            verb if verb.starts_with("EHLO") => say("250 mail.test"),
            verb if verb == "DATA" => {
                say("354 go on");
                while !mail.ends_with("\r\n.\r\n") {
                    reader.read_line(&mut mail).unwrap();
                }
                say("250 taken");
            }
            verb if verb == "QUIT" => {
                say("221 bye");
                return mail;
            }
            _ => say("250 ok"),
        }
    }
}

#[test]
fn an_e_mail_carries_the_code_and_how_long_it_lives() {
    let (port, served) = peer(take_mail);
    let driver = Driver::Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        security: SmtpSecurity::None,
        from: "Hushwire <hush@example.org>".to_owned(),
        username: None,
        password_file: None,
    };
    deliver(&driver, message(Address::Email("dana@example.org".to_owned()))).unwrap();
    let mail = served.join().unwrap();
    assert!(
        mail.contains("To: dana@example.org") && mail.contains(&format!("{CODE}. It lives for 1 min")),
        "{mail}"
    );
    let subject = mail.lines().find(|line| line.starts_with("Subject:")).unwrap();
    assert!(!subject.contains(CODE), "a locked screen shows subjects");
}

#[test]
fn no_debug_output_shows_address_or_code() {
    let text = format!("{:?}", phone());
    assert!(!text.contains("555") && !text.contains(CODE), "{text}");
}
