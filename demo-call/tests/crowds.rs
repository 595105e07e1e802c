//! One host does not crowd out the others: connections, offers and calls by source.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use support::{Listen, folder, http};

/// Far beyond what the host takes for an answer; without it a test would wait for ever.
const LIMIT: Duration = Duration::from_secs(60);

/// A connection from this address of the loopback.
fn connect(from: &str, to: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let from = SocketAddr::new(from.parse().expect("an address"), 0);
        socket.bind(from).expect("an address of this host");
        let to = to.parse().expect("an address");
        socket.connect(to).await.expect("it listens")
    });
    let stream = stream.into_std().expect("a socket");
    stream.set_nonblocking(false).expect("a socket");
    stream.set_read_timeout(Some(LIMIT)).expect("a socket");
    stream
}

/// Whether a request over this connection is answered.
fn is_served(mut connection: &TcpStream) -> bool {
    let asked = connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut answer = [0; 12];
    asked.is_ok() && connection.read_exact(&mut answer).is_ok() && answer == *b"HTTP/1.1 200"
}

#[test]
fn one_host_does_not_hold_all_connections() {
    let dir = folder();
    let mut listen = Listen::start(&dir, &["--metrics", "127.0.0.1:0"]);
    let metrics = listen.after("metrics                 http://");
    let held: Vec<_> = (0..80)
        .map(|_| connect("127.0.0.1", &listen.http))
        .collect();
    let served = held.iter().filter(|connection| is_served(connection));
    assert_eq!(served.count(), 64);
    assert!(is_served(&connect("127.0.0.2", &listen.http)));
    let metrics = metrics.trim().trim_end_matches("/metrics");
    let counted = http(metrics, "GET", "/metrics", &[], b"").body;
    let refused = "portcullis_http_refused_connections_total 16\n";
    assert!(counted.contains(refused), "{counted}");
    drop(held);
}

#[test]
fn behind_a_proxy_all_connections_are_served() {
    let dir = folder();
    let listen = Listen::start(&dir, &["--behind-proxy"]);
    let held: Vec<_> = (0..80)
        .map(|_| connect("127.0.0.1", &listen.http))
        .collect();
    assert!(held.iter().all(is_served));
}

/// Offers as fast as they can be written: most are refused with advice, before they cost anything.
#[test]
fn one_host_does_not_have_all_its_offers_answered_at_once() {
    const OFFERS: usize = 400;
    let dir = folder();
    let listen = Listen::start(&dir, &[]);
    let offer = |close| {
        format!(
            "POST /whip HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n\
             Content-Length: 1\r\n{close}\r\nv"
        )
    };
    let mut connection = connect("127.0.0.1", &listen.http);
    let all = offer("").repeat(OFFERS - 1) + &offer("Connection: close\r\n");
    let mut writer = connection.try_clone().expect("a descriptor");
    let writing = std::thread::spawn(move || writer.write_all(all.as_bytes()));
    let mut answers = String::new();
    connection.read_to_string(&mut answers).expect("answers");
    writing.join().expect("no panic").expect("it reads");
    let count = |status: &str| answers.matches(status).count();
    let (read, refused) = (count("HTTP/1.1 400"), count("HTTP/1.1 429"));
    assert_eq!(read + refused, OFFERS, "{answers}");
    assert!(read >= 16 && refused > 0, "{read}, {refused}");
    assert_eq!(count("retry-after: 1\r\n"), refused);
    // Another one is heard meanwhile.
    let mut other = connect("127.0.0.2", &listen.http);
    let asked = other.write_all(offer("Connection: close\r\n").as_bytes());
    asked.expect("it reads");
    let mut answer = String::new();
    other.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}
