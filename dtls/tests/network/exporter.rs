//! Exported keying material and the keys of SRTP.

use dtls::{ExportError, SrtpProfile};

use crate::pair::{FLAVOURS, Flavour, Pair, Side, config};

fn connected(flavour: Flavour) -> Pair {
    let mut pair = Pair::new(config(flavour));
    assert!(pair.connect());
    pair
}

/// What both sides export, which must be the same.
fn export(pair: &Pair, length: usize, label: &[u8], context: Option<&[u8]>) -> Vec<u8> {
    let [client, server] = Side::BOTH.map(|side| {
        let mut out = vec![0; length];
        let result = pair
            .end(side)
            .connection
            .export_keying_material(&mut out, label, context);
        assert_eq!(result, Ok(()));
        out
    });
    assert_eq!(client, server);
    client
}

/// RFC 5705 §4, RFC 8446 §7.5: label and context tell exports apart, the length does not.
#[test]
fn label_and_context_tell_exports_apart() {
    for flavour in FLAVOURS {
        let pair = connected(flavour);
        let base = export(&pair, 32, b"EXPORTER-a", Some(b"context"));
        assert_ne!(base, export(&pair, 32, b"EXPORTER-b", Some(b"context")));
        assert_ne!(base, export(&pair, 32, b"EXPORTER-a", Some(b"other")));
        assert_ne!(
            base,
            export(&connected(flavour), 32, b"EXPORTER-a", Some(b"context"))
        );
        assert_eq!(export(&pair, 1024, b"EXPORTER-a", None).len(), 1024);
        assert_eq!(export(&pair, 0, b"EXPORTER-a", None), []);
        // RFC 5705 §4: no context differs from an empty one; RFC 8446 §7.5: it does not.
        let none = export(&pair, 32, b"EXPORTER-a", None);
        let empty = export(&pair, 32, b"EXPORTER-a", Some(b""));
        assert_eq!(
            none == empty,
            flavour.version == dtls::ProtocolVersion::DTLS1_3
        );
    }
}

#[test]
fn exports_have_limits() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour));
        let mut out = [0; 32];
        let connection = &pair.end(Side::Client).connection;
        let early = connection.export_keying_material(&mut out, b"EXPORTER-a", None);
        assert_eq!(early, Err(ExportError::NotConnected));
        assert!(connection.srtp_keying_material().is_none());
        assert!(pair.connect());
        let connection = &pair.end(Side::Client).connection;
        let long = connection.export_keying_material(&mut out, &[b'a'; 250], None);
        assert_eq!(long, Err(ExportError::OutOfRange));
        let long = connection.export_keying_material(&mut out, b"a", Some(&[0; 1 << 16]));
        assert_eq!(long, Err(ExportError::OutOfRange));
    }
}

/// RFC 5764 §4.2: two keys and two salts, of the lengths of the profile, from the exporter.
#[test]
fn srtp_keys_are_exported() {
    let lengths = [
        (SrtpProfile::AES128_CM_HMAC_SHA1_80, 16 + 14),
        (SrtpProfile::AES128_CM_HMAC_SHA1_32, 16 + 14),
        (SrtpProfile::AEAD_AES_128_GCM, 16 + 12),
        (SrtpProfile::AEAD_AES_256_GCM, 32 + 12),
    ];
    for flavour in FLAVOURS {
        for (profile, length) in lengths {
            let mut pair = Pair::new(config(flavour).srtp_profiles(&[profile]));
            assert!(pair.connect());
            let exported = export(&pair, 2 * length, b"EXTRACTOR-dtls_srtp", None);
            for side in Side::BOTH {
                let keys = pair
                    .end(side)
                    .connection
                    .srtp_keying_material()
                    .expect("keys");
                assert_eq!((keys.profile(), keys.as_bytes()), (profile, &exported[..]));
                let shown = format!("{keys:?}");
                assert_eq!(
                    shown,
                    format!("SrtpKeyingMaterial {{ profile: {profile:?}, .. }}")
                );
            }
        }
    }
}

/// Without use_srtp there are no keys for SRTP, but the exporter works.
#[test]
fn no_srtp_no_srtp_keys() {
    for flavour in FLAVOURS {
        let mut pair = Pair::new(config(flavour).srtp_profiles(&[]));
        assert!(pair.connect());
        assert!(
            pair.end(Side::Client)
                .connection
                .srtp_keying_material()
                .is_none()
        );
        assert_eq!(export(&pair, 16, b"EXPORTER-a", None).len(), 16);
    }
}
