//! Hellos that are not what they were: only a client that receives at its address gets through.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use super::{AddressProof, ProvenHello, Verdict};
use crate::certificate::Certificate;
use crate::config::{Config, ConfigBuilder, PeerIdentity, Role};
use crate::connection::Connection;
use crate::crypto::{CryptoProvider, default_provider};
use crate::error::Error;
use crate::record::RecordNumber;
use crate::record::plaintext::{self, Plaintext};
use crate::stats::Discard;
use crate::wire::handshake::{HEADER, Header};
use crate::wire::{
    CipherSuite, ClientHello, ContentType, HandshakeType, List, NamedGroup, ProtocolVersion,
    Reader, Wire as _, Writer,
};

use ProtocolVersion as V;

static PROVIDER: LazyLock<Arc<dyn CryptoProvider>> = LazyLock::new(default_provider);

static CERTIFICATE: LazyLock<Arc<Certificate>> =
    LazyLock::new(|| Arc::new(Certificate::generate(&**PROVIDER).expect("certificate")));

const VERSIONS: [V; 2] = [V::DTLS1_2, V::DTLS1_3];

fn config(version: V) -> ConfigBuilder {
    Config::builder(Arc::clone(&PROVIDER))
        .versions(&[version])
        .groups(&[NamedGroup::X25519, NamedGroup::SECP256R1])
}

fn address() -> SocketAddr {
    ([192, 0, 2, 1], 5000).into()
}

/// A client and the proof that it has to give.
struct Bench {
    now: Instant,
    client: Connection,
    proof: AddressProof,
}

/// What became of a datagram, without what was borrowed.
#[derive(Debug)]
enum Outcome {
    Dropped(Discard),
    Incomplete,
    Asked(Vec<u8>),
    Refused(Error),
    Proven(ProvenHello),
}

impl Bench {
    fn new(client: ConfigBuilder, server: ConfigBuilder) -> Self {
        let now = Instant::now();
        let [client, server] = [client, server].map(|c| Arc::new(c.build().expect("config")));
        let (role, peer) = (Role::Client, PeerIdentity::DangerousAny);
        let client = Connection::new(client, role, Arc::clone(&CERTIFICATE), peer, now);
        Self {
            now,
            client: client.expect("client"),
            proof: AddressProof::new(server, now).expect("random"),
        }
    }

    fn of(version: V) -> Self {
        Self::new(config(version), config(version))
    }

    fn hello(&mut self) -> Vec<u8> {
        let mut buf = [0; 1500];
        let length = self.client.poll_transmit(self.now, &mut buf);
        buf[..length.expect("a ClientHello")].to_vec()
    }

    fn give(&mut self, from: SocketAddr, datagram: &[u8]) -> Outcome {
        match self.proof.handle_datagram(self.now, from, datagram) {
            Verdict::Dropped(reason) => Outcome::Dropped(reason),
            Verdict::Incomplete => Outcome::Incomplete,
            Verdict::Ask(answer) => Outcome::Asked(answer.to_vec()),
            Verdict::Refused { error, .. } => Outcome::Refused(error),
            Verdict::Proven(hello) => Outcome::Proven(hello),
        }
    }

    /// The second ClientHello, and the request that it answers.
    fn second(&mut self) -> (Vec<u8>, Vec<u8>) {
        let first = self.hello();
        let Outcome::Asked(mut request) = self.give(address(), &first) else {
            panic!("not asked");
        };
        assert!(request.len() <= first.len());
        let told = request.clone();
        let result = self.client.handle_datagram(self.now, &mut request);
        assert_eq!(result, Ok(()));
        (self.hello(), told)
    }
}

fn record(datagram: &[u8]) -> Plaintext<'_> {
    plaintext::read(&mut &datagram[..]).expect("a record")
}

/// The datagram with its ClientHello changed.
fn change<'a>(datagram: &'a [u8], change: impl FnOnce(&mut ClientHello<'a>)) -> Vec<u8> {
    let Plaintext { content, .. } = record(datagram);
    let header = Header::read(&mut Reader::new(content)).expect("a header");
    let mut hello: ClientHello<'a> = Reader::read_exact(&content[HEADER..]).expect("a ClientHello");
    change(&mut hello);
    let mut body = Vec::new();
    hello.write(&mut Writer::new(&mut body));
    let length = body.len() as u32;
    let header = Header {
        length,
        fragment_length: length,
        ..header
    };
    let content = [&header.to_bytes()[..], &body].concat();
    let mut out = Vec::new();
    let changed = Plaintext {
        content: &content,
        ..record(datagram)
    };
    plaintext::write(&changed, &mut out);
    out
}

/// What a version does about a cookie that is not good: RFC 6347 §4.2.1 asks again, RFC 9147 §5.1
/// ends the handshake.
fn is_turned_away(version: V, outcome: &Outcome) -> bool {
    match version {
        V::DTLS1_2 => matches!(outcome, Outcome::Asked(_)),
        _ => matches!(outcome, Outcome::Refused(Error::CookieMismatch)),
    }
}

#[test]
fn t_hsk_15_the_right_cookie_is_a_proof() {
    for version in VERSIONS {
        let mut bench = Bench::of(version);
        let (second, _) = bench.second();
        let Outcome::Proven(hello) = bench.give(address(), &second) else {
            panic!("not proven");
        };
        assert_eq!((hello.address(), hello.message_seq), (address(), 1));
        assert_eq!(hello.asked.is_some(), version == V::DTLS1_3);
        let statistics = bench.proof.statistics();
        assert_eq!((statistics.asked, statistics.proven), (1, 1));
    }
}

/// RFC 6347 §4.2.1: request and ServerHello have the record numbers of the ClientHellos, and
/// message n answers message n.
#[test]
fn t_hsk_15_numbers_follow_those_of_the_client() {
    for version in VERSIONS {
        let mut bench = Bench::of(version);
        let first = bench.hello();
        // The third try of a client, as far as its record number goes.
        let third = Plaintext {
            number: RecordNumber::new(0, 2),
            ..record(&first)
        };
        let mut datagram = Vec::new();
        plaintext::write(&third, &mut datagram);
        let Outcome::Asked(request) = bench.give(address(), &datagram) else {
            panic!("not asked");
        };
        assert_eq!(record(&request).number, third.number);
        let header = Header::read(&mut Reader::new(record(&request).content)).expect("header");
        assert_eq!(header.message_seq, 0);

        let (second, _) = Bench::second(&mut Bench::of(version));
        assert_eq!(record(&second).number, RecordNumber::new(0, 1));
        let mut bench = Bench::of(version);
        let (second, _) = bench.second();
        let Outcome::Proven(hello) = bench.give(address(), &second) else {
            panic!("not proven");
        };
        let (certificate, peer) = (Arc::clone(&CERTIFICATE), PeerIdentity::DangerousAny);
        let config = Arc::clone(&bench.proof.config);
        let server = Connection::accept(config, certificate, peer, hello, bench.now);
        let mut buf = [0; 1500];
        let length = server.expect("a server").poll_transmit(bench.now, &mut buf);
        let answer = record(&buf[..length.expect("an answer")]);
        assert_eq!(answer.number, RecordNumber::new(0, 1));
        let header = Header::read(&mut Reader::new(answer.content)).expect("header");
        assert_eq!(header.msg_type, HandshakeType::SERVER_HELLO);
        assert_eq!(header.message_seq, 1);
    }
}

/// T-REC-11: numbers follow those of the client to the last one, and never begin again: what has no
/// number left is not sent.
#[test]
fn t_rec_11_the_last_record_number_is_the_last() {
    for version in VERSIONS {
        let mut bench = Bench::of(version);
        let first = bench.hello();
        let last = RecordNumber::new(0, (1 << 48) - 1);
        let numbered = |hello: &[u8]| {
            let mut datagram = Vec::new();
            let number = last;
            plaintext::write(
                &Plaintext {
                    number,
                    ..record(hello)
                },
                &mut datagram,
            );
            datagram
        };
        let Outcome::Asked(request) = bench.give(address(), &numbered(&first)) else {
            panic!("not asked");
        };
        assert_eq!(record(&request).number, last);

        let mut bench = Bench::of(version);
        let (second, _) = bench.second();
        let Outcome::Proven(hello) = bench.give(address(), &numbered(&second)) else {
            panic!("not proven");
        };
        let (certificate, peer) = (Arc::clone(&CERTIFICATE), PeerIdentity::DangerousAny);
        let config = Arc::clone(&bench.proof.config);
        let server = Connection::accept(config, certificate, peer, hello, bench.now);
        let mut server = server.expect("a server");
        let mut buf = [0; 1500];
        let mut numbers = Vec::new();
        let mut end = None;
        for second in 0..40 {
            let now = bench.now + Duration::from_secs(second);
            end = end.or(server.handle_timeout(now).err());
            while let Some(length) = server.poll_transmit(now, &mut buf) {
                let mut rest = &buf[..length];
                while let Some(record) = plaintext::read(&mut rest) {
                    numbers.push(record.number);
                }
            }
        }
        // The flight of DTLS 1.2 has several records in plaintext; that of 1.3 has one, once.
        let expected = match version {
            V::DTLS1_2 => vec![],
            _ => vec![last],
        };
        assert_eq!((numbers, end), (expected, Some(Error::SequenceExhausted)));
    }
}

/// T-HSK-15, T-D13-02: from another address, too late, or with something else in the hello.
#[test]
fn t_hsk_15_a_cookie_is_bound() {
    type Change = fn(&mut ClientHello<'_>);
    let changes: [Change; 4] = [
        |hello| hello.random[0] ^= 1,
        |hello| hello.session_id = &[1],
        |hello| {
            let suites = &[
                CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            ];
            hello.cipher_suites = List::Values(suites);
        },
        |hello| hello.extensions.use_srtp = None,
    ];
    for version in VERSIONS {
        let mut bench = Bench::of(version);
        let (second, _) = bench.second();
        let elsewhere = [([192, 0, 2, 1], 5001), ([192, 0, 2, 2], 5000)];
        for other in elsewhere {
            let outcome = bench.give(other.into(), &second);
            assert!(is_turned_away(version, &outcome), "{outcome:?}");
        }
        for change_it in changes {
            let outcome = bench.give(address(), &change(&second, change_it));
            assert!(is_turned_away(version, &outcome), "{outcome:?}");
        }
        // tinydtls #74: a version that nobody has is no way past the cookie.
        let outcome = bench.give(
            address(),
            &change(&second, |hello| hello.version = V::DTLS1_0),
        );
        assert!(!matches!(outcome, Outcome::Proven(_)), "{outcome:?}");
        bench.now += Duration::from_secs(119);
        let outcome = bench.give(address(), &second);
        assert!(matches!(outcome, Outcome::Proven(_)), "{outcome:?}");
        bench.now += Duration::from_secs(1);
        let outcome = bench.give(address(), &second);
        assert!(is_turned_away(version, &outcome), "{outcome:?}");
    }
}

/// T-D13-02: no bit of the cookie may change. (Another byte of the hello: see above.)
#[test]
fn t_d13_02_a_cookie_that_was_changed() {
    for version in VERSIONS {
        let mut bench = Bench::of(version);
        let (second, _) = bench.second();
        let mut cookie = Vec::new();
        change(&second, |hello| {
            cookie = hello.extensions.cookie.unwrap_or(hello.cookie).to_vec();
        });
        for at in 0..cookie.len() {
            cookie[at] ^= 0x10;
            let changed = change_cookie(&second, version, &cookie);
            cookie[at] ^= 0x10;
            let outcome = bench.give(address(), &changed);
            assert!(is_turned_away(version, &outcome), "byte {at}: {outcome:?}");
        }
    }
}

fn change_cookie(datagram: &[u8], version: V, cookie: &[u8]) -> Vec<u8> {
    change(datagram, |hello| match version {
        V::DTLS1_2 => hello.cookie = cookie,
        _ => hello.extensions.cookie = Some(cookie),
    })
}

/// A retry for a group and for the cookie are one.
#[test]
fn another_group_and_the_cookie_in_one_request() {
    let server = config(V::DTLS1_3).groups(&[NamedGroup::SECP384R1]);
    let client = config(V::DTLS1_3).groups(&[NamedGroup::X25519, NamedGroup::SECP384R1]);
    let mut bench = Bench::new(client, server);
    let (second, _) = bench.second();
    let Outcome::Proven(hello) = bench.give(address(), &second) else {
        panic!("not proven");
    };
    let asked = hello.asked.expect("DTLS 1.3");
    assert_eq!(asked.group, Some(NamedGroup::SECP384R1));
}

/// T-DOS-02: an answer is never longer than what it answers. A hello as short as that is a forgery,
/// or of a client that has nothing of what we need.
#[test]
fn t_dos_02_no_answer_longer_than_the_hello() {
    let mut bench = Bench::of(V::DTLS1_3);
    let first = bench.hello();
    let bare = change(&first, |hello| {
        let extensions = &mut hello.extensions;
        extensions.use_srtp = None;
        extensions.ec_point_formats = None;
        extensions.renegotiation_info = None;
        extensions.extended_master_secret = false;
        extensions.signature_algorithms = None;
        extensions.key_shares = Some(crate::wire::KeyShares::None);
    });
    assert!(bare.len() < 140, "{} bytes", bare.len());
    let outcome = bench.give(address(), &bare);
    assert!(
        matches!(outcome, Outcome::Dropped(Discard::ShortHello)),
        "{outcome:?}"
    );
}

/// What can't become a handshake is told at once, with an alert.
#[test]
fn a_hello_without_anything_in_common() {
    let mut bench = Bench::new(config(V::DTLS1_2), config(V::DTLS1_3));
    let first = bench.hello();
    let (ours, theirs) = (vec![V::DTLS1_3], vec![V::DTLS1_2]);
    let outcome = bench.give(address(), &first);
    let Outcome::Refused(error) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(error, Error::NoCommonVersion { ours, theirs });
}

/// Everything else is noise.
#[test]
fn t_dos_01_anything_but_a_hello() {
    let mut bench = Bench::of(V::DTLS1_3);
    let first = bench.hello();
    let noise = |outcome| matches!(outcome, Outcome::Dropped(Discard::UnprovenSender));
    assert!(noise(bench.give(address(), &[])));
    for length in 0..first.len() {
        assert!(noise(bench.give(address(), &first[..length])), "{length}");
    }
    for content_type in [
        ContentType::ALERT,
        ContentType::ACK,
        ContentType::APPLICATION_DATA,
        ContentType::CHANGE_CIPHER_SPEC,
    ] {
        let mut datagram = Vec::new();
        let other = Plaintext {
            content_type,
            ..record(&first)
        };
        plaintext::write(&other, &mut datagram);
        assert!(noise(bench.give(address(), &datagram)));
    }
    let mut other_epoch = first.clone();
    other_epoch[4] = 1;
    assert!(noise(bench.give(address(), &other_epoch)));
    let mut other_message = first;
    other_message[13] = HandshakeType::FINISHED.0;
    assert!(noise(bench.give(address(), &other_message)));
    assert_eq!(
        bench.proof.statistics().dropped,
        bench.proof.statistics().datagrams_received
    );
}

/// T-D13-04: a hello with a post-quantum share spans datagrams.
#[test]
fn t_d13_04_a_hello_in_fragments() {
    let both = || config(V::DTLS1_3).groups(&[NamedGroup::X25519MLKEM768]);
    let mut bench = Bench::new(both(), both());
    let parts = [bench.hello(), bench.hello()];
    let outcome = bench.give(address(), &parts[1]);
    assert!(matches!(outcome, Outcome::Incomplete), "{outcome:?}");
    let Outcome::Asked(mut request) = bench.give(address(), &parts[0]) else {
        panic!("not asked");
    };
    let result = bench.client.handle_datagram(bench.now, &mut request);
    assert_eq!(result, Ok(()));
    let parts = [bench.hello(), bench.hello()];
    let outcome = bench.give(address(), &parts[0]);
    assert!(matches!(outcome, Outcome::Incomplete), "{outcome:?}");
    let outcome = bench.give(address(), &parts[1]);
    assert!(matches!(outcome, Outcome::Proven(_)), "{outcome:?}");
    assert_eq!(bench.proof.statistics().incomplete, 2);
}

/// RFC 6066 §3: a server of several hosts knows which one is wanted before it answers.
#[test]
fn the_host_that_is_asked_for() {
    for version in VERSIONS {
        for name in [None, Some("a.example")] {
            let mut client = config(version);
            if let Some(name) = name {
                client = client.server_name(name);
            }
            let mut bench = Bench::new(client, config(version));
            let (second, _) = bench.second();
            let Outcome::Proven(hello) = bench.give(address(), &second) else {
                panic!("not proven");
            };
            assert_eq!(hello.server_name().as_deref(), name);
        }
    }
}
