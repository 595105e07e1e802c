//! What every stack in this benchmark does: one whole handshake, both sides in this thread.

use std::any::Any;

/// The label of RFC 5764 §4.2.
#[cfg(any(feature = "boring", feature = "openssl", feature = "rtc-dtls"))]
pub(crate) const EXPORT_LABEL: &str = "EXTRACTOR-dtls_srtp";
/// Key and salt of both directions for AEAD_AES_128_GCM, in bytes (RFC 5764 §4.2).
pub(crate) const EXPORT_LENGTH: usize = 2 * (16 + 12);
/// The largest datagram, in bytes.
pub(crate) const MTU: usize = 1200;

/// A kind of handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// `1.2` or `1.3`.
    pub(crate) version: &'static str,
    /// The name of the key exchange group, as IANA has it.
    pub(crate) group: &'static str,
}

/// The handshakes that are measured, in the order of the table.
pub(crate) const SHAPES: [Shape; 3] = [
    Shape {
        version: "1.2",
        group: "x25519",
    },
    Shape {
        version: "1.3",
        group: "x25519",
    },
    Shape {
        version: "1.3",
        group: "X25519MLKEM768",
    },
];

impl Shape {
    pub(crate) fn find(version: &str, group: &str) -> Option<Self> {
        SHAPES
            .into_iter()
            .find(|shape| shape.version == version && shape.group == group)
    }
}

/// What one handshake put on the wire.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wire {
    pub(crate) bytes: usize,
    pub(crate) datagrams: usize,
}

impl Wire {
    pub(crate) fn count(&mut self, datagram: &[u8]) {
        self.bytes += datagram.len();
        self.datagrams += 1;
    }
}

/// Two endpoints whose handshake is complete, keys exported; kept alive to weigh them.
pub(crate) struct Established {
    pub(crate) wire: Wire,
    #[expect(dead_code, reason = "held, not looked at")]
    endpoints: Box<dyn Any>,
}

/// A stack under measurement. Configuration and certificates are made once, before.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;
    fn supports(&self, shape: Shape) -> bool;
    /// A mutually authenticated handshake with ECDSA P-256 certificates and use_srtp, keys
    /// exported on both sides and found equal.
    fn handshake(&self, shape: Shape) -> Established;
}

/// Checks what each stack must have reached, so that none is timed for less work.
pub(crate) fn established(
    wire: Wire,
    client: Vec<u8>,
    server: &[u8],
    endpoints: Box<dyn Any>,
) -> Established {
    assert!(!client.is_empty(), "keys were exported");
    assert_eq!(client, server, "both sides exported the same keys");
    Established { wire, endpoints }
}
