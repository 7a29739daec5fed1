//! Connections of lines: one JSON text each, over a Unix socket or standard input and output.

use std::io;

use futures_util::{Sink, Stream, sink, stream};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};

use crate::connection::Incoming;
use crate::protocol::REQUEST_BYTES;

/// The lines that come in.
pub(crate) fn incoming(reader: impl AsyncRead + Unpin) -> impl Stream<Item = Incoming> {
    stream::unfold(BufReader::new(reader), |mut reader| async move {
        let line = line(&mut reader).await?;
        Some((line, reader))
    })
}

async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<Incoming> {
    loop {
        let mut line = Vec::new();
        let limit = u64::try_from(REQUEST_BYTES).unwrap_or(u64::MAX);
        let read = (&mut *reader).take(limit).read_until(b'\n', &mut line).await.ok()?;
        if read == REQUEST_BYTES && line.last() != Some(&b'\n') {
            return Some(Incoming::TooLong);
        }
        let text = String::from_utf8_lossy(&line);
        match text.trim() {
            "" if read == 0 => return None,
            "" => {}
            text => return Some(Incoming::Text(text.to_owned())),
        }
    }
}

/// Where lines go out.
pub(crate) fn outgoing(writer: impl AsyncWrite + Unpin) -> impl Sink<String, Error = io::Error> {
    sink::unfold(writer, |mut writer, mut text: String| async move {
        text.push('\n');
        writer.write_all(text.as_bytes()).await?;
        writer.flush().await?;
        Ok::<_, io::Error>(writer)
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_and_a_long_one_ends_it() {
        let mut long = b"one\n\n two \n".to_vec();
        long.resize(long.len() + REQUEST_BYTES + 1, b'x');
        let mut lines = std::pin::pin!(incoming(long.as_slice()));
        assert!(matches!(lines.next().await, Some(Incoming::Text(text)) if text == "one"));
        assert!(matches!(lines.next().await, Some(Incoming::Text(text)) if text == "two"));
        assert!(matches!(lines.next().await, Some(Incoming::TooLong)));
        let mut lines = std::pin::pin!(incoming(&b"no end"[..]));
        assert!(matches!(lines.next().await, Some(Incoming::Text(text)) if text == "no end"));
        assert!(lines.next().await.is_none());
    }
}
