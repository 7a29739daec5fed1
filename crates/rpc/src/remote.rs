//! The other end of a daemon's socket.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex as AsyncMutex, oneshot, watch};
use tokio::time::timeout;

use crate::desk::PATIENCE;
use crate::fault::Fault;
use crate::method::{Method, Status};
use crate::place;
use crate::protocol::{outcome, request};

/// How much longer to wait than the daemon was asked to.
const MARGIN: Duration = Duration::from_secs(30);

/// A connection to a daemon. Cheap to clone; calls may overlap.
#[derive(Clone)]
pub struct Remote {
    writer: Arc<AsyncMutex<OwnedWriteHalf>>,
    asked: Arc<Mutex<Asked>>,
    over: watch::Receiver<bool>,
}

#[derive(Default)]
struct Asked {
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Result<Value, Fault>>>,
    is_over: bool,
}

impl Remote {
    /// Connects to the daemon of a profile's folder; none where there is none. One that is about to end is waited for, and is none then.
    ///
    /// # Errors
    /// There is a socket, and it cannot be used.
    pub async fn find(folder: &Path) -> Result<Option<Self>, Fault> {
        // Where no socket can be, no daemon is.
        let Ok(path) = place::socket(folder) else { return Ok(None) };
        match UnixStream::connect(&path).await {
            Ok(stream) => {
                let remote = Self::over(stream);
                match remote.call(Status {}).await {
                    Ok(_) => Ok(Some(remote)),
                    Err(_) if remote.is_over() => Ok(None),
                    Err(fault) => Err(fault),
                }
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(error) => Err(Fault::error(format!("{} cannot be used: {error}", path.display()))),
        }
    }

    fn over(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        let asked = Arc::new(Mutex::new(Asked::default()));
        let (over_in, over) = watch::channel(false);
        let hearing = Arc::clone(&asked);
        tokio::spawn(async move {
            hear(reader, &hearing).await;
            let mut asked = hearing.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever waits is told by the sender's end.
            asked.is_over = true;
            asked.waiting.clear();
            over_in.send_replace(true);
        });
        Self { writer: Arc::new(AsyncMutex::new(writer)), asked, over }
    }

    fn is_over(&self) -> bool {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).is_over
    }

    /// Calls a method.
    ///
    /// # Errors
    /// What the method answered, or that the daemon has gone.
    pub async fn call<M: Method>(&self, method: M) -> Result<M::Answer, Fault> {
        // Some wait twice: for the server, and for what comes of it.
        let wait = method.timeout_s().map_or(PATIENCE, Duration::from_secs) * 2 + MARGIN;
        let params = serde_json::to_value(&method).map_err(Fault::error)?;
        let answer = self.ask(M::NAME, &params, wait).await?;
        serde_json::from_value(answer).map_err(|_| {
            Fault::error("the daemon answers in another way than this hush: restart it after an upgrade")
        })
    }

    /// Calls a method by its name.
    ///
    /// # Errors
    /// As [`Remote::call`].
    pub async fn ask(&self, method: &str, params: &Value, wait: Duration) -> Result<Value, Fault> {
        let (answer, answered) = oneshot::channel();
        let id = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.is_over {
                return Err(gone());
            }
            asked.last += 1;
            let id = asked.last;
            asked.waiting.insert(id, answer);
            id
        };
        let mut line = request(id, method, params);
        line.push('\n');
        self.writer.lock().await.write_all(line.as_bytes()).await.map_err(|_| gone())?;
        match timeout(wait, answered).await {
            Ok(answer) => answer.map_err(|_| gone())?,
            Err(_) => Err(Fault::error("the daemon does not answer")),
        }
    }

    /// Waits until the daemon has closed the connection.
    pub async fn closed(mut self) {
        let _ = self.over.wait_for(|over| *over).await;
    }
}

async fn hear(reader: OwnedReadHalf, asked: &Mutex<Asked>) {
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Some((id, outcome)) = outcome(&line) else { continue };
        let waiting = asked.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&id);
        if let Some(waiting) = waiting {
            let _ = waiting.send(outcome);
        }
    }
}

fn gone() -> Fault {
    Fault::error("the daemon of this profile has ended")
}
