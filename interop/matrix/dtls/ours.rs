//! Our side of a handshake: a connection on a UDP socket.

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use std::{fs, io};

use dtls::crypto::{CryptoProvider, default_provider};
use dtls::{
    Certificate, Config, Connection, Event, Fingerprint, NamedGroup, PeerIdentity, ProtocolVersion,
    SrtpProfile,
};

use super::capture::Capture;
use super::peer::Peer;
use super::plan::{Role, Shape};
use crate::folder;

/// How long we stay after both ends are done, to answer what the peer sends again.
const AFTER: Duration = Duration::from_millis(200);

/// How often we look whether the peer is done.
const LOOK: Duration = Duration::from_millis(50);

/// What we say of a handshake.
#[derive(Debug)]
pub(super) struct Outcome {
    /// `1.2` or `1.3`.
    pub(super) dtls: String,
    pub(super) group: String,
    pub(super) suite: String,
    /// IANA's name of the SRTP profile.
    pub(super) profile: Option<String>,
    /// The exported keys, in hex.
    pub(super) ekm: String,
    /// Of our certificate.
    pub(super) fingerprint: String,
}

/// A connection that has not begun.
pub(super) struct Ours {
    connection: Connection,
    socket: UdpSocket,
    capture: Capture,
    shape: Shape,
    fingerprint: Fingerprint,
}

static PROVIDER: LazyLock<Arc<dyn CryptoProvider>> = LazyLock::new(default_provider);

impl Ours {
    pub(super) fn new(
        shape: &Shape,
        peer: &Peer,
        socket: UdpSocket,
        capture: Capture,
    ) -> Result<Self, String> {
        let version = match shape.dtls {
            "1.3" => ProtocolVersion::DTLS1_3,
            _ => ProtocolVersion::DTLS1_2,
        };
        let mut config = Config::builder(Arc::clone(&PROVIDER))
            .versions(&[version])
            .srtp_profiles(&[SrtpProfile(shape.profile.id)])
            .srtp_required(peer.srtp)
            .handshake_timeout(None)
            .key_log(Arc::clone(&capture.keys) as _);
        if !peer.takes_fragmented_hello && shape.group == "X25519MLKEM768" {
            let groups = [NamedGroup::X25519MLKEM768, NamedGroup::X25519];
            config = config.groups(&groups).small_client_hello();
        } else if shape.fixed_group {
            // RFC 8422 §5.1: in DTLS 1.2 the list names the curve of the certificates too.
            config = config.groups(&[group(shape.group), NamedGroup::SECP256R1]);
        }
        let config = Arc::new(config.build().map_err(|error| error.to_string())?);
        let read = |name| {
            let path = folder().join("certificates").join(name);
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let [ours, key, theirs] = [
            format!("ours-{}.pem", shape.certificate),
            format!("ours-{}.key.pem", shape.certificate),
            format!("peer-{}.pem", shape.certificate),
        ]
        .map(read);
        let load = |chain: &str, key: &str| {
            Certificate::from_pem(chain, key, &**PROVIDER).map_err(|error| error.to_string())
        };
        let certificate = Arc::new(load(&ours?, &key?)?);
        let identity = PeerIdentity::Fingerprints(vec![fingerprint(&theirs?)?]);
        let role = match shape.role {
            Role::Client => dtls::Role::Client,
            Role::Server => dtls::Role::Server,
        };
        let fingerprint = certificate.fingerprint_sha256();
        let connection = Connection::new(config, role, certificate, identity, Instant::now());
        Ok(Self {
            connection: connection.map_err(|error| error.to_string())?,
            socket,
            capture,
            shape: *shape,
            fingerprint,
        })
    }

    /// Runs the handshake until both ends are done with it, and closes.
    pub(super) fn run(
        mut self,
        deadline: Instant,
        mut is_peer_done: impl FnMut() -> bool,
    ) -> Result<Outcome, String> {
        let mut outcome = None;
        let mut end = deadline;
        while Instant::now() < end {
            self.step(end.min(Instant::now() + LOOK))?;
            while let Some(event) = self.connection.poll_event() {
                if matches!(event, Event::Connected(_)) {
                    outcome = Some(self.outcome()?);
                }
            }
            if end == deadline && is_peer_done() {
                end = deadline.min(Instant::now() + AFTER);
            }
        }
        self.connection.close(Instant::now());
        // The peer has what it needs; it may be gone already.
        let _ = self.flush();
        outcome.ok_or_else(|| "no handshake in time".to_owned())
    }

    /// Sends what there is to send, and waits for a datagram or the next timeout.
    fn step(&mut self, end: Instant) -> Result<(), String> {
        let text = |error: io::Error| error.to_string();
        self.flush().map_err(text)?;
        let wake = self.connection.poll_timeout().map_or(end, |at| at.min(end));
        let wait = wake.saturating_duration_since(Instant::now());
        let wait = wait.max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(wait)).map_err(text)?;
        let mut buf = [0; 4096];
        let now = Instant::now();
        let result = match self.socket.recv_from(&mut buf) {
            Ok((length, from)) => {
                self.socket.connect(from).map_err(text)?;
                let here = self.socket.local_addr().map_err(text)?;
                let datagram = &mut buf[..length];
                let written = self.capture.write(from.port(), here.port(), datagram);
                written.map_err(text)?;
                self.connection.handle_datagram(now, datagram)
            }
            Err(error) if is_no_data(&error) => Ok(()),
            Err(error) => return Err(text(error)),
        };
        let result = result.and_then(|()| self.connection.handle_timeout(Instant::now()));
        if let Err(error) = result {
            // The alert.
            let _ = self.flush();
            return Err(error.to_string());
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut buf = [0; 4096];
        while let Some(length) = self.connection.poll_transmit(Instant::now(), &mut buf) {
            let [from, to] = [self.socket.local_addr()?, self.socket.peer_addr()?];
            self.capture.write(from.port(), to.port(), &buf[..length])?;
            match self.socket.send(&buf[..length]) {
                Err(error) if !is_no_data(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn outcome(&self) -> Result<Outcome, String> {
        let info = self.connection.info().ok_or("no information")?;
        let mut keys = vec![0; self.shape.profile.keys];
        self.connection
            .export_keying_material(&mut keys, b"EXTRACTOR-dtls_srtp", None)
            .map_err(|error| error.to_string())?;
        let agreed = info.srtp_profile == Some(SrtpProfile(self.shape.profile.id));
        Ok(Outcome {
            dtls: match info.version {
                ProtocolVersion::DTLS1_3 => "1.3".to_owned(),
                ProtocolVersion::DTLS1_2 => "1.2".to_owned(),
                other => format!("{other:?}"),
            },
            group: group_name(info.group),
            suite: format!("{:?}", info.cipher_suite),
            profile: agreed.then(|| self.shape.profile.iana.to_owned()),
            ekm: keys.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            }),
            fingerprint: self.fingerprint.to_string(),
        })
    }
}

/// Nothing came in time, or the other end of the loopback is not there yet, or not any more.
fn is_no_data(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::TimedOut
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionRefused
    )
}

/// Groups by the names of IANA's registry.
const GROUPS: [(&str, NamedGroup); 4] = [
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
    ("X25519", NamedGroup::X25519),
    ("P-256", NamedGroup::SECP256R1),
    ("P-384", NamedGroup::SECP384R1),
];

fn group(name: &str) -> NamedGroup {
    let known = GROUPS.iter().find(|(known, _)| *known == name);
    known.expect("invariant: plans name known groups").1
}

fn group_name(group: NamedGroup) -> String {
    let known = GROUPS.iter().find(|(_, known)| *known == group);
    known.map_or_else(|| format!("{group:?}"), |(name, _)| (*name).to_owned())
}

/// The fingerprint of a certificate in PEM.
fn fingerprint(pem: &str) -> Result<Fingerprint, String> {
    let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).map_err(|error| error.to_string())?;
    Ok(Fingerprint::sha256(&der))
}
