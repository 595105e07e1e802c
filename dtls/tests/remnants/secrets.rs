//! The secrets of a connection, from its key log, and the keys that follow from them.

use std::sync::Mutex;

use dtls::KeyLog;
use dtls::crypto::{Digest, HashAlgorithm, default_provider};

use crate::freed::seek;

/// Lets every secret be sought as soon as it exists. Both ends may log to it.
#[derive(Debug, Default)]
pub(crate) struct Seeker {
    server_random: Mutex<Option<[u8; 32]>>,
}

impl KeyLog for Seeker {
    fn log(&self, line: &str) {
        let mut fields = line.split(' ');
        let label = fields.next().expect("a label");
        let client_random = hex::<32>(fields.next().expect("a random"));
        let secret = fields.next().expect("a secret");
        if label == "CLIENT_RANDOM" {
            self.seek_version_1_2(&client_random, &hex::<48>(secret));
        } else {
            seek_version_1_3(label, &hex::<32>(secret));
        }
    }
}

impl Seeker {
    /// Looks for the random bytes of a ServerHello, which stand in plaintext.
    pub(crate) fn watch(&self, datagram: &[u8]) {
        const HANDSHAKE: u8 = 22;
        const SERVER_HELLO: u8 = 2;
        /// After the heads of the record and the message and the version.
        const RANDOM: usize = 13 + 12 + 2;
        if datagram[0] == HANDSHAKE && datagram[13] == SERVER_HELLO {
            let random = datagram[RANDOM..].first_chunk().copied();
            *self.server_random.lock().expect("no panic under the lock") = random;
        }
    }

    /// The master secret, and the keys of AEAD_AES_128_GCM (RFC 5246 §6.3).
    fn seek_version_1_2(&self, client_random: &[u8; 32], master_secret: &[u8; 48]) {
        seek("master secret", master_secret);
        let server_random = *self.server_random.lock().expect("no panic under the lock");
        // A server knows the secret before its ServerHello was seen; the client comes after it.
        if let Some(server_random) = server_random {
            let seed = [&b"key expansion"[..], &server_random, client_random].concat();
            let first = hmac(master_secret, &[&seed]);
            let keys = hmac(master_secret, &[first.as_ref(), &seed]);
            seek("client_write_key", &keys.as_ref()[..16]);
            seek("server_write_key", &keys.as_ref()[16..]);
        }
    }
}

/// A secret, the keys under it and those after a KeyUpdate (RFC 8446 §7.2, §7.3).
fn seek_version_1_3(label: &str, secret: &[u8]) {
    seek(label, secret);
    if label == "EXPORTER_SECRET" {
        return;
    }
    seek_keys(label, secret);
    if label.ends_with("_0") {
        let next = expand_label(secret, b"traffic upd", 32);
        seek(&format!("{label} updated"), next.as_ref());
        seek_keys(&format!("{label} updated"), next.as_ref());
    }
}

fn seek_keys(label: &str, secret: &[u8]) {
    for (name, of) in [(&b"key"[..], "key"), (b"sn", "sn")] {
        let key = expand_label(secret, name, 16);
        seek(&format!("{label} {of}"), key.as_ref());
    }
}

/// The first block of HKDF-Expand-Label.
fn expand_label(secret: &[u8], label: &[u8], length: u8) -> Digest {
    let head = [0, length, 6 + label.len() as u8];
    hmac(secret, &[&head, b"dtls13", label, &[0], &[1]])
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Digest {
    default_provider()
        .hmac(HashAlgorithm::Sha256, key)
        .sign(parts)
}

/// On the stack, so that this copy is in no block.
fn hex<const N: usize>(text: &str) -> [u8; N] {
    std::array::from_fn(|nth| {
        let digits = text.get(2 * nth..2 * nth + 2).expect("two digits");
        u8::from_str_radix(digits, 16).expect("hex")
    })
}
