//! pion/srtp 3.1, a program in Go that `interop/setup.sh pion-srtp` builds, over a pipe.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use srtp::Kind;

use crate::peer::{Keying, Peer};

/// Where `interop/setup.sh` puts it.
const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/interop/bin/peer-pion-srtp"
);

/// The program, which ends when its input does.
pub(crate) struct Pion {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl Pion {
    pub(crate) fn new(keying: &Keying) -> Self {
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
        let mut child = Command::new(PROGRAM)
            .arg(keying.profile.name())
            .args([&keying.key, &keying.salt, &keying.mki].map(|bytes| hex(bytes)))
            .arg(keying.first_roc.to_string())
            .arg(keying.cryptex.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{PROGRAM}: {e}: interop/setup.sh pion-srtp builds it"));
        Self {
            input: child.stdin.take(),
            output: child.stdout.take().expect("it is piped"),
            child,
        }
    }

    fn ask(&mut self, unprotect: bool, kind: Kind, packet: &[u8]) -> Option<Vec<u8>> {
        let what = u8::from(unprotect) | u8::from(kind == Kind::Rtcp) << 1;
        let mut request = vec![what];
        request.extend((packet.len() as u32).to_be_bytes());
        request.extend(packet);
        let input = self.input.as_mut().expect("it is there until the end");
        input.write_all(&request).expect("it reads");
        let mut head = [0; 5];
        self.output.read_exact(&mut head).expect("it answers");
        let [done, len @ ..] = head;
        let mut result = vec![0; u32::from_be_bytes(len) as usize];
        self.output.read_exact(&mut result).expect("it answers");
        (done == 1).then_some(result)
    }
}

impl Peer for Pion {
    fn protect(&mut self, kind: Kind, plain: &[u8]) -> Option<Vec<u8>> {
        self.ask(false, kind, plain)
    }

    fn unprotect(&mut self, kind: Kind, sealed: &[u8]) -> Option<Vec<u8>> {
        self.ask(true, kind, sealed)
    }
}

impl Drop for Pion {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}
