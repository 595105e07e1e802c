//! The WHIP endpoint of `listen`, by plain HTTP (RFC 9725).

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::{COUNTING, Listen, Response, folder, http, offer, one_line_error, run, summary};

const SDP: (&str, &str) = ("Content-Type", "application/sdp");

fn post(listen: &Listen, body: &str) -> Response {
    http(&listen.http, "POST", "/whip", &[SDP], body.as_bytes())
}

#[test]
fn an_offer_gets_an_answer_and_a_place() {
    let dir = folder();
    let mut listen = Listen::start(&dir, &[]);
    let response = post(&listen, &offer());
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/sdp"));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    assert!(
        response
            .header("etag")
            .is_some_and(|tag| tag.starts_with('"'))
    );
    for line in [
        "a=ice-lite",
        "a=setup:passive",
        "a=rtcp-mux",
        "a=fingerprint:sha-256 ",
    ] {
        assert!(response.body.contains(line), "{line} in {}", response.body);
    }
    let (_, port) = listen.media.split_once(':').expect("an address has a port");
    assert!(
        response
            .body
            .contains(&format!("127.0.0.1 {port} typ host")),
        "{}",
        response.body
    );
    let place = response.header("location").expect("a place").to_owned();
    assert_eq!(http(&listen.http, "DELETE", &place, &[], b"").status, 200);
    assert_eq!(
        http(&listen.http, "DELETE", &place, &[], b"").status,
        404,
        "it is gone"
    );
    assert!(listen.interrupt().success());
}

#[test]
fn a_wildcard_port_has_candidates_that_can_be_reached() {
    let dir = folder();
    let listen = Listen::start_at("0.0.0.0:0", &dir, &[]);
    let response = post(&listen, &offer());
    assert_eq!(response.status, 201, "{response:?}");
    assert!(!response.body.contains("0.0.0.0 "), "{}", response.body);
    // The caller is on this very host, so its loopback is among them.
    assert!(response.body.contains("127.0.0.1 "), "{}", response.body);
}

#[test]
fn a_caller_without_udp_is_told_of_the_tcp_port() {
    let dir = folder();
    let mut listen = Listen::start(&dir, &["--media-tcp", "127.0.0.1:0"]);
    let bound = listen.after("tcp://");
    let (_, port) = bound.split_once(':').expect("an address has a port");
    let response = post(&listen, &offer());
    assert_eq!(response.status, 201, "{response:?}");
    // RFC 6544 §4.5.
    let candidate = format!(" tcp 1520435199 127.0.0.1 {port} typ host tcptype passive");
    assert!(response.body.contains(&candidate), "{}", response.body);
    // UDP comes first.
    let udp = response.body.find(" udp ").expect("the media port");
    assert!(response.body.find(&candidate) > Some(udp));
}

#[test]
fn what_is_missing_in_an_offer_is_said_in_one_line() {
    let dir = folder();
    let listen = Listen::start(&dir, &[]);
    for (without, word) in [
        ("a=fingerprint:", "fingerprint"),
        ("a=ice-ufrag:", "ufrag"),
        ("a=ice-pwd:", "pwd"),
        ("m=audio", "m-line"),
        ("a=rtcp-mux", "rtcp-mux"),
    ] {
        let offer = offer();
        let lines = offer
            .split_inclusive("\r\n")
            .filter(|line| !line.starts_with(without));
        let response = post(&listen, &lines.collect::<String>());
        assert_eq!(response.status, 400, "{without}: {response:?}");
        assert_eq!(response.body.lines().count(), 1, "{}", response.body);
        assert!(response.body.contains(word), "{word} in {}", response.body);
    }
    assert_eq!(post(&listen, "hello").status, 400);
    assert_eq!(post(&listen, "").status, 400);
}

#[test]
fn an_offer_beyond_64_kib_is_refused() {
    let dir = folder();
    let listen = Listen::start(&dir, &[]);
    let long = offer() + &"a=x-filler:0123456789\r\n".repeat(3000);
    assert!(long.len() > 64 * 1024);
    let response = post(&listen, &long);
    assert_eq!(response.status, 400);
    assert!(response.body.contains("64 KiB"), "{}", response.body);
}

#[test]
fn methods_and_types_are_those_of_the_rfc() {
    let dir = folder();
    let listen = Listen::start(&dir, &[]);
    let status = |method, path, headers: &[(&str, &str)]| {
        http(&listen.http, method, path, headers, b"").status
    };
    let refused = http(
        &listen.http,
        "POST",
        "/whip",
        &[("Content-Type", "text/plain")],
        b"v=0",
    );
    assert_eq!(refused.status, 415);
    assert_eq!(refused.header("accept-post"), Some("application/sdp"));
    assert_eq!(status("GET", "/whip", &[]), 405);
    assert_eq!(status("PUT", "/whip/x", &[]), 405);
    let options = http(&listen.http, "OPTIONS", "/whip", &[], b"");
    assert_eq!(options.status, 204);
    assert_eq!(options.header("accept-post"), Some("application/sdp"));
    assert!(
        options
            .header("access-control-allow-methods")
            .is_some_and(|m| m.contains("POST"))
    );
}

const RESTART: &str = "a=ice-ufrag:wxyz\r\na=ice-pwd:0123456789012345678901\r\n";

const FRAGMENT: (&str, &str) = ("Content-Type", "application/trickle-ice-sdpfrag");

fn patch(listen: &Listen, path: &str, headers: &[(&str, &str)], fragment: &str) -> Response {
    http(&listen.http, "PATCH", path, headers, fragment.as_bytes())
}

#[test]
fn candidates_may_trickle_into_the_ice_session_they_name() {
    let dir = folder();
    let listen = Listen::start(&dir, &[]);
    let answered = post(&listen, &offer());
    let place = answered.header("location").expect("a place");
    let tag = answered.header("etag").expect("a tag");
    let lines = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=end-of-candidates\r\n";
    let status = |path: &str, headers: &[(&str, &str)], text: &str| {
        patch(&listen, path, headers, text).status
    };
    assert_eq!(status(place, &[FRAGMENT, ("If-Match", tag)], lines), 204);
    assert_eq!(status(place, &[FRAGMENT], lines), 428);
    assert_eq!(
        status(place, &[FRAGMENT, ("If-Match", "\"other\"")], lines),
        412
    );
    assert_eq!(status(place, &[FRAGMENT, ("If-Match", tag)], "hello"), 400);
    assert_eq!(
        status("/whip/absent", &[FRAGMENT, ("If-Match", tag)], lines),
        404
    );
    // RFC 9725 §4.3.3: a restart names no ICE session; the answer is a fragment with a new tag.
    let restarted = patch(&listen, place, &[FRAGMENT, ("If-Match", "*")], RESTART);
    assert_eq!(restarted.status, 200, "{restarted:?}");
    assert!(
        restarted.body.contains("a=ice-ufrag:"),
        "{}",
        restarted.body
    );
    let newer = restarted.header("etag").expect("a tag");
    assert_ne!(newer, tag);
    assert_eq!(status(place, &[FRAGMENT, ("If-Match", tag)], lines), 412);
    assert_eq!(status(place, &[FRAGMENT, ("If-Match", newer)], lines), 204);
    let again = [FRAGMENT, ("If-Match", "*")];
    assert_eq!(status(place, &again, RESTART), 422, "nothing is new");
    let tag = newer;
    let refused = patch(&listen, place, &[SDP, ("If-Match", tag)], lines);
    assert_eq!(refused.status, 415);
    assert_eq!(refused.header("accept-patch"), Some(FRAGMENT.1));
}

#[test]
fn who_has_no_token_does_not_call() {
    let dir = folder();
    std::fs::write(dir.path().join("tokens"), "first\n\nsecond\n").expect("it is written");
    let listen = Listen::start(&dir, &["--token-file", "tokens"]);
    let refused = post(&listen, &offer());
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    assert_eq!(http(&listen.http, "OPTIONS", "/whip", &[], b"").status, 204);
    let token = ("Authorization", "Bearer second");
    let body = offer();
    let answered = http(
        &listen.http,
        "POST",
        "/whip",
        &[SDP, token],
        body.as_bytes(),
    );
    assert_eq!(answered.status, 201);
    let place = answered.header("location").expect("a place");
    assert_eq!(http(&listen.http, "DELETE", place, &[], b"").status, 401);
    let dial = |file: &str| {
        std::fs::write(dir.path().join("token"), file).expect("it is written");
        let url = listen.url();
        let arguments = [
            "dial",
            &url,
            "--play",
            COUNTING,
            "--json",
            "--token-file",
            "token",
        ];
        run(&dir, &arguments)
    };
    assert_eq!(summary(&dial("first\n"))["ok"], true);
    let line = one_line_error(&dial("third\n"));
    assert!(line.contains("401") && line.contains("token"), "{line}");
}

#[test]
fn callers_are_told_of_stun_and_turn_servers() {
    let dir = folder();
    let servers = [
        "--ice-server",
        "stun:stun.example:3478",
        "--ice-server",
        "turn:t.example,u,p",
    ];
    let listen = Listen::start(&dir, &servers);
    let answered = post(&listen, &offer());
    let links = answered.headers.iter().filter(|(name, _)| name == "link");
    let links: Vec<_> = links.map(|(_, value)| value.as_str()).collect();
    let turn = "<turn:t.example>; rel=\"ice-server\"; username=\"u\"; credential=\"p\"; \
                credential-type=\"password\"";
    assert_eq!(
        links,
        ["<stun:stun.example:3478>; rel=\"ice-server\"", turn]
    );
    let line = one_line_error(&run(&dir, &["listen", "--ice-server", "http://x"]));
    assert!(line.contains("http://x"), "{line}");
}

#[test]
fn a_call_has_counters_and_then_its_recording() {
    let dir = folder();
    let mut listen = Listen::start(&dir, &["--record", "calls"]);
    let answered = post(&listen, &offer());
    let place = answered.header("location").expect("a place");
    let name = place.rsplit('/').next().expect("a name");
    let status = |path: &str| {
        let response = http(&listen.http, "GET", path, &[], b"");
        let json = serde_json::from_str::<serde_json::Value>(&response.body);
        (response.status, json.unwrap_or_default())
    };
    let (code, counted) = status(&format!("/calls/{name}"));
    assert_eq!((code, &counted["over"]), (200, &false.into()), "{counted}");
    assert!(counted["timeline"]["now"].is_number(), "{counted}");
    assert_eq!(status("/calls/absent").0, 404);
    assert_eq!(status(&format!("/calls/{name}/recordings/0")).0, 404);
    assert_eq!(http(&listen.http, "DELETE", place, &[], b"").status, 200);
    let path = format!("/calls/{name}");
    let http = listen.http.clone();
    listen.after("call 1 failed");
    let response = support::http(&http, "GET", &path, &[], b"");
    // It is printed a moment before it can be asked for.
    assert!(
        response.body.contains("\"over\":true") || response.status == 404,
        "{response:?}"
    );
}

#[test]
fn the_page_is_served_whole() {
    let dir = folder();
    let listen = Listen::start(&dir, &[]);
    let page = http(&listen.http, "GET", "/", &[], b"");
    assert_eq!(page.status, 200);
    for file in ["page.css", "page.js", "page.svg"] {
        assert!(page.body.contains(file), "the page names {file}");
        assert_eq!(
            http(&listen.http, "GET", &format!("/{file}"), &[], b"").status,
            200
        );
    }
    assert!(
        !page.body.contains("https://"),
        "nothing comes from elsewhere"
    );
}

#[test]
fn a_connection_that_says_nothing_or_not_all_is_closed() {
    let dir = folder();
    let listen = Listen::start(&dir, &[]);
    let body_missing = "POST /whip HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 999\r\n\r\nv=0";
    let waiting = [
        ("", ""),
        ("POST /whip HTTP/1.1\r\nHost: x\r\nContent-Le", ""),
        (body_missing, "HTTP/1.1 408 Request Timeout\r\n"),
    ]
    .map(|(sent, expected)| {
        let mut connection = TcpStream::connect(&listen.http).unwrap();
        connection.write_all(sent.as_bytes()).unwrap();
        // Far beyond what the host waits; without its limit these reads would never end.
        let limit = Duration::from_secs(120);
        connection.set_read_timeout(Some(limit)).unwrap();
        (connection, expected)
    });
    for (mut connection, expected) in waiting {
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(expected), "{answer}");
        assert_eq!(answer.is_empty(), expected.is_empty(), "{answer}");
    }
}

/// A client that asks and asks, and reads no answer: once the system's buffers are full, nothing moves any more.
#[test]
fn a_connection_whose_answers_nobody_reads_is_closed() {
    let dir = folder();
    let listen = Listen::start(&dir, &[]);
    let mut connection = TcpStream::connect(&listen.http).unwrap();
    let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(4000);
    // Far beyond what the host waits; without its limit this write would fail for want of progress.
    let limit = Duration::from_secs(120);
    connection.set_write_timeout(Some(limit)).unwrap();
    let end = loop {
        if let Err(error) = connection.write_all(requests.as_bytes()) {
            break error.kind();
        }
    };
    let closed = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(closed.contains(&end), "{end:?}");
}
