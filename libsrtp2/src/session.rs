//! A session: streams by SSRC, and a template for all others.

use std::collections::BTreeMap;

use srtp::{Kind, Receiver, Sender};

use crate::events::Events;
use crate::packet::{self, Packet};
use crate::policy::{Policy, Selector};
use crate::status::Status;
use crate::stream::{MkiIndex, Stream};

/// Which stream of a session: that of an SSRC with a policy of its own, or the template.
pub(crate) type StreamKey = Option<u32>;

/// What stands behind an `srtp_t`.
#[derive(Default)]
pub(crate) struct Session {
    streams: BTreeMap<u32, Stream>,
    template: Option<Stream>,
}

impl Session {
    /// Adds the streams of a policy.
    pub(crate) fn add(&mut self, policy: Policy) -> Result<(), Status> {
        match policy.selector {
            Selector::Specific(ssrc) => match self.streams.get_mut(&ssrc) {
                // A second policy for an SSRC takes the place of the first; what was sent stays sent.
                Some(stream) => stream.update(policy)?,
                None => {
                    self.streams.insert(ssrc, Stream::new(policy)?);
                }
            },
            Selector::AnyInbound | Selector::AnyOutbound => {
                if self.template.is_some() {
                    return Err(Status::BAD_PARAM);
                }
                self.template = Some(Stream::new(policy)?);
            }
        }
        Ok(())
    }

    /// Gives the streams of a policy that one; their indexes go on.
    pub(crate) fn update(&mut self, policy: Policy) -> Result<(), Status> {
        let stream = match policy.selector {
            Selector::Specific(ssrc) => self.streams.get_mut(&ssrc),
            Selector::AnyInbound | Selector::AnyOutbound => self.template.as_mut(),
        };
        stream.ok_or(Status::BAD_PARAM)?.update(policy)
    }

    /// Removes the stream of an SSRC.
    pub(crate) fn remove(&mut self, ssrc: u32) -> Result<(), Status> {
        if self.streams.remove(&ssrc).is_some() {
            return Ok(());
        }
        match &mut self.template {
            Some(template) if template.holds(ssrc) => {
                template.forget(ssrc);
                Ok(())
            }
            _ => Err(Status::NO_CTX),
        }
    }

    /// Switches Cryptex on or off.
    pub(crate) fn set_cryptex(&mut self, selector: Selector, enabled: bool) -> Result<(), Status> {
        let stream = match selector {
            Selector::Specific(ssrc) => self.existing(ssrc),
            Selector::AnyInbound | Selector::AnyOutbound => self.template.as_mut(),
        };
        stream.ok_or(Status::BAD_PARAM)?.set_cryptex(enabled)
    }

    /// The ROC of an SSRC.
    pub(crate) fn roc(&mut self, ssrc: u32) -> Result<u32, Status> {
        let stream = self.existing(ssrc).ok_or(Status::BAD_PARAM)?;
        Ok(stream.roc(ssrc))
    }

    /// Makes the next packet of an SSRC one of this ROC.
    pub(crate) fn set_roc(&mut self, ssrc: u32, roc: u32) -> Result<(), Status> {
        self.existing(ssrc)
            .ok_or(Status::BAD_PARAM)?
            .set_roc(ssrc, roc)
    }

    /// The most bytes that protection adds to a packet of any stream.
    pub(crate) fn trailer_len(&self, kind: Kind, mki_index: MkiIndex) -> Result<usize, Status> {
        // libsrtp answers 0 for a template that has no such key.
        let template = self.template.as_ref();
        let template = template.map(|stream| stream.trailer_len(kind, mki_index).unwrap_or(0));
        let others = self.streams.values();
        let others = others.filter_map(|stream| stream.trailer_len(kind, mki_index).ok());
        others.chain(template).max().ok_or(Status::BAD_PARAM)
    }

    /// Protects a packet in place; gives its new length.
    #[inline]
    pub(crate) fn protect(
        &mut self,
        kind: Kind,
        packet: &mut Packet<'_>,
        mki_index: MkiIndex,
        events: &mut Events,
    ) -> Result<usize, Status> {
        let (stream, ssrc) = self.stream_of(kind, packet.as_slice())?;
        stream.protect(kind, ssrc, packet, mki_index, events)
    }

    /// Unprotects a packet in place; gives its new length.
    #[inline]
    pub(crate) fn unprotect(
        &mut self,
        kind: Kind,
        packet: &mut Packet<'_>,
        use_mki: bool,
        events: &mut Events,
    ) -> Result<usize, Status> {
        let (stream, ssrc) = self.stream_of(kind, packet.as_slice())?;
        stream.unprotect(kind, ssrc, packet, use_mki, events)
    }

    /// The stream that a packet belongs to.
    #[inline]
    pub(crate) fn stream_of(
        &mut self,
        kind: Kind,
        packet: &[u8],
    ) -> Result<(&mut Stream, u32), Status> {
        let ssrc = match kind {
            Kind::Rtp => packet::rtp_ssrc(packet),
            Kind::Rtcp => packet::rtcp_ssrc(packet),
        };
        let ssrc = ssrc.ok_or(Status::BAD_PARAM)?;
        let specific = if self.streams.is_empty() {
            None
        } else {
            self.streams.get_mut(&ssrc)
        };
        match specific.or(self.template.as_mut()) {
            Some(stream) => Ok((stream, ssrc)),
            None if kind == Kind::Rtp && !packet::has_whole_header(packet) => {
                Err(Status::BAD_PARAM)
            }
            None => Err(Status::NO_CTX),
        }
    }

    /// Which stream a packet belongs to, and its SSRC.
    pub(crate) fn key_of(&mut self, kind: Kind, packet: &[u8]) -> Result<(StreamKey, u32), Status> {
        let (_, ssrc) = self.stream_of(kind, packet)?;
        Ok((self.streams.contains_key(&ssrc).then_some(ssrc), ssrc))
    }

    /// That stream.
    pub(crate) fn stream(&mut self, key: StreamKey) -> Option<&mut Stream> {
        match key {
            Some(ssrc) => self.streams.get_mut(&ssrc),
            None => self.template.as_mut(),
        }
    }

    /// Lends the sender of a stream, ready for packets without identifiers. It has to come back.
    pub(crate) fn lend_sender(&mut self, key: StreamKey) -> Result<Box<Sender>, Status> {
        self.stream(key).ok_or(Status::FAIL)?.lend_sender()
    }

    /// Takes it back.
    pub(crate) fn take_back_sender(&mut self, key: StreamKey, sender: Box<Sender>) {
        if let Some(stream) = self.stream(key) {
            stream.take_back_sender(sender);
        }
    }

    /// Lends the receiver of a stream, likewise.
    pub(crate) fn lend_receiver(&mut self, key: StreamKey) -> Result<Box<Receiver>, Status> {
        self.stream(key).ok_or(Status::FAIL)?.lend_receiver()
    }

    /// Takes it back.
    pub(crate) fn take_back_receiver(&mut self, key: StreamKey, receiver: Box<Receiver>) {
        if let Some(stream) = self.stream(key) {
            stream.take_back_receiver(receiver);
        }
    }

    /// The stream of an SSRC that has a policy of its own, or of which there were packets.
    fn existing(&mut self, ssrc: u32) -> Option<&mut Stream> {
        match self.streams.get_mut(&ssrc) {
            Some(stream) => Some(stream),
            None => self.template.as_mut().filter(|stream| stream.holds(ssrc)),
        }
    }
}
