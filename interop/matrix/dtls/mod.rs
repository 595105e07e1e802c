//! Handshakes with peers of DTLS: we run in this process, the peer in another.

mod capture;
mod ours;
mod peer;
mod peers;
mod plan;

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use interop::host;

use self::capture::Capture;
use self::ours::Ours;
use self::peer::Facts;
pub(crate) use self::peer::Peer;
pub(crate) use self::peers::ALL;
use self::plan::Shape;
pub(crate) use self::plan::{CM_32, CM_80, GCM_128, GCM_256, Profile, Role};
use crate::folder;
use crate::row::{Outcome, Row};

/// How long a handshake may take, the start of the peer's program included: on a busy machine several
/// virtual machines of Java start at once.
const LIMIT: Duration = Duration::from_secs(60);

/// All handshakes that make sense with a peer.
pub(crate) fn shapes(peer: &Peer) -> Vec<Shape> {
    plan::shapes(peer)
}

/// One handshake.
pub(crate) fn run(peer: &Peer, version: &str, shape: &Shape) -> Row {
    let name = format!("{}-{shape}", peer.name);
    let evidence = folder().join(&name);
    let (ours, theirs) = match handshake(peer, shape, &evidence) {
        Ok(both) => both,
        Err(error) => (Err(error.to_string()), Facts::default()),
    };
    let mut row = Row {
        peer: peer.name.to_owned(),
        version: version.to_owned(),
        role: shape.role.name(),
        dtls: shape.dtls.to_owned(),
        group: shape.group.to_owned(),
        suite: String::new(),
        srtp_profile: if peer.srtp {
            shape.profile.iana.to_owned()
        } else {
            "-".to_owned()
        },
        keys_equal: None,
        media: None,
        result: Outcome::Fail,
        detail: String::new(),
    };
    let verdict = ours.and_then(|ours| {
        row.suite.clone_from(&ours.suite);
        row.group.clone_from(&ours.group);
        row.keys_equal = theirs.ekm.as_ref().map(|ekm| *ekm == ours.ekm);
        compare(peer, shape, &ours, &theirs)
    });
    match verdict {
        Ok(()) => {
            row.result = Outcome::Pass;
            row.detail = shape.certificate.to_owned();
            for extension in capture::EXTENSIONS {
                // Kept for rows that fail.
                let _ = fs::remove_file(evidence.with_added_extension(extension));
            }
        }
        Err(error) => {
            let told = theirs.error.map(|told| format!("; the peer says: {told}"));
            let told = told.unwrap_or_default();
            let path = evidence.display();
            row.detail = format!(
                "{}: {error}{told}; see {path}.pcap, .keys and .log",
                shape.certificate
            );
        }
    }
    row
}

/// What both sides say of a handshake, or why we failed.
fn handshake(
    peer: &Peer,
    shape: &Shape,
    evidence: &Path,
) -> std::io::Result<(Result<ours::Outcome, String>, Facts)> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let port = match shape.role {
        Role::Server => socket.local_addr()?.port(),
        Role::Client => host::free_port()?,
    };
    let capture = Capture::new(evidence)?;
    let deadline = Instant::now() + LIMIT;
    let mut running = peer.start(shape, port, evidence)?;
    if shape.role == Role::Client {
        running.wait_until_ready(deadline);
        socket.connect(("127.0.0.1", port))?;
    }
    let ours = Ours::new(shape, peer, socket, capture);
    let outcome = ours.and_then(|ours| ours.run(deadline, || running.is_done()));
    Ok((outcome, running.finish()))
}

/// Both sides must say the same, and what was asked for.
fn compare(peer: &Peer, shape: &Shape, ours: &ours::Outcome, theirs: &Facts) -> Result<(), String> {
    if theirs.error.is_some() {
        return Err("only we think that it worked".to_owned());
    }
    let mut pairs = vec![("version", Some(ours.dtls.as_str()), Some(shape.dtls))];
    if shape.fixed_group {
        pairs.push(("group", Some(&ours.group), Some(shape.group)));
    }
    if peer.srtp {
        pairs.push((
            "SRTP profile",
            ours.profile.as_deref(),
            Some(shape.profile.iana),
        ));
        if let Some(told) = &theirs.profile {
            pairs.push((
                "SRTP profile of the peer",
                Some(told),
                Some(shape.profile.iana),
            ));
        }
    }
    if let Some(told) = &theirs.ekm {
        pairs.push(("exported keys", Some(told), Some(&ours.ekm)));
    }
    if let Some(told) = &theirs.fingerprint {
        pairs.push(("our fingerprint", Some(told), Some(&ours.fingerprint)));
    }
    let wrong = pairs.iter().find(|(_, told, expected)| told != expected);
    match wrong {
        None if peer.tells_keys && peer.srtp && theirs.ekm.is_none() => {
            Err("the peer did not tell its keys".to_owned())
        }
        None => Ok(()),
        Some((what, told, expected)) => Err(format!("{what}: {told:?}, not {expected:?}")),
    }
}
