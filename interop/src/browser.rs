//! Headless browsers, each with a fresh profile.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Which browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Debian's `chromium`.
    Chromium,
    /// Debian's `firefox-esr`.
    Firefox,
}

/// A running browser. It is killed, with its children, when this value is dropped.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    _profile: TempDir,
}

/// What Chromium needs to run headless, as root, with a microphone that beeps and no one to ask.
const CHROMIUM: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
];

/// The same for Firefox, and what keeps it from calling home. Its microphone hums the tone: without
/// an audio device, as on a server, Firefox makes no tone in a page.
const FIREFOX: &str = r#"
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.audio.fake_frequency", 440);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
"#;

impl Browser {
    /// Opens `url`, with these arguments (Chromium) or lines of `user.js` (Firefox) beside the usual.
    ///
    /// # Panics
    ///
    /// If it is not installed.
    pub fn launch(kind: Kind, url: &str, settings: &[&str]) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let program = require(kind.program(), kind.program());
        let mut command = match kind {
            Kind::Chromium => {
                let mut command = Command::new(program);
                command.args(CHROMIUM).args(settings);
                command.arg(format!("--user-data-dir={}", profile.path().display()));
                command
            }
            Kind::Firefox => {
                let settings = [&[FIREFOX], settings].concat().join("\n");
                fs::write(profile.path().join("user.js"), settings)
                    .expect("the profile is written");
                let mut command = Command::new(program);
                command
                    .args(["--headless", "--no-remote", "--profile"])
                    .arg(profile.path());
                command
            }
        };
        let child = command
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Browsers fork: all of it is killed as one group.
            .process_group(0)
            .spawn()
            .expect("the browser starts");
        Self {
            child,
            _profile: profile,
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        // If this fails the browser has ended, which is what is wanted.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

impl Kind {
    /// The program, and the package of Debian, of the same name.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox-esr",
        }
    }
}

/// The path of a program.
///
/// # Panics
///
/// If it is not here; says how to get it.
pub fn require(program: &str, package: &str) -> std::path::PathBuf {
    let path = Path::new("/usr/bin").join(program);
    assert!(
        path.exists(),
        "{} is not here; run interop/setup.sh or `apt-get install {package}`",
        path.display()
    );
    path
}
