//! `rtc-dtls`, the sans-I/O DTLS of webrtc-rs, on AWS-LC.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rtc_dtls::config::{ClientAuthType, ConfigBuilder, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::default_provider;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;

use crate::peer::{self, Established, Peer, Shape, Wire};

pub(crate) struct Stack {
    client: Arc<HandshakeConfig>,
    server: Arc<HandshakeConfig>,
}

impl Stack {
    pub(crate) fn new() -> Self {
        Self {
            client: Arc::new(config(true)),
            server: Arc::new(config(false)),
        }
    }
}

impl Peer for Stack {
    fn name(&self) -> &'static str {
        "rtc-dtls"
    }

    fn supports(&self, shape: Shape) -> bool {
        shape.version == "1.2"
    }

    fn handshake(&self, _: Shape) -> Established {
        let now = Instant::now();
        let (near, far): (SocketAddr, SocketAddr) =
            (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let mut client = Endpoint::new(near, TransportProtocol::UDP, None);
        let mut server = Endpoint::new(far, TransportProtocol::UDP, Some(self.server.clone()));
        client
            .connect(now, far, self.client.clone(), None)
            .expect("the first flight is made");
        let (mut client_done, mut server_done) = (false, false);
        let mut wire = Wire::default();
        while !(client_done && server_done) {
            server_done |= deliver(now, &mut client, &mut server, near, &mut wire);
            client_done |= deliver(now, &mut server, &mut client, far, &mut wire);
        }
        let (client_keys, server_keys) = (export(&client, far), export(&server, near));
        peer::established(wire, client_keys, &server_keys, Box::new((client, server)))
    }
}

/// Carries everything that `from` sends to `to`; true once `to` is connected.
fn deliver(
    now: Instant,
    from: &mut Endpoint,
    to: &mut Endpoint,
    source: SocketAddr,
    wire: &mut Wire,
) -> bool {
    let mut done = false;
    while let Some(transmit) = from.poll_transmit() {
        wire.count(&transmit.message);
        let events = to
            .read(now, source, None, transmit.message)
            .expect("the datagram is taken");
        done |= events
            .iter()
            .any(|event| matches!(event, EndpointEvent::HandshakeComplete));
    }
    done
}

fn export(endpoint: &Endpoint, remote: SocketAddr) -> Vec<u8> {
    let state = endpoint.get_connection_state(remote).expect("a connection");
    let keys = state.export_keying_material(peer::EXPORT_LABEL, &[], peer::EXPORT_LENGTH);
    keys.expect("the handshake is complete").as_ref().to_vec()
}

fn config(is_client: bool) -> HandshakeConfig {
    let provider = default_provider().expect("a provider");
    let certificate =
        Certificate::generate_self_signed(["localhost".to_owned()], provider.crypto())
            .expect("a certificate");
    ConfigBuilder::default()
        .with_crypto_provider(provider)
        .with_certificates(vec![certificate])
        .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_insecure_skip_verify(true)
        .with_mtu(peer::MTU)
        .build(is_client, None)
        .expect("a valid configuration")
}
