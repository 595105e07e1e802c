//! Programs of `interop/peers/` in other languages.

use std::path::PathBuf;
use std::process::Command;

use super::super::PEER_TONE;
use super::super::peer::{How, Media, Peer};
use super::super::plan::Caller;
use crate::dtls::{CM_32, CM_80, GCM_128, GCM_256, Role};
use crate::folder;
use crate::packages::{compiled, first_line, locked, program, source};

/// Debian's own Python, which has GStreamer's bindings.
const PYTHON: &str = "/usr/bin/python3";

/// What most of them are like.
const USUAL: Peer = Peer {
    name: "",
    version: || None,
    install: "",
    callers: &[Caller::Peer, Caller::We],
    roles: &[Role::Server, Role::Client],
    dtls: &["1.2"],
    groups13: &[],
    profiles: &[GCM_128, GCM_256, CM_80],
    specials: &[],
    media: Media::Echo,
    how: How::Program(|| Command::new("")),
};

pub(super) const AIORTC: Peer = Peer {
    name: "aiortc",
    version: || {
        let print = "import aiortc; print(aiortc.__version__)";
        first_line(Command::new(python()).args(["-c", print]))
    },
    install: "interop/setup.sh aiortc",
    how: How::Program(|| {
        let mut command = Command::new(python());
        command.arg(source("aiortc/peer.py"));
        command
    }),
    ..USUAL
};

pub(super) const WERIFT: Peer = Peer {
    name: "werift",
    version: || module("werift"),
    install: "interop/setup.sh werift",
    // It has no SRTP_AEAD_AES_256_GCM.
    profiles: &[GCM_128, CM_80],
    how: How::Program(|| node("werift/peer.cjs")),
    ..USUAL
};

pub(super) const NODE_DATACHANNEL: Peer = Peer {
    name: "node-datachannel",
    version: || module("node-datachannel"),
    install: "interop/setup.sh node-datachannel",
    how: How::Program(|| node("node-datachannel/peer.cjs")),
    ..USUAL
};

pub(super) const WRTC: Peer = Peer {
    name: "wrtc",
    version: || module("@roamhq/wrtc"),
    install: "interop/setup.sh wrtc",
    // Its libwebrtc offers no others.
    profiles: &[CM_80],
    how: How::Program(|| node("wrtc/peer.cjs")),
    ..USUAL
};

pub(super) const PION: Peer = Peer {
    name: "pion-webrtc",
    version: || {
        compiled("pion-webrtc")?;
        let module = std::fs::read_to_string(source("pion-webrtc/go.mod")).ok()?;
        let (_, rest) = module.split_once("github.com/pion/webrtc/v4 v")?;
        rest.split_whitespace().next().map(str::to_owned)
    },
    install: "interop/setup.sh pion-webrtc",
    how: How::Program(|| Command::new(compiled("pion-webrtc").unwrap_or_default())),
    ..USUAL
};

pub(super) const WEBRTCBIN: Peer = Peer {
    name: "webrtcbin",
    version: || {
        let print =
            "import gi; gi.require_version('GstWebRTC', '1.0'); gi.require_version('Gst', '1.0')
from gi.repository import Gst, GstWebRTC; Gst.init(None)
print(Gst.Registry.get().find_feature('webrtcbin', Gst.ElementFactory).get_plugin().get_version())";
        first_line(Command::new(PYTHON).args(["-c", print]))
    },
    install: "interop/setup.sh webrtcbin",
    profiles: &[CM_80],
    media: Media::Tone,
    how: How::Program(|| {
        let mut command = Command::new(PYTHON);
        command.arg(source("webrtcbin/peer.py"));
        command
    }),
    ..USUAL
};

pub(super) const STR0M: Peer = Peer {
    name: "str0m",
    version: || program("peer-str0m").and_then(|_| locked("str0m")),
    install: "interop/setup.sh str0m",
    dtls: &["1.2", "1.3"],
    groups13: &["X25519", "P-256"],
    how: How::Program(|| Command::new(program("peer-str0m").unwrap_or_default())),
    ..USUAL
};

pub(super) const WEBRTC: Peer = Peer {
    name: "webrtc",
    version: || program("peer-webrtc").and_then(|_| locked("webrtc")),
    install: "interop/setup.sh webrtc",
    profiles: &[GCM_128, GCM_256, CM_80, CM_32],
    how: How::Program(|| Command::new(program("peer-webrtc").unwrap_or_default())),
    ..USUAL
};

pub(super) const FFMPEG: Peer = Peer {
    name: "ffmpeg",
    version: || {
        let told = first_line(Command::new(ffmpeg()?).arg("-version"))?;
        told.split_whitespace().nth(2).map(str::to_owned)
    },
    install: "interop/setup.sh ffmpeg",
    // It is a WHIP client, which sends.
    callers: &[Caller::Peer],
    profiles: &[CM_80],
    media: Media::Sends,
    how: How::Sender(|url, seconds, role| {
        let mut command = Command::new(ffmpeg().unwrap_or_default());
        let tone = format!("sine=frequency={PEER_TONE}:sample_rate=48000");
        command.args(["-hide_banner", "-re", "-f", "lavfi", "-i", &tone]);
        command.args([
            "-t",
            &seconds.to_string(),
            "-ac",
            "2",
            "-c:a",
            "libopus",
            "-f",
            "whip",
        ]);
        if role == Role::Server {
            command.args(["-whip_flags", "dtls_active"]);
        }
        command.arg(url);
        command
    }),
    ..USUAL
};

/// The FFmpeg in the wheel of `imageio-ffmpeg`; Debian's has no WHIP.
fn ffmpeg() -> Option<PathBuf> {
    let print = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
    first_line(Command::new(python()).args(["-c", print])).map(PathBuf::from)
}

/// The Python that `interop/setup.sh` has made.
fn python() -> PathBuf {
    folder().join("python/bin/python")
}

/// Where `interop/setup.sh` puts modules of Node.
fn modules() -> PathBuf {
    folder().join("node/node_modules")
}

/// The version of an installed module of Node.
fn module(name: &str) -> Option<String> {
    let text = std::fs::read_to_string(modules().join(name).join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_str(&text).ok()?;
    package["version"].as_str().map(str::to_owned)
}

/// A program of `interop/peers/` that runs in Node.
fn node(program: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(source(program)).env("NODE_PATH", modules());
    // werift asks a STUN server by name before it answers; nobody resolves it here.
    command.env("RES_OPTIONS", "timeout:1 attempts:1");
    command
}
