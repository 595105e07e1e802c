//! `dial` calls `listen`, on this host.

mod support;

use std::net::UdpSocket;
use std::process::Stdio;

use support::{COUNTING, Listen, demo_call, files, folder, one_line_error, run, summary};

#[test]
fn a_call_is_recorded_at_both_ends() {
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &["--record", "calls"]);
    let output = run(
        &far,
        &[
            "dial",
            &listen.url(),
            "--play",
            COUNTING,
            "--record",
            "r",
            "--json",
        ],
    );
    let summary = summary(&output);
    assert!(output.status.success(), "{summary}");
    assert_eq!(
        (&summary["ok"], &summary["lost"]),
        (&true.into(), &0.into()),
        "{summary}"
    );
    assert_eq!(summary["rtp_sent"], 113);
    assert!(
        summary["rtp_received"]
            .as_u64()
            .is_some_and(|packets| packets > 100),
        "{summary}"
    );
    listen.after("ended");
    assert!(listen.interrupt().success());
    assert_eq!(files(&far.path().join("r")).len(), 1);
    let recorded = files(&near.path().join("calls"));
    assert_eq!(recorded.len(), 1);
    assert!(recorded[0].ends_with(".ogg"), "{recorded:?}");
}

#[test]
fn one_port_serves_many_calls() {
    const CALLS: usize = 6;
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &["--record", "calls"]);
    let start = |_| {
        demo_call(&far, &["dial", &listen.url(), "--play", COUNTING, "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dial starts")
    };
    let calls: Vec<_> = (0..CALLS).map(start).collect();
    for call in calls {
        let output = call.wait_with_output().expect("dial ends");
        assert_eq!(summary(&output)["ok"], true, "{}", summary(&output));
    }
    assert!(listen.interrupt().success());
    assert_eq!(files(&near.path().join("calls")).len(), CALLS);
}

#[test]
fn noise_on_the_media_port_disturbs_no_call() {
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &[]);
    let mut dial = demo_call(&far, &["dial", &listen.url(), "--play", COUNTING, "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("dial starts");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let mut noise = [0_u8; 200];
    while dial
        .try_wait()
        .expect("the child can be waited for")
        .is_none()
    {
        for first in 0..=255_u8 {
            noise[0] = first;
            noise[1..].fill(first.wrapping_mul(31));
            socket.send_to(&noise, &listen.media).expect("it is sent");
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = dial.wait_with_output().expect("dial ends");
    assert_eq!(summary(&output)["ok"], true, "{}", summary(&output));
    socket.set_nonblocking(true).expect("it can be set");
    let mut buf = [0; 2048];
    assert!(
        socket.recv(&mut buf).is_err(),
        "nothing is answered to strangers"
    );
    assert!(listen.interrupt().success());
}

#[test]
fn an_interrupted_host_ends_its_calls() {
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &["--record", "calls"]);
    let mut dial = demo_call(&far, &["dial", &listen.url(), "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("dial starts");
    listen.after("connected");
    assert!(listen.interrupt().success());
    // Alone it would play for 15 seconds: the host has hung up early.
    assert_eq!(support::wait(&mut dial).code(), Some(1));
    let output = dial.wait_with_output().expect("it has ended");
    let reason = summary(&output)["reason"].to_string();
    assert!(reason.contains("hung up early"), "{reason}");
    assert_eq!(files(&near.path().join("calls")).len(), 1);
}

/// Calls a host that takes other things than the caller offers: gives what the host says of it,
/// which has heard both offers, and what the caller says.
fn mismatch(host: [&str; 2], caller: [&str; 2]) -> (String, String) {
    let (near, far) = (folder(), folder());
    let mut listen = Listen::start(&near, &host);
    let line = one_line_error(&run(&far, &["dial", &listen.url(), caller[0], caller[1]]));
    (listen.after("failed: "), line)
}

#[test]
fn profiles_that_do_not_meet_are_listed() {
    let (host, caller) = mismatch(
        ["--profile", "aead-aes-128-gcm"],
        ["--profile", "aes128-cm-sha1-80"],
    );
    assert_eq!(
        host,
        "no common SRTP profile: this side has SRTP_AEAD_AES_128_GCM, \
         the other SRTP_AES128_CM_HMAC_SHA1_80"
    );
    assert!(caller.contains("SRTP_AES128_CM_HMAC_SHA1_80"), "{caller}");
}

#[test]
fn versions_that_do_not_meet_are_listed() {
    let (host, caller) = mismatch(["--dtls", "1.2"], ["--dtls", "1.3"]);
    assert_eq!(
        host,
        "no common DTLS version: this side has 1.2, the other 1.3"
    );
    assert!(caller.contains("DTLS 1.3"), "{caller}");
}

/// Of the certificate in `tests/data/`.
const FINGERPRINT: &str = "sha-256 6E:2A:36:AE:9B:8B:C8:2D:87:19:E7:6E:C7:22:92:2D:\
                           05:DA:3F:84:B2:BC:39:C4:90:0C:F4:87:9A:7B:85:DB";

#[test]
fn a_side_narrows_the_handshake_and_brings_its_certificate() {
    let (near, far) = (folder(), folder());
    let data = |name| format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let (certificate, key) = (data("certificate.pem"), data("key.pem"));
    let narrow = ["--group", "p-256", "--profile", "aes128-cm-sha1-32"];
    let own = ["--certificate", &certificate, "--key", &key];
    let host = [&narrow[..], &own, &["--dtls-role", "client"]].concat();
    let listen = Listen::start(&near, &host);
    let url = listen.url();
    let caller = ["dial", &url, "--key-log", "keys", "--json"];
    let output = run(
        &far,
        &[&caller[..], &narrow, &["--play", COUNTING]].concat(),
    );
    let summary = summary(&output);
    assert!(output.status.success(), "{summary}");
    assert_eq!(summary["group"], "SECP256R1");
    assert_eq!(summary["srtp_profile"], "SRTP_AES128_CM_HMAC_SHA1_32");
    assert_eq!(summary["remote_fingerprint"], FINGERPRINT);
    let keys = std::fs::read_to_string(far.path().join("keys")).expect("the key log");
    assert!(keys.contains("SERVER_TRAFFIC_SECRET_0 "), "{keys}");
}
