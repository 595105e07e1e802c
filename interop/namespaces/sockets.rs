//! What the system does to the server's sockets: errors of system calls, and a slow link beside a good one.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use interop::namespace::Namespace;
use interop::program::{Running, demo_call};

use super::{Link, RECORDING, summary};

/// A system call of the server's port, and what it is made to fail with each seventh time.
const FAULTS: [(&str, &str); 8] = [
    ("recvmmsg", "ENOMEM"),
    ("recvmmsg", "ENOBUFS"),
    ("sendmsg", "ENOMEM"),
    ("sendmsg", "ENOBUFS"),
    ("sendmsg", "EMSGSIZE"),
    ("sendmsg", "ENETUNREACH"),
    ("sendmsg", "EPERM"),
    ("accept4", "EMFILE"),
];

/// No error of a system call that is of the moment, or of one datagram, ends a call.
#[test]
fn errors_of_system_calls_end_no_call() {
    let strace = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    if !strace.is_ok_and(|status| status.success()) {
        println!(
            "SKIPPED: the program `strace` is not here; install it with `apt-get install strace`"
        );
        return;
    }
    for (call, error) in FAULTS {
        let Some(link) = Link::new() else { return };
        let mut command = link.near.command("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
        command.arg(format!("trace={call}"));
        command.arg(format!("--inject={call}:error={error}:when=1+7"));
        command.arg(&link.program);
        command.args(["listen", "--http", "10.78.0.1:8080", "--media", "0.0.0.0:0"]);
        command.args(["--play", RECORDING]);
        let mut listen = Running::start(&mut command);
        listen.after("http://10.78.0.1:8080");
        let output = link
            .dial(&["--play", RECORDING])
            .output()
            .expect("dial runs");
        let summary = summary(&output);
        assert!(output.status.success(), "{call}, {error}: {summary}");
        assert_eq!(summary["ok"], true, "{call}, {error}: {summary}");
        let received = summary["rtp_received"].as_u64();
        assert!(
            received.is_some_and(|count| count > 50),
            "{call}, {error}: {summary}"
        );
        println!("{call} {error}: {received:?} packets came");
    }
}

/// One caller on a good link, 14 on one that takes half of what is sent to them: the queue of the slow
/// link fills, and the lone caller loses nothing.
#[test]
fn a_lone_caller_loses_nothing_beside_14_on_a_slow_link() {
    const CONGESTED: usize = 14;
    let Some(link) = Link::new() else { return };
    let Ok(slow) = Namespace::new() else { return };
    link.near
        .join_by("v1", "10.79.0.1/24", &slow, "10.79.0.2/24");
    let mut command = link.near.command(demo_call());
    command.args(["listen", "--http", "0.0.0.0:8080", "--media", "0.0.0.0:0"]);
    command.args(["--play", RECORDING]);
    let mut listen = Running::start(&mut command);
    listen.after("http://");
    let mut congested: Vec<_> = (0..CONGESTED)
        .map(|_| {
            let mut dial = slow.command(&link.program);
            dial.args(["dial", "http://10.79.0.1:8080", "--json"]);
            Running::start(&mut dial)
        })
        .collect();
    // All are connected by now.
    thread::sleep(Duration::from_secs(4));
    let limited = link
        .near
        .command("tc")
        .args("qdisc add dev v1 root tbf rate 300kbit burst 3000 limit 20000000".split(' '))
        .status();
    assert!(
        limited.is_ok_and(|status| status.success()),
        "tc limits the link"
    );
    // The queue fills to what a socket of the default size takes.
    thread::sleep(Duration::from_secs(3));
    let output = link.dial(&[]).output().expect("dial runs");
    let summary = summary(&output);
    assert!(output.status.success(), "{summary}");
    assert_eq!(summary["lost"], 0, "{summary}");
    let received = summary["rtp_received"].as_u64();
    assert!(received.is_some_and(|count| count > 200), "{summary}");
    println!("{received:?} packets came, none was lost");
    for dial in &mut congested {
        dial.interrupt();
    }
}
