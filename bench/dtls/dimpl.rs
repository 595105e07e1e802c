//! `dimpl`, the DTLS of str0m, with its default provider (AWS-LC).

use std::sync::Arc;
use std::time::Instant;

use dimpl::{Config, Dtls, DtlsCertificate, NamedGroup, Output, certificate};

use crate::peer::{self, Established, Peer, Shape, Wire};

pub(crate) struct Stack {
    config: Arc<Config>,
    certificate: DtlsCertificate,
}

impl Stack {
    pub(crate) fn new() -> Self {
        let config = Config::builder()
            .mtu(peer::MTU)
            .use_server_cookie(false)
            .kx_groups(&[NamedGroup::X25519])
            .build()
            .expect("a valid configuration");
        let certificate = certificate::generate_self_signed_certificate().expect("a certificate");
        Self {
            config: Arc::new(config),
            certificate,
        }
    }
}

impl Peer for Stack {
    fn name(&self) -> &'static str {
        "dimpl"
    }

    fn supports(&self, shape: Shape) -> bool {
        shape.group == "x25519"
    }

    fn handshake(&self, shape: Shape) -> Established {
        let now = Instant::now();
        let new = if shape.version == "1.2" {
            Dtls::new_12
        } else {
            Dtls::new_13
        };
        let mut client = Side::new(new(self.config.clone(), self.certificate.clone(), now));
        let mut server = Side::new(new(self.config.clone(), self.certificate.clone(), now));
        client.dtls.set_active(true);
        server.dtls.set_active(false);
        for side in [&mut server, &mut client] {
            side.dtls.handle_timeout(now).expect("the clock is set");
        }
        let mut wire = Wire::default();
        while !(client.connected && server.connected) {
            client.drain(&mut server, &mut wire);
            server.drain(&mut client, &mut wire);
        }
        let (client_keys, server_keys) = (client.keys.take(), server.keys.take());
        peer::established(
            wire,
            client_keys.expect("the client's keys"),
            &server_keys.expect("the server's keys"),
            Box::new((client.dtls, server.dtls)),
        )
    }
}

struct Side {
    dtls: Dtls,
    keys: Option<Vec<u8>>,
    connected: bool,
    buffer: Vec<u8>,
}

impl Side {
    fn new(dtls: Dtls) -> Self {
        Self {
            dtls,
            keys: None,
            connected: false,
            buffer: vec![0; 4096],
        }
    }

    fn drain(&mut self, peer: &mut Self, wire: &mut Wire) {
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(datagram) => {
                    wire.count(datagram);
                    peer.dtls
                        .handle_packet(datagram)
                        .expect("the datagram is taken");
                }
                Output::Connected => self.connected = true,
                Output::KeyingMaterial(keys, _) => self.keys = Some(keys.to_vec()),
                Output::Timeout(_) => return,
                _ => {}
            }
        }
    }
}
