//! Why the program ends with exit status 1.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis::SessionError;
use portcullis::dtls::{self, AlertDescription, CertificateError, ConfigError, Fingerprint};
use portcullis::ice_lite::FailureReason;
use portcullis::signalling::SignallingError;

use crate::opus::ClipError;
use crate::security::{Offer, profiles, versions};
use crate::whip_client::WhipError;

/// An error that ends the program; its text is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    #[error("{}: {source}", path.display())]
    Clip { path: PathBuf, source: ClipError },
    #[error("{}: {}", path.display(), plain(source))]
    Folder { path: PathBuf, source: io::Error },
    #[error("{}: {}", path.display(), plain(source))]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Certificate {
        path: PathBuf,
        source: CertificateError,
    },
    /// The call was made, but what it heard is not all on the disk.
    #[error("recording {}: {reason}", path.display())]
    NotRecorded { path: PathBuf, reason: String },
    #[error("recordings: the disk does not answer within {} seconds", .0.as_secs())]
    DiskHangs(Duration),
    #[error("{0}")]
    Usage(String),
    #[error("{protocol} port {address}: {}", plain(source))]
    Bind {
        protocol: &'static str,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("media port: {}", plain(.0))]
    Socket(io::Error),
    #[error("{}: {reason}", path.display())]
    Tls { path: PathBuf, reason: String },
    #[error("{}: not a token of printable ASCII without spaces", .0.display())]
    Token(PathBuf),
    #[error(
        "{0:?} is not a STUN or TURN server such as stun:host:3478 or turn:host:3478,user,password"
    )]
    IceServer(String),
    #[error("signals: {}", plain(.0))]
    Signals(io::Error),
    #[error("threads: {}", plain(.0))]
    Threads(io::Error),
    #[error("DTLS: {0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Whip(#[from] WhipError),
    #[error("the host's answer: {0}")]
    Answer(SignallingError),
    #[error("{}", describe(.0))]
    Session(SessionError),
    /// The peer ended the handshake; it alone knows why, but what was offered is known here.
    #[error("the other side ended the handshake ({alert:?}); offered to it were {offer}")]
    Alert {
        alert: AlertDescription,
        offer: Offer,
    },
    #[error("no connection within {} seconds: the other side's media port does not answer", .0.as_secs())]
    NotConnected(Duration),
    #[error("no answer from the other side's media port ({0:?})")]
    NoPath(FailureReason),
    #[error("the other side hung up before the call was secured")]
    HungUp,
    #[error("the other side hung up early: {} of {} packets were played", .0.0, .0.1)]
    HungUpEarly((u64, usize)),
    #[error("nothing came from the other side in the last {:.1} seconds of the call", .0.as_secs_f64())]
    Silent(Duration),
    #[error("the call was made, but the host could not be told of its end: {0}")]
    NotHungUp(WhipError),
    #[error("the connection was lost: nothing came from the other side any more")]
    Lost,
    #[error("the call is not complete")]
    Incomplete,
}

impl Error {
    /// Names the file that TLS can't use.
    pub(crate) fn tls(path: &Path, reason: impl Display) -> Self {
        Self::Tls {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// Names the recording that can't be played.
    pub(crate) fn clip(path: &Path) -> impl FnOnce(ClipError) -> Self {
        move |source| Self::Clip {
            path: path.to_owned(),
            source,
        }
    }

    /// Names the folder that can't be written.
    pub(crate) fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Folder {
            path: path.to_owned(),
            source,
        }
    }

    /// Names the file that can't be read or written.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// What ended a session of a side that has made this offer.
    pub(crate) fn session(error: SessionError, offer: &Offer) -> Self {
        match error {
            SessionError::Dtls(dtls::Error::AlertReceived(alert)) => Self::Alert {
                alert,
                offer: offer.clone(),
            },
            error => Self::Session(error),
        }
    }

    /// Why the answer to an offer can't be used.
    pub(crate) fn answer(error: SignallingError) -> Self {
        match error {
            SignallingError::Session(error) => Self::Session(error),
            error => Self::Answer(error),
        }
    }

    /// Names the port that can't be bound.
    pub(crate) fn bind(
        protocol: &'static str,
        address: SocketAddr,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Bind {
            protocol,
            address,
            source,
        }
    }
}

/// What ended a session, naming all that a person needs to see why.
fn describe(error: &SessionError) -> String {
    let SessionError::Dtls(error) = error else {
        return error.to_string();
    };
    match error {
        dtls::Error::FingerprintMismatch {
            expected,
            presented,
        } => {
            let expected: Vec<_> = expected.iter().map(Fingerprint::to_string).collect();
            let expected = expected.join(" or ");
            format!(
                "the other side is not who it should be: its certificate should have the \
                 fingerprint {expected}, but has {presented}"
            )
        }
        dtls::Error::NoCommonVersion { ours, theirs } => format!(
            "no common DTLS version: this side has {}, the other {}",
            versions(ours),
            versions(theirs)
        ),
        dtls::Error::NoCommonSrtpProfile { ours, theirs } => format!(
            "no common SRTP profile: this side has {}, the other {}",
            profiles(ours),
            profiles(theirs)
        ),
        error => format!("DTLS: {error}"),
    }
}

/// What went wrong, in words where the system's own are for programmers.
pub(crate) fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "already in use by another program".to_owned(),
        io::ErrorKind::AddrNotAvailable => "not an address of this host".to_owned(),
        io::ErrorKind::PermissionDenied => "not permitted".to_owned(),
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => "is no folder".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "is on a read-only file system".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => {
            let text = error.to_string();
            // The system's number behind its words says nothing more.
            text.split(" (os error").next().unwrap_or(&text).to_owned()
        }
    }
}
