//! Our own stack, with its default provider.

use std::sync::Arc;
use std::time::Instant;

use dtls::crypto::default_provider;
use dtls::{
    Certificate, CipherSuite, Config, Connection, NamedGroup, PeerIdentity, ProtocolVersion, Role,
    SrtpProfile,
};

use crate::peer::{self, Established, Peer, SHAPES, Shape, Wire};

pub(crate) struct Stack {
    configs: Vec<(Shape, Arc<Config>)>,
    client: Arc<Certificate>,
    server: Arc<Certificate>,
}

impl Stack {
    pub(crate) fn new() -> Self {
        let provider = default_provider();
        let certificate = || Arc::new(Certificate::generate(&*provider).expect("a certificate"));
        Self {
            configs: SHAPES
                .map(|shape| (shape, Arc::new(config(shape))))
                .to_vec(),
            client: certificate(),
            server: certificate(),
        }
    }

    fn connect(
        &self,
        shape: Shape,
        role: Role,
        own: &Arc<Certificate>,
        peer: &Certificate,
        now: Instant,
    ) -> Connection {
        let config = self
            .configs
            .iter()
            .find(|(s, _)| *s == shape)
            .map(|(_, config)| config);
        let config = config.expect("every shape has a configuration");
        let identity = PeerIdentity::Fingerprints(vec![peer.fingerprint_sha256()]);
        Connection::new(config.clone(), role, own.clone(), identity, now).expect("a connection")
    }
}

impl Peer for Stack {
    fn name(&self) -> &'static str {
        "portcullis"
    }

    fn supports(&self, _: Shape) -> bool {
        true
    }

    fn handshake(&self, shape: Shape) -> Established {
        let now = Instant::now();
        let mut client = self.connect(shape, Role::Client, &self.client, &self.server, now);
        let mut server = self.connect(shape, Role::Server, &self.server, &self.client, now);
        let mut wire = Wire::default();
        // The last of what is sent is the ACK of DTLS 1.3, or the server's Finished of DTLS 1.2.
        while deliver(&mut client, &mut server, now, &mut wire)
            | deliver(&mut server, &mut client, now, &mut wire)
        {}
        let keys = |connection: &mut Connection| {
            while connection.poll_event().is_some() {}
            connection
                .srtp_keying_material()
                .expect("SRTP keys")
                .as_bytes()
                .to_vec()
        };
        let (client_keys, server_keys) = (keys(&mut client), keys(&mut server));
        assert_eq!(client_keys.len(), peer::EXPORT_LENGTH);
        peer::established(wire, client_keys, &server_keys, Box::new((client, server)))
    }
}

/// Carries everything that `from` has to send to `to`; false if that is nothing.
fn deliver(from: &mut Connection, to: &mut Connection, now: Instant, wire: &mut Wire) -> bool {
    let mut buffer = [0; peer::MTU];
    let mut any = false;
    while let Some(length) = from.poll_transmit(now, &mut buffer) {
        wire.count(&buffer[..length]);
        to.handle_datagram(now, &mut buffer[..length])
            .expect("the datagram is taken");
        any = true;
    }
    any
}

fn config(shape: Shape) -> Config {
    let (version, suite) = match shape.version {
        "1.2" => (
            ProtocolVersion::DTLS1_2,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ),
        _ => (
            ProtocolVersion::DTLS1_3,
            CipherSuite::TLS_AES_128_GCM_SHA256,
        ),
    };
    let groups: &[NamedGroup] = match shape.group {
        "x25519" => &[NamedGroup::X25519, NamedGroup::SECP256R1],
        _ => &[NamedGroup::X25519MLKEM768, NamedGroup::X25519],
    };
    Config::builder(default_provider())
        .versions(&[version])
        .cipher_suites(&[suite])
        .groups(groups)
        .srtp_profiles(&[SrtpProfile::AEAD_AES_128_GCM])
        .mtu(peer::MTU)
        .build()
        .expect("a valid configuration")
}
