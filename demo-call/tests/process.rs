//! The program as a process: signals, pipes, disks, and hosts that vanish.

mod support;

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{COUNTING, Listen, demo_call, files, folder, kill, offer, run, summary, wait};

/// A dial that is begun.
fn dial(dir: &tempfile::TempDir, listen: &Listen, arguments: &[&str]) -> Child {
    let url = listen.url();
    let mut command = demo_call(dir, &["dial", &url, "--json"]);
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("dial starts")
}

/// Plays a recording to prove that it can be played; gives its packets.
fn played(path: &Path) -> u64 {
    let dir = folder();
    let path = path.to_str().expect("the path is UTF-8");
    let output = run(
        &dir,
        &["--fast", "--json", "--play", path, "--play", COUNTING],
    );
    let summary = summary(&output);
    assert!(output.status.success(), "{summary}");
    summary["directions"][0]["rtp_sent"]
        .as_u64()
        .expect("a number")
}

/// A pipe that is full already, so that whoever writes to it waits for ever.
const FULL_PIPE: &str = "dd if=/dev/zero bs=65536 count=1 2> /dev/null";

/// A port of 127.0.0.1 that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

#[test]
fn sigterm_ends_a_host_as_ctrl_c_does() {
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &["--record", "calls"]);
    let dial = dial(&far, &listen, &[]);
    listen.after("connected");
    assert_eq!(listen.end("-TERM").code(), Some(0));
    let output = dial.wait_with_output().expect("dial ends");
    let reason = summary(&output)["reason"].to_string();
    assert!(reason.contains("hung up early"), "BYE was said: {reason}");
    let recorded = files(&near.path().join("calls"));
    assert_eq!(recorded.len(), 1);
    played(&near.path().join("calls").join(&recorded[0]));
}

#[test]
fn sigterm_ends_a_caller_with_its_summary() {
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &[]);
    let mut dial = dial(&far, &listen, &["--record", "r"]);
    listen.after("connected");
    kill(&dial, "-TERM");
    assert_eq!(wait(&mut dial).code(), Some(0));
    let output = dial.wait_with_output().expect("it has ended");
    assert_eq!(summary(&output)["ok"], true);
    assert!(listen.after("ended: ").contains("packets received"));
}

#[test]
fn a_closed_stdout_ends_no_call() {
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &[]);
    listen.close_stdout();
    for _ in 0..2 {
        let output = run(&far, &["dial", &listen.url(), "--play", COUNTING, "--json"]);
        assert_eq!(summary(&output)["ok"], true, "{}", summary(&output));
    }
    assert!(listen.runs());
    let mut dial = dial(&far, &listen, &["--play", COUNTING]);
    drop(dial.stdout.take());
    assert_eq!(wait(&mut dial).code(), Some(0));
    assert_eq!(listen.end("-TERM").code(), Some(0));
}

#[test]
fn a_blocked_stdout_or_stderr_stalls_no_call() {
    let (near, far) = (folder(), folder());
    let port = free_port();
    let program = env!("CARGO_BIN_EXE_demo-call");
    let script = format!(
        "{FULL_PIPE}; exec {program} listen --http 127.0.0.1:{port} --media 127.0.0.1:0 2>&1"
    );
    let mut host = Command::new("sh")
        .args(["-c", &script])
        .current_dir(near.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh runs");
    let url = format!("http://127.0.0.1:{port}");
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    let script = format!(
        "exec 3>&1; {FULL_PIPE} >&2; exec {program} dial {url} --play {COUNTING} --json >&3"
    );
    let mut caller = Command::new("sh");
    caller.args(["-c", &script]).current_dir(far.path());
    let mut caller = caller
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh runs");
    assert_eq!(wait(&mut caller).code(), Some(0));
    let mut text = String::new();
    let mut stdout = caller.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut text).expect("it is UTF-8");
    assert!(text.contains("\"ok\":true"), "{text}");
    kill(&host, "-TERM");
    assert_eq!(wait(&mut host).code(), Some(0));
}

#[test]
fn what_a_killed_host_recorded_can_be_played() {
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &["--record", "calls"]);
    let mut dial = dial(&far, &listen, &[]);
    listen.after("connected");
    let calls = near.path().join("calls");
    // The file grows with each second.
    let recording = || files(&calls).first().map(|name| calls.join(name));
    let length = || recording().and_then(|it| fs::metadata(it).ok());
    while length().is_none_or(|file| file.len() < 4096) {
        std::thread::yield_now();
    }
    listen.end("-KILL");
    let recording = recording().expect("a recording");
    assert!(played(&recording) >= 50);
    dial.kill().expect("it still plays");
    dial.wait().expect("it ends");
}

#[test]
fn a_killed_host_is_silence_and_a_reason_to_fail() {
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &[]);
    let dial = dial(&far, &listen, &[]);
    listen.after("connected");
    listen.end("-KILL");
    let output = dial.wait_with_output().expect("dial ends");
    assert_eq!(output.status.code(), Some(1));
    let summary = summary(&output);
    assert_eq!(summary["ok"], false, "{summary}");
    let silent = summary["silent_ms"].as_f64().expect("it was silent");
    assert!(silent >= 2000.0, "{summary}");
    let reason = summary["reason"].to_string();
    assert!(
        reason.contains("nothing came from the other side in the last"),
        "{reason}"
    );
    let live = String::from_utf8_lossy(&output.stderr);
    assert!(live.contains("error: nothing came"), "{live}");
}

/// Runs `listen` where its folder `calls` is a file system of its own, made by `mount`; `None` if
/// that can't be done here.
fn on_own_disk(near: &tempfile::TempDir, mount: &str) -> Option<(Listen, PathBuf)> {
    let can = Command::new("unshare")
        .args(["-rm", "true"])
        .stderr(Stdio::null())
        .status();
    if !can.is_ok_and(|status| status.success()) {
        println!("SKIPPED: no mount namespaces here");
        return None;
    }
    fs::create_dir(near.path().join("calls")).expect("a folder");
    let program = env!("CARGO_BIN_EXE_demo-call");
    let arguments = "listen --http 127.0.0.1:0 --media 127.0.0.1:0 --record calls";
    let script = format!("{mount} && exec {program} {arguments}");
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", &script])
        .current_dir(near.path());
    let errors = File::create(near.path().join("stderr")).expect("a file");
    command.stderr(errors);
    let listen = Listen::spawn(command);
    let inside = format!("/proc/{}/root{}/calls", listen.id(), near.path().display());
    Some((listen, inside.into()))
}

#[test]
fn a_full_disk_keeps_what_was_recorded_and_is_named_once() {
    let (near, far) = (folder(), folder());
    // Room for the first second.
    let mount = "mount -t tmpfs -o size=32k none calls && head -c 24576 /dev/zero > calls/filler";
    let Some((mut listen, calls)) = on_own_disk(&near, mount) else {
        return;
    };
    let output = run(&far, &["dial", &listen.url(), "--json"]);
    assert_eq!(summary(&output)["ok"], true, "{}", summary(&output));
    let ended = listen.after("ended: ");
    assert!(ended.ends_with("(not all of it)"), "{ended}");
    let errors = fs::read_to_string(near.path().join("stderr")).expect("it is UTF-8");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(
        errors.contains("calls/call-") && errors.contains("the disk is full"),
        "{errors}"
    );
    let recorded = files(&calls);
    let copy = near.path().join("copy.ogg");
    fs::copy(calls.join(&recorded[0]), &copy).expect("it is copied");
    let packets = played(&copy);
    assert!(
        packets >= 50 && errors.contains(&format!("{packets} packets are kept")),
        "{errors}"
    );
    assert_eq!(listen.end("-TERM").code(), Some(0));
}

#[test]
fn a_read_only_disk_is_named_and_the_call_goes_on() {
    let (near, far) = (folder(), folder());
    let mount = "mount -t tmpfs -o ro none calls";
    let Some((mut listen, _)) = on_own_disk(&near, mount) else {
        return;
    };
    let output = run(&far, &["dial", &listen.url(), "--play", COUNTING, "--json"]);
    assert_eq!(summary(&output)["ok"], true, "{}", summary(&output));
    listen.after("ended: ");
    let errors = fs::read_to_string(near.path().join("stderr")).expect("it is UTF-8");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("is on a read-only file system"), "{errors}");
}

#[test]
fn a_caller_that_can_not_record_says_so_at_the_end() {
    let (near, far) = (folder(), folder());
    let listen = Listen::start(&near, &[]);
    fs::create_dir(far.path().join("r")).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o ro none r && exec {} dial {} --play {COUNTING} --record r --json",
        env!("CARGO_BIN_EXE_demo-call"),
        listen.url()
    );
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", &script])
        .current_dir(far.path());
    let output = command.output().expect("unshare runs");
    if String::from_utf8_lossy(&output.stderr).starts_with("unshare:") {
        println!("SKIPPED: no mount namespaces here");
        return;
    }
    assert_eq!(output.status.code(), Some(1));
    let summary = summary(&output);
    let reason = summary["reason"].to_string();
    assert!(
        reason.contains("r/call-") && reason.contains("read-only"),
        "{reason}"
    );
    assert!(
        summary["rtp_received"].as_u64().is_some_and(|it| it > 90),
        "{summary}"
    );
}

#[test]
fn a_disk_that_takes_seconds_delays_no_other_call() {
    let (near, far) = (folder(), folder());
    let traced = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status();
    if !traced.is_ok_and(|status| status.success()) {
        println!("SKIPPED: no strace here");
        return;
    }
    let mut command = Command::new("strace");
    // -D: what is started here is the program, not its tracer.
    command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync"]);
    command.args(["-e", "inject=fsync:delay_enter=4000000"]);
    command.arg(env!("CARGO_BIN_EXE_demo-call"));
    command.args([
        "listen",
        "--http",
        "127.0.0.1:0",
        "--media",
        "127.0.0.1:0",
        "--record",
        "calls",
    ]);
    command.current_dir(near.path());
    let mut listen = Listen::spawn(command);
    let calls = ["--play", COUNTING];
    let first = dial(&far, &listen, &calls)
        .wait_with_output()
        .expect("dial ends");
    // The first recording is on its way to the disk: four seconds, and this call takes two.
    let second = dial(&far, &listen, &calls)
        .wait_with_output()
        .expect("dial ends");
    for output in [first, second] {
        let summary = summary(&output);
        assert_eq!(summary["ok"], true, "{summary}");
        assert!(
            summary["rtp_received"].as_u64().is_some_and(|it| it > 90),
            "{summary}"
        );
    }
    listen.after("call 2 ended");
}

#[test]
fn a_refused_offer_is_in_the_log_with_its_reason() {
    let near = folder();
    let mut listen = Listen::start(&near, &[]);
    let sdp = ("Content-Type", "application/sdp");
    let without = offer().replace("a=rtcp-mux\r\n", "");
    let refused = support::http(&listen.http, "POST", "/whip", &[sdp], without.as_bytes());
    assert_eq!(refused.status, 400);
    let line = listen.after("offer from 127.0.0.1 refused: ");
    assert_eq!(line, refused.body.trim());
}

#[test]
fn ipv6_alone_is_enough() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("SKIPPED: no IPv6 here");
        return;
    }
    let (near, far) = (folder(), folder());
    // The port of the media is all addresses by default, of IPv6 and IPv4.
    let command = demo_call(&near, &["listen", "--http", "[::]:0", "--media", "0"]);
    let mut listen = Listen::spawn(command);
    let (_, port) = listen.http.rsplit_once(':').expect("an address has a port");
    for host in ["[::1]", "127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{port}");
        let output = run(&far, &["dial", &url, "--play", COUNTING, "--json"]);
        assert_eq!(summary(&output)["ok"], true, "{host}: {}", summary(&output));
    }
    assert!(listen.interrupt().success());
}

#[test]
fn options_may_stand_in_a_file() {
    let near = folder();
    let file = "http = \"127.0.0.1:0\"\nmedia = \"127.0.0.1:0\"\nrecord = \"calls\"\n";
    fs::write(near.path().join("call.toml"), file).expect("it is written");
    let mut listen = Listen::spawn(demo_call(&near, &["listen", "--config", "call.toml"]));
    assert_eq!(files(near.path()), ["call.toml", "calls"]);
    assert!(listen.interrupt().success());
    fs::write(near.path().join("call.toml"), "frobnicate = 1\n").expect("it is written");
    let output = run(&near, &["listen", "--config", "call.toml"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--frobnicate"), "{text}");
    let output = run(&near, &["listen", "--config", "absent.toml"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text, "error: absent.toml: does not exist\n");
}
