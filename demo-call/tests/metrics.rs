//! `listen --metrics`.

mod support;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use support::{COUNTING, Listen, Response, demo_call, folder, http};

/// The samples by their names with labels.
fn scrape(address: &str) -> BTreeMap<String, u64> {
    let Response { status, body, .. } = http(address, "GET", "/metrics", &[], b"");
    assert_eq!(status, 200, "{body}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    let samples = body.lines().filter(|line| line.starts_with("portcullis_"));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn metrics_count_calls_and_what_was_dropped() {
    let dir = folder();
    let mut listen = Listen::start(&dir, &["--metrics", "127.0.0.1:0"]);
    let address = listen.after("metrics                 http://");
    let address = address.trim().trim_end_matches("/metrics").to_owned();
    let quiet = scrape(&address);
    assert_eq!(quiet["portcullis_calls"], 0);
    assert_eq!(quiet["portcullis_sessions_total"], 0);

    // A ClientHello out of the blue.
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let hello = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    stranger.send_to(&hello, &listen.media).expect("it is sent");
    let dialled = demo_call(&dir, &["dial", &listen.url(), "--play", COUNTING]).output();
    assert!(dialled.expect("it runs").status.success());

    let why = "portcullis_router_dropped_datagrams_total{reason=\"unvalidated_dtls\"}";
    let end = Instant::now() + Duration::from_secs(10);
    let counted = loop {
        let counted = scrape(&address);
        if counted["portcullis_calls"] == 0 && counted["portcullis_sessions_total"] == 1 {
            break counted;
        }
        assert!(Instant::now() < end, "the call has not ended: {counted:?}");
        std::thread::sleep(Duration::from_millis(100));
    };
    // The last words of a caller may come when its call has ended already.
    assert!(counted[why] >= 1, "{counted:?}");
    assert_eq!(counted["portcullis_secured_sessions_total"], 1);
    assert_eq!(counted["portcullis_panics_total"], 0);
    assert!(counted["portcullis_received_rtp_packets_total"] >= 100);
    let forged = "portcullis_discarded_total{layer=\"ice\",reason=\"integrity_mismatch\"}";
    assert_eq!(counted[forged], 0);
}
