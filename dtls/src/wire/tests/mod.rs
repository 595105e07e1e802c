//! Every message through the same checks: what is written is read back, and nothing shorter or longer is taken.

mod oracle;

use super::*;

/// Writes `value`, reads it back, and tries every truncation and one byte more.
fn check<'a, T: Wire<'a> + PartialEq + std::fmt::Debug>(value: &T, bytes: &'a mut Vec<u8>) {
    value.write(&mut Writer::new(bytes));
    let bytes: &'a Vec<u8> = bytes;
    assert_eq!(Reader::read_exact::<T>(bytes).as_ref(), Ok(value));
}

/// A message that has a length for everything in it can't be cut anywhere.
fn check_truncations(bytes: &[u8], read: impl Fn(&[u8]) -> Result<(), DecodeError>) {
    assert_eq!(read(bytes), Ok(()));
    for length in 0..bytes.len() {
        assert!(
            read(&bytes[..length]).is_err(),
            "{length} of {} bytes",
            bytes.len()
        );
    }
    let longer = [bytes, &[0]].concat();
    assert!(read(&longer).is_err(), "one byte more");
}

macro_rules! round_trip {
    ($name:ident, $type:ty, $value:expr) => {
        #[test]
        fn $name() {
            let value: $type = $value;
            let mut bytes = Vec::new();
            value.write(&mut Writer::new(&mut bytes));
            check_truncations(&bytes, |bytes| Reader::read_exact::<$type>(bytes).map(drop));
            check::<$type>(&value, &mut Vec::new());
        }
    };
}

const SUITES: &[CipherSuite] = &[CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite(0x4242)];
const SCHEMES: &[SignatureScheme] = &[SignatureScheme::ED25519, SignatureScheme(0x1111)];
const PROFILES: &[SrtpProfile] = &[SrtpProfile::AEAD_AES_128_GCM, SrtpProfile(0x9999)];

fn server_extensions() -> ServerExtensions<'static> {
    ServerExtensions {
        selected_version: Some(ProtocolVersion::DTLS1_3),
        key_share: Some(ServerKeyShare::Share(KeyShareEntry {
            group: NamedGroup::X25519,
            key_exchange: &[7; 32],
        })),
        ..ServerExtensions::default()
    }
}

#[test]
fn client_hello() {
    let names = [b"webrtc".to_vec(), b"c-webrtc".to_vec()];
    let shares = [KeyShareEntry {
        group: NamedGroup::X25519,
        key_exchange: &[9; 32],
    }];
    let hello = ClientHello {
        version: ProtocolVersion::DTLS1_2,
        random: [3; 32],
        session_id: &[],
        cookie: &[1, 2, 3],
        cipher_suites: List::Values(SUITES),
        compression_methods: &[0],
        extensions: ClientExtensions {
            server_name: Some(b"host.example"),
            record_size_limit: Some(512),
            supported_versions: Some(List::Values(&[ProtocolVersion::DTLS1_3])),
            supported_groups: Some(List::Values(&[NamedGroup::X25519, NamedGroup(0xbaba)])),
            signature_algorithms: Some(List::Values(SCHEMES)),
            key_shares: Some(KeyShares::Some(List::Values(&shares))),
            use_srtp: Some(UseSrtp {
                profiles: List::Values(PROFILES),
                mki: b"m",
            }),
            alpn: Some(AlpnOffer::Names(&names)),
            cookie: Some(b"cookie"),
            ec_point_formats: Some(&[0]),
            renegotiation_info: Some(&[]),
            extended_master_secret: true,
            psk_dhe_ke: true,
        },
    };
    let mut bytes = Vec::new();
    hello.write(&mut Writer::new(&mut bytes));
    assert_eq!(
        Reader::read_exact::<ClientHello<'_>>(&bytes).as_ref(),
        Ok(&hello)
    );
    // Without any extension a ClientHello of DTLS 1.2 ends before their length.
    let without = 2 + 32 + 1 + 4 + 2 + 4 + 2;
    for length in (0..bytes.len()).filter(|length| *length != without) {
        let cut = Reader::read_exact::<ClientHello<'_>>(&bytes[..length]);
        assert!(cut.is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn server_hello() {
    let hello = ServerHello {
        version: ProtocolVersion::DTLS1_2,
        random: [4; 32],
        session_id: b"id",
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        compression_method: 0,
        extensions: server_extensions(),
    };
    let mut bytes = Vec::new();
    hello.write(&mut Writer::new(&mut bytes));
    let read = Reader::read_exact::<ServerHello<'_>>(&bytes).expect("a ServerHello");
    assert!(!read.is_retry());
    assert_eq!(read.extensions.key_share, hello.extensions.key_share);
    let types: Vec<_> = read.extensions.raw.expect("as received").types().collect();
    assert_eq!(
        types,
        [ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE]
    );
    let without = 2 + 32 + 3 + 2 + 1;
    for length in (0..bytes.len()).filter(|length| *length != without) {
        assert!(
            Reader::read_exact::<ServerHello<'_>>(&bytes[..length]).is_err(),
            "{length}"
        );
    }
}

/// RFC 8446 §4.1.4: in a HelloRetryRequest key_share is a group alone.
#[test]
fn hello_retry_request() {
    let retry = ServerHello {
        version: ProtocolVersion::DTLS1_2,
        random: ServerHello::RETRY_RANDOM,
        session_id: &[],
        cipher_suite: CipherSuite::TLS_AES_256_GCM_SHA384,
        compression_method: 0,
        extensions: ServerExtensions {
            selected_version: Some(ProtocolVersion::DTLS1_3),
            key_share: Some(ServerKeyShare::Retry(NamedGroup::SECP256R1)),
            cookie: Some(b"cookie"),
            ..ServerExtensions::default()
        },
    };
    let mut bytes = Vec::new();
    retry.write(&mut Writer::new(&mut bytes));
    let read = Reader::read_exact::<ServerHello<'_>>(&bytes).expect("a HelloRetryRequest");
    assert!(read.is_retry());
    assert_eq!(read.extensions.key_share, retry.extensions.key_share);
    assert_eq!(read.extensions.cookie, Some(&b"cookie"[..]));
}

/// RFC 8446 §4.2.2: a cookie has at least one byte.
#[test]
fn empty_cookie_in_a_hello_retry_request() {
    let retry = ServerHello {
        version: ProtocolVersion::DTLS1_2,
        random: ServerHello::RETRY_RANDOM,
        session_id: &[],
        cipher_suite: CipherSuite::TLS_AES_128_GCM_SHA256,
        compression_method: 0,
        extensions: ServerExtensions {
            selected_version: Some(ProtocolVersion::DTLS1_3),
            cookie: Some(&[]),
            ..ServerExtensions::default()
        },
    };
    let mut bytes = Vec::new();
    retry.write(&mut Writer::new(&mut bytes));
    assert_eq!(
        Reader::read_exact::<ServerHello<'_>>(&bytes).err(),
        Some(DecodeError::MalformedExtension(ExtensionType::COOKIE))
    );
}

round_trip!(
    fragment_header,
    handshake::Header,
    handshake::Header {
        msg_type: HandshakeType::FINISHED,
        length: 0x0001_0203,
        message_seq: 7,
        fragment_offset: 0x0000_0405,
        fragment_length: 0x0000_0607,
    }
);
round_trip!(
    hello_verify_request,
    HelloVerifyRequest<'_>,
    HelloVerifyRequest {
        version: ProtocolVersion::DTLS1_0,
        cookie: &[5; 20],
    }
);
round_trip!(
    certificate12,
    Certificate12<'_>,
    Certificate12 {
        chain: vec![b"one", b"two"]
    }
);
round_trip!(
    certificate13,
    Certificate13<'_>,
    Certificate13 {
        context: b"c",
        chain: vec![b"one", b"two"],
        extension: None,
    }
);
round_trip!(
    certificate_request12,
    CertificateRequest12<'_>,
    CertificateRequest12 {
        certificate_types: &[64, 1],
        signature_algorithms: List::Values(SCHEMES),
        authorities: &[0, 1, 42],
    }
);
round_trip!(
    certificate_request13,
    CertificateRequest13<'_>,
    CertificateRequest13 {
        context: &[],
        signature_algorithms: Some(List::Values(SCHEMES)),
    }
);
round_trip!(
    certificate_verify,
    CertificateVerify<'_>,
    CertificateVerify {
        scheme: SignatureScheme::ECDSA_SECP256R1_SHA256,
        signature: b"signature",
    }
);
round_trip!(
    server_key_exchange,
    ServerKeyExchange<'_>,
    ServerKeyExchange {
        group: NamedGroup::SECP256R1,
        public: &[4; 65],
        scheme: SignatureScheme::RSA_PSS_RSAE_SHA256,
        signature: b"signature",
    }
);
round_trip!(
    client_key_exchange,
    ClientKeyExchange<'_>,
    ClientKeyExchange { public: &[6; 32] }
);
round_trip!(
    key_update,
    KeyUpdate,
    KeyUpdate {
        request: KeyUpdateRequest::UPDATE_REQUESTED
    }
);
round_trip!(
    new_session_ticket,
    NewSessionTicket<'_>,
    NewSessionTicket {
        lifetime: 7,
        age_add: 8,
        nonce: b"n",
        ticket: b"ticket",
    }
);

/// RFC 8446 §4.2, T-HSK-18.
#[test]
fn t_hsk_18_extensions_that_occur_twice_are_refused() {
    let mut bytes = Vec::new();
    EncryptedExtensions {
        extensions: server_extensions(),
    }
    .write(&mut Writer::new(&mut bytes));
    let twice = [&bytes[2..], &bytes[2..]].concat();
    let mut body = (twice.len() as u16).to_be_bytes().to_vec();
    body.extend_from_slice(&twice);
    let expected = DecodeError::DuplicateExtension(ExtensionType::SUPPORTED_VERSIONS);
    assert_eq!(
        Reader::read_exact::<EncryptedExtensions<'_>>(&body).err(),
        Some(expected)
    );
}

/// T-HSK-18: thousands of unknown extensions cost time in proportion, and are skipped.
#[test]
fn t_hsk_18_unknown_extensions_are_skipped() {
    let mut list = Vec::new();
    for kind in 0x2000..0x3000_u16 {
        list.extend_from_slice(&kind.to_be_bytes());
        list.extend_from_slice(&[0, 0]);
    }
    let mut body = (list.len() as u16).to_be_bytes().to_vec();
    body.extend_from_slice(&list);
    let read = Reader::read_exact::<EncryptedExtensions<'_>>(&body).expect("unknown ones only");
    assert_eq!(
        read.extensions.raw.expect("as received").types().count(),
        0x1000
    );
}

/// RFC 9147 §7, T-D13-05.
#[test]
fn t_d13_05_acks_have_whole_record_numbers() {
    let mut bytes = Vec::new();
    Ack::write_numbers(&mut Writer::new(&mut bytes), [(3, 7), (u64::MAX, u64::MAX)]);
    let ack = Reader::read_exact::<Ack<'_>>(&bytes).expect("an ACK");
    assert_eq!(
        ack.numbers().collect::<Vec<_>>(),
        [(3, 7), (u64::MAX, u64::MAX)]
    );
    for length in (0..=40_usize).filter(|length| !length.is_multiple_of(16)) {
        let odd = [&(length as u16).to_be_bytes()[..], &vec![0; length]].concat();
        assert_eq!(
            Reader::read_exact::<Ack<'_>>(&odd),
            Err(DecodeError::OutOfRange)
        );
    }
}

/// The ClientHellos that browsers send with their default settings.
mod browsers {
    use super::*;

    pub(super) const CHROMIUM: &str =
        include_str!("../../../tests/data/clienthello/chromium156-clienthello.hex");
    pub(super) const FIREFOX: &str =
        include_str!("../../../tests/data/clienthello/firefox153-clienthello.hex");

    pub(super) fn body(text: &str) -> Vec<u8> {
        let line = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .nth(2)
            .expect("the body");
        let digits = line.trim().as_bytes().chunks(2);
        digits
            .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
            .collect()
    }

    fn check(text: &str, profiles: &[u16], suites: usize) {
        let bytes = body(text);
        let hello = Reader::read_exact::<ClientHello<'_>>(&bytes).expect("a ClientHello");
        let extensions = &hello.extensions;
        let versions = extensions.supported_versions.expect("supported_versions");
        assert!(versions.contains(ProtocolVersion::DTLS1_3));
        let shares: Vec<_> = extensions.key_shares.expect("key_share").iter().collect();
        let groups: Vec<_> = shares.iter().map(|share| share.group).collect();
        assert_eq!(groups, [NamedGroup::X25519MLKEM768, NamedGroup::X25519]);
        assert_eq!(shares[0].key_exchange.len(), 1216);
        let use_srtp = extensions.use_srtp.expect("use_srtp");
        assert_eq!(
            use_srtp.profiles.iter().map(|p| p.0).collect::<Vec<_>>(),
            profiles
        );
        assert!(use_srtp.mki.is_empty());
        assert!(extensions.extended_master_secret);
        assert_eq!(hello.cipher_suites.iter().count(), suites);
        // Whatever byte is wrong, nothing panics.
        for index in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[index] ^= 0xff;
            let _ = Reader::read_exact::<ClientHello<'_>>(&wrong);
        }
    }

    #[test]
    fn chromium() {
        check(CHROMIUM, &[1, 8, 7], 14);
    }

    #[test]
    fn firefox() {
        check(FIREFOX, &[7, 8, 1, 2], 10);
    }
}
