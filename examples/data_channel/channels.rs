//! Data channels over a session's records: SCTP by `sctp-proto`, opened by DCEP (RFC 8832).

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use portcullis::{Context, SendError, dtls};
use sctp_proto::{
    Association, AssociationHandle, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppid, ReliabilityType, ServerConfig, StreamEvent, TransportConfig,
};

/// The largest message accepted or sent: the `a=max-message-size` of the SDP.
pub(crate) const MAX_MESSAGE: u32 = 262_144;

/// How much may wait to be sent on one channel. While more is waiting, nothing is read from it:
/// SCTP's receive window closes, and the peer waits.
const HIGH_WATER: usize = 1 << 20;

/// Reading resumes once no more than this is left.
const LOW_WATER: usize = 1 << 18;

/// The data in one packet: 1280 bytes, which every IPv6 path carries, minus the headers of IPv6, UDP,
/// DTLS and SCTP, and what a TURN server may add.
const MAX_DATA: u32 = 1280 - 40 - 8 - 37 - 4 - 28;

/// The messages of DCEP (RFC 8832 §8.2.1).
const OPEN: u8 = 3;
const ACK: u8 = 2;

/// The peer's address as SCTP sees it. Over DTLS there is just one peer, so any address does.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

/// A message, or the opening of a channel.
#[derive(Debug)]
pub(crate) enum Heard {
    Opened {
        channel: u16,
        label: String,
    },
    Message {
        channel: u16,
        text: bool,
        data: Vec<u8>,
    },
}

/// The data channels of one call. The peer opens them.
pub(crate) struct Channels {
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Association)>,
    /// Channels that may have something to read.
    readable: BTreeSet<u16>,
    /// Packets for which DTLS had no room yet.
    waiting: VecDeque<Bytes>,
}

impl Channels {
    pub(crate) fn new() -> Self {
        let mut endpoint = EndpointConfig::new();
        endpoint.max_payload_size(MAX_DATA);
        let transport = TransportConfig::default()
            .with_max_send_message_size(MAX_MESSAGE)
            .with_max_receive_message_size(MAX_MESSAGE)
            // As in browsers: the usual one and three seconds are a long wait for a lost packet.
            .with_rto_initial_ms(500)
            .with_rto_min_ms(400);
        let mut server = ServerConfig::new();
        server.transport = Arc::new(transport);
        Self {
            endpoint: Endpoint::new(Arc::new(endpoint), Some(Arc::new(server))),
            association: None,
            readable: BTreeSet::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Handles a record from the peer.
    pub(crate) fn handle_record(&mut self, now: Instant, record: Vec<u8>) {
        match self.endpoint.handle(now, PEER, None, None, record.into()) {
            Some((handle, DatagramEvent::NewAssociation(new))) => {
                self.association = Some((handle, new));
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => match &mut self.association {
                Some((current, association)) if *current == handle => {
                    association.handle_event(event);
                }
                _ => {}
            },
            None => {}
        }
    }

    /// When [`Channels::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.association.as_ref()?.1.poll_timeout()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, association)) = &mut self.association {
            association.handle_timeout(now);
        }
    }

    /// The next message, from a channel whose send queue is not full.
    pub(crate) fn poll(&mut self) -> Option<Heard> {
        let (_, association) = self.association.as_mut()?;
        while let Some(event) = association.poll() {
            match event {
                Event::Stream(
                    StreamEvent::Readable { id } | StreamEvent::BufferedAmountLow { id },
                ) => {
                    self.readable.insert(id);
                }
                Event::AssociationLost { reason } => eprintln!("data channels: {reason}"),
                _ => {}
            }
        }
        while let Some(&channel) = self.readable.first() {
            match next(association, channel) {
                Some((Ppid::Dcep, data)) => {
                    if let Some(label) = accept(association, channel, &data) {
                        return Some(Heard::Opened { channel, label });
                    }
                }
                Some((kind, data)) => {
                    let text = matches!(kind, Ppid::String | Ppid::StringEmpty);
                    let empty = matches!(kind, Ppid::StringEmpty | Ppid::BinaryEmpty);
                    let data = if empty { Vec::new() } else { data };
                    return Some(Heard::Message {
                        channel,
                        text,
                        data,
                    });
                }
                None => {
                    self.readable.remove(&channel);
                }
            }
        }
        None
    }

    /// Queues a message.
    pub(crate) fn send(
        &mut self,
        channel: u16,
        text: bool,
        data: &[u8],
    ) -> Result<(), sctp_proto::Error> {
        let (_, association) = self
            .association
            .as_mut()
            .ok_or(sctp_proto::Error::ErrStreamClosed)?;
        // RFC 8831 §6.6: SCTP has no empty messages; one byte and the kind stand for them.
        let (kind, data) = match (text, data.is_empty()) {
            (true, false) => (Ppid::String, data),
            (true, true) => (Ppid::StringEmpty, &[0][..]),
            (false, false) => (Ppid::Binary, data),
            (false, true) => (Ppid::BinaryEmpty, &[0][..]),
        };
        association.stream(channel)?.write_with_ppi(data, kind)?;
        Ok(())
    }

    /// Hands the session all that SCTP has to send, or as much as DTLS accepts now: call it again once
    /// that has been sent.
    pub(crate) fn transmit(&mut self, cx: &mut Context<'_>) {
        let now = cx.now();
        let session = cx.session_mut();
        loop {
            if self.waiting.is_empty() {
                let transmit = match &mut self.association {
                    Some((_, association)) => association.poll_transmit(now),
                    None => None,
                };
                match transmit
                    .or_else(|| self.endpoint.poll_transmit())
                    .map(|it| it.payload)
                {
                    Some(Payload::RawEncode(packets)) => self.waiting.extend(packets),
                    _ => return,
                }
            }
            while let Some(packet) = self.waiting.front() {
                match session.send_application_data(now, packet) {
                    Err(SendError::Dtls(dtls::SendError::QueueFull)) => return,
                    // Anything else that is refused looks to SCTP like a loss in the network.
                    _ => drop(self.waiting.pop_front()),
                }
            }
        }
    }
}

/// The next message on a channel, unless its send queue is full.
fn next(association: &mut Association, channel: u16) -> Option<(Ppid, Vec<u8>)> {
    let mut stream = association.stream(channel).ok()?;
    if stream.buffered_amount().ok()? > HIGH_WATER {
        return None;
    }
    let message = stream.read_sctp().ok()??;
    let mut data = vec![0; message.len()];
    message.read(&mut data).ok()?;
    Some((message.ppi, data))
}

/// Answers a request to open a channel and returns its label; `None` for other DCEP messages.
fn accept(association: &mut Association, channel: u16, message: &[u8]) -> Option<String> {
    // RFC 8832 §5.1: message type, channel type, priority, reliability parameter, and the lengths of
    // label and protocol.
    let (&[OPEN, kind, _, _, p0, p1, p2, p3, l0, l1, _, _], rest) = message.split_first_chunk()?
    else {
        return None;
    };
    let label = rest.get(..usize::from(u16::from_be_bytes([l0, l1])))?;
    let parameter = u32::from_be_bytes([p0, p1, p2, p3]);
    let mut stream = association.stream(channel).ok()?;
    let reliability = ReliabilityType::from(kind & 0x7f);
    stream
        .set_reliability_params(kind & 0x80 != 0, reliability, parameter)
        .ok()?;
    stream.set_buffered_amount_low_threshold(LOW_WATER).ok()?;
    stream.write_with_ppi(&[ACK], Ppid::Dcep).ok()?;
    Some(String::from_utf8_lossy(label).into_owned())
}
