//! What a connection holds: its struct and everything on the heap that is its own.
//!
//! Counted is what Rust allocates. What a crypto library in C allocates for keys in use comes on
//! top; `bench/run.sh dtls` measures the whole.

use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use dtls::{
    AddressProof, Certificate, Config, Connection, Event, NamedGroup, PeerIdentity,
    ProtocolVersion, Role, Verdict, crypto,
};

/// What an established connection may hold. With RustCrypto, whose contexts of AES-GCM are larger, a
/// DTLS 1.3 client that has received data was 46 bytes below 4 KiB when recovery by round trips came,
/// and its state does not fit any more.
const LIMIT: i64 = if cfg!(feature = "aws-lc-rs") {
    4096
} else {
    4608
};

/// A client and a server that are connected; with `data`, after a message each way.
fn connect(version: ProtocolVersion, group: NamedGroup, data: bool) -> [Connection; 2] {
    let provider = crypto::default_provider();
    let config = Config::builder(Arc::clone(&provider))
        .versions(&[version])
        .groups(&[group, NamedGroup::SECP256R1]);
    let config = Arc::new(config.build().expect("configuration"));
    // Shared by all connections, and so not theirs.
    std::mem::forget(Arc::clone(&config));
    let mut now = Instant::now();
    let mut ends = [Role::Client, Role::Server].map(|role| {
        let certificate = Arc::new(Certificate::generate(&*provider).expect("certificate"));
        let peer = PeerIdentity::DangerousAny;
        Connection::new(Arc::clone(&config), role, certificate, peer, now).expect("connection")
    });
    for round in 0..8 {
        if data && round == 4 {
            ends.iter_mut()
                .for_each(|end| end.send(now, b"message").expect("connected"));
        }
        exchange(&mut ends, now);
        now += Duration::from_millis(100);
        ends.iter_mut()
            .for_each(|end| end.handle_timeout(now).expect("alive"));
    }
    let expected = if data { 2 } else { 1 };
    for end in &mut ends {
        let events = std::iter::from_fn(|| end.poll_event());
        assert_eq!(
            events
                .filter(|event| *event != Event::FingerprintsNeeded)
                .count(),
            expected
        );
    }
    ends
}

fn exchange(ends: &mut [Connection; 2], now: Instant) {
    let mut buf = [0; 2048];
    for from in [0, 1] {
        while let Some(length) = ends[from].poll_transmit(now, &mut buf) {
            ends[1 - from]
                .handle_datagram(now, &mut buf[..length])
                .expect("alive");
        }
    }
}

/// The bytes that a connection holds.
fn held(connection: Connection) -> i64 {
    size_of::<Connection>() as i64 - measure(|| drop(connection)).bytes_current
}

#[test]
fn established_connections_are_small() {
    for (version, group) in [
        (ProtocolVersion::DTLS1_2, NamedGroup::X25519),
        (ProtocolVersion::DTLS1_3, NamedGroup::X25519),
        (ProtocolVersion::DTLS1_3, NamedGroup::X25519MLKEM768),
    ] {
        for data in [false, true] {
            let bytes = connect(version, group, data).map(held);
            println!("{version:?} {group:?}, data {data}: {bytes:?} bytes");
            assert!(bytes.iter().all(|&bytes| bytes <= LIMIT), "{bytes:?}");
        }
    }
}

/// A connection whose records have ended gives a part of its memory back, and still takes and sends
/// data when there is some again.
#[test]
fn keys_rest_when_there_are_no_records() {
    for version in [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3] {
        let mut ends = connect(version, NamedGroup::X25519, true);
        // No timer of the protocol runs any more.
        assert!(ends.iter().all(|end| end.poll_timeout().is_none()));
        let due = ends.iter().filter_map(Connection::poll_rest).max();
        let now = due.expect("an alarm for the time of rest");
        let rest = measure(|| {
            for end in &mut ends {
                end.handle_timeout(now).expect("alive");
            }
        });
        assert!(rest.bytes_current < 0, "{version:?}: {rest:?}");
        // DTLS 1.3 still has the keys of the handshake, whose time comes later.
        let past: Vec<_> = ends.iter().filter_map(Connection::poll_rest).collect();
        assert_eq!(past.is_empty(), version == ProtocolVersion::DTLS1_2);
        let now = past.into_iter().max().unwrap_or(now);
        let freed = measure(|| {
            for end in &mut ends {
                end.handle_timeout(now).expect("alive");
                assert_eq!(end.poll_rest(), None);
            }
        });
        assert!(freed.bytes_current < 0 || version == ProtocolVersion::DTLS1_2);
        ends[0].send(now, b"again").expect("connected");
        exchange(&mut ends, now);
        let data = Event::ApplicationData(b"again".to_vec());
        assert_eq!(ends[1].poll_event(), Some(data));
    }
}

/// T-DOS-01: whoever asks, and however often, a proof of addresses holds what it held before: for
/// whole hellos, and for fragments that never become one.
#[test]
fn t_dos_01_an_address_proof_holds_nothing_for_a_client() {
    const CLIENTS: u16 = 10_000;
    let provider = crypto::default_provider();
    let certificate = Arc::new(Certificate::generate(&*provider).expect("certificate"));
    let config = Arc::new(Config::new(provider).expect("configuration"));
    let now = Instant::now();
    let mut hellos = [1200, 1500].map(|mtu| {
        let (role, peer) = (Role::Client, PeerIdentity::DangerousAny);
        let ours = Arc::clone(&certificate);
        let client = Connection::new(Arc::clone(&config), role, ours, peer, now);
        let mut client = client.expect("client");
        client.set_mtu(mtu);
        let mut buf = vec![0; 1500];
        let length = client.poll_transmit(now, &mut buf);
        buf.truncate(length.expect("a ClientHello, or its first part"));
        buf
    });
    let mut proof = AddressProof::new(config, now).expect("random bytes");
    let mut ask = |client: u16, datagram: &[u8]| {
        let verdict = proof.handle_datagram(now, ([192, 0, 2, 1], client).into(), datagram);
        matches!(verdict, Verdict::Ask(_))
    };
    // The place for the answer comes with the first one.
    hellos.sort_by_key(Vec::len);
    assert_eq!(hellos.each_ref().map(|hello| ask(0, hello)), [false, true]);
    let asked = measure(|| {
        for client in 0..CLIENTS {
            for hello in &hellos {
                ask(client, hello);
            }
        }
    });
    assert_eq!(asked.bytes_current, 0);
}
