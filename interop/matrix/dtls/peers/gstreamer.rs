//! GStreamer's `dtlsdec` and `dtlsenc`. The keys that they report can't be read from Python.

use std::process::Command;

use super::super::peer::{Facts, Peer};
use super::super::plan::CM_80;
use super::{first_line, source};

/// Debian's own Python has GStreamer's bindings.
const PYTHON: &str = "/usr/bin/python3";

pub(super) const PEER: Peer = Peer {
    name: "gstreamer",
    version: || first_line(Command::new(PYTHON).args(["-c", VERSION])),
    install: "interop/setup.sh gstreamer",
    dtls: &["1.2"],
    groups13: &[],
    srtp: true,
    profiles: &[CM_80],
    certificates: &["ecdsa", "rsa"],
    takes_fragmented_hello: true,
    tells_keys: false,
    command: |call| {
        let mut command = Command::new(PYTHON);
        command
            .arg(source("gstreamer/peer.py"))
            .args(call.arguments());
        command
    },
    read: Facts::read_word,
};

const VERSION: &str = "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst; \
    Gst.init(None); assert Gst.ElementFactory.find('dtlsdec'); print('.'.join(map(str, Gst.version()[:3])))";
