//! Targets of `portcullis-dtls`.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use portcullis::dtls::{
    AddressProof, Certificate, Config, Connection, Event, PeerIdentity, ProtocolVersion, Role,
    Verdict, crypto,
};

use crate::input::Input;

/// Configurations for DTLS 1.2, 1.3 and both; they take most of the time to make.
static CONFIGS: LazyLock<[Arc<Config>; 3]> = LazyLock::new(|| {
    let (v12, v13) = (ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3);
    [&[v12][..], &[v13], &[v13, v12]].map(|versions| {
        let config = Config::builder(crypto::default_provider()).versions(versions);
        Arc::new(config.build().expect("a configuration that works"))
    })
});

static CERTIFICATE: LazyLock<Arc<Certificate>> = LazyLock::new(|| {
    let certificate = Certificate::generate(&*crypto::default_provider());
    Arc::new(certificate.expect("a certificate"))
});

fn identity() -> PeerIdentity {
    PeerIdentity::Fingerprints(vec![CERTIFICATE.fingerprint_sha256()])
}

fn connection(config: &Arc<Config>, role: Role, now: Instant) -> Connection {
    let certificate = Arc::clone(&*CERTIFICATE);
    Connection::new(Arc::clone(config), role, certificate, identity(), now).expect("a connection")
}

fn config(input: &mut Input<'_>) -> Arc<Config> {
    Arc::clone(&CONFIGS[input.choice(CONFIGS.len())])
}

/// Datagrams from someone who makes them up: no keys come of it, and the answers stay within what
/// was asked for.
pub fn dtls_receive(data: &[u8]) {
    let mut input = Input::new(data);
    let role = [Role::Client, Role::Server][input.choice(2)];
    let config = config(&mut input);
    let mut now = Instant::now();
    let mut connection = connection(&config, role, now);
    let mut buf = [0; 1500];
    while !input.is_empty() {
        let length = usize::from(input.u16()) % 1500;
        let mut datagram = input.bytes(length).to_vec();
        let ended = connection.handle_datagram(now, &mut datagram).is_err();
        while connection.poll_transmit(now, &mut buf).is_some() {}
        assert!(connection.srtp_keying_material().is_none());
        let connected = |event| matches!(event, Event::Connected(_));
        assert!(!std::iter::from_fn(|| connection.poll_event()).any(connected));
        if ended {
            let digest = connection.state_digest();
            assert!(connection.handle_datagram(now, &mut datagram).is_err());
            assert_eq!(connection.state_digest(), digest);
            return;
        }
        now += Duration::from_millis(u64::from(input.byte()));
        let _ = connection.handle_timeout(now);
    }
}

/// Two connections between which the bytes lose, repeat, cut and flip datagrams: whatever one takes
/// as application data the other has sent.
pub fn dtls_pair(data: &[u8]) {
    let mut input = Input::new(data);
    let mut now = Instant::now();
    let configs = [config(&mut input), config(&mut input)];
    let mut ends = [
        connection(&configs[0], Role::Client, now),
        connection(&configs[1], Role::Server, now),
    ];
    let mut buf = [0; 2048];
    for _ in 0..60 {
        if input.is_empty() {
            return;
        }
        now += Duration::from_millis(u64::from(input.byte()) * 8);
        for from in [0, 1] {
            let _ = ends[from].handle_timeout(now);
            match input.choice(8) {
                0 => drop(ends[from].send(now, MESSAGE)),
                1 => drop(ends[from].request_key_update(now, input.choice(2) == 0)),
                2 => ends[from].set_mtu(usize::from(input.u16()) % 1500),
                _ => {}
            }
            while let Some(length) = ends[from].poll_transmit(now, &mut buf) {
                deliver(&mut input, now, &mut ends[1 - from], &buf[..length]);
            }
        }
    }
}

const MESSAGE: &[u8] = b"a message";

fn deliver(input: &mut Input<'_>, now: Instant, to: &mut Connection, datagram: &[u8]) {
    let mut datagram = datagram.to_vec();
    let copies = match input.choice(16) {
        0 => 0,
        1 => 2,
        2 => {
            datagram.truncate(input.choice(datagram.len()));
            1
        }
        3 => {
            let at = usize::from(input.u16()) % datagram.len();
            datagram[at] ^= 1 << input.choice(8);
            1
        }
        _ => 1,
    };
    for _ in 0..copies {
        let _ = to.handle_datagram(now, &mut datagram.clone());
        while let Some(event) = to.poll_event() {
            if let Event::ApplicationData(data) = event {
                assert_eq!(data, MESSAGE);
            }
        }
    }
}

/// Datagrams from addresses without a connection: no answer is longer than what came from there,
/// and nothing is proven without the cookie.
pub fn dtls_address_proof(data: &[u8]) {
    let mut input = Input::new(data);
    let mut now = Instant::now();
    let mut proof = AddressProof::new(config(&mut input), now).expect("random bytes");
    let mut balance = [0_usize; 4];
    while !input.is_empty() {
        let from = input.choice(balance.len());
        let address = SocketAddr::from(([192, 0, 2, from as u8], 5000));
        let length = usize::from(input.u16()) % 1500;
        let datagram = input.bytes(length);
        balance[from] += datagram.len();
        match proof.handle_datagram(now, address, datagram) {
            Verdict::Dropped(_) | Verdict::Incomplete => {}
            Verdict::Ask(answer) | Verdict::Refused { alert: answer, .. } => {
                let left = balance[from].checked_sub(answer.len());
                balance[from] = left.expect("no more than was received");
            }
            Verdict::Proven(hello) => panic!("{hello:?} without a cookie"),
        }
        now += Duration::from_secs(u64::from(input.byte()));
    }
}
