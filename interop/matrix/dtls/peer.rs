//! A peer: a program that takes one side of a handshake, and what it says.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::plan::{Profile, Role, Shape};
use crate::folder;

/// What is known of a peer.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Says its version, or why it is not here.
    pub(crate) version: fn() -> Option<String>,
    /// What installs it.
    pub(crate) install: &'static str,
    pub(crate) dtls: &'static [&'static str],
    /// Groups of DTLS 1.3, the usual one first.
    pub(crate) groups13: &'static [&'static str],
    /// Whether it has use_srtp; otherwise it is a handshake and no more.
    pub(crate) srtp: bool,
    /// SRTP profiles, the usual one first; where it has none, one that we offer.
    pub(crate) profiles: &'static [Profile],
    pub(crate) certificates: &'static [&'static str],
    /// Whether its server takes a first ClientHello that spans datagrams.
    pub(crate) takes_fragmented_hello: bool,
    /// Whether it can export keys.
    pub(crate) tells_keys: bool,
    /// The command of one side of a handshake.
    pub(crate) command: fn(&Call<'_>) -> Command,
    /// Reads a line of what it prints.
    pub(crate) read: fn(&str, &mut Facts),
}

/// What a peer is told.
pub(crate) struct Call<'a> {
    pub(crate) shape: &'a Shape,
    /// To bind, or to send to.
    pub(crate) port: u16,
    /// Paths of its certificate and key in PEM.
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What a peer told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) ready: bool,
    /// The cipher suite, by the peer's own name.
    pub(crate) suite: Option<String>,
    /// IANA's name.
    pub(crate) profile: Option<String>,
    /// In lower-case hex.
    pub(crate) ekm: Option<String>,
    /// Of our certificate: `sha-256 AA:BB...`.
    pub(crate) fingerprint: Option<String>,
    pub(crate) error: Option<String>,
}

impl Facts {
    /// Reads a line `word value` of a program of `interop/peers/`.
    pub(crate) fn read_word(line: &str, facts: &mut Self) {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        let value = value.trim().to_owned();
        match word {
            "ready" => facts.ready = true,
            "suite" => facts.suite = Some(value),
            "profile" => facts.profile = Some(value),
            "ekm" => facts.ekm = Some(value.to_lowercase()),
            "fingerprint" => facts.fingerprint = Some(value),
            "error" => facts.error = Some(value),
            _ => {}
        }
    }
}

impl Call<'_> {
    /// The arguments of a program of `interop/peers/`.
    pub(crate) fn arguments(&self) -> [String; 7] {
        [
            self.shape.role.peer().to_owned(),
            self.port.to_string(),
            self.shape.dtls.to_owned(),
            self.shape.profile.iana.to_owned(),
            self.certificate.clone(),
            self.key.clone(),
            self.shape.group.to_owned(),
        ]
    }

    pub(crate) fn is_server(&self) -> bool {
        self.shape.role == Role::Client
    }
}

/// How long a program may take to end after it told what it had to tell.
const PATIENCE: Duration = Duration::from_secs(4);

impl Peer {
    /// Starts one side of a handshake. What the program says is also written to `evidence`.log.
    pub(super) fn start(&self, shape: &Shape, port: u16, evidence: &Path) -> io::Result<Running> {
        let file = |end: &str| {
            let name = format!("peer-{}{end}", shape.certificate);
            folder()
                .join("certificates")
                .join(name)
                .display()
                .to_string()
        };
        let call = Call {
            shape,
            port,
            certificate: file(".pem"),
            key: file(".key.pem"),
        };
        let mut command = (self.command)(&call);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut log = File::create(evidence.with_added_extension("log"))?;
        writeln!(log, "{command:?}")?;
        let mut child = command
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{command:?}: {error}")))?;
        let (sender, lines) = mpsc::channel();
        let pipes: [Option<Box<dyn io::Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for pipe in pipes.into_iter().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut reader = BufReader::new(pipe);
                let mut line = Vec::new();
                while reader
                    .read_until(b'\n', &mut line)
                    .is_ok_and(|length| length > 0)
                {
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    line.clear();
                    if sender.send(text).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Running {
            child,
            lines,
            log,
            read: self.read,
            facts: Facts::default(),
        })
    }
}

/// A peer's program. It is killed when this value is dropped.
pub(super) struct Running {
    child: Child,
    lines: Receiver<String>,
    log: File,
    read: fn(&str, &mut Facts),
    facts: Facts,
}

impl Running {
    /// Waits until a server says that it is ready.
    pub(super) fn wait_until_ready(&mut self, deadline: Instant) {
        while !self.facts.ready && self.listen(deadline) {}
    }

    /// Whether the program has told how its handshake ended, or is gone.
    pub(super) fn is_done(&mut self) -> bool {
        while self.listen(Instant::now()) {}
        let facts = &self.facts;
        // A fingerprint is seen in the midst of a handshake.
        let told = [&facts.suite, &facts.profile, &facts.ekm, &facts.error];
        let told = told.into_iter().any(Option::is_some);
        told || self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for the end of the program and returns what it told.
    pub(super) fn finish(&mut self) -> Facts {
        let deadline = Instant::now() + PATIENCE;
        while self.listen(deadline) {}
        self.facts.clone()
    }

    /// Takes a line; false if there are no more in time.
    fn listen(&mut self, deadline: Instant) -> bool {
        let wait = deadline.saturating_duration_since(Instant::now());
        let Ok(line) = self.lines.recv_timeout(wait) else {
            return false;
        };
        // Evidence that can't be written is missed by whoever looks for it.
        let _ = writeln!(self.log, "{line}");
        (self.read)(&line, &mut self.facts);
        true
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already if all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
