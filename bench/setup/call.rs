//! One call: how long the server waits for media.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls::{Certificate, NamedGroup, ProtocolVersion};
use portcullis::ice_lite::Candidate;
use portcullis::{Path, Received};

use crate::browser::{Browser, Known};
use crate::link::{Conditions, Link, Side};
use crate::server::serve;

/// What a call is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    version: ProtocolVersion,
    group: NamedGroup,
}

impl Shape {
    pub(crate) const ALL: [Self; 3] = [
        Self {
            name: "1.2",
            version: ProtocolVersion::DTLS1_2,
            group: NamedGroup::X25519,
        },
        Self {
            name: "1.3",
            version: ProtocolVersion::DTLS1_3,
            group: NamedGroup::X25519,
        },
        Self {
            name: "1.3, ML-KEM",
            version: ProtocolVersion::DTLS1_3,
            group: NamedGroup::X25519MLKEM768,
        },
    ];
}

/// What calls of one shape share.
pub(crate) struct Setting {
    config: Arc<dtls::Config>,
    certificate: Arc<Certificate>,
}

/// A call that has no media by then has failed.
const LIMIT: Duration = Duration::from_secs(60);

impl Setting {
    pub(crate) fn new(shape: Shape) -> Self {
        let provider = dtls::crypto::default_provider();
        let certificate = Certificate::generate(&*provider).expect("a certificate");
        let config = dtls::Config::builder(provider)
            .versions(&[shape.version])
            .groups(&[shape.group])
            .build();
        Self {
            config: Arc::new(config.expect("it is valid")),
            certificate: Arc::new(certificate),
        }
    }

    /// From the browser's first check to the first packet of media that the server opens; `None` if the
    /// call fails.
    pub(crate) fn call(&self, conditions: Conditions, sped: bool, seed: u64) -> Option<Duration> {
        let start = Instant::now();
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let (here, there) = (address("198.51.100.1:3478"), address("192.0.2.1:5000"));
        let own_fingerprint = self.certificate.fingerprint_sha256();
        let own = ("brow".to_owned(), "b".repeat(24), own_fingerprint);
        let candidate = Candidate::host(here, 0);
        let (mut server, told) = serve(&self.config, candidate, &own, sped, start);
        let known = Known {
            username: [told.0, own.0],
            password: told.1,
            own_password: own.1,
            fingerprint: told.2,
        };
        let certificate = Arc::clone(&self.certificate);
        let config = Arc::clone(&self.config);
        let mut browser = Browser::new(known, config, certificate, there, sped, start);
        let mut link = Link::new(conditions, seed);
        let path = Path::udp(here, there);
        let (mut now, mut buf) = (start, [0; 1500]);
        while now - start < LIMIT {
            while let Some(len) = browser.poll_transmit(now, &mut buf) {
                link.send(now, Side::Server, &buf[..len]);
            }
            while let Some(transmit) = server.poll_transmit(now, &mut buf) {
                link.send(now, Side::Browser, &buf[..transmit.len]);
            }
            while server.poll_event().is_some() {}
            let alarms = [browser.poll_timeout(), server.poll_timeout()];
            let next = alarms
                .into_iter()
                .flatten()
                .chain(link.next_arrival())
                .min();
            now = now.max(next?);
            if let Some((to, mut datagram)) = link.arrive(now) {
                match to {
                    Side::Browser => browser.handle(now, &mut datagram),
                    Side::Server => match server.handle_datagram(now, path, &mut datagram) {
                        Ok(Received::Rtp(_)) => return Some(now - start),
                        Ok(_) => {}
                        Err(_) => return None,
                    },
                }
                let mut held = Vec::new();
                if matches!(server.poll_received(now, &mut held), Some(Received::Rtp(_))) {
                    return Some(now - start);
                }
            } else {
                browser.expire(now);
                server.handle_timeout(now).ok()?;
            }
        }
        None
    }
}
