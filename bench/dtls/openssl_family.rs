//! OpenSSL and BoringSSL: two crates with one interface, so one adapter, written once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use crate::peer::Wire;

type Queue = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of a pair of datagram queues, in the shape of a stream as these libraries ask for it.
#[derive(Debug)]
pub(crate) struct Pipe {
    incoming: Queue,
    outgoing: Queue,
    wire: Rc<RefCell<Wire>>,
}

impl Pipe {
    pub(crate) fn pair() -> (Self, Self, Rc<RefCell<Wire>>) {
        let (a, b) = (Queue::default(), Queue::default());
        let wire = Rc::new(RefCell::new(Wire::default()));
        let one = Self {
            incoming: a.clone(),
            outgoing: b.clone(),
            wire: wire.clone(),
        };
        let other = Self {
            incoming: b,
            outgoing: a,
            wire: wire.clone(),
        };
        (one, other, wire)
    }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let datagram = self
            .incoming
            .borrow_mut()
            .pop_front()
            .ok_or(io::Error::from(ErrorKind::WouldBlock))?;
        let len = datagram.len().min(buf.len());
        buf[..len].copy_from_slice(&datagram[..len]);
        Ok(len)
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.wire.borrow_mut().count(buf);
        self.outgoing.borrow_mut().push_back(buf.to_vec());
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

macro_rules! adapter {
    ($module:ident, $feature:literal, $krate:ident, $name:literal, $set_groups:ident, $no_tickets:expr) => {
        #[cfg(feature = $feature)]
        pub(crate) mod $module {
            use $krate::asn1::{Asn1Integer, Asn1Time};
            use $krate::bn::BigNum;
            use $krate::ec::{EcGroup, EcKey};
            use $krate::hash::MessageDigest;
            use $krate::nid::Nid;
            use $krate::pkey::PKey;
            use $krate::ssl::{
                HandshakeError, MidHandshakeSslStream, Ssl, SslContext, SslContextBuilder,
                SslMethod, SslOptions, SslStream, SslVerifyMode, SslVersion,
            };
            use $krate::x509::{X509, X509NameBuilder};

            use super::Pipe;
            use crate::peer::{self, Established, Peer, SHAPES, Shape};

            pub(crate) struct Stack {
                contexts: Vec<(Shape, SslContext)>,
            }

            impl Stack {
                pub(crate) fn new() -> Self {
                    let contexts = SHAPES
                        .into_iter()
                        .filter_map(|shape| context(shape).map(|context| (shape, context)))
                        .collect();
                    Self { contexts }
                }

                fn context(&self, shape: Shape) -> Option<&SslContext> {
                    self.contexts
                        .iter()
                        .find(|(s, _)| *s == shape)
                        .map(|(_, context)| context)
                }
            }

            impl Peer for Stack {
                fn name(&self) -> &'static str {
                    $name
                }

                fn supports(&self, shape: Shape) -> bool {
                    self.context(shape).is_some()
                }

                fn handshake(&self, shape: Shape) -> Established {
                    let context = self.context(shape).expect("asked for a supported shape");
                    let (near, far, wire) = Pipe::pair();
                    let mut client = Side::from(endpoint(context).connect(near));
                    let mut server = Side::from(endpoint(context).accept(far));
                    while !(client.is_done() && server.is_done()) {
                        client = client.advance();
                        server = server.advance();
                    }
                    let (client, server) = (client.done(), server.done());
                    let (client_keys, server_keys) = (export(&client), export(&server));
                    let wire = *wire.borrow();
                    peer::established(wire, client_keys, &server_keys, Box::new((client, server)))
                }
            }

            fn context(shape: Shape) -> Option<SslContext> {
                let version = match shape.version {
                    "1.2" => SslVersion::DTLS1_2,
                    _ => dtls13()?,
                };
                let mut builder = SslContextBuilder::new(SslMethod::dtls()).ok()?;
                builder.set_min_proto_version(Some(version)).ok()?;
                builder.set_max_proto_version(Some(version)).ok()?;
                // DTLS 1.2 wants the curve of the certificate among the groups.
                let groups = if shape.group == "x25519" {
                    "X25519:P-256"
                } else {
                    "X25519MLKEM768:X25519"
                };
                builder.$set_groups(groups).ok()?;
                if shape.version == "1.2" {
                    builder
                        .set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256")
                        .ok()?;
                }
                builder.set_options(SslOptions::NO_QUERY_MTU | $no_tickets);
                builder.set_tlsext_use_srtp("SRTP_AEAD_AES_128_GCM").ok()?;
                builder.set_verify_callback(
                    SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
                    |_, _| true,
                );
                let (certificate, key) = self_signed();
                builder.set_certificate(&certificate).ok()?;
                builder.set_private_key(&key).ok()?;
                Some(builder.build())
            }

            fn dtls13() -> Option<SslVersion> {
                super::dtls13::$module()
            }

            fn endpoint(context: &SslContext) -> Ssl {
                let mut ssl = Ssl::new(context).expect("an endpoint");
                ssl.set_mtu(peer::MTU as u32).expect("the MTU is taken");
                ssl
            }

            fn export(stream: &SslStream<Pipe>) -> Vec<u8> {
                let mut keys = vec![0; peer::EXPORT_LENGTH];
                stream
                    .ssl()
                    .export_keying_material(&mut keys, peer::EXPORT_LABEL, None)
                    .expect("the handshake is complete");
                keys
            }

            enum Side {
                Done(SslStream<Pipe>),
                Waiting(MidHandshakeSslStream<Pipe>),
            }

            impl Side {
                fn is_done(&self) -> bool {
                    matches!(self, Self::Done(_))
                }

                fn advance(self) -> Self {
                    match self {
                        Self::Done(stream) => Self::Done(stream),
                        Self::Waiting(waiting) => waiting.handshake().into(),
                    }
                }

                fn done(self) -> SslStream<Pipe> {
                    match self {
                        Self::Done(stream) => stream,
                        Self::Waiting(_) => panic!("the handshake is not complete"),
                    }
                }
            }

            impl From<Result<SslStream<Pipe>, HandshakeError<Pipe>>> for Side {
                fn from(result: Result<SslStream<Pipe>, HandshakeError<Pipe>>) -> Self {
                    match result {
                        Ok(stream) => Self::Done(stream),
                        Err(HandshakeError::WouldBlock(waiting)) => Self::Waiting(waiting),
                        Err(e) => panic!("handshake failed: {e}"),
                    }
                }
            }

            fn self_signed() -> (X509, PKey<$krate::pkey::Private>) {
                let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
                let key =
                    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
                let mut name = X509NameBuilder::new().expect("a name");
                name.append_entry_by_text("CN", "WebRTC")
                    .expect("a common name");
                let name = name.build();
                let mut builder = X509::builder().expect("a certificate");
                let serial = BigNum::from_u32(1).expect("a number");
                let serial = Asn1Integer::from_bn(&serial).expect("a serial number");
                let now = Asn1Time::days_from_now(0).expect("a time");
                let end = Asn1Time::days_from_now(30).expect("a time");
                builder.set_version(2).expect("X.509 v3");
                builder.set_serial_number(&serial).expect("a serial number");
                builder.set_subject_name(&name).expect("a subject");
                builder.set_issuer_name(&name).expect("an issuer");
                builder.set_not_before(&now).expect("a start");
                builder.set_not_after(&end).expect("an end");
                builder.set_pubkey(&key).expect("a public key");
                builder
                    .sign(&key, MessageDigest::sha256())
                    .expect("a signature");
                (builder.build(), key)
            }
        }
    };
}

/// Where each library stands with DTLS 1.3.
mod dtls13 {
    #[cfg(feature = "openssl")]
    pub(super) fn openssl() -> Option<openssl::ssl::SslVersion> {
        None
    }

    #[cfg(feature = "boring")]
    pub(super) fn boring() -> Option<boring::ssl::SslVersion> {
        Some(boring::ssl::SslVersion::DTLS1_3)
    }
}

adapter!(
    openssl,
    "openssl",
    openssl,
    "openssl",
    set_groups_list,
    SslOptions::NO_TICKET
);
adapter!(
    boring,
    "boring",
    boring,
    "boringssl",
    set_curves_list,
    SslOptions::NO_TICKET
);
