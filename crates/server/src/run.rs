//! A server from its configuration to its end.
//!
//! ```text
//!  start: data folder ─► lock ─► identity ─► store (migrated) ─► services ─► writer ─► admin socket ─► listener
//!  stop:  listener closed ─► connections told ─► writer commits what is queued and ends ─► lock given back
//! ```
//!
//! Nothing that was acknowledged is lost by a stop or by a kill: acknowledgements follow the commit.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hushwire_delivery as delivery;
use hushwire_delivery::limits::{Limit, Quota};
use hushwire_delivery::settings::{Way, Ways};
use hushwire_delivery::{Service, Settings};
use hushwire_identity::{Fingerprint, InviteCode, InviteLink};
use hushwire_server_store::{Bounds, Store, StoreError};
use hushwire_server_store_sqlite::SqliteStore;
use hushwire_types::{Clock, OsEntropy, SecretBytes, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::admin::{self, Ask, Backup, Reply};
use crate::classic::{self, ImportError, Imported};
use crate::config::{Config, Method};
use crate::inbox::Inboxes;
use crate::keys::{self, KeysError};
use crate::node::{self, Node};
use crate::routes::routes;
use crate::tls::{self, TlsError};
use crate::writer::{Place, Writer, Writing};
use crate::{listener, observe};

/// Name of the database in the data folder.
pub const DATABASE_NAME: &str = "hushd.db";
const LOCK_NAME: &str = "hushd.lock";
/// How long the end may take before what is left is cut off.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// How often the services look after their chores.
const CHORES_EVERY: Duration = Duration::from_secs(1);

/// Why a server does not start. Each says what to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("the data folder {path} cannot be used: {source}")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another hushd uses the data folder.
    #[error("another hushd is running on {path}; stop it first, or give this one another --data-dir")]
    Running {
        /// The folder.
        path: PathBuf,
    },
    /// The address is taken or not ours.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server's secrets.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The server's key for wire version 1.
    #[error(transparent)]
    ClassicKey(#[from] classic::KeyError),
    /// One-time codes would be given to the network.
    #[error("classic.insecure_otp_echo gives codes to whoever asks: {address} is not a loopback address")]
    ClassicEcho {
        /// The address for wire version 1.
        address: SocketAddr,
    },
    /// Wire version 1 would go over the network in clear although TLS is asked for.
    #[error("classic.tls needs a certificate of hushd's own: tls.mode = \"self-signed\" or \"files\"")]
    ClassicTls,
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database.
    #[error("the database cannot be opened: {0}")]
    Open(#[from] hushwire_server_store_sqlite::OpenError),
    /// The database cannot be read.
    #[error("the database cannot be read: {0}")]
    Store(#[from] StoreError),
    /// `public_address` is not one.
    #[error("public_address = {0:?} is not a host and a port, such as chat.example.org:7900")]
    PublicAddress(String),
    /// The system has no more threads.
    #[error("the writer thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The data folder of one server, which nobody else uses while this value lives.
pub struct Premises {
    data_dir: PathBuf,
    _lock: File,
    store: Arc<SqliteStore>,
    service: Arc<Service>,
}

impl Premises {
    /// Locks the data folder, making it where it is missing, and opens what is in it.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(config: &Config) -> Result<Self, StartError> {
        let data_dir = config.data_dir.clone();
        let unusable = |source| StartError::DataDir { path: data_dir.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&data_dir).map_err(unusable)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(data_dir.join(LOCK_NAME))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StartError::Running { path: data_dir }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let keys = keys::load_or_create(&data_dir, &OsEntropy)?;
        let store =
            Arc::new(SqliteStore::open(&data_dir.join(DATABASE_NAME), Bounds::default(), &OsEntropy)?);
        let shared: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let settings = settings(config);
        let service = Service::open(shared, keys.identity, keys.pepper, settings, Arc::new(OsEntropy))?;
        Ok(Self { data_dir, _lock: lock, store, service: Arc::new(service) })
    }

    /// Takes over accounts, key and waiting messages of the original program, whose key file may need `password`. Twice is the
    /// same as once.
    ///
    /// # Errors
    /// [`ImportError`]
    pub fn import_classic(
        &self,
        database: &Path,
        key_file: &Path,
        password: Option<&SecretBytes>,
    ) -> Result<Imported, ImportError> {
        classic::import(&*self.store, &self.data_dir, database, key_file, password, SystemClock.now())
    }

    /// Carries out what an operator asks while no server runs here.
    #[must_use]
    pub fn ask(&self, ask: Ask) -> Reply {
        admin::carry_out(&self.service, &*backup(&self.store), ask, SystemClock.now()).0
    }
}

fn backup(store: &Arc<SqliteStore>) -> Arc<Backup> {
    let store = Arc::clone(store);
    Arc::new(move |to: &Path| store.backup_to(to).map_err(|error| error.to_string()))
}

pub(crate) fn settings(config: &Config) -> Settings {
    let way = |method| {
        if config.registration.methods.contains(&method) { Way::Open } else { Way::Closed }
    };
    let ways = Ways {
        invite: way(Method::Invite),
        phone: way(Method::Phone),
        email: way(Method::Email),
        open: way(Method::Open),
    };
    let sends = match config.limits.messages_per_second {
        0 => Quota::NONE,
        rate => Quota::new(rate.saturating_mul(2), Duration::from_secs(1) / rate),
    };
    let limits = delivery::limits::Limits::default().with(Limit::Send, sends);
    Settings { ways, limits, ..Settings::default() }
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    classic: Option<SocketAddr>,
    public: String,
    service: Arc<Service>,
    inboxes: Arc<Inboxes>,
    stop: watch::Sender<bool>,
    listening: Vec<JoinHandle<()>>,
    /// Tasks that are cut off at the end: they hold nothing that could be lost.
    helpers: Vec<JoinHandle<()>>,
    writer: Writing,
    premises: Premises,
}

impl Server {
    /// Starts a server; it accepts connections when this returns.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let premises = Premises::open(config)?;
        let protection = tls::protection(&config.tls, &premises.data_dir)?;
        let (socket, address) = bind(config.listen).await?;
        let public = public_address(config, address)?;
        let classic = classic::gate(config, &premises.data_dir, &protection).await?;
        let unusable = |source| StartError::DataDir { path: config.data_dir.clone(), source };
        let operators = admin::bind(&premises.data_dir).map_err(unusable)?;
        let observed = match config.metrics.listen {
            Some(address) => Some(bind(address).await?.0),
            None => None,
        };

        let service = Arc::clone(&premises.service);
        let (inboxes, clock) = (Arc::<Inboxes>::default(), Arc::new(SystemClock) as Arc<dyn Clock>);
        let (effects_in, effects) = mpsc::unbounded_channel();
        let (writer, writing) = Writer::start(
            Arc::clone(&service),
            Arc::clone(&inboxes),
            Arc::clone(&clock),
            effects_in,
            Place::on(cores()),
        )
        .map_err(StartError::Thread)?;
        let node = Node::new(Arc::clone(&service), Arc::clone(&inboxes), Arc::clone(&clock), writer, cores());
        let node = Arc::new(node);
        let (stop, stopping) = watch::channel(false);
        // Ends by itself, with the writer.
        let drivers = config.otp.clone().into();
        tokio::spawn(node::carry_out(Arc::clone(&service), Arc::clone(&inboxes), clock, effects, drivers));
        let mut helpers = vec![
            tokio::spawn(admin::serve(operators, Arc::clone(&node), backup(&premises.store))),
            tokio::spawn(chores(Arc::clone(&node))),
        ];
        if let Some(socket) = observed {
            helpers.push(tokio::spawn(observe::serve(socket, Arc::clone(&service))));
        }
        let (mut listening, classic) = (Vec::new(), classic.map(|gate| (gate.address(), gate)));
        let classic = classic.map(|(address, gate)| {
            let store = Arc::clone(&premises.store) as Arc<dyn Store>;
            listening.push(gate.open(Arc::clone(&node), store, config.limits.clone(), stopping.clone()));
            address
        });
        let routes = routes(node, stopping.clone());
        let limits = config.limits.clone();
        listening.push(tokio::spawn(listener::serve(socket, protection, limits, routes, stopping)));
        tracing::info!(%address, "listening");
        Ok(Self {
            address,
            classic,
            public,
            service,
            inboxes,
            stop,
            listening,
            helpers,
            writer: writing,
            premises,
        })
    }

    /// The address that is listened on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that is listened on for wire version 1.
    #[must_use]
    pub const fn classic_address(&self) -> Option<SocketAddr> {
        self.classic
    }

    /// The server's link, with an invite's code or without.
    #[must_use]
    pub fn link(&self, code: Option<&InviteCode>) -> String {
        link(&self.public, self.fingerprint(), code)
    }

    /// What clients pin.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.service.server_key())
    }

    /// Carries out what an operator asks, as the admin socket does: connections that it ends are ended.
    #[must_use]
    pub fn ask(&self, ask: Ask) -> Reply {
        let (reply, outbound) =
            admin::carry_out(&self.service, &*backup(&self.premises.store), ask, SystemClock.now());
        self.inboxes.post(outbound);
        reply
    }

    /// Stops: connections are closed with a word, what is queued is committed.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for listening in self.listening {
            let _ = tokio::time::timeout(STOP_DEADLINE, listening).await;
        }
        for helper in self.helpers {
            helper.abort();
        }
        // The writer ends once the last connection and the last check have let go of it.
        if tokio::time::timeout(STOP_DEADLINE, self.writer.ended()).await.is_err() {
            tracing::warn!(
                "some connections did not end in time; what they had not been told is in the store"
            );
        }
        let _ = std::fs::remove_file(self.premises.data_dir.join(admin::SOCKET_NAME));
        tracing::info!("stopped");
    }
}

/// The link of a server with this public address.
#[must_use]
pub fn link(public: &str, fingerprint: Fingerprint, code: Option<&InviteCode>) -> String {
    let path = code.map(|code| format!("/i/{code}")).unwrap_or_default();
    format!("hush://{public}{path}#{fingerprint}")
}

/// Host and port for links: what is configured, else what is listened on.
fn public_address(config: &Config, address: SocketAddr) -> Result<String, StartError> {
    let Some(public) = &config.public_address else { return Ok(address.to_string()) };
    let link = format!("hush://{public}#{}", Fingerprint::from_bytes([0; 32]));
    match link.parse::<InviteLink>() {
        Ok(link) => Ok(format!("{}:{}", link.host, link.port)),
        Err(_) => Err(StartError::PublicAddress(public.clone())),
    }
}

pub(crate) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let unlistened = |source| StartError::Listen { address, source };
    let socket = TcpListener::bind(address).await.map_err(unlistened)?;
    let bound = socket.local_addr().map_err(unlistened)?;
    Ok((socket, bound))
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

async fn chores(node: Arc<Node>) {
    let mut timer = tokio::time::interval(CHORES_EVERY);
    loop {
        timer.tick().await;
        for job in node.service.tick(node.clock.now()) {
            node.write(Box::new(job));
        }
    }
}
