//! The program `demo-call` as a child process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Builds `demo-call` the way this package was built and returns where it stands.
///
/// # Panics
///
/// If it does not compile.
pub fn demo_call() -> PathBuf {
    build(&["--package", "demo-call"]).join("demo-call")
}

/// Builds an example of `portcullis` and returns where it stands.
///
/// # Panics
///
/// If it does not compile.
pub fn example(name: &str) -> PathBuf {
    let folder = build(&[
        "--package",
        "portcullis",
        "--features",
        "tokio",
        "--example",
        name,
    ]);
    folder.join("examples").join(name)
}

/// Builds a program and returns the folder in which programs stand.
fn build(what: &[&str]) -> PathBuf {
    let release = if cfg!(debug_assertions) {
        [].as_slice()
    } else {
        &["--release"]
    };
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline"])
        .args(what)
        .args(release)
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{what:?} does not compile: {status}");
    let test = std::env::current_exe().expect("this test has a path");
    // The test stands in the folder `deps` of the folder in which programs stand.
    let folder = test.parent().and_then(Path::parent);
    folder
        .expect("the test stands in a target folder")
        .to_owned()
}

/// A running program. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    /// Starts `command` and takes its stdout.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("stdout is a pipe");
        Self {
            child,
            stdout: BufReader::new(stdout),
        }
    }

    /// Reads lines until one contains `mark`; returns what follows the mark in it.
    ///
    /// # Panics
    ///
    /// If the program ends first.
    pub fn after(&mut self, mark: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self.stdout.read_line(&mut line).expect("stdout is UTF-8");
            assert_ne!(length, 0, "the program ended before it said {mark:?}");
            if let Some((_, rest)) = line.split_once(mark) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Reads all that comes until the program ends.
    ///
    /// # Panics
    ///
    /// If it is not UTF-8.
    pub fn rest(&mut self) -> String {
        let mut text = String::new();
        let read = self.stdout.read_to_string(&mut text);
        read.expect("stdout is UTF-8");
        text
    }

    /// Sends SIGINT, as Ctrl-C does.
    ///
    /// # Panics
    ///
    /// If `kill` does not run.
    pub fn interrupt(&self) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-INT", &id])
            .status()
            .expect("kill runs");
        assert!(status.success(), "kill -INT {id}: {status}");
    }

    /// Kills it: it says goodbye to nobody.
    ///
    /// # Panics
    ///
    /// If it has ended already.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Waits for the end, not longer than `limit`.
    ///
    /// # Panics
    ///
    /// If the program still runs then.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(
                Instant::now() < end,
                "the program still runs after {limit:?}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already if all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
