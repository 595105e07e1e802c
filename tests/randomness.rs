//! T-CRY-09: nothing that should be random is the same twice, and no feature of a build makes it so.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use dtls::crypto::default_provider;
use dtls::{Certificate, Config, Connection, PeerIdentity, ProtocolVersion, Role};
use portcullis::{LocalParameters, Session, SessionConfig};

const TIMES: usize = 50;

/// Random bytes and what follows them, the key shares, of the ClientHellos of connections that share everything.
#[test]
fn t_cry_09_client_hellos_share_no_random_bytes() {
    /// After the heads of the record and the message and the version.
    const RANDOM: std::ops::Range<usize> = 27..59;
    let provider = default_provider();
    let certificate = Arc::new(Certificate::generate(&*provider).expect("a certificate"));
    for version in [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3] {
        let config = Config::builder(Arc::clone(&provider)).versions(&[version]);
        let config = Arc::new(config.build().expect("a configuration that works"));
        let now = Instant::now();
        let mut randoms = BTreeSet::new();
        for _ in 0..TIMES {
            let (ours, peer) = (Arc::clone(&certificate), PeerIdentity::DangerousAny);
            let client = Connection::new(Arc::clone(&config), Role::Client, ours, peer, now);
            let mut client = client.expect("a client");
            let mut buf = [0; 1500];
            let length = client.poll_transmit(now, &mut buf).expect("a ClientHello");
            randoms.insert(buf[..length][RANDOM].to_vec());
        }
        assert_eq!(randoms.len(), TIMES, "{version:?}");
        let halves = randoms.iter().flat_map(|random| random.chunks(16));
        assert_eq!(halves.collect::<BTreeSet<_>>().len(), 2 * TIMES);
    }
}

/// Names and passwords of ICE, fingerprints and so keys of sessions that share their configuration.
#[test]
fn t_cry_09_sessions_share_no_secrets() {
    let config = Config::new(default_provider()).expect("a configuration that works");
    let config = Arc::new(SessionConfig::new(Arc::new(config)));
    let told = [(); TIMES].map(|()| {
        let session = Session::new(Arc::clone(&config), Instant::now()).expect("random bytes");
        session.local_parameters()
    });
    let kinds: [fn(&LocalParameters) -> String; 4] = [
        |told| told.credentials.ufrag().to_owned(),
        |told| told.credentials.password().to_owned(),
        |told| format!("{:?}", told.fingerprints),
        |told| told.tls_id.clone(),
    ];
    for kind in kinds {
        let values: BTreeSet<_> = told.iter().map(kind).collect();
        assert_eq!(values.len(), TIMES, "{values:?}");
    }
}

/// Whoever adds a feature to a library comes by here, and thinks of whether it makes random bytes predictable.
#[test]
fn t_cry_09_no_feature_makes_random_bytes_predictable() {
    let manifests = [
        // The providers are those of `dtls`, whose randomness is the operating system's.
        (
            include_str!("../Cargo.toml"),
            &["default", "aws-lc-rs", "rust-crypto", "tokio"][..],
        ),
        (
            include_str!("../dtls/Cargo.toml"),
            &["default", "aws-lc-rs", "rust-crypto", "rcgen"],
        ),
        (include_str!("../ice-lite/Cargo.toml"), &[]),
        (include_str!("../srtp/Cargo.toml"), &[]),
    ];
    for (manifest, known) in manifests {
        let section = manifest.split_once("\n[features]\n").map(|(_, rest)| rest);
        let section = section
            .and_then(|rest| rest.split("\n[").next())
            .unwrap_or_default();
        let names = section.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<&str> = names
            .filter_map(|line| line.split_once(" = "))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, known);
    }
}
