//! The proof of a client's address, for servers without ICE (RFC 6347 §4.2.1, RFC 9147 §5.1).

mod cookie;
mod fragments;
mod judge;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use self::cookie::{Claims, Cookies};
use self::fragments::{Fragments, MAX_HELLO};
use self::judge::{Judgement, Received};
use crate::config::Config;
use crate::error::Error;
use crate::flight::read_fragment;
use crate::handshake::{Asked, Message, server_name};
use crate::record::RecordNumber;
use crate::record::plaintext::{self, Plaintext};
use crate::stats::Discard;
use crate::wire::handshake::{HEADER, Header};
use crate::wire::{AlertLevel, ClientHello, ContentType, HandshakeType, Reader};

/// Demands of clients that they prove to receive at their address, before there is anything that
/// one could call a connection.
///
/// A server that knows its clients' addresses from ICE has no need of this. One without ICE gives
/// it all datagrams that belong to none of its connections. It answers a ClientHello with
/// a HelloVerifyRequest (DTLS 1.2) or a HelloRetryRequest (DTLS 1.3); when the client comes back
/// with the cookie, [`Verdict::Proven`] is what [`Connection::accept`](crate::Connection::accept)
/// makes a connection of.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Instant;
/// # use dtls::{AddressProof, Certificate, Config, Connection, PeerIdentity, Role, Verdict, crypto};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let provider = crypto::default_provider();
/// # let config = Arc::new(Config::new(Arc::clone(&provider))?);
/// # let certificate = Arc::new(Certificate::generate(&*provider)?);
/// # let now = Instant::now();
/// # let (role, anyone) = (Role::Client, PeerIdentity::DangerousAny);
/// # let mut client = Connection::new(Arc::clone(&config), role, Arc::clone(&certificate), anyone, now)?;
/// # let mut buf = [0; 1500];
/// # let mut hello = |client: &mut Connection| {
/// #     std::iter::from_fn(|| client.poll_transmit(now, &mut buf).map(|length| buf[..length].to_vec()))
/// #         .collect::<Vec<_>>()
/// # };
/// let mut proof = AddressProof::new(Arc::clone(&config), now)?;
/// let address = "192.0.2.1:5000".parse()?;
/// # let mut server = None;
/// # let mut answers = Vec::new();
/// # for _ in 0..2 {
/// # for datagram in hello(&mut client) {
/// // For each datagram from an address without a connection:
/// match proof.handle_datagram(now, address, &datagram) {
///     Verdict::Dropped(_) | Verdict::Incomplete => {}
///     Verdict::Ask(answer) => answers.push(answer.to_vec()), // to be sent to the address
///     Verdict::Refused { alert, error } => println!("{address}: {error}, alert {alert:x?}"),
///     Verdict::Proven(hello) => {
///         let peer = PeerIdentity::DangerousAny;
///         let (config, certificate) = (Arc::clone(&config), Arc::clone(&certificate));
///         server = Some(Connection::accept(config, certificate, peer, hello, now)?);
///     }
/// }
/// # }
/// # for mut answer in answers.drain(..) { client.handle_datagram(now, &mut answer)?; }
/// # }
/// # assert!(server.is_some());
/// # Ok(())
/// # }
/// ```
///
/// # What it keeps
///
/// Nothing about a client: all that the second ClientHello needs is in the cookie, which is bound
/// by a MAC to the client's address and to the first ClientHello. Keys change every minute, and
/// a cookie is good for one to two. A ClientHello in fragments (a post-quantum share makes it
/// longer than a datagram) is put together in about a mebibyte that all clients share, allocated
/// at the start.
///
/// # What it sends
///
/// At most one datagram for a ClientHello, never longer than the datagrams that brought it. No key
/// exchange is computed and nothing is signed before the proof.
pub struct AddressProof {
    config: Arc<Config>,
    cookies: Cookies,
    fragments: Fragments,
    /// The datagram to send.
    answer: Vec<u8>,
    statistics: AddressProofStatistics,
}

/// What is to be done about a datagram.
#[derive(Debug)]
#[must_use]
pub enum Verdict<'a> {
    /// Nothing: it is noise.
    Dropped(Discard),
    /// Nothing yet: it is a part of a ClientHello.
    Incomplete,
    /// Send this datagram to the client. It asks for a cookie.
    Ask(&'a [u8]),
    /// Send this datagram to the client. No handshake can come of its ClientHello.
    Refused {
        /// The datagram.
        alert: &'a [u8],
        /// What is wrong.
        error: Error,
    },
    /// The client is where it says it is: [`Connection::accept`](crate::Connection::accept).
    Proven(ProvenHello),
}

/// A ClientHello whose sender proved its address. Only [`AddressProof`] makes one.
pub struct ProvenHello {
    pub(crate) address: SocketAddr,
    pub(crate) message_seq: u16,
    pub(crate) body: Vec<u8>,
    /// The number of the (last) record that it came in.
    pub(crate) record: RecordNumber,
    pub(crate) asked: Option<Asked>,
}

impl ProvenHello {
    /// The host that the client asks for (RFC 6066 §3), as the client wrote it, before anything is
    /// answered: for a server that has several configurations or certificates to choose from. It has
    /// nothing but visible ASCII characters, and is no more than a wish.
    #[must_use]
    pub fn server_name(&self) -> Option<String> {
        let hello = Reader::read_exact::<ClientHello<'_>>(&self.body).ok()?;
        server_name(hello.extensions.server_name)
    }
}

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressProofStatistics {
    /// Datagrams given to [`AddressProof::handle_datagram`].
    pub datagrams_received: u64,
    /// Requests for a cookie.
    pub asked: u64,
    /// Alerts for a ClientHello of which no handshake can come.
    pub refused: u64,
    /// Proven addresses.
    pub proven: u64,
    /// Datagrams of which only a part of a ClientHello was kept.
    pub incomplete: u64,
    /// Datagrams dropped as noise.
    pub dropped: u64,
}

/// Where a whole ClientHello stood.
#[derive(Clone, Copy, Debug)]
struct Place {
    address: SocketAddr,
    record: RecordNumber,
    message_seq: u16,
}

impl AddressProof {
    /// A proof for connections of this configuration.
    ///
    /// # Errors
    /// [`Error::Crypto`] if there are no random bytes for the keys.
    pub fn new(config: Arc<Config>, now: Instant) -> Result<Self, Error> {
        Ok(Self {
            cookies: Cookies::new(&*config.provider, now)?,
            fragments: Fragments::new(),
            answer: Vec::new(),
            statistics: AddressProofStatistics::default(),
            config,
        })
    }

    /// Judges a datagram from an address without a connection.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        address: SocketAddr,
        datagram: &[u8],
    ) -> Verdict<'_> {
        self.statistics.datagrams_received += 1;
        self.cookies.rotate(&*self.config.provider, now);
        let mut rest = datagram;
        let (mut uncounted, mut kept) = (datagram.len(), false);
        while let Some(record) = plaintext::read(&mut rest) {
            if record.content_type != ContentType::HANDSHAKE {
                break;
            }
            let mut reader = Reader::new(record.content);
            while let Ok((header, data)) = read_fragment(&mut reader) {
                if header.msg_type != HandshakeType::CLIENT_HELLO {
                    return self.drop(Discard::UnprovenSender);
                }
                let place = Place {
                    address,
                    record: record.number,
                    message_seq: header.message_seq,
                };
                if header.length == header.fragment_length {
                    return self.judge(place, data, datagram.len());
                }
                if header.length as usize > MAX_HELLO {
                    return self.drop(Discard::NoRoom);
                }
                kept = true;
                let received = std::mem::take(&mut uncounted);
                let whole = self.fragments.add(address, &header, data, received);
                if let Some((body, received)) = whole.map(|w| (w.body.to_vec(), w.received)) {
                    return self.judge(place, &body, received);
                }
            }
        }
        if !kept {
            return self.drop(Discard::UnprovenSender);
        }
        self.statistics.incomplete += 1;
        Verdict::Incomplete
    }

    /// Counters since the start.
    #[must_use]
    pub fn statistics(&self) -> &AddressProofStatistics {
        &self.statistics
    }

    fn drop(&mut self, reason: Discard) -> Verdict<'_> {
        self.statistics.dropped += 1;
        Verdict::Dropped(reason)
    }

    /// Judges a whole ClientHello, which came in datagrams of `received` bytes.
    fn judge(&mut self, place: Place, body: &[u8], received: usize) -> Verdict<'_> {
        let message = Message {
            message_type: HandshakeType::CLIENT_HELLO,
            message_seq: place.message_seq,
            body,
        };
        let hello = Received {
            address: place.address,
            message,
        };
        let judgement = judge::judge(&hello, &self.config, &self.cookies);
        let error = match judgement {
            Ok(Judgement::Proven(claims)) => {
                self.statistics.proven += 1;
                return Verdict::Proven(ProvenHello::new(place, body, claims));
            }
            Ok(Judgement::Ask(message_type, body)) => {
                self.write_message(place, message_type, &body);
                None
            }
            Err(error) => {
                self.write_alert(place, &error);
                Some(error)
            }
        };
        // RFC 9147 §5.1: somebody who never asked must not be sent more than was sent in their name.
        if self.answer.is_empty() || self.answer.len() > received {
            return self.drop(Discard::ShortHello);
        }
        match error {
            None => {
                self.statistics.asked += 1;
                Verdict::Ask(&self.answer)
            }
            Some(error) => {
                self.statistics.refused += 1;
                let alert = &self.answer;
                Verdict::Refused { alert, error }
            }
        }
    }

    fn write_message(&mut self, place: Place, msg_type: HandshakeType, body: &[u8]) {
        let length = body.len() as u32;
        let header = Header {
            msg_type,
            length,
            // Message n of the server answers message n of the client.
            message_seq: place.message_seq,
            fragment_offset: 0,
            fragment_length: length,
        };
        let mut content = Vec::with_capacity(HEADER + body.len());
        content.extend_from_slice(&header.to_bytes());
        content.extend_from_slice(body);
        self.write_record(place, ContentType::HANDSHAKE, &content);
    }

    fn write_alert(&mut self, place: Place, error: &Error) {
        self.answer.clear();
        if let Some(description) = error.alert() {
            let content = [AlertLevel::FATAL.0, description.0];
            self.write_record(place, ContentType::ALERT, &content);
        }
    }

    fn write_record(&mut self, place: Place, content_type: ContentType, content: &[u8]) {
        // RFC 6347 §4.2.1: the record number of the ClientHello, as none is kept.
        let record = Plaintext {
            content_type,
            number: place.record,
            content,
        };
        self.answer.clear();
        plaintext::write(&record, &mut self.answer);
    }
}

impl ProvenHello {
    fn new(place: Place, body: &[u8], claims: Claims) -> Self {
        Self {
            address: place.address,
            message_seq: place.message_seq,
            body: body.to_vec(),
            record: place.record,
            asked: claims.asked,
        }
    }

    /// The address that was proven.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Debug for AddressProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressProof")
            .field("statistics", &self.statistics)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ProvenHello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvenHello")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
