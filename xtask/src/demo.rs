//! `cargo xtask demo`: the whole of Hushwire in a temporary folder, shown as a person would use it.
//!
//! A real hushd on a port of loopback that the system picks, real hush processes, real encryption, nothing simulated: two
//! people join, write to each other, one is away, the server is killed in between. The demo fails if any of it
//! does not hold. What it started it ends by id, what it wrote it deletes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::run;

/// Builds the programs and runs the demo.
pub(crate) fn run() -> Result<()> {
    run::step(&mut run::cargo("build --quiet -p hush -p hushd")?)?;
    let folder = Folder::new()?;
    let mut stage = Stage::new(folder)?;

    stage.say("A server of one's own: one program, no configuration.");
    let link = stage.start_server()?;

    stage.say("Two people join with the invite.");
    stage.hush("alice", &["join", &link, "--name", "alice", "--lock", "key-file"])?;
    stage.hush("bob", &["join", &link, "--name", "bob", "--lock", "key-file"])?;

    stage.say("Alice writes while Bob is away. The server keeps what it cannot read.");
    stage.hush("alice", &["send", "@bob", "Hello Bob! Only your device can read this."])?;
    stage.hush("alice", &["send", "@bob", "Are you there?"])?;

    stage.say("The server is killed (SIGKILL) and started again. What it acknowledged is on its disk.");
    stage.kill_server()?;
    stage.start_server()?;

    stage.say("Bob comes online.");
    let received = stage.hush("bob", &["receive"])?;
    ensure!(received.matches("Only your device").count() == 1, "Bob should have got the first message once");
    ensure!(received.matches("Are you there?").count() == 1, "Bob should have got the second message once");

    stage.say("Bob answers, and both look at each other's safety number.");
    stage.hush("bob", &["send", "@alice", "Here I am."])?;
    let received = stage.hush("alice", &["receive"])?;
    ensure!(received.contains("Here I am."), "Alice should have got the answer");
    let numbers = [stage.number("alice", "@bob")?, stage.number("bob", "@alice")?];
    ensure!(numbers[0] == numbers[1], "both should see one safety number");
    println!("  both see {}", numbers[0]);

    stage.say("For programs: one JSON object a line, with a cursor of its own.");
    stage.hush("bob", &["receive", "--json", "--after", "0"])?;

    stage.say("The conversation, as Bob's device keeps it.");
    let history = stage.hush("bob", &["history", "@alice"])?;
    ensure!(history.lines().count() == 3, "three messages, each once");

    stage.say("On neither side is any of it on the disk in clear.");
    let files = stage.files_without("Only your device")?;
    println!("  looked through {files} files");

    stage.say("Done. To try it by hand, see the README.");
    Ok(())
}

/// A temporary folder, deleted when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let name = format!("hushwire-demo-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left-overs in a temporary folder harm nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Stage {
    /// The server, and its output, which it must be able to write to.
    server: Option<(Child, BufReader<ChildStdout>)>,
    address: Option<String>,
    programs: PathBuf,
    folder: Folder,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The demo is over; a server that is gone already is as good.
        let _ = self.kill_server();
    }
}

impl Stage {
    fn new(folder: Folder) -> Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or(run::root()?.join("target"), PathBuf::from);
        Ok(Self { server: None, address: None, programs: target.join("debug"), folder })
    }

    fn say(&self, line: &str) {
        println!("\n# {line}");
    }

    /// Starts hushd; the first time on a port that the system picks, later on the same one. Returns the invite.
    fn start_server(&mut self) -> Result<String> {
        let data = self.folder.0.join("server");
        let listen = self.address.clone().unwrap_or_else(|| "127.0.0.1:0".to_owned());
        println!("$ hushd dev --listen {listen}");
        let mut server = Command::new(self.programs.join("hushd"))
            .args(["dev", "--listen", &listen, "--data-dir"])
            .arg(&data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("hushd cannot be started")?;
        let output = server.stdout.take().context("hushd has no output")?;
        let (_, output) = self.server.insert((server, BufReader::new(output)));
        let mut invite = None;
        for line in output.lines() {
            let line = line?;
            println!("  {line}");
            if let Some((_, address)) = line.split_once("wss://") {
                self.address = Some(address.to_owned());
            }
            if let Some(at) = line.find("hush://") {
                invite = line.get(at..).map(str::to_owned);
                break;
            }
        }
        invite.context("hushd ended before it gave an invite")
    }

    fn kill_server(&mut self) -> Result<()> {
        if let Some((mut server, _)) = self.server.take() {
            server.kill()?;
            server.wait()?;
        }
        Ok(())
    }

    /// Runs hush to its end, shows what it printed, and returns it.
    fn hush(&self, profile: &str, words: &[&str]) -> Result<String> {
        let shown: Vec<String> = words
            .iter()
            .map(|word| if word.contains(' ') { format!("{word:?}") } else { (*word).to_owned() })
            .filter(|word| word != "--lock" && word != "key-file")
            .collect();
        println!("$ hush --profile {profile} {}", shown.join(" "));
        let output = self.run(profile, words)?;
        for line in output.lines() {
            println!("  {line}");
        }
        Ok(output)
    }

    fn run(&self, profile: &str, words: &[&str]) -> Result<String> {
        let output = Command::new(self.programs.join("hush"))
            .args(["--profile", profile, "--data-dir"])
            .arg(self.folder.0.join("devices"))
            .args(words)
            .output()
            .context("hush cannot be started")?;
        if !output.status.success() {
            bail!("hush {} failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The safety number that a profile sees.
    fn number(&self, profile: &str, with: &str) -> Result<String> {
        let output = self.run(profile, &["verify", with])?;
        let number = output.lines().map(str::trim).find(|line| {
            line.len() > 60 && line.chars().all(|symbol| symbol.is_ascii_digit() || symbol == ' ')
        });
        Ok(number.context("no safety number was shown")?.to_owned())
    }

    /// Holds that no file of either side has `words` in it; how many there are.
    fn files_without(&self, words: &str) -> Result<usize> {
        let mut files = 0;
        let mut folders = vec![self.folder.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.is_file() {
                    files += 1;
                    ensure!(
                        !contains(&path, words.as_bytes())?,
                        "{} has the message in clear",
                        path.display()
                    );
                }
            }
        }
        Ok(files)
    }
}

fn contains(path: &Path, words: &[u8]) -> Result<bool> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.windows(words.len()).any(|window| window == words))
}
