//! FFmpeg and GStreamer publish by WHIP, and a browser sees it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use interop::browser::Kind;

use crate::sfu::Tab;
use crate::{Served, with_example};

/// A publisher that is no browser. It is killed when this value is dropped.
struct Publisher(Child);

impl Publisher {
    fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self(child.expect("the publisher starts"))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // It has ended already if something went wrong.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder of this package.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Debian's FFmpeg has no WHIP; this one comes by `interop/setup.sh ffmpeg`.
fn ffmpeg() -> PathBuf {
    let python = folder().join("../target/interop/python/bin/python");
    let ask = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
    let output = Command::new(python).args(["-c", ask]).output();
    let output = output.expect("interop/setup.sh ffmpeg has been run");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// What it publishes a browser sees, and hears the tone in it.
fn is_seen(publish: impl FnOnce(&str) -> Command) {
    let served = Served::on_port(5000);
    let url = format!("http://{}/whip", served.address);
    let _publisher = Publisher::start(&mut publish(&url));
    let viewing = Tab::open(Kind::Chromium, &served);
    viewing.sees(1, 320, 240);
    viewing.hears();
}

#[test]
fn ffmpeg_publishes_h264() {
    with_example("publishers::ffmpeg_publishes_h264", "sfu", || {
        is_seen(|url| {
            let mut command = Command::new(ffmpeg());
            command.args(["-loglevel", "error", "-re", "-f", "lavfi", "-i"]);
            command.args(["testsrc=size=320x240:rate=15", "-re", "-f", "lavfi", "-i"]);
            command.args([
                "sine=frequency=440:sample_rate=48000",
                "-pix_fmt",
                "yuv420p",
            ]);
            command.args([
                "-c:v",
                "libx264",
                "-profile:v",
                "baseline",
                "-preset",
                "ultrafast",
            ]);
            command.args([
                "-tune",
                "zerolatency",
                "-g",
                "15",
                "-bf",
                "0",
                "-c:a",
                "libopus",
            ]);
            command.args(["-ac", "2", "-t", "120", "-f", "whip", url]);
            command
        });
    });
}

fn gstreamer(codec: &str, url: &str) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(folder().join("media/publish.py"));
    command.args([url, codec, "120"]);
    command
}

#[test]
fn gstreamer_publishes_vp8() {
    with_example("publishers::gstreamer_publishes_vp8", "sfu", || {
        is_seen(|url| gstreamer("vp8", url));
    });
}

#[test]
fn gstreamer_publishes_h264() {
    with_example("publishers::gstreamer_publishes_h264", "sfu", || {
        is_seen(|url| gstreamer("h264", url));
    });
}
