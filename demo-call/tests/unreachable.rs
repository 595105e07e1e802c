//! Hosts and ports that are not what they should be.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;

use support::{Listen, files, folder, http, one_line_error, run};

#[test]
fn a_port_in_use_is_named() {
    let dir = folder();
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = tcp.local_addr().expect("its address").to_string();
    let arguments = ["listen", "--http", &address, "--media", "127.0.0.1:0"];
    let line = one_line_error(&run(&dir, &arguments));
    assert!(line.contains(&address) && line.contains("in use"), "{line}");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = udp.local_addr().expect("its address").to_string();
    let arguments = ["listen", "--http", "127.0.0.1:0", "--media", &address];
    let line = one_line_error(&run(&dir, &arguments));
    assert!(line.contains(&address) && line.contains("in use"), "{line}");
}

#[test]
fn a_listen_that_lacks_a_port_says_nothing_of_the_others() {
    let dir = folder();
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = tcp.local_addr().expect("its address").to_string();
    let free = "127.0.0.1:0";
    let arguments = ["--http", free, "--media", free, "--metrics", &address];
    let output = run(&dir, &[&["listen"], &arguments[..]].concat());
    let line = one_line_error(&output);
    assert!(line.contains(&address) && line.contains("in use"), "{line}");
    assert_eq!(output.stdout, b"");
}

#[test]
fn a_host_that_is_not_there_is_named() {
    let dir = folder();
    let address = {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
        closed.local_addr().expect("its address")
    };
    let arguments = ["dial", &format!("http://{address}"), "--record", "r"];
    let line = one_line_error(&run(&dir, &arguments));
    assert!(
        line.contains(&address.to_string()) && line.contains("refused"),
        "{line}"
    );
    assert_eq!(files(dir.path()), [""; 0], "nothing was left behind");
}

#[test]
fn a_host_that_does_not_answer_is_given_up() {
    let dir = folder();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its address");
    let line = one_line_error(&run(&dir, &["dial", &format!("http://{address}")]));
    assert!(line.contains("does not answer within 5 seconds"), "{line}");
}

#[test]
fn a_host_that_has_no_whip_is_told_from_one_that_refuses() {
    let dir = folder();
    let listen = Listen::start(&dir, &[]);
    let line = one_line_error(&run(&dir, &["dial", &format!("{}/nowhere", listen.url())]));
    assert!(line.contains("404"), "{line}");
    let line = one_line_error(&run(&dir, &["dial", &format!("{}/page.js", listen.url())]));
    assert!(line.contains("405"), "{line}");
}

#[test]
fn a_media_port_that_does_not_answer_is_given_up() {
    let dir = folder();
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("its address").port();
    let listen = Listen::start(&dir, &[]);
    let (_, own) = listen.media.split_once(':').expect("an address has a port");
    let own = own.to_owned();
    let host = before(&listen, move |answer| {
        answer.replace(&own, &port.to_string())
    });
    let line = one_line_error(&run(&dir, &["dial", &host]));
    assert!(line.contains("media port does not answer"), "{line}");
}

#[test]
fn a_wrong_fingerprint_ends_the_call_and_both_are_named() {
    let dir = folder();
    let forged = ["0F"; 32].join(":");
    let expected = forged.clone();
    let listen = Listen::start(&dir, &[]);
    let host = before(&listen, move |answer| {
        let lines = answer.split_inclusive("\r\n").map(|line| match line {
            line if line.starts_with("a=fingerprint:") => {
                format!("a=fingerprint:sha-256 {forged}\r\n")
            }
            line => line.to_owned(),
        });
        lines.collect()
    });
    let line = one_line_error(&run(&dir, &["dial", &host, "--record", "r"]));
    assert!(line.contains(&expected), "{line}");
    assert_eq!(
        line.matches("sha-256 ").count(),
        2,
        "expected and presented: {line}"
    );
    assert_eq!(files(&dir.path().join("r")), [""; 0], "no media flowed");
}

/// Starts a host that passes offers on to `listen` and changes the answers; gives its URL.
fn before(listen: &Listen, change: impl Fn(&str) -> String + Send + 'static) -> String {
    let listen = listen.http.clone();
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("its address");
    thread::spawn(move || {
        for mut connection in server.incoming().flatten() {
            let offer = read_body(&mut connection);
            let sdp = ("Content-Type", "application/sdp");
            let answer = http(&listen, "POST", "/whip", &[sdp], &offer);
            let body = change(&answer.body);
            let place = answer.header("location").unwrap_or_default();
            let head = format!(
                "HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nLocation: {place}\r\n\
                 Content-Length: {}\r\n\r\n",
                body.len()
            );
            // `dial` may have given up; then the test fails by its own assertion.
            let _ = connection.write_all((head + &body).as_bytes());
            thread::spawn(move || {
                let mut rest = Vec::new();
                connection.read_to_end(&mut rest)
            });
        }
    });
    format!("http://{address}")
}

fn read_body(connection: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        connection
            .read_exact(&mut byte)
            .expect("the request has a head");
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes)
        .expect("the head is UTF-8")
        .to_ascii_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or(0)];
    connection
        .read_exact(&mut body)
        .expect("the request has a body");
    body
}
