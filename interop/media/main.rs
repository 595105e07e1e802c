//! The examples with real browsers, FFmpeg and GStreamer: what is published is seen and heard, and data
//! channels give back what they get.
//!
//! Run with `cargo test -p interop --features browsers --test media`; `interop/setup.sh` installs what
//! it needs.

mod cryptex;
mod data_channel;
mod embed;
mod publishers;
mod sfu;
mod sped;

use std::path::PathBuf;
use std::process::Command;

use interop::browser;
use interop::namespace::{self, HOST};
use interop::program::{Running, example};

/// Set to where the example stands: inside the namespace cargo is not run.
const PROGRAM: &str = "PORTCULLIS_EXAMPLE";

/// Runs `body` in a network namespace, with this example built.
fn with_example(test: &str, name: &str, body: impl FnOnce()) {
    for program in ["opusdec", "opusenc"] {
        browser::require(program, "opus-tools");
    }
    browser::require("ffmpeg", "ffmpeg");
    namespace::inside(test, || vec![(PROGRAM, example(name))], body);
}

/// The example, serving, and where its page is.
struct Served {
    _running: Running,
    address: String,
}

impl Served {
    /// `arguments` follow on where the page is served.
    fn start(arguments: &[&str]) -> Self {
        let program = std::env::var_os(PROGRAM).map(PathBuf::from);
        let program = program.expect("the parent says where the example stands");
        let mut command = Command::new(program);
        let mut running = Running::start(command.arg("127.0.0.1:0").args(arguments));
        let address = running.after("http://").trim_end_matches('/').to_owned();
        Self {
            _running: running,
            address,
        }
    }

    /// At this port of the address that browsers reach.
    fn on_port(port: u16) -> Self {
        Self::start(&[&format!("{HOST}:{port}")])
    }
}

/// What the scripts in the page use: the page of the example, and waiting for what is asked for.
const HELPERS: &str = r"
    const page = document.getElementById('frame').contentWindow;
    async function wait(test, what) {
      for (let waited = 0; waited < 45000; waited += 100) {
        const result = await test();
        if (result) return result;
        await new Promise((done) => setTimeout(done, 100));
      }
      throw new Error(`waited in vain for ${what}: ${by('state')?.textContent}`);
    }
";
