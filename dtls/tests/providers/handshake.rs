//! Whole handshakes between every pair of providers.

use std::sync::Arc;
use std::time::Instant;

use dtls::crypto::{CryptoProvider, providers};
use dtls::{Certificate, Config, Connection, NamedGroup, PeerIdentity, ProtocolVersion, Role};

/// Version and group of each handshake that is tried.
const SHAPES: [(ProtocolVersion, NamedGroup); 6] = [
    (ProtocolVersion::DTLS1_2, NamedGroup::X25519),
    (ProtocolVersion::DTLS1_2, NamedGroup::SECP256R1),
    (ProtocolVersion::DTLS1_2, NamedGroup::SECP384R1),
    (ProtocolVersion::DTLS1_3, NamedGroup::X25519),
    (ProtocolVersion::DTLS1_3, NamedGroup::SECP256R1),
    (ProtocolVersion::DTLS1_3, NamedGroup::X25519MLKEM768),
];

#[test]
fn every_pair_of_providers_shakes_hands() {
    for (version, group) in SHAPES {
        for client in providers() {
            for server in providers() {
                shake(version, group, &client, &server);
            }
        }
    }
}

fn shake(
    version: ProtocolVersion,
    group: NamedGroup,
    client: &Arc<dyn CryptoProvider>,
    server: &Arc<dyn CryptoProvider>,
) {
    let now = Instant::now();
    let config = |provider: &Arc<dyn CryptoProvider>| {
        // P-256 goes along because DTLS 1.2 binds certificates to the groups.
        let groups = [group, NamedGroup::SECP256R1];
        let builder = Config::builder(Arc::clone(provider))
            .versions(&[version])
            .groups(&groups);
        Arc::new(builder.build().expect("a valid configuration"))
    };
    let certificate = |provider: &Arc<dyn CryptoProvider>| {
        Arc::new(Certificate::generate(&**provider).expect("a certificate"))
    };
    let (near, far) = (certificate(client), certificate(server));
    let expect = |certificate: &Certificate| {
        PeerIdentity::Fingerprints(vec![certificate.fingerprint_sha256()])
    };
    let mut a = Connection::new(
        config(client),
        Role::Client,
        near.clone(),
        expect(&far),
        now,
    )
    .expect("a client");
    let mut b =
        Connection::new(config(server), Role::Server, far, expect(&near), now).expect("a server");
    for _ in 0..4 {
        deliver(&mut a, &mut b, now);
        deliver(&mut b, &mut a, now);
    }
    let pair = format!("{version:?} {group:?} {} {}", client.name(), server.name());
    assert_eq!(
        a.info().map(|info| (info.version, info.group)),
        Some((version, group)),
        "{pair}"
    );
    let (ours, theirs) = (a.srtp_keying_material(), b.srtp_keying_material());
    let (ours, theirs) = (ours.expect("keys"), theirs.expect("keys"));
    assert_eq!(ours.as_bytes(), theirs.as_bytes(), "{pair}");
}

fn deliver(from: &mut Connection, to: &mut Connection, now: Instant) {
    let mut buffer = [0; 1500];
    while let Some(length) = from.poll_transmit(now, &mut buffer) {
        to.handle_datagram(now, &mut buffer[..length])
            .expect("the datagram is taken");
    }
}
