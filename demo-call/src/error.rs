//! Why the program ends with exit status 1.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::opus::ClipError;
use crate::whip_client::WhipError;

/// An error that ends the program; its text is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    #[error("{}: {source}", path.display())]
    Clip { path: PathBuf, source: ClipError },
    #[error("{}: {}", path.display(), plain(source))]
    Folder { path: PathBuf, source: io::Error },
    #[error("recording: {}", plain(.0))]
    Recording(io::Error),
    #[error("{protocol} port {address}: {}", plain(source))]
    Bind { protocol: &'static str, address: SocketAddr, source: io::Error },
    #[error("media port: {}", plain(.0))]
    Socket(io::Error),
    #[error("HTTP: {}", plain(.0))]
    Http(io::Error),
    #[error("{0}")]
    Whip(#[from] WhipError),
    #[error("the host's answer: {0}")]
    Sdp(#[from] portcullis::sdp::SdpError),
    #[error("{0}")]
    Session(#[from] portcullis::SessionError),
    #[error("no answer on the host's media port within {} seconds", .0.as_secs())]
    NoMedia(Duration),
    #[error("the call lost its connection: {0}")]
    Lost(portcullis::CloseReason),
    #[error("the call is not complete")]
    Incomplete,
}

impl Error {
    /// Names the recording that can't be played.
    pub(crate) fn clip(path: &Path) -> impl FnOnce(ClipError) -> Self {
        move |source| Self::Clip { path: path.to_owned(), source }
    }

    /// Names the folder that can't be written.
    pub(crate) fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Folder { path: path.to_owned(), source }
    }

    /// Names the port that can't be bound.
    pub(crate) fn bind(
        protocol: &'static str,
        address: SocketAddr,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Bind { protocol, address, source }
    }
}

/// What went wrong, in words where the system's own are for programmers.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "already in use by another program".to_owned(),
        io::ErrorKind::AddrNotAvailable => "not an address of this host".to_owned(),
        io::ErrorKind::PermissionDenied => "not permitted".to_owned(),
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => "is no folder".to_owned(),
        _ => error.to_string(),
    }
}
