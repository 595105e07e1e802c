//! ClientHellos of strangers.

use std::sync::Arc;
use std::time::Instant;

use dtls::{Connection, PeerIdentity, ProtocolVersion, Role};

/// The datagrams of a genuine ClientHello of anybody's.
pub(crate) fn client_hello(version: ProtocolVersion) -> Vec<Vec<u8>> {
    let config = dtls::Config::builder(dtls::crypto::default_provider())
        .versions(&[version])
        .build()
        .expect("a configuration that works");
    let certificate = dtls::Certificate::generate(&**config.provider()).expect("a certificate");
    let now = Instant::now();
    let mut client = Connection::new(
        Arc::new(config),
        Role::Client,
        Arc::new(certificate),
        PeerIdentity::DangerousAny,
        now,
    )
    .expect("a client");
    let mut buf = [0; 1500];
    let mut hello = Vec::new();
    while let Some(len) = client.poll_transmit(now, &mut buf) {
        hello.push(buf[..len].to_vec());
    }
    hello
}
