//! Codes appended to a file that only its owner can read, one JSON object a line.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{Message, OtpError};

pub(super) async fn append(path: &Path, message: &Message) -> Result<(), OtpError> {
    let path = path.to_owned();
    let mut line = message.to_json();
    line.push(b'\n');
    let write = move || {
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        file.write_all(&line)
    };
    let written = tokio::task::spawn_blocking(write).await;
    written.map_err(|error| OtpError::failed("file", error))?.map_err(|error| OtpError::failed("file", error))
}
