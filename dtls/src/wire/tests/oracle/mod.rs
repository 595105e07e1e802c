//! T-API-05: our readers against those of `tls-parser`, an independent implementation, on messages
//! of browsers and of our own that a seed has changed. Both take the same ones and read the same in
//! them, but for the differences listed here:
//!
//! - `tls-parser` lets a body have bytes left over, lists be empty or of broken length, and an
//!   extension occur twice. We refuse these, each under its error.
//! - It does not look into [`UNREAD`] extensions.
//! - We do not look into extensions that say nothing to us, such as `status_request`.

mod messages;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tls_parser::{
    DTLSClientHello, DTLSMessage, DTLSMessageHandshake, DTLSMessageHandshakeBody as Body,
    TlsExtension, TlsServerHelloContents, parse_dtls_message_handshake,
    parse_tls_client_hello_extension,
};

use super::browsers::{CHROMIUM, FIREFOX, body};
use super::*;
use messages::{apply, client_hello, edits, server_hello, vector8, vector16, words};

/// What `tls-parser` takes as it comes.
const UNREAD: [ExtensionType; 4] = [
    ExtensionType::USE_SRTP,
    ExtensionType::KEY_SHARE,
    ExtensionType::COOKIE,
    ExtensionType::CERTIFICATE_AUTHORITIES,
];

/// What we read in a ClientHello beyond its length.
const READ: [ExtensionType; 13] = [
    ExtensionType::SERVER_NAME,
    ExtensionType::SUPPORTED_GROUPS,
    ExtensionType::EC_POINT_FORMATS,
    ExtensionType::SIGNATURE_ALGORITHMS,
    ExtensionType::USE_SRTP,
    ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    ExtensionType::EXTENDED_MASTER_SECRET,
    ExtensionType::SUPPORTED_VERSIONS,
    ExtensionType::COOKIE,
    ExtensionType::PSK_KEY_EXCHANGE_MODES,
    ExtensionType::CERTIFICATE_AUTHORITIES,
    ExtensionType::KEY_SHARE,
    ExtensionType::RENEGOTIATION_INFO,
];

/// A message in one fragment.
fn whole(msg_type: HandshakeType, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32;
    let header = handshake::Header {
        msg_type,
        length,
        message_seq: 0,
        fragment_offset: 0,
        fragment_length: length,
    };
    [&header.to_bytes(), body].concat()
}

/// What `tls-parser` reads in a whole message.
fn theirs(message: &[u8]) -> Option<Body<'_>> {
    match parse_dtls_message_handshake(message).ok()? {
        (&[], DTLSMessage::Handshake(message)) => Some(message.body),
        _ => None,
    }
}

/// Type and body of each extension in a list without its length, by a walk of its own.
fn walk(mut list: &[u8]) -> Option<Vec<(ExtensionType, &[u8])>> {
    let mut extensions = Vec::new();
    while !list.is_empty() {
        let (head, rest) = list.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (body, rest) = rest.split_at_checked(length)?;
        let kind = ExtensionType(u16::from_be_bytes([head[0], head[1]]));
        extensions.push((kind, body));
        list = rest;
    }
    Some(extensions)
}

/// The body that says what `tls-parser` has read in one, and nothing else; `None` if it refuses it,
/// or if it is a list of nothing.
fn canonical(kind: ExtensionType, body: &[u8]) -> Option<Vec<u8>> {
    let framed = [&kind.0.to_be_bytes()[..], &vector16(body)].concat();
    let (_, extension) = parse_tls_client_hello_extension(&framed).ok()?;
    let (bytes, needed) = match extension {
        TlsExtension::EllipticCurves(groups) => {
            let bytes = words(groups.iter().map(|group| group.0));
            (vector16(&bytes), !groups.is_empty())
        }
        TlsExtension::SignatureAlgorithms(schemes) => {
            let needed = !schemes.is_empty();
            (vector16(&words(schemes)), needed)
        }
        TlsExtension::SupportedVersions(versions) => {
            let bytes = words(versions.iter().map(|version| version.0));
            (vector8(&bytes), !versions.is_empty())
        }
        TlsExtension::ALPN(names) => {
            let needed = !names.is_empty() && names.iter().all(|name| !name.is_empty());
            let bytes: Vec<_> = names.into_iter().flat_map(vector8).collect();
            (vector16(&bytes), needed)
        }
        TlsExtension::SNI(names) => {
            let needed = !names.is_empty() && names.iter().all(|(_, name)| !name.is_empty());
            let names = names.into_iter();
            let bytes: Vec<_> = names
                .flat_map(|(kind, name)| [&[kind.0][..], &vector16(name)].concat())
                .collect();
            (vector16(&bytes), needed)
        }
        TlsExtension::EcPointFormats(formats) => (vector8(formats), !formats.is_empty()),
        TlsExtension::PskExchangeModes(modes) => (vector8(&modes), !modes.is_empty()),
        TlsExtension::RenegotiationInfo(info) => (vector8(info), true),
        TlsExtension::ExtendedMasterSecret => (Vec::new(), true),
        _ => (body.to_vec(), true),
    };
    needed.then_some(bytes)
}

/// Whether a well-delimited list of extensions is one that we should take, as `tls-parser` sees it:
/// `None` where it does not look.
fn sound(extensions: &[(ExtensionType, &[u8])], read: &[ExtensionType]) -> Option<bool> {
    let mut kinds: Vec<_> = extensions.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_unstable();
    if kinds.windows(2).any(|pair| pair[0] == pair[1]) {
        return Some(false);
    }
    let mut known = extensions.iter().filter(|(kind, _)| read.contains(kind));
    let seen = |kind: &ExtensionType| !UNREAD.contains(kind);
    let broken = |(kind, body): &&(ExtensionType, &[u8])| {
        seen(kind) && canonical(*kind, body).as_deref() != Some(*body)
    };
    if known.clone().any(|extension| broken(&extension)) {
        return Some(false);
    }
    known.all(|(kind, _)| seen(kind)).then_some(true)
}

/// The length of a hello whose parts are these.
fn client_length(hello: &DTLSClientHello<'_>) -> usize {
    let session_id = hello.session_id.map_or(0, <[u8]>::len);
    let fixed = 2 + 32 + 1 + session_id + 1 + hello.cookie.len();
    let lists = 2 + 2 * hello.ciphers.len() + 1 + hello.comp.len();
    fixed + lists + hello.ext.map_or(0, |list| 2 + list.len())
}

/// What a ClientHello says, by which two readings are compared.
fn check_client_hello(bytes: &[u8]) {
    let ours = Reader::read_exact::<ClientHello<'_>>(bytes);
    let message = whole(HandshakeType::CLIENT_HELLO, bytes);
    let Some(Body::ClientHello(theirs)) = theirs(&message) else {
        assert!(ours.is_err(), "only we take it: {ours:?}");
        return;
    };
    let extensions = walk(theirs.ext.unwrap_or_default());
    let listed =
        client_length(&theirs) < bytes.len() || theirs.ciphers.is_empty() || theirs.comp.is_empty();
    let expected = match &extensions {
        _ if listed => Some(false),
        None => Some(false),
        Some(extensions) => sound(extensions, &READ),
    };
    if let Some(expected) = expected {
        assert_eq!(ours.is_ok(), expected, "{ours:?} {theirs:?}");
    }
    if let (Ok(ours), Some(extensions)) = (ours, extensions) {
        assert_eq!(ours.version.0, theirs.version.0);
        assert_eq!(ours.random, theirs.random);
        assert_eq!(ours.session_id, theirs.session_id.unwrap_or_default());
        assert_eq!(ours.cookie, theirs.cookie);
        let suites = theirs.ciphers.iter().map(|suite| suite.0);
        assert!(ours.cipher_suites.iter().map(|suite| suite.0).eq(suites));
        let methods = theirs.comp.iter().map(|method| method.0);
        assert!(ours.compression_methods.iter().copied().eq(methods));
        check_client_extensions(&ours.extensions, &extensions);
    }
}

fn check_client_extensions(ours: &ClientExtensions<'_>, theirs: &[(ExtensionType, &[u8])]) {
    for (kind, body) in theirs {
        let framed = [&kind.0.to_be_bytes()[..], &vector16(body)].concat();
        let Ok((_, theirs)) = parse_tls_client_hello_extension(&framed) else {
            assert!(!READ.contains(kind), "{kind:?}");
            continue;
        };
        match theirs {
            TlsExtension::EllipticCurves(groups) => {
                let ours = ours.supported_groups.expect("supported_groups");
                assert!(
                    ours.iter()
                        .map(|group| group.0)
                        .eq(groups.iter().map(|group| group.0))
                );
            }
            TlsExtension::SignatureAlgorithms(schemes) => {
                let ours = ours.signature_algorithms.expect("signature_algorithms");
                assert!(ours.iter().map(|scheme| scheme.0).eq(schemes));
            }
            TlsExtension::SupportedVersions(versions) => {
                let ours = ours.supported_versions.expect("supported_versions");
                let versions = versions.iter().map(|version| version.0);
                assert!(ours.iter().map(|version| version.0).eq(versions));
            }
            TlsExtension::ALPN(names) => {
                assert_eq!(ours.alpn.expect("ALPN").names(), names);
            }
            TlsExtension::EcPointFormats(formats) => {
                assert_eq!(ours.ec_point_formats, Some(formats));
            }
            TlsExtension::RenegotiationInfo(info) => {
                assert_eq!(ours.renegotiation_info, Some(info));
            }
            TlsExtension::PskExchangeModes(modes) => {
                assert_eq!(ours.psk_dhe_ke, modes.contains(&1));
            }
            TlsExtension::ExtendedMasterSecret => assert!(ours.extended_master_secret),
            _ => {}
        }
    }
}

fn server_length(hello: &TlsServerHelloContents<'_>) -> usize {
    let session_id = hello.session_id.map_or(0, <[u8]>::len);
    2 + 32 + 1 + session_id + 2 + 1 + hello.ext.map_or(0, |list| 2 + list.len())
}

/// Of a server's extensions `tls-parser` reads less, so that only their borders are compared.
fn check_server_hello(bytes: &[u8]) {
    let ours = Reader::read_exact::<ServerHello<'_>>(bytes);
    let message = whole(HandshakeType::SERVER_HELLO, bytes);
    let Some(Body::ServerHello(theirs)) = theirs(&message) else {
        assert!(ours.is_err(), "only we take it: {ours:?}");
        return;
    };
    let extensions = walk(theirs.ext.unwrap_or_default());
    if extensions.is_none() || server_length(&theirs) < bytes.len() {
        assert!(ours.is_err(), "{ours:?} {theirs:?}");
    }
    match ours {
        Ok(ours) => {
            assert_eq!(ours.version.0, theirs.version.0);
            assert_eq!(ours.random, theirs.random);
            assert_eq!(ours.session_id, theirs.session_id.unwrap_or_default());
            assert_eq!(ours.cipher_suite.0, theirs.cipher.0);
            assert_eq!(ours.compression_method, theirs.compression.0);
            let raw = ours.extensions.raw.expect("as received");
            assert!(raw.iter().eq(extensions.expect("checked above")));
        }
        // The parts around the extensions are the same, so that it can't be one of those.
        Err(DecodeError::OutOfRange) => panic!("only they take it: {theirs:?}"),
        Err(_) => {}
    }
}

fn check_certificate(bytes: &[u8]) {
    let ours = Reader::read_exact::<Certificate12<'_>>(bytes);
    let message = whole(HandshakeType::CERTIFICATE, bytes);
    let Some(Body::Certificate(theirs)) = theirs(&message) else {
        assert!(ours.is_err(), "only we take it: {ours:?}");
        return;
    };
    let chain: Vec<_> = theirs.cert_chain.iter().map(|entry| entry.data).collect();
    let length: usize = 3 + chain.iter().map(|entry| 3 + entry.len()).sum::<usize>();
    if length < bytes.len() || chain.iter().any(|entry| entry.is_empty()) {
        assert!(ours.is_err(), "{ours:?} {theirs:?}");
    } else {
        assert_eq!(ours.map(|ours| ours.chain), Ok(chain));
    }
}

fn check_hello_verify_request(bytes: &[u8]) {
    let ours = Reader::read_exact::<HelloVerifyRequest<'_>>(bytes);
    let message = whole(HandshakeType::HELLO_VERIFY_REQUEST, bytes);
    match theirs(&message) {
        Some(Body::HelloVerifyRequest(theirs)) if 3 + theirs.cookie.len() == bytes.len() => {
            let ours = ours.expect("they take it");
            assert_eq!(ours.version.0, theirs.server_version.0);
            assert_eq!(ours.cookie, theirs.cookie);
        }
        _ => assert!(ours.is_err(), "only we take it: {ours:?}"),
    }
}

fn check_fragment(bytes: &[u8]) {
    let Ok(ours) = handshake::Header::read(&mut Reader::new(bytes)) else {
        assert!(parse_dtls_message_handshake(bytes).is_err());
        return;
    };
    if let Ok((_, DTLSMessage::Handshake(theirs))) = parse_dtls_message_handshake(bytes) {
        let DTLSMessageHandshake {
            msg_type,
            length,
            message_seq,
            fragment_offset,
            fragment_length,
            ..
        } = theirs;
        assert_eq!(ours.msg_type.0, msg_type.0);
        assert_eq!(ours.message_seq, message_seq);
        let lengths = (length, fragment_offset, fragment_length);
        let ours = (ours.length, ours.fragment_offset, ours.fragment_length);
        assert_eq!(ours, lengths);
    }
}

fn written<'a>(message: &impl Wire<'a>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut Writer::new(&mut bytes));
    bytes
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 4096,
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn t_api_05_client_hello_of_browsers(edits in edits(), chromium: bool) {
        let mut bytes = body(if chromium { CHROMIUM } else { FIREFOX });
        apply(&edits, &mut bytes);
        check_client_hello(&bytes);
    }

    #[test]
    fn t_api_05_client_hello(hello in client_hello(), edits in edits()) {
        let mut bytes = hello;
        apply(&edits, &mut bytes);
        check_client_hello(&bytes);
    }

    #[test]
    fn t_api_05_server_hello(hello in server_hello(), edits in edits()) {
        let mut bytes = hello;
        apply(&edits, &mut bytes);
        check_server_hello(&bytes);
    }

    #[test]
    fn t_api_05_certificate(edits in edits(), lengths in prop::collection::vec(0_usize..40, 0..4)) {
        let chain: Vec<_> = lengths.iter().map(|length| vec![0x30; *length]).collect();
        let mut bytes = written(&Certificate12 {
            chain: chain.iter().map(Vec::as_slice).collect(),
        });
        apply(&edits, &mut bytes);
        check_certificate(&bytes);
    }

    #[test]
    fn t_api_05_hello_verify_request(edits in edits(), cookie in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut bytes = written(&HelloVerifyRequest {
            version: ProtocolVersion::DTLS1_0,
            cookie: &cookie,
        });
        apply(&edits, &mut bytes);
        check_hello_verify_request(&bytes);
    }

    #[test]
    fn t_api_05_fragments(header: [u8; 12], fragment in 0_usize..100, edits in edits()) {
        let mut bytes = header.to_vec();
        bytes.extend(vec![7; fragment]);
        // A length that can be there.
        bytes[9..12].copy_from_slice(&[0, 0, fragment as u8]);
        apply(&edits, &mut bytes);
        check_fragment(&bytes);
    }
}
