//! `demo-call` between hosts that are network namespaces, joined by veth pairs, and what networks and strangers
//! do to its calls.
#![cfg(target_os = "linux")]

mod failover;
mod forger;
mod inside;
mod nomination;
mod peer;
mod rebinding;
mod reflection;
mod sockets;
mod street;
mod theft;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use interop::namespace::Namespace;
use interop::program::{Running, demo_call};
use serde_json::Value;

const RECORDING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../demo-call/tests/data/counting.ogg"
);

/// Two hosts on one link, and the program on both.
struct Link {
    near: Namespace,
    far: Namespace,
    program: std::path::PathBuf,
}

impl Link {
    /// Makes the link, or says why it can't be made here.
    fn new() -> Option<Self> {
        let (near, far) = match (Namespace::new(), Namespace::new()) {
            (Ok(near), Ok(far)) => (near, far),
            (Err(missing), _) | (_, Err(missing)) => {
                println!("SKIPPED: {missing}");
                return None;
            }
        };
        near.join("10.78.0.1/24", &far, "10.78.0.2/24");
        Some(Self {
            near,
            far,
            program: demo_call(),
        })
    }

    fn listen(&self, arguments: &[&str]) -> Running {
        let mut command = self.near.command(&self.program);
        command.args(["listen", "--http", "10.78.0.1:8080", "--media", "0.0.0.0:0"]);
        let mut running = Running::start(command.args(arguments));
        running.after("http://10.78.0.1:8080");
        running
    }

    fn dial(&self, arguments: &[&str]) -> Command {
        let mut command = self.far.command(&self.program);
        command.args(["dial", "http://10.78.0.1:8080", "--json"]);
        command.args(arguments);
        command
    }

    /// Another host, on a link of its own to the near one: 10.78.`number`.2, and the near one is
    /// 10.78.`number`.1 to it.
    fn neighbour(&self, number: u8) -> Option<Namespace> {
        let host = Namespace::new().ok()?;
        let [near, far] = [1, 2].map(|host| format!("10.78.{number}.{host}"));
        let interface = format!("v{number}");
        let (near, far) = (format!("{near}/24"), format!("{far}/24"));
        self.near.join_by(&interface, &near, &host, &far);
        host.ip(&format!("route add default via 10.78.{number}.1"));
        Some(host)
    }
}

fn summary(output: &std::process::Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| {
        panic!(
            "{error} in {line:?}; stderr: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn recordings(dir: &Path) -> Vec<fs::DirEntry> {
    fs::read_dir(dir)
        .expect("the folder")
        .map(|entry| entry.expect("its entry"))
        .collect()
}

#[test]
fn two_hosts_call_each_other() {
    let Some(link) = Link::new() else { return };
    let (near, far) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let mut listen = link.listen(&["--record", &near.path().to_string_lossy()]);
    let output = link
        .dial(&[
            "--play",
            RECORDING,
            "--record",
            &far.path().to_string_lossy(),
        ])
        .output()
        .expect("dial runs");
    let summary = summary(&output);
    assert!(output.status.success(), "{summary}");
    assert_eq!(summary["ok"], true, "{summary}");
    assert_eq!(summary["lost"], 0, "{summary}");
    assert!(
        summary["rtp_received"]
            .as_u64()
            .is_some_and(|packets| packets > 50),
        "{summary}"
    );
    listen.interrupt();
    assert!(listen.wait(Duration::from_secs(10)).success());
    for dir in [&near, &far] {
        let recorded = recordings(dir.path());
        assert_eq!(recorded.len(), 1);
        assert!(recorded[0].file_name().to_string_lossy().ends_with(".ogg"));
    }
}

#[test]
fn many_hosts_call_one_port_at_once() {
    const CALLS: usize = 8;
    let Some(link) = Link::new() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let mut listen = link.listen(&["--record", &dir.path().to_string_lossy()]);
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            let mut dial = link.dial(&["--play", RECORDING]);
            dial.stdout(std::process::Stdio::piped())
                .spawn()
                .expect("dial starts")
        })
        .collect();
    for call in calls {
        let output = call.wait_with_output().expect("dial ends");
        let summary = summary(&output);
        assert_eq!(
            (&summary["ok"], &summary["lost"]),
            (&true.into(), &0.into()),
            "{summary}"
        );
    }
    listen.interrupt();
    assert!(listen.wait(Duration::from_secs(10)).success());
    assert_eq!(recordings(dir.path()).len(), CALLS);
}

#[test]
fn an_interrupted_listener_ends_its_calls() {
    let Some(link) = Link::new() else { return };
    let mut listen = link.listen(&[]);
    let mut dial = Running::start(&mut link.dial(&[]));
    listen.after("connected");
    listen.interrupt();
    assert!(listen.wait(Duration::from_secs(10)).success());
    // Alone, the caller would play for 15 seconds.
    let status = dial.wait(Duration::from_secs(8));
    // It ends with the host, and its call was not what it should be.
    assert_eq!(status.code(), Some(1), "the caller ends with the host");
}
