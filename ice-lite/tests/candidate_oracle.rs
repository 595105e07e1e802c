//! T-API-05: candidates of an SDP as we and the crate `is`, an independent implementation, read them.
//!
//! Both take the same lines and read the same in them, but for these differences:
//!
//! - a foundation of more than 32 characters (RFC 8839 §5.1) is refused by us only,
//! - and so is TCP that is not passive (RFC 6544 §4.5), which a lite agent has no use for, or under TLS;
//! - `is` refuses a transport that is not all in lower or upper case;
//! - `is` refuses a line for extensions that say nothing to us: `raddr`, `rport`, and for UDP `tcptype`.

use std::net::SocketAddr;

use ice_lite::{Candidate, CandidateKind, Transport};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<u16>().prop_map(|number| number.to_string()),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        1 => select(vec!["0", "1", "65536", "-1", "4294967295", "4294967296", "x", "1.5"])
            .prop_map(str::to_owned),
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<std::net::IpAddr>().prop_map(|ip| ip.to_string()),
        1 => select(vec!["192.0.2.256", "host.local", "1::2::3", "0.0.0.0", "::ffff:192.0.2.1"])
            .prop_map(str::to_owned),
    ]
}

/// The words of a line, each as it should be or nearly so.
fn words() -> impl Strategy<Value = Vec<String>> {
    let word = |words: &'static [&'static str]| select(words).prop_map(str::to_owned);
    let head = (
        "candidate:[a-z0-9+/]{0,34}",
        number(),
        word(&["udp", "UDP", "tcp", "TCP", "Udp", "ssltcp", "tls", "sctp"]),
    );
    let middle = (number(), address(), number());
    let kind = (
        word(&["typ", "typ", "typ", "type"]),
        word(&["host", "srflx", "prflx", "relay", "guest"]),
    );
    let extension = prop_oneof![
        (Just("raddr".to_owned()), address()),
        (Just("rport".to_owned()), number()),
        (
            Just("tcptype".to_owned()),
            word(&["passive", "active", "so", "other"])
        ),
        (word(&["generation", "network-cost", "ufrag"]), number()),
    ];
    let extensions = prop::collection::vec(extension, 0..4);
    (head, middle, kind, extensions).prop_map(|(head, middle, kind, extensions)| {
        let mut words = vec![
            head.0, head.1, head.2, middle.0, middle.1, middle.2, kind.0, kind.1,
        ];
        words.extend(extensions.into_iter().flat_map(|(key, value)| [key, value]));
        words
    })
}

/// Whether we alone refuse a line with these words.
fn only_theirs(words: &[&str]) -> bool {
    let foundation = words[0].trim_start_matches("candidate:");
    let udp = words[2].eq_ignore_ascii_case("udp");
    let tcp = words[2].eq_ignore_ascii_case("tcp");
    let mut pairs = words[8..].chunks(2);
    // The first one counts for us, the last one for them.
    let passive = pairs.find(|pair| pair[0] == "tcptype") == Some(&["tcptype", "passive"]);
    foundation.len() > 32 || !(udp || tcp && passive)
}

/// Whether we alone take it.
fn only_ours(words: &[&str]) -> bool {
    let mixed = words[2] != words[2].to_lowercase() && words[2] != words[2].to_uppercase();
    let told = words[8..].chunks(2).any(|pair| match *pair {
        ["raddr", address] => address.parse::<std::net::IpAddr>().is_err(),
        ["rport", port] => port.parse::<u16>().is_err(),
        ["tcptype", kind] => !["passive", "active", "so"].contains(&kind),
        [_] => true,
        _ => false,
    });
    mixed || told
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
    fn t_api_05_candidates(words in words(), cut in prop::option::weighted(0.1, any::<Index>())) {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let words = &words[..cut.map_or(words.len(), |cut| cut.index(words.len()))];
        let line = words.join(" ");
        let ours = line.parse::<Candidate>();
        let theirs = is::Candidate::from_sdp_string(&line);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert!(words.len() >= 8);
                prop_assert_eq!(ours.address, theirs.addr());
                prop_assert_eq!(ours.priority, theirs.prio());
                let kind = match theirs.kind() {
                    is::CandidateKind::Host => CandidateKind::Host,
                    is::CandidateKind::PeerReflexive => CandidateKind::PeerReflexive,
                    is::CandidateKind::ServerReflexive => CandidateKind::ServerReflexive,
                    is::CandidateKind::Relayed => CandidateKind::Relayed,
                };
                prop_assert_eq!(ours.kind, kind);
                let transport = match theirs.proto() {
                    is::Protocol::Udp => Transport::Udp,
                    _ => Transport::Tcp,
                };
                prop_assert_eq!(ours.transport, transport);
            }
            (Ok(ours), Err(error)) => prop_assert!(only_ours(words), "{:?}: {}", ours, error),
            (Err(error), Ok(_)) => prop_assert!(only_theirs(words), "{:?}: {}", error, line),
            (Err(_), Err(_)) => {}
        }
    }

    /// What we write, they read.
    #[test]
    fn t_api_05_candidates_of_ours(address: SocketAddr, rank: u16, tcp: bool) {
        let ours = match tcp {
            true => Candidate::host_tcp(address, rank),
            false => Candidate::host(address, rank),
        };
        let theirs = is::Candidate::from_sdp_string(&ours.to_string());
        let theirs = theirs.map(|theirs| (theirs.addr(), theirs.prio(), theirs.kind()));
        let address = SocketAddr::new(address.ip(), address.port());
        let expected = (address, ours.priority, is::CandidateKind::Host);
        prop_assert_eq!(theirs.ok(), Some(expected));
    }
}
