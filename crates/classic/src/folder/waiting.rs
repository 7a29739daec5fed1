//! Messages that came and were not shown yet (`hush_waiting`), sealed as they came.
//!
//! The original's server deletes a message when it sends it, so from then on this file may be the only place where it is.
//!
//! Invariants:
//! - What [`Waiting::keep`] has returned for outlives a crash. A last line that was cut is dropped: nobody was told that it is here.
//! - The file is only appended to, and emptied when nothing in it waits any more. What `hush_shown` has does not wait.
//! - One process at a time: another one could empty what this one has just appended.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;

use super::{Folder, FolderError, WAITING, append, append_line, damaged, io_at, read_or_empty, sync_folder};
use crate::blob::MessageBlob;
use crate::phone::Phone;

/// Messages that wait to be shown, the oldest first.
#[derive(Debug)]
pub struct Waiting {
    path: PathBuf,
    file: File,
    /// Of the file, up to the end of its last whole line.
    bytes: u64,
    messages: VecDeque<(Phone, MessageBlob)>,
}

impl Folder {
    /// What came before and was not shown.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn waiting(&self) -> Result<Waiting, FolderError> {
        let path = self.path.join(WAITING);
        let file = append(&path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(FolderError::Busy { path }),
            locked => locked.map_err(std::io::Error::from).map_err(io_at(&path))?,
        }
        sync_folder(&path).map_err(io_at(&path))?;
        let text = read_or_empty(&path)?;
        let whole = text.rfind('\n').and_then(|end| text.get(..=end)).unwrap_or_default();
        let mut waiting = Waiting {
            file,
            bytes: u64::try_from(whole.len()).unwrap_or(u64::MAX),
            messages: VecDeque::new(),
            path,
        };
        if whole.len() < text.len() {
            waiting.cut()?;
        }
        waiting.messages = self.not_shown(&waiting.path, whole)?;
        waiting.empty_when_done()?;
        Ok(waiting)
    }

    fn not_shown(&self, path: &Path, lines: &str) -> Result<VecDeque<(Phone, MessageBlob)>, FolderError> {
        let (shown, mut messages) = (self.shown()?, VecDeque::new());
        for line in lines.lines() {
            let (sender, blob) = message(line).ok_or_else(|| damaged(path, "a line of another form"))?;
            if !shown.contains(sender, &blob) {
                messages.push_back((sender, blob));
            }
        }
        Ok(messages)
    }
}

impl Waiting {
    /// Keeps a message durably. One that waits already is kept once.
    ///
    /// # Errors
    /// [`FolderError::Io`]: the message is not kept.
    pub(crate) fn keep(&mut self, sender: Phone, blob: &MessageBlob) -> Result<(), FolderError> {
        if self.messages.iter().any(|(from, waiting)| *from == sender && waiting == blob) {
            return Ok(());
        }
        let line = format!("{sender} {}", BASE64.encode(blob.as_bytes()));
        if let Err(error) = append_line(&mut self.file, &self.path, &line) {
            // A half of it would spoil the next line.
            self.cut()?;
            return Err(error);
        }
        // The line and its end.
        self.bytes =
            self.bytes.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX)).saturating_add(1);
        self.messages.push_back((sender, blob.clone()));
        Ok(())
    }

    /// The oldest message.
    #[must_use]
    pub fn oldest(&self) -> Option<&(Phone, MessageBlob)> {
        self.messages.front()
    }

    /// Lets go of the oldest message, which is in `hush_shown`.
    ///
    /// # Errors
    /// [`FolderError::Io`]
    pub(crate) fn drop_oldest(&mut self) -> Result<(), FolderError> {
        self.messages.pop_front();
        self.empty_when_done()
    }

    fn empty_when_done(&mut self) -> Result<(), FolderError> {
        if self.messages.is_empty() && self.bytes > 0 {
            self.bytes = 0;
            self.cut()?;
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<(), FolderError> {
        self.file.set_len(self.bytes).and_then(|()| self.file.sync_data()).map_err(io_at(&self.path))
    }
}

fn message(line: &str) -> Option<(Phone, MessageBlob)> {
    let (phone, blob) = line.split_once(' ')?;
    Some((phone.parse().ok()?, MessageBlob::new(BASE64.decode(blob.as_bytes()).ok()?.into()).ok()?))
}
