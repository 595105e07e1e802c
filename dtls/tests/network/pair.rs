//! Two connections, a clock that only the bench moves, and the network between them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use dtls::crypto::{self, CryptoProvider};
use dtls::{
    Certificate, Config, ConfigBuilder, Connection, Error, Event, NamedGroup, PeerIdentity,
    ProtocolVersion, Role,
};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// What tests vary: the version, and whether the key exchange is post-quantum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flavour {
    pub(crate) version: ProtocolVersion,
    pub(crate) group: NamedGroup,
}

pub(crate) const FLAVOURS: [Flavour; 3] = [
    Flavour {
        version: ProtocolVersion::DTLS1_2,
        group: NamedGroup::X25519,
    },
    Flavour {
        version: ProtocolVersion::DTLS1_3,
        group: NamedGroup::X25519,
    },
    Flavour {
        version: ProtocolVersion::DTLS1_3,
        group: NamedGroup::X25519MLKEM768,
    },
];

/// One of the two ends, by its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Side {
    Client,
    Server,
}

use Side::{Client, Server};

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Client, Server];

    pub(crate) fn peer(self) -> Self {
        match self {
            Client => Server,
            Server => Client,
        }
    }
}

/// What the network does to a datagram: when each copy of it arrives, counted from now.
pub(crate) type Fate = Vec<Duration>;

/// Decides about the `n`th datagram of a side.
pub(crate) type Network = Box<dyn FnMut(Side, usize, &[u8]) -> Fate>;

/// A network that delivers everything after `delay`, in order.
pub(crate) fn ideal(delay: Duration) -> Network {
    Box::new(move |_, _, _| vec![delay])
}

/// An end and what it did.
pub(crate) struct End {
    pub(crate) connection: Connection,
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<Error>,
    /// Datagrams sent so far.
    pub(crate) sent: usize,
}

impl End {
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.info().is_some()
    }

    /// The application data received.
    pub(crate) fn received(&self) -> Vec<&[u8]> {
        let data = self.events.iter().filter_map(|event| match event {
            Event::ApplicationData(data) => Some(data.as_slice()),
            _ => None,
        });
        data.collect()
    }
}

/// A client, a server and the network between them.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    /// How late it is, for a network whose moods follow the clock.
    pub(crate) clock: Rc<Cell<Duration>>,
    ends: [End; 2],
    pub(crate) network: Network,
    /// Datagrams on their way, by time of arrival and order of sending.
    in_flight: BTreeMap<(Instant, u64), (Side, Vec<u8>)>,
    serial: u64,
    pub(crate) log: Vec<(Duration, Side, usize)>,
}

pub(crate) static PROVIDER: LazyLock<Arc<dyn CryptoProvider>> =
    LazyLock::new(crypto::default_provider);

static CERTIFICATES: LazyLock<[Arc<Certificate>; 2]> = LazyLock::new(|| {
    Side::BOTH.map(|_| Arc::new(Certificate::generate(&**PROVIDER).expect("certificate")))
});

/// The certificate of a side.
pub(crate) fn certificate(side: Side) -> Arc<Certificate> {
    Arc::clone(&CERTIFICATES[side as usize])
}

/// What a side expects of its peer.
pub(crate) fn expects(side: Side) -> PeerIdentity {
    PeerIdentity::Fingerprints(vec![certificate(side.peer()).fingerprint_sha256()])
}

/// The configuration for a flavour.
pub(crate) fn config(flavour: Flavour) -> ConfigBuilder {
    // RFC 8422 §5.1: in DTLS 1.2 the list names the curves of certificates too.
    let curves = [flavour.group, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    let groups = match flavour.version {
        ProtocolVersion::DTLS1_2 => &curves[..],
        _ => &curves[..1],
    };
    Config::builder(Arc::clone(&PROVIDER))
        .versions(&[flavour.version])
        .groups(groups)
}

impl Pair {
    /// Both ends with the same configuration, over an ideal network.
    pub(crate) fn new(config: ConfigBuilder) -> Self {
        Self::with([config.clone(), config], Side::BOTH.map(expects))
    }

    /// Ends with a configuration and an expectation each: the client's, then the server's.
    pub(crate) fn with(configs: [ConfigBuilder; 2], expected: [PeerIdentity; 2]) -> Self {
        Self::with_certificates(configs, Side::BOTH.map(certificate), expected)
    }

    /// Ends with certificates other than the usual ones.
    pub(crate) fn with_certificates(
        configs: [ConfigBuilder; 2],
        certificates: [Arc<Certificate>; 2],
        expected: [PeerIdentity; 2],
    ) -> Self {
        let now = Instant::now();
        let mut expected = expected.into_iter();
        let mut certificates = certificates.into_iter();
        let mut roles = [Role::Client, Role::Server].into_iter();
        let ends = configs.map(|config| {
            let config = Arc::new(config.build().expect("configuration"));
            let role = roles.next().expect("two");
            let certificate = certificates.next().expect("two");
            let expected = expected.next().expect("two");
            let connection = Connection::new(config, role, certificate, expected, now);
            let connection = connection.expect("connection");
            End {
                connection,
                events: Vec::new(),
                error: None,
                sent: 0,
            }
        });
        Self {
            now,
            start: now,
            clock: Rc::default(),
            ends,
            network: ideal(MS),
            in_flight: BTreeMap::new(),
            serial: 0,
            log: Vec::new(),
        }
    }

    pub(crate) fn end(&self, side: Side) -> &End {
        &self.ends[side as usize]
    }

    pub(crate) fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    pub(crate) fn connection(&mut self, side: Side) -> &mut Connection {
        &mut self.end_mut(side).connection
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.ends.iter().all(End::is_connected)
    }

    /// Takes out what the ends want to send and tell.
    pub(crate) fn flush(&mut self) {
        let mut buf = [0; 2048];
        self.clock.set(self.elapsed());
        for side in Side::BOTH {
            let end = &mut self.ends[side as usize];
            while let Some(length) = end.connection.poll_transmit(self.now, &mut buf) {
                let datagram = &buf[..length];
                self.log.push((self.now - self.start, side, length));
                for delay in (self.network)(side, end.sent, datagram) {
                    let arrival = (self.now + delay, self.serial);
                    self.in_flight
                        .insert(arrival, (side.peer(), datagram.to_vec()));
                    self.serial += 1;
                }
                end.sent += 1;
            }
            end.events
                .extend(std::iter::from_fn(|| end.connection.poll_event()));
        }
    }

    /// Lets the next thing happen: an arrival or a timeout. False if nothing will, or not before
    /// `limit`.
    pub(crate) fn step(&mut self, limit: Instant) -> bool {
        self.flush();
        let arrival = self.in_flight.first_key_value().map(|(key, _)| key.0);
        let timeouts = self.ends.iter().filter(|end| end.error.is_none());
        let timeout = timeouts
            .filter_map(|end| end.connection.poll_timeout())
            .min();
        let Some(next) = arrival.into_iter().chain(timeout).min() else {
            return false;
        };
        if next > limit {
            return false;
        }
        self.now = self.now.max(next);
        while let Some(entry) = self.in_flight.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (side, mut datagram) = entry.remove();
            self.deliver(side, &mut datagram);
        }
        for end in &mut self.ends {
            if end
                .connection
                .poll_timeout()
                .is_some_and(|timeout| timeout <= self.now)
            {
                let result = end.connection.handle_timeout(self.now);
                end.error = end.error.take().or(result.err());
            }
        }
        self.flush();
        true
    }

    /// Gives a side a datagram at once.
    pub(crate) fn deliver(&mut self, side: Side, datagram: &mut [u8]) {
        let end = &mut self.ends[side as usize];
        let result = end.connection.handle_datagram(self.now, datagram);
        end.error = end.error.take().or(result.err());
        self.flush();
    }

    /// Goes on until `done`, at most for `limit`. Returns whether it is done.
    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let limit = self.now + limit;
        self.flush();
        while !done(self) {
            if !self.step(limit) {
                return false;
            }
        }
        true
    }

    /// Goes on until both ends are connected, or 30 s are over.
    pub(crate) fn connect(&mut self) -> bool {
        self.run_until(Duration::from_secs(30), Self::is_connected)
    }

    /// Connects over an ideal network; `before` sees each datagram before its receiver does.
    pub(crate) fn connect_with(&mut self, mut before: impl FnMut(&mut Self, Side, &[u8])) {
        // Some rounds after the last datagram, for the ACKs that are due after a while.
        for _ in 0..5 {
            self.flush();
            while let Some(((arrival, _), (side, mut datagram))) = self.in_flight.pop_first() {
                self.now = self.now.max(arrival);
                before(self, side, &datagram);
                self.deliver(side, &mut datagram);
            }
            self.now += MS * 100;
            for end in &mut self.ends {
                end.connection.handle_timeout(self.now).expect("alive");
            }
        }
        assert!(self.is_connected());
    }

    /// Takes out what a side wants to send now, past the network.
    pub(crate) fn take_datagrams(&mut self, side: Side) -> Vec<Vec<u8>> {
        let taken = Rc::new(RefCell::new(Vec::new()));
        let taker = Rc::clone(&taken);
        let network = std::mem::replace(
            &mut self.network,
            Box::new(move |from, _, datagram| {
                taker.borrow_mut().push((from, datagram.to_vec()));
                vec![]
            }),
        );
        self.flush();
        self.network = network;
        let all = taken.take();
        all.into_iter()
            .filter(|(from, _)| *from == side)
            .map(|(_, datagram)| datagram)
            .collect()
    }

    /// Goes on for a time.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Fails unless both ends have the same keys for SRTP and data gets across both ways.
    pub(crate) fn check_connected(&mut self) {
        let errors = Side::BOTH.map(|side| self.end(side).error.clone());
        assert_eq!(errors, [None, None]);
        assert!(
            self.is_connected(),
            "after {:?}: {:?}",
            self.elapsed(),
            self.log
        );
        let [client, server] = Side::BOTH.map(|side| {
            let keys = self.end(side).connection.srtp_keying_material();
            keys.expect("SRTP keys").as_bytes().to_vec()
        });
        assert_eq!(client, server);
        self.network = ideal(MS);
        for side in Side::BOTH {
            let before = self.end(side.peer()).received().len();
            let now = self.now;
            self.connection(side)
                .send(now, b"hello")
                .expect("connected");
            let arrived = self.run_until(Duration::from_secs(1), |pair| {
                pair.end(side.peer()).received().len() > before
            });
            assert!(arrived, "data of {side:?}");
            assert_eq!(self.end(side.peer()).received()[before], b"hello");
        }
    }
}
