//! The events of `tracing`: a call's timeline, nothing secret, and nothing for noise.

mod support;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portcullis::{IceMode, Path};
use support::{Conditions, Terms, World, caller_address, exchange, server_address};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Lets one test run at a time: what is logged on another thread decides which events are looked at.
static ALONE: Mutex<()> = Mutex::new(());

/// Where lines go.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is logged, at the most talkative level, while `run` runs.
fn logged(run: impl FnOnce()) -> String {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("trace")
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let guard = subscriber.set_default();
    run();
    drop(guard);
    let bytes = log.0.lock().expect("no panic").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

/// A key log that keeps what it is told.
#[derive(Debug, Default)]
struct Secrets(Mutex<Vec<String>>);

impl dtls::KeyLog for Secrets {
    fn log(&self, line: &str) {
        let secret = line.split_whitespace().last().unwrap_or_default();
        let mut secrets = self.0.lock().expect("no panic");
        secrets.push(secret.to_owned());
    }
}

#[test]
fn a_call_from_its_making_to_its_close() {
    let _alone = ALONE.lock();
    let log = logged(|| {
        let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
        assert!(world.secure());
        let now = world.now;
        world.caller.session.close(now);
        world.run_for(Duration::from_secs(1));
    });
    let mut rest = log.as_str();
    for step in [
        "session made",
        "the peer's parameters are there",
        "path validated",
        "ICE connected",
        "DTLS handshake begun",
        "secured",
        "closed",
    ] {
        let at = rest
            .find(step)
            .unwrap_or_else(|| panic!("{step} is missing or early: {log}"));
        rest = &rest[at..];
    }
    assert!(log.contains("version=DTLS1_3"), "{log}");
}

/// T-API: neither ICE passwords nor secrets of DTLS, nor keys of SRTP, which are made of those.
#[test]
fn nothing_secret() {
    let _alone = ALONE.lock();
    let secrets = Arc::new(Secrets::default());
    let mut passwords = Vec::new();
    let log = logged(|| {
        let config = |ice, address| {
            let mut config = Terms::DEFAULT.config(ice, address);
            let keyed = config.dtls.to_builder().key_log(Arc::clone(&secrets) as _);
            config.dtls = Arc::new(keyed.build().expect("a configuration that works"));
            config
        };
        let now = Instant::now();
        let caller = config(IceMode::Controlling, caller_address());
        let server = config(IceMode::Lite, server_address());
        let [mut caller, mut server] = support::connected(now, caller, server);
        for side in [&caller, &server] {
            passwords.push(side.local_parameters().credentials.password().to_owned());
        }
        for round in 0..20 {
            let now = now + Duration::from_millis(60 * round);
            exchange(now, &mut caller, &mut server);
        }
    });
    assert!(log.contains("secured"), "{log}");
    let secrets = secrets.0.lock().expect("no panic");
    assert!(secrets.len() >= 4 && passwords.len() >= 2);
    for secret in secrets.iter().chain(&passwords) {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

/// What nobody vouches for makes no line, so that an attack can't fill a log.
#[test]
fn nothing_for_noise() {
    let _alone = ALONE.lock();
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let path = Path::udp(server_address(), ([192, 0, 2, 99], 9).into());
    let log = logged(|| {
        for number in 0..2000_u32 {
            for first in [0, 1, 20, 22, 23, 32, 63, 80, 128, 191, 200] {
                let mut datagram = [0; 60];
                datagram[..4].copy_from_slice(&number.to_be_bytes());
                datagram[0] = first;
                let now = world.now;
                let session = &mut world.server.session;
                let received = session.handle_datagram(now, path, &mut datagram);
                assert!(received.is_ok(), "{received:?}");
            }
        }
    });
    assert_eq!(log, "");
}
