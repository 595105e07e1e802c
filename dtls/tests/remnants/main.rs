//! T-CRY-06: no block of memory is given back with a key in it, through every crypto provider that is built in.

mod freed;
mod secrets;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls::crypto::{CryptoProvider, providers};
use dtls::{Certificate, Config, Connection, NamedGroup, PeerIdentity, ProtocolVersion, Role};
use secrets::Seeker;

/// After handshake, key update, close and drop.
#[test]
fn t_cry_06_keys_are_wiped() {
    for provider in providers() {
        for (version, sought) in [
            (ProtocolVersion::DTLS1_2, 4),
            (ProtocolVersion::DTLS1_3, 20),
        ] {
            live_and_close(&provider, version);
            let found = freed::found();
            assert_eq!(found.sought, sought, "{version:?}");
            assert_eq!(found.names, [""; 0], "{version:?} on {}", provider.name());
        }
    }
}

/// After a key exchange of each group, in both parts of a hybrid one.
#[test]
fn t_cry_06_shared_secrets_are_wiped() {
    for provider in providers() {
        for group in provider.groups() {
            let client = group.start().expect("random bytes");
            let (share, secret) = group.respond(client.share()).expect("a right share");
            for part in secret.as_bytes().chunks_exact(32) {
                freed::seek("shared secret", part);
            }
            let agreed = client.complete(&share).expect("a right share");
            assert_eq!(agreed.as_bytes(), secret.as_bytes());
            drop((agreed, secret));
            let found = freed::found();
            assert!(found.sought > 0);
            let (group, provider) = (group.name(), provider.name());
            assert_eq!(found.names, [""; 0], "{group:?} on {provider}");
        }
    }
}

/// What nobody wipes is found: moved out of a box, and in a block of its own.
#[test]
fn t_cry_06_what_is_not_wiped_is_found() {
    struct Secret([u8; 32]);
    let secret: [u8; 32] = std::array::from_fn(|nth| nth as u8);
    freed::seek("moved", &secret);
    {
        let boxed = std::hint::black_box(Box::new(Secret(secret)));
        let Secret(mut moved) = *boxed;
        moved.fill(0);
    }
    assert_eq!(freed::found().names, ["moved"]);
    freed::seek("dropped", &secret);
    drop(std::hint::black_box(secret.to_vec()));
    assert_eq!(freed::found().names, ["dropped"]);
}

fn live_and_close(provider: &Arc<dyn CryptoProvider>, version: ProtocolVersion) {
    let seeker = Arc::new(Seeker::default());
    let config = Config::builder(Arc::clone(provider))
        .versions(&[version])
        .groups(&[NamedGroup::X25519, NamedGroup::SECP256R1])
        .key_log(Arc::clone(&seeker) as _);
    let config = Arc::new(config.build().expect("a configuration that works"));
    let mut now = Instant::now();
    let mut ends = [Role::Client, Role::Server].map(|role| {
        let certificate = Arc::new(Certificate::generate(&**provider).expect("a certificate"));
        let peer = PeerIdentity::DangerousAny;
        Connection::new(Arc::clone(&config), role, certificate, peer, now).expect("a connection")
    });
    for round in 0..12 {
        exchange(&mut ends, now, &seeker);
        if round == 4 {
            let keys = ends[0].srtp_keying_material().expect("connected");
            freed::seek("SRTP", keys.as_bytes());
            if version == ProtocolVersion::DTLS1_3 {
                let asked = ends[0].request_key_update(now, true);
                asked.expect("connected");
            }
        }
        now += Duration::from_millis(100);
        for end in &mut ends {
            end.handle_timeout(now).expect("alive");
        }
    }
    for end in &mut ends {
        end.close(now);
    }
    exchange(&mut ends, now, &seeker);
}

fn exchange(ends: &mut [Connection; 2], now: Instant, seeker: &Seeker) {
    let mut buf = [0; 2048];
    for from in [0, 1] {
        while let Some(length) = ends[from].poll_transmit(now, &mut buf) {
            seeker.watch(&buf[..length]);
            ends[1 - from]
                .handle_datagram(now, &mut buf[..length])
                .expect("alive");
        }
    }
}
