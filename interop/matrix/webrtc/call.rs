//! One call, from the start of its programs to what they tell.

use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use interop::host;
use interop::impaired::Impaired;
use interop::program::Running;
use serde_json::Value;

use super::browser::Caller as Browser;
use super::endpoint;
use super::peer::{Facts, How, Peer};
use super::plan::{Caller, Shape, Special};
use super::{recording, remove, rsa_certificate};
use crate::dtls::Role;

/// How long a program may run: it starts, connects, and plays for [`PLAYS`] seconds.
const LIMIT: Duration = Duration::from_secs(30);

/// How long programs play: less than our recording lasts.
const PLAYS: u32 = 3;

/// What the proxy's dice begin with: a call that failed fails again.
const SEED: u64 = 20_261_123;

/// The files of a call: its datagrams, its key log, what both sides said, what we recorded.
const EXTENSIONS: [&str; 4] = ["pcap", "keys", "log", "ogg"];

/// What we say of a call.
#[derive(Debug)]
pub(super) struct Outcome {
    /// `1.2` or `1.3`.
    pub(super) dtls: String,
    pub(super) suite: String,
    pub(super) group: String,
    /// IANA's name.
    pub(super) profile: String,
    /// RTP packets that came.
    pub(super) received: u64,
    pub(super) recording: PathBuf,
}

/// Where a call takes place, and the evidence of it.
struct Scene<'a> {
    peer: &'a Peer,
    shape: &'a Shape,
    host: IpAddr,
    evidence: &'a Path,
    /// Where `demo-call` records.
    folder: tempfile::TempDir,
    log: File,
    capture: Option<Child>,
}

/// Makes a call; its evidence goes to `evidence` with the extensions of [`EXTENSIONS`].
pub(super) fn run(peer: &Peer, shape: &Shape, evidence: &Path) -> Result<(Outcome, Facts), String> {
    forget(evidence);
    let failed = |error: io::Error| error.to_string();
    let mut scene = Scene::new(peer, shape, evidence).map_err(failed)?;
    let called = match shape.caller {
        Caller::Peer => scene.peer_calls(),
        Caller::We => scene.we_call(),
    };
    let (mut outcome, facts) = called.map_err(failed)?;
    let kept = evidence.with_added_extension("ogg");
    std::fs::copy(&outcome.recording, &kept).map_err(failed)?;
    outcome.recording = kept;
    Ok((outcome, facts))
}

/// Removes the evidence of a call.
pub(super) fn forget(evidence: &Path) {
    for extension in EXTENSIONS {
        remove(&evidence.with_added_extension(extension));
    }
}

impl<'a> Scene<'a> {
    fn new(peer: &'a Peer, shape: &'a Shape, evidence: &'a Path) -> io::Result<Self> {
        let capture = Command::new("tcpdump")
            .args(["-i", "any", "-U", "-w"])
            .arg(evidence.with_added_extension("pcap"))
            .arg(match shape.special {
                Special::Tcp => "tcp",
                _ => "udp",
            })
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Self {
            peer,
            shape,
            host: host::address()?,
            evidence,
            folder: tempfile::tempdir()?,
            log: File::create(evidence.with_added_extension("log"))?,
            // Without it a call is as good, but leaves less evidence.
            capture: capture.ok(),
        })
    }

    /// The peer calls `listen`.
    fn peer_calls(&mut self) -> io::Result<(Outcome, Facts)> {
        let mut command = self.demo_call("listen")?;
        command.args(["--http", "127.0.0.1:0", "--media"]);
        let any_port = SocketAddr::new(self.host, 0).to_string();
        command.arg(&any_port);
        if self.shape.special == Special::Tcp {
            command.args(["--media-tcp", &any_port]);
        }
        let mut listen = Running::start(&mut command);
        let http = listen.after("http://").trim_end_matches('/').to_owned();
        let media: SocketAddr = listen.after("udp://").parse().map_err(io::Error::other)?;
        let facts = match &self.peer.how {
            How::Browser(kind) => {
                let proxy = match self.shape.special {
                    Special::Impaired => Some(Impaired::new(self.host, media, SEED)?),
                    _ => None,
                };
                let port = proxy.as_ref().map(Impaired::address);
                let browser = Browser::start(*kind, self.shape, Some(&http), port);
                browser.offer();
                browser.facts()
            }
            How::Program(program) => {
                let url = format!("http://{http}/whip");
                let mut command = program();
                command.args(["offer", &url, &PLAYS.to_string()]);
                self.program(&mut command)?
            }
            How::Sender(sender) => {
                let url = format!("http://{http}/whip");
                self.program(&mut sender(&url, PLAYS, self.shape.role))?
            }
        };
        listen.interrupt();
        listen.wait(LIMIT);
        let told = listen.rest();
        self.log.write_all(told.as_bytes())?;
        Ok((self.heard_by_listen(&told)?, facts))
    }

    /// `dial` calls the peer.
    fn we_call(&mut self) -> io::Result<(Outcome, Facts)> {
        let is_client = self.shape.role == Role::Client;
        match &self.peer.how {
            How::Browser(kind) => {
                let browser = Arc::new(Mutex::new(Browser::start(*kind, self.shape, None, None)));
                let answering = Arc::clone(&browser);
                let (tell, answered) = mpsc::channel();
                let endpoint =
                    endpoint::serve(self.host, is_client, move |request, connection| {
                        let offer = String::from_utf8_lossy(&request.body);
                        let browser = answering.lock().map_err(|_| io::ErrorKind::Other)?;
                        let answer = browser.answer(&offer);
                        tell.send(()).map_err(io::Error::other)?;
                        endpoint::created(connection, &answer)
                    })?;
                let mut dial = self.dial(endpoint)?;
                answered.recv_timeout(LIMIT).map_err(io::Error::other)?;
                let facts = browser.lock().map_err(|_| io::ErrorKind::Other)?.facts();
                Ok((self.told_by_dial(&mut dial)?, facts))
            }
            How::Program(program) => {
                let port = host::free_port()?;
                let mut command = program();
                command.args(["answer", &port.to_string(), &PLAYS.to_string()]);
                command.stderr(self.log.try_clone()?);
                let mut answering = Running::start(&mut command);
                answering.after("ready");
                let upstream = format!("127.0.0.1:{port}");
                let endpoint =
                    endpoint::serve(self.host, is_client, move |request, connection| {
                        request.pass_on(&upstream, connection)
                    })?;
                let mut dial = self.dial(endpoint)?;
                let outcome = self.told_by_dial(&mut dial);
                answering.wait(LIMIT);
                let told = answering.rest();
                self.log.write_all(told.as_bytes())?;
                Ok((outcome?, Facts::read(&told)))
            }
            How::Sender(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn dial(&self, endpoint: SocketAddr) -> io::Result<Running> {
        let mut command = self.demo_call("dial")?;
        command.args([&format!("http://{endpoint}/whip"), "--json"]);
        Ok(Running::start(&mut command))
    }

    /// Runs a peer's program to its end.
    fn program(&mut self, command: &mut Command) -> io::Result<Facts> {
        command.stderr(self.log.try_clone()?);
        let mut running = Running::start(command);
        running.wait(LIMIT);
        let told = running.rest();
        self.log.write_all(told.as_bytes())?;
        Ok(Facts::read(&told))
    }

    /// `demo-call`, which offers and takes what the shape asks for.
    fn demo_call(&self, what: &str) -> io::Result<Command> {
        let shape = self.shape;
        let program = std::env::current_exe()?.with_file_name("demo-call");
        let mut command = Command::new(program);
        command.args([what, "--dtls", shape.dtls]);
        command.args(["--dtls-role", shape.role.name()]);
        command.args(["--profile", &profile(shape.profile.iana)]);
        if let Some(group) = shape.group {
            command.args(["--group", &group.to_lowercase()]);
        }
        if shape.special == Special::Rsa {
            let [certificate, key] = rsa_certificate();
            command.arg("--certificate").arg(certificate);
            command.arg("--key").arg(key);
        }
        command.arg("--play").arg(recording());
        command.arg("--record").arg(self.folder.path());
        command.arg("--key-log");
        command.arg(self.evidence.with_added_extension("keys"));
        command.stderr(self.log.try_clone()?);
        Ok(command)
    }

    /// Reads what `listen` prints of its one call.
    fn heard_by_listen(&self, told: &str) -> io::Result<Outcome> {
        let after = |mark: &str| {
            told.split_once(mark)
                .and_then(|(_, rest)| rest.lines().next())
        };
        let connected = after("connected: DTLS ").ok_or_else(|| {
            let failed = after("failed: ").unwrap_or("it never connected");
            io::Error::other(format!("we say: {failed}"))
        })?;
        let parts: Vec<_> = connected.split(", ").collect();
        let [dtls, suite, group, profile] = parts[..] else {
            return Err(io::Error::other(connected.to_owned()));
        };
        let received = after("ended: ").and_then(|line| line.split(' ').next());
        let received = received.and_then(|count| count.parse().ok());
        Ok(Outcome {
            dtls: dtls.to_owned(),
            suite: suite.to_owned(),
            group: group_name(group),
            profile: profile.to_owned(),
            received: received.unwrap_or(0),
            recording: self.recorded()?,
        })
    }

    /// Reads what `dial --json` prints.
    fn told_by_dial(&mut self, dial: &mut Running) -> io::Result<Outcome> {
        dial.wait(LIMIT);
        let told = dial.rest();
        self.log.write_all(told.as_bytes())?;
        let line = told.lines().last().unwrap_or_default();
        let told: Value = serde_json::from_str(line)
            .map_err(|_| io::Error::other("we say nothing: the call failed"))?;
        let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
        Ok(Outcome {
            dtls: text("dtls_version"),
            suite: text("cipher_suite"),
            group: group_name(&text("group")),
            profile: text("srtp_profile"),
            received: told["rtp_received"].as_u64().unwrap_or(0),
            recording: self.recorded()?,
        })
    }

    /// The recording of the call.
    fn recorded(&self) -> io::Result<PathBuf> {
        let mut files = std::fs::read_dir(self.folder.path())?;
        match files.next() {
            Some(file) => Ok(file?.path()),
            None => Err(io::Error::other("nothing was recorded")),
        }
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        if let Some(capture) = &mut self.capture {
            // What it has written is complete at every packet.
            let _ = capture.kill();
            let _ = capture.wait();
        }
    }
}

/// What `demo-call` calls a profile.
fn profile(iana: &str) -> String {
    let name = iana.trim_start_matches("SRTP_").to_lowercase();
    name.replace("hmac_", "").replace('_', "-")
}

/// What this matrix calls a group.
fn group_name(name: &str) -> String {
    name.replace("SECP256R1", "P-256")
}
