//! A file of DTLS secrets in the SSLKEYLOGFILE format (RFC 9850).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use portcullis::dtls::KeyLog;

/// Takes the secrets of all calls.
#[derive(Clone, Debug)]
pub(crate) struct KeyLogFile(Arc<File>);

impl KeyLogFile {
    /// Opens the file at `path`, whose end the secrets will be written to. A new one is for its
    /// owner's eyes only.
    pub(crate) fn append(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        options.open(path).map(|file| Self(Arc::new(file)))
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, line: &str) {
        // One write a line, so that calls on several threads do not mix theirs. A call goes on
        // without its secrets in the file.
        let _ = (&*self.0).write_all(format!("{line}\n").as_bytes());
    }
}
