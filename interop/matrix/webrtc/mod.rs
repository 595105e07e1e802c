//! Whole calls with peers of WebRTC: `demo-call` on our side, a browser or a program on the other.

mod browser;
mod call;
mod endpoint;
mod peer;
mod peers;
mod plan;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use interop::tone;

pub(crate) use self::peer::Peer;
use self::peer::{Facts, Media};
pub(crate) use self::peers::ALL;
use self::plan::Shape;
use crate::folder;
use crate::row::{Outcome, Row};

/// The tone that we play, in Hz.
const OUR_TONE: f64 = 1000.0;

/// The tone that peers play.
const PEER_TONE: f64 = 440.0;

/// How long our tone is: a caller hangs up when it has played it, which must not be before a browser
/// on a busy machine has recorded enough.
const SECONDS: u32 = 9;

/// Packets that must have come at least, of the 50 that are sent in a second.
const ENOUGH: u64 = 50;

/// All calls that make sense with a peer.
pub(crate) fn shapes(peer: &Peer) -> Vec<Shape> {
    plan::shapes(peer)
}

/// Makes the recording that we play.
pub(crate) fn prepare() -> Result<(), String> {
    let recording = recording();
    thread::spawn(move || tone::record(&recording, OUR_TONE, SECONDS))
        .join()
        .map_err(|panic| reason(&*panic))
}

/// One call.
pub(crate) fn run(peer: &'static Peer, version: &str, shape: &Shape) -> Row {
    let evidence = folder().join(format!("{}-{shape}", peer.name));
    let mut row = Row {
        peer: peer.name.to_owned(),
        version: version.to_owned(),
        role: shape.role.name(),
        dtls: shape.dtls.to_owned(),
        group: shape.group.unwrap_or_default().to_owned(),
        suite: String::new(),
        srtp_profile: shape.profile.iana.to_owned(),
        keys_equal: None,
        media: Some(false),
        result: Outcome::Fail,
        detail: String::new(),
    };
    let (copy, path) = (*shape, evidence.clone());
    // What browsers and recordings are asked is asserted: a panic is an answer too.
    let called = thread::spawn(move || {
        let (ours, theirs) = call::run(peer, &copy, &path)?;
        compare(peer, &copy, &ours, &theirs)?;
        let expected = match peer.media {
            Media::Echo => OUR_TONE,
            Media::Tone | Media::Sends => PEER_TONE,
        };
        tone::assert_heard(&ours.recording, expected);
        Ok(ours)
    });
    match called.join().unwrap_or_else(|panic| Err(reason(&*panic))) {
        Ok(ours) => {
            row.suite = ours.suite;
            row.group = ours.group;
            row.media = Some(true);
            row.result = Outcome::Pass;
            row.detail = shape.detail(peer);
            call::forget(&evidence);
        }
        Err(error) => {
            let path = evidence.display();
            row.detail = format!(
                "{}: {error}; see {path}.pcap, .keys and .log",
                shape.detail(peer)
            );
        }
    }
    row
}

/// Both sides must say the same, and what was asked for.
fn compare(peer: &Peer, shape: &Shape, ours: &call::Outcome, theirs: &Facts) -> Result<(), String> {
    if let Some(error) = &theirs.error {
        return Err(format!("the peer says: {error}"));
    }
    let mut pairs = vec![
        ("version", ours.dtls.as_str(), shape.dtls),
        ("SRTP profile", &ours.profile, shape.profile.iana),
    ];
    if let Some(group) = shape.group {
        pairs.push(("group", &ours.group, group));
    }
    if let Some(version) = &theirs.version {
        pairs.push(("version of the peer", version, shape.dtls));
    }
    if let Some(profile) = &theirs.profile {
        pairs.push(("SRTP profile of the peer", profile, shape.profile.iana));
    }
    if let Some((what, told, expected)) = pairs.iter().find(|(_, told, expected)| told != expected)
    {
        return Err(format!("{what}: {told}, not {expected}"));
    }
    if ours.received < ENOUGH {
        return Err(format!("{} packets came from the peer", ours.received));
    }
    if peer.media != Media::Sends && theirs.received < ENOUGH {
        return Err(format!("{} packets came to the peer", theirs.received));
    }
    let heard = theirs.heard.map(|hertz| hertz as f64);
    if peer.media == Media::Tone && heard != Some(OUR_TONE) {
        return Err(format!("the peer heard {heard:?} Hz"));
    }
    Ok(())
}

/// What a panic says.
fn reason(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_default()
}

/// The recording that we play.
fn recording() -> PathBuf {
    folder().join("tone.ogg")
}

/// A certificate and its key, which `interop/setup.sh` has made.
fn rsa_certificate() -> [PathBuf; 2] {
    ["ours-rsa.pem", "ours-rsa.key.pem"].map(|name| folder().join("certificates").join(name))
}

/// Removes a file, if it is there.
fn remove(path: &Path) {
    // It may never have been written.
    let _ = fs::remove_file(path);
}
