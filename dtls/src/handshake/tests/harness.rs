//! The bench: ends, messages, scripted meddling.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use super::super::{Handshake, Layers, Message};
use crate::certificate::Certificate;
use crate::config::{Config, ConfigBuilder, PeerIdentity, RetransmitConfig, Role};
use crate::crypto::{CryptoProvider, default_provider};
use crate::error::Error;
use crate::event::Event;
use crate::fingerprint::Fingerprint;
use crate::flight::Flights;
use crate::record::RecordLayer;
use crate::wire::{
    AlertDescription, ClientHello, EncryptedExtensions, HandshakeType, ProtocolVersion, Reader,
    ServerExtensions, ServerHello, Wire, Writer,
};

pub(super) const VERSIONS: [ProtocolVersion; 2] =
    [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3];

pub(super) static PROVIDER: LazyLock<Arc<dyn CryptoProvider>> = LazyLock::new(default_provider);

static CERTIFICATES: LazyLock<[Arc<Certificate>; 2]> = LazyLock::new(|| {
    [(); 2].map(|()| Arc::new(Certificate::generate(&**PROVIDER).expect("certificate")))
});

pub(super) fn certificate(role: Role) -> Arc<Certificate> {
    Arc::clone(&CERTIFICATES[role as usize])
}

pub(super) fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// The defaults with a single version.
pub(super) fn config(version: ProtocolVersion) -> ConfigBuilder {
    both_versions().versions(&[version])
}

pub(super) fn both_versions() -> ConfigBuilder {
    Config::builder(Arc::clone(&PROVIDER))
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) message_type: HandshakeType,
    pub(super) message_seq: u16,
    pub(super) body: Vec<u8>,
}

impl Sent {
    pub(super) fn new<'a>(message_type: HandshakeType, message: &impl Wire<'a>) -> Self {
        let mut body = Vec::new();
        message.write(&mut Writer::new(&mut body));
        Self {
            message_type,
            message_seq: 0,
            body,
        }
    }

    /// Reads the message, lets `change` change it, and writes it again.
    pub(super) fn change<'a, T: Wire<'a>>(&'a self, change: impl FnOnce(&mut T)) -> Self {
        let mut message: T = Reader::read_exact(&self.body).expect("a message of ours");
        change(&mut message);
        Self {
            message_seq: self.message_seq,
            ..Self::new(self.message_type, &message)
        }
    }
}

/// One handshake with the layers it works on.
pub(super) struct End {
    pub(super) handshake: Handshake,
    pub(super) events: VecDeque<Event>,
    pub(super) warning: Option<AlertDescription>,
    config: Arc<Config>,
    flights: Flights,
    records: RecordLayer,
    taken: usize,
}

impl End {
    pub(super) fn new(role: Role, config: ConfigBuilder, peer: PeerIdentity) -> Self {
        let config = Arc::new(config.build().expect("configuration"));
        let handshake = Handshake::new(&config, role, certificate(role).into(), peer);
        let mut end = Self {
            handshake: handshake.expect("handshake"),
            events: VecDeque::new(),
            warning: None,
            config,
            flights: Flights::new(RetransmitConfig::default()),
            records: RecordLayer::new(default_provider()),
            taken: 0,
        };
        end.with_layers(|handshake, layers| handshake.start(layers))
            .expect("start");
        end
    }

    fn with_layers<T>(&mut self, call: impl FnOnce(&mut Handshake, Layers<'_>) -> T) -> T {
        let layers = Layers {
            now: Instant::now(),
            config: &self.config,
            flights: &mut self.flights,
            records: &mut self.records,
            events: &mut self.events,
            warning: &mut self.warning,
        };
        call(&mut self.handshake, layers)
    }

    pub(super) fn receive(&mut self, sent: &Sent) -> Result<(), Error> {
        let &Sent {
            message_type,
            message_seq,
            ref body,
        } = sent;
        // Keys are installed but no record ever comes under them, which the record layer would
        // find strange at the next installation.
        self.records = RecordLayer::new(default_provider());
        let message = Message {
            message_type,
            message_seq,
            body,
        };
        self.with_layers(|handshake, layers| handshake.handle_message(&message, layers))
    }

    pub(super) fn set_fingerprints(&mut self, given: Vec<Fingerprint>) -> Result<(), Error> {
        self.with_layers(|handshake, layers| handshake.set_peer_fingerprints(given, layers))
    }

    /// The messages sent since the last call.
    pub(super) fn take(&mut self) -> Vec<Sent> {
        let all = self
            .flights
            .messages()
            .map(|(message_type, message_seq, body)| Sent {
                message_type,
                message_seq,
                body: body.to_vec(),
            });
        let new: Vec<_> = all
            .filter(|sent| usize::from(sent.message_seq) >= self.taken)
            .collect();
        self.taken += new.len();
        new
    }

    pub(super) fn is_established(&self) -> bool {
        self.handshake.established().is_some()
    }
}

/// Both ends.
pub(super) struct Pair {
    pub(super) ends: [End; 2],
}

impl Pair {
    pub(super) fn new(config: ConfigBuilder) -> Self {
        Self::with([config.clone(), config])
    }

    /// The client's configuration, then the server's.
    pub(super) fn with([client, server]: [ConfigBuilder; 2]) -> Self {
        let end = |role, config| End::new(role, config, expects(role));
        Self {
            ends: [end(Role::Client, client), end(Role::Server, server)],
        }
    }

    pub(super) fn end(&mut self, role: Role) -> &mut End {
        &mut self.ends[role as usize]
    }

    /// Goes on until nothing is said any more or one end fails, which is told with its error.
    /// `meddle` may change what `role` is about to receive.
    pub(super) fn run(&mut self, mut meddle: impl FnMut(Role, &mut Vec<Sent>)) -> Outcome {
        loop {
            let mut quiet = true;
            for role in [Role::Server, Role::Client] {
                let mut flight = self.end(other(role)).take();
                meddle(role, &mut flight);
                for sent in flight {
                    quiet = false;
                    self.end(role)
                        .receive(&sent)
                        .map_err(|error| (role, error))?;
                }
            }
            if quiet {
                return Ok(());
            }
        }
    }

    /// As [`Pair::run`], where `change` looks at single messages on their way to `victim`.
    pub(super) fn run_with(
        &mut self,
        victim: Role,
        message_type: HandshakeType,
        change: impl Fn(&Sent) -> Sent,
    ) -> Outcome {
        self.run(|role, flight| {
            for sent in flight.iter_mut() {
                if role == victim && sent.message_type == message_type {
                    *sent = change(sent);
                }
            }
        })
    }

    pub(super) fn is_established(&self) -> bool {
        self.ends.iter().all(End::is_established)
    }
}

/// The right fingerprint of the peer.
pub(super) fn expects(role: Role) -> PeerIdentity {
    PeerIdentity::Fingerprints(vec![certificate(other(role)).fingerprint_sha256()])
}

pub(super) type Outcome = Result<(), (Role, Error)>;

/// A handshake whose ClientHello is changed.
pub(super) fn with_client_hello(
    config: ConfigBuilder,
    change: fn(&mut ClientHello<'_>),
) -> Outcome {
    let change = |sent: &Sent| sent.change::<ClientHello<'_>>(change);
    Pair::new(config).run_with(Role::Server, HandshakeType::CLIENT_HELLO, change)
}

/// A handshake whose ServerHello is changed.
pub(super) fn with_server_hello(
    config: ConfigBuilder,
    change: fn(&mut ServerHello<'_>),
) -> Outcome {
    let change = |sent: &Sent| sent.change::<ServerHello<'_>>(change);
    Pair::new(config).run_with(Role::Client, HandshakeType::SERVER_HELLO, change)
}

/// A handshake in which the server's answers to use_srtp and ALPN are changed, in whichever
/// message the version has them.
pub(super) fn with_answers<'a>(
    config: ConfigBuilder,
    change: impl Fn(&mut ServerExtensions<'a>),
) -> Outcome {
    Pair::new(config).run(|role, flight| {
        for sent in flight.iter_mut().filter(|_| role == Role::Client) {
            let mut answers = ServerExtensions::default();
            change(&mut answers);
            match sent.message_type {
                HandshakeType::ENCRYPTED_EXTENSIONS => {
                    *sent = sent.change::<EncryptedExtensions<'_>>(|m| m.extensions = answers);
                }
                HandshakeType::SERVER_HELLO => {
                    *sent = sent.change::<ServerHello<'_>>(|m| {
                        if m.extensions.selected_version.is_none() {
                            m.extensions.use_srtp = answers.use_srtp;
                            m.extensions.alpn = answers.alpn;
                            m.extensions.record_size_limit = answers.record_size_limit;
                        }
                    });
                }
                _ => {}
            }
        }
    })
}

pub(super) fn client(error: Error) -> Outcome {
    Err((Role::Client, error))
}

pub(super) fn server(error: Error) -> Outcome {
    Err((Role::Server, error))
}

/// The outcome if both go on with a ClientHello that was changed on its way: whoever checks the
/// first signature over the transcript finds out.
pub(super) fn signature_fails(version: ProtocolVersion) -> Outcome {
    match version {
        ProtocolVersion::DTLS1_2 => server(Error::BadSignature),
        _ => client(Error::BadSignature),
    }
}
