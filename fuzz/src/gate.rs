//! Targets of `portcullis`.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use portcullis::ice_lite::Candidate;
use portcullis::{
    Class, IceMode, Path, Received, RemoteParameters, Route, Router, Session, SessionConfig,
    SessionEvent, classify, dtls,
};

use crate::input::Input;

/// One configuration, and one certificate, for all runs: they take most of the time to make.
static CONFIG: LazyLock<SessionConfig> = LazyLock::new(|| {
    let provider = dtls::crypto::default_provider();
    let certificate = dtls::Certificate::generate(&*provider).expect("a certificate");
    let config = dtls::Config::new(provider).expect("a configuration that works");
    let mut config = SessionConfig::new(Arc::new(config));
    config.certificate = Some(Arc::new(certificate));
    config
});

pub(crate) fn config(ice: IceMode, address: SocketAddr) -> Arc<SessionConfig> {
    let mut config = CONFIG.clone();
    config.ice = ice;
    config.candidates = vec![Candidate::host(address, 0)];
    Arc::new(config)
}

pub(crate) fn address(last: u8) -> SocketAddr {
    SocketAddr::new([192, 0, 2, last].into(), 3478)
}

/// Every datagram has a class, only STUN and known paths lead anywhere, and nothing dropped leaves
/// anything behind.
pub fn gate_router(data: &[u8]) {
    let mut input = Input::new(data);
    let mut router = Router::new([1; 16]);
    let now = Instant::now();
    let id = router.insert("abcdefgh").expect("the first");
    let known = Path::udp(address(1), address(2));
    router.validate(id, known);
    while !input.is_empty() {
        let path = match input.choice(2) {
            0 => known,
            _ => Path::udp(address(1), address(input.byte())),
        };
        let len = usize::from(input.u16()) % 1500;
        let datagram = input.bytes(len).to_vec();
        let before = router.state_digest();
        let route = router.route(now, &path, &datagram);
        assert_eq!(router.state_digest(), before);
        match (classify(&datagram), route) {
            (Class::Stun, _) => {}
            (Class::Dtls | Class::Rtp | Class::Rtcp, Route::Session(found)) => {
                assert_eq!((found, path), (id, known));
            }
            (Class::Dtls | Class::Rtp | Class::Rtcp, route) => {
                assert!(matches!(route, Route::Drop(_)), "{route:?}");
            }
            (class, route) => assert_eq!(route, Route::Foreign(class)),
        }
    }
}

/// Two sessions between which the bytes lose, repeat, cut and flip datagrams, with ICE restarts and
/// revoked consent: neither panics, and no media comes out that did not go in.
pub fn gate_session(data: &[u8]) {
    let mut input = Input::new(data);
    let mut now = Instant::now();
    let session = |ice, last| Session::new(config(ice, address(last)), now).expect("a session");
    let mut caller = session(IceMode::Controlling, 1);
    let mut server = session(IceMode::Lite, 2);
    introduce(now, &mut caller, &mut server);
    let mut sequence = 0;
    for _ in 0..200 {
        if input.is_empty() {
            return;
        }
        now += Duration::from_millis(u64::from(input.byte()));
        sequence += 1;
        exchange(&mut input, now, &mut caller, &mut server, sequence, 1);
        exchange(&mut input, now, &mut server, &mut caller, sequence, 2);
        match input.choice(32) {
            0 | 1 => stranger(&mut input, now, &mut server, &mut caller),
            2 => {
                server.revoke_consent(now);
                assert!(server.is_closed() || server.selected_path().is_none());
            }
            3 => caller.end_of_candidates(),
            4 | 5 => restart(now, &mut caller, &mut server),
            _ => {}
        }
    }
}

/// Tells the server what the caller has to say, and then the caller what the server has.
fn introduce(now: Instant, caller: &mut Session, server: &mut Session) {
    let told = server.set_remote(now, caller.local_parameters().into());
    assert!(told.is_ok() || server.is_closed(), "{told:?}");
    let told = caller.set_remote(now, server.local_parameters().into());
    assert!(
        told.is_ok() || server.is_closed() || caller.is_closed(),
        "{told:?}"
    );
}

/// Parameters of somebody else are refused and change nothing.
fn stranger(input: &mut Input<'_>, now: Instant, server: &mut Session, caller: &mut Session) {
    let mut told = RemoteParameters::from(caller.local_parameters());
    match input.choice(4) {
        0 => told.fingerprints = vec![dtls::Fingerprint::sha256(b"somebody")],
        1 => told.fingerprints.clear(),
        2 => told.tls_id = Some(String::from_utf8_lossy(input.bytes(64)).into_owned()),
        _ => told.dtls_role = server.local_parameters().dtls_role,
    }
    let before = server.state_digest();
    assert!(server.set_remote(now, told).is_err());
    assert_eq!(server.state_digest(), before);
}

/// The caller asks for an ICE restart, which a session refuses only if it has ended.
fn restart(now: Instant, caller: &mut Session, server: &mut Session) {
    match caller.restart_ice() {
        Ok(_) => introduce(now, caller, server),
        Err(_) => assert!(caller.is_closed()),
    }
}

/// What `from`, at the address `sender`, has to say goes to `to`, unless the bytes have it otherwise.
fn exchange(
    input: &mut Input<'_>,
    now: Instant,
    from: &mut Session,
    to: &mut Session,
    sequence: u16,
    sender: u8,
) {
    let mut buf = [0; 1500];
    let path = Path::udp(address(3 - sender), address(sender));
    // An error has ended the session, which is an end like any other here.
    let _ = from.handle_timeout(now);
    while let Some(transmit) = from.poll_transmit(now, &mut buf) {
        deliver(input, now, to, path, &mut buf[..transmit.len]);
    }
    let (packet, len) = media(sequence);
    buf[..len].copy_from_slice(&packet);
    if let Ok(transmit) = from.protect_rtp(now, &mut buf, len) {
        deliver(input, now, to, path, &mut buf[..transmit.len]);
    }
    while let Some(event) = from.poll_event() {
        if let SessionEvent::Secured(summary) = event {
            assert_eq!(
                summary.connection.peer_fingerprint,
                Some(to.local_fingerprint())
            );
        }
    }
    // What had come before its keys is media as well, and nobody else's.
    let mut held = Vec::new();
    while let Some(received) = from.poll_received(now, &mut held) {
        is_sent(&received);
    }
}

fn media(sequence: u16) -> ([u8; 40], usize) {
    let mut packet = [sequence as u8; 40];
    packet[..2].copy_from_slice(&[0x80, 111]);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    (packet, packet.len())
}

fn deliver(
    input: &mut Input<'_>,
    now: Instant,
    to: &mut Session,
    mut path: Path,
    datagram: &mut [u8],
) {
    let mut copies = 1;
    let mut end = datagram.len();
    match input.choice(16) {
        0 => copies = 0,
        1 => copies = 2,
        2 => end = input.choice(datagram.len()),
        3 => datagram[input.choice(end)] ^= 1 << input.choice(8),
        4 => path.remote = address(9),
        _ => {}
    }
    for _ in 0..copies {
        let mut copy = datagram[..end].to_vec();
        if let Ok(received) = to.handle_datagram(now, path, &mut copy) {
            is_sent(&received);
        }
    }
}

/// No media comes out that did not go in.
fn is_sent(received: &Received<'_>) {
    if let Received::Rtp(packet) = received {
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        assert_eq!(*packet, media(sequence).0);
    }
}
