//! `dial` and `listen` over https, and through redirects.

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use support::{COUNTING, Listen, folder, one_line_error, run, summary};

/// Puts a certificate for `name` and its key into the folder.
fn certify(dir: &tempfile::TempDir, name: &str) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let write = |file: &str, text: &str| {
        std::fs::write(dir.path().join(file), text).expect("it is written");
    };
    write("host.pem", &made.cert.pem());
    write("host.key", &made.signing_key.serialize_pem());
}

const HTTPS: [&str; 4] = ["--https-certificate", "host.pem", "--https-key", "host.key"];

fn secured(dir: &tempfile::TempDir) -> (Listen, String) {
    let mut command = support::demo_call(dir, &["listen", "--http", "127.0.0.1:0"]);
    command.args(["--media", "127.0.0.1:0"]).args(HTTPS);
    let listen = Listen::spawn(command);
    let (_, port) = listen.http.rsplit_once(':').expect("an address has a port");
    let url = format!("https://localhost:{port}");
    (listen, url)
}

#[test]
fn a_call_over_https_trusts_whom_it_is_told_to() {
    let dir = folder();
    certify(&dir, "localhost");
    let (listen, url) = secured(&dir);
    let call = ["dial", &url, "--play", COUNTING, "--json"];
    let output = run(&dir, &[&call[..], &["--https-roots", "host.pem"]].concat());
    assert_eq!(summary(&output)["ok"], true, "{}", summary(&output));
    // This system does not know who issued it.
    let line = one_line_error(&run(&dir, &call));
    assert!(line.contains("no secure connection to localhost"), "{line}");
    // And http is not what is spoken there.
    let line = one_line_error(&run(&dir, &["dial", &listen.url()]));
    assert!(line.contains("does not speak HTTP as expected"), "{line}");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let dir = folder();
    certify(&dir, "elsewhere.example");
    let (_listen, url) = secured(&dir);
    let line = one_line_error(&run(&dir, &["dial", &url, "--https-roots", "host.pem"]));
    assert!(line.contains("elsewhere.example"), "{line}");
}

#[test]
fn a_certificate_that_can_not_be_used_is_named() {
    let dir = folder();
    certify(&dir, "localhost");
    let wrong = [
        "listen",
        "--https-certificate",
        "host.pem",
        "--https-key",
        "host.pem",
    ];
    let line = one_line_error(&run(&dir, &wrong));
    assert!(line.contains("host.pem"), "{line}");
    let line = one_line_error(&run(
        &dir,
        &["dial", "https://localhost", "--https-roots", "absent.pem"],
    ));
    assert!(line.contains("absent.pem"), "{line}");
}

/// Starts a server that answers each request with this; gives its URL and what was asked.
fn answering(response: impl Fn(&str) -> String + Send + 'static) -> String {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", server.local_addr().expect("its address"));
    let own = url.clone();
    thread::spawn(move || {
        for mut connection in server.incoming().flatten() {
            let mut asked = Vec::new();
            let mut byte = [0];
            // The head alone: what is answered does not depend on the body.
            while !asked.ends_with(b"\r\n\r\n") && connection.read_exact(&mut byte).is_ok() {
                asked.push(byte[0]);
            }
            let response = response(&own);
            // `dial` may have given up; then the test fails by its own assertion.
            let _ = connection.write_all(response.as_bytes());
            let _ = connection.shutdown(std::net::Shutdown::Write);
            let _ = connection.read_to_end(&mut asked);
        }
    });
    url
}

fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn redirects_are_followed_with_the_offer() {
    let dir = folder();
    let mut listen = Listen::start(&dir, &[]);
    let end = format!("{}/whip", listen.url());
    let second = answering(move |_| redirect(308, &end));
    let first = answering(move |_| redirect(307, &format!("{second}/elsewhere")));
    let output = run(&dir, &["dial", &first, "--play", COUNTING, "--json"]);
    assert_eq!(summary(&output)["ok"], true, "{}", summary(&output));
    // The host was told of the end, too: at the place that its own answer named.
    listen.after("call 1 ended: ");
}

#[test]
fn redirects_that_lead_nowhere_are_given_up() {
    let dir = folder();
    let circle = answering(|own| redirect(307, &format!("{own}/again")));
    let line = one_line_error(&run(&dir, &["dial", &circle]));
    assert!(line.contains("redirects without end"), "{line}");
    for location in ["ftp://host/", "http://", "/a b"] {
        let nowhere = answering(move |_| redirect(308, location));
        let line = one_line_error(&run(&dir, &["dial", &nowhere]));
        assert!(line.contains("redirects to nowhere"), "{line}");
    }
    // A method that changes on the way is not what RFC 9725 asks for.
    let seen = answering(|own| redirect(302, own));
    let line = one_line_error(&run(&dir, &["dial", &seen]));
    assert!(line.contains("refuses the call: 302"), "{line}");
}

#[test]
fn an_answer_that_is_not_whip_is_told_from_one() {
    let dir = folder();
    for (status, headers, lack) in [
        (
            "200 OK",
            "Content-Type: application/sdp\r\nLocation: /x\r\n",
            "its status is not 201",
        ),
        (
            "201 Created",
            "Content-Type: text/html\r\nLocation: /x\r\n",
            "its answer is not application/sdp",
        ),
        (
            "201 Created",
            "Content-Type: application/sdp\r\n",
            "there is no Location",
        ),
        (
            "201 Created",
            "Content-Type: application/sdp\r\nLocation: /a b\r\n",
            "its Location is no URL",
        ),
    ] {
        let text = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 3\r\n\r\nv=0");
        let url = answering(move |_| text.clone());
        let line = one_line_error(&run(&dir, &["dial", &url]));
        assert!(line.contains(lack), "{lack}: {line}");
    }
}
