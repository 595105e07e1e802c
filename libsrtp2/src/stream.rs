//! A policy at work: a sender and a receiver under it, each made by the first call that needs it.

use srtp::{Kind, ProtectError, Receiver, Sender, UnprotectError, Unprotected};

use crate::abi::{EVENT_KEY_HARD_LIMIT, EVENT_PACKET_INDEX_LIMIT, EVENT_SSRC_COLLISION};
use crate::events::Events;
use crate::log;
use crate::packet::{self, Packet};
use crate::policy::{Policy, Selector};
use crate::status::Status;

/// The flag in the word of an SRTCP packet that says it is encrypted (RFC 3711 §3.4).
const E_FLAG: u8 = 0x80;

/// Which key protects a packet: `None` for the first one, without its identifier.
pub(crate) type MkiIndex = Option<u32>;

/// The stream of one SSRC, or the template of all that have no policy of their own.
pub(crate) struct Stream {
    policy: Policy,
    sender: Option<Box<Sender>>,
    receiver: Option<Box<Receiver>>,
    /// A receiver that was made to see whether the policy holds, and is as good as new.
    spare: Option<Box<Receiver>>,
    /// What the sender was told last.
    selected: MkiIndex,
    /// The same of the receiver.
    expects_mki: bool,
    /// A ROC that was set before there was a packet, by its SSRC.
    pending_roc: Option<(u32, u32)>,
    /// Packets that would have used an index for something else (RFC 3711 §9.1).
    reused: u64,
}

impl Stream {
    /// A stream under `policy`, if its keys and settings fit each other.
    pub(crate) fn new(policy: Policy) -> Result<Self, Status> {
        let mut stream = Self {
            policy,
            sender: None,
            receiver: None,
            spare: None,
            selected: None,
            expects_mki: false,
            pending_roc: None,
            reused: 0,
        };
        // What can be wrong shows now, and not with the first packet.
        match stream.policy.selector {
            Selector::AnyOutbound => stream.make_sender()?,
            Selector::AnyInbound => stream.make_receiver()?,
            Selector::Specific(_) => stream.spare = Some(Box::new(make_receiver(&stream.policy)?)),
        }
        Ok(stream)
    }

    /// Takes another policy; ROC, indexes and what was received stay.
    pub(crate) fn update(&mut self, mut policy: Policy) -> Result<(), Status> {
        policy.cryptex = self.policy.cryptex;
        // Under whichever policy it was made, a template goes the way it was made for.
        policy.selector = self.policy.selector;
        self.reconfigure(&policy)?;
        self.policy = policy;
        Ok(())
    }

    /// Switches Cryptex (RFC 9335) on or off.
    pub(crate) fn set_cryptex(&mut self, enabled: bool) -> Result<(), Status> {
        let policy = Policy {
            cryptex: enabled,
            ..self.policy.clone()
        };
        self.reconfigure(&policy)?;
        self.policy = policy;
        Ok(())
    }

    fn reconfigure(&mut self, policy: &Policy) -> Result<(), Status> {
        // Of what is wrong with the policy nothing may be left half done.
        let spare = make_receiver(policy)?;
        if let Some(sender) = &mut self.sender {
            sender.reconfigure(policy.sender_keys()?, policy.sender_config())?;
            sender.select(0, false).map_err(|_| Status::FAIL)?;
            self.selected = None;
        }
        if let Some(receiver) = &mut self.receiver {
            receiver.reconfigure(policy.receiver_keys()?, policy.receiver_config())?;
            receiver.expect_mki(false);
            self.expects_mki = false;
        }
        self.spare = self.receiver.is_none().then(|| Box::new(spare));
        Ok(())
    }

    /// Whether packets of an SSRC were sent or received.
    pub(crate) fn holds(&self, ssrc: u32) -> bool {
        self.sends(ssrc) || self.receives(ssrc)
    }

    fn sends(&self, ssrc: u32) -> bool {
        self.sender
            .as_ref()
            .is_some_and(|sender| sender.holds(ssrc))
    }

    fn receives(&self, ssrc: u32) -> bool {
        self.receiver
            .as_ref()
            .is_some_and(|receiver| receiver.holds(ssrc))
    }

    /// Forgets an SSRC of a template.
    pub(crate) fn forget(&mut self, ssrc: u32) {
        if let Some(sender) = &mut self.sender {
            sender.forget(ssrc);
        }
        if let Some(receiver) = &mut self.receiver {
            receiver.forget(ssrc);
        }
    }

    /// The ROC of an SSRC that is held; 0 before its first packet.
    pub(crate) fn roc(&self, ssrc: u32) -> u32 {
        let sender = self.sender.as_ref().and_then(|sender| sender.roc(ssrc));
        let receiver = self.receiver.as_ref();
        let receiver = receiver.and_then(|receiver| receiver.roc(ssrc));
        sender.or(receiver).unwrap_or(0)
    }

    /// Makes the next packet of an SSRC one of this ROC.
    pub(crate) fn set_roc(&mut self, ssrc: u32, roc: u32) -> Result<(), Status> {
        // libsrtp means "nothing pending" by it.
        if roc == 0 {
            return Ok(());
        }
        if self.sender.is_none() && self.receiver.is_none() {
            self.pending_roc = Some((ssrc, roc));
            return Ok(());
        }
        if let Some(sender) = &mut self.sender {
            sender.set_roc(ssrc, roc)?;
        }
        if let Some(receiver) = &mut self.receiver {
            receiver.set_roc(ssrc, roc)?;
        }
        Ok(())
    }

    /// How many bytes protection adds at most, with the key at `mki_index` or without an identifier.
    pub(crate) fn trailer_len(&self, kind: Kind, mki_index: MkiIndex) -> Result<usize, Status> {
        let mki_len = match mki_index {
            None => 0,
            Some(index) => {
                let key = self.policy.keys.get(index as usize);
                key.ok_or(Status::BAD_MKI)?.mki.len()
            }
        };
        let suite = self.policy.suite;
        Ok(mki_len
            + match kind {
                Kind::Rtp => suite.rtp().tag_len(),
                Kind::Rtcp => suite.rtcp().tag_len() + 4,
            })
    }

    /// The sender, with the key selected for the next packet; and how many bytes it adds to a packet.
    #[inline]
    pub(crate) fn ready_to_send(
        &mut self,
        kind: Kind,
        packet: &[u8],
        mki_index: MkiIndex,
    ) -> Result<(&mut Sender, usize), Status> {
        if self.sender.is_none() {
            self.make_sender()?;
        }
        if self.selected != mki_index {
            self.select(mki_index).map_err(|status| match kind {
                Kind::Rtp if !packet::has_whole_header(packet) => Status::BAD_PARAM,
                _ => status,
            })?;
        }
        // RFC 9335 §5.1 puts an empty extension in front of CSRCs that have none. libsrtp does not, and its
        // callers have no room for it.
        if self.policy.cryptex && kind == Kind::Rtp && packet::has_csrcs_alone(packet) {
            return Err(Status::CRYPTEX_ERR);
        }
        let Some(sender) = &mut self.sender else {
            return Err(Status::FAIL);
        };
        let trailer = match kind {
            Kind::Rtp if self.policy.cryptex => sender
                .protected_rtp_len(packet)?
                .saturating_sub(packet.len()),
            Kind::Rtp => sender.rtp_overhead(),
            Kind::Rtcp => sender.rtcp_overhead(),
        };
        Ok((sender, trailer))
    }

    /// Protects a packet of `ssrc` in place; gives its new length.
    #[inline]
    pub(crate) fn protect(
        &mut self,
        kind: Kind,
        ssrc: u32,
        packet: &mut Packet<'_>,
        mki_index: MkiIndex,
        events: &mut Events,
    ) -> Result<usize, Status> {
        let len = packet.len();
        let (sender, trailer) = self.ready_to_send(kind, packet.as_slice(), mki_index)?;
        let buffer = packet.with_trailer(trailer);
        let result = match kind {
            Kind::Rtp => sender.protect_rtp(buffer, len),
            Kind::Rtcp => sender.protect_rtcp(buffer, len),
        };
        self.after_protect(kind, ssrc, result, events)
    }

    /// What is to be told and counted of a packet that was protected or refused.
    #[inline]
    pub(crate) fn after_protect(
        &mut self,
        kind: Kind,
        ssrc: u32,
        result: Result<usize, ProtectError>,
        events: &mut Events,
    ) -> Result<usize, Status> {
        if self.receiver.is_some() && self.receives(ssrc) {
            events.push(ssrc, EVENT_SSRC_COLLISION);
        }
        if let Some(sender) = &mut self.sender {
            while let Some(event) = sender.poll_event() {
                events.push_from(ssrc, event);
            }
        }
        match result {
            Ok(len) => Ok(len),
            Err(error) => Err(self.refused(kind, ssrc, error, events)),
        }
    }

    #[cold]
    fn refused(
        &mut self,
        kind: Kind,
        ssrc: u32,
        error: ProtectError,
        events: &mut Events,
    ) -> Status {
        match error {
            ProtectError::KeyExhausted => events.push(ssrc, EVENT_KEY_HARD_LIMIT),
            ProtectError::IndexExhausted => events.push(ssrc, EVENT_PACKET_INDEX_LIMIT),
            ProtectError::IndexUsed if self.policy.repeats && kind == Kind::Rtp => {
                self.reused += 1;
                // Once is enough for a log: whoever does it does it often.
                if self.reused.is_power_of_two() {
                    let times = self.reused;
                    log::warning(&format!(
                        "SSRC {ssrc:#010x}: a packet was not sealed again under its sequence number, because it \
                         is not the same ({times} so far)"
                    ));
                }
            }
            _ => {}
        }
        error.into()
    }

    /// The receiver, told whether to look for identifiers.
    #[inline]
    pub(crate) fn ready_to_receive(
        &mut self,
        kind: Kind,
        packet: &[u8],
        use_mki: bool,
    ) -> Result<&mut Receiver, Status> {
        if self.receiver.is_none() {
            self.make_receiver()?;
        }
        if self.expects_mki != use_mki {
            if use_mki && !self.policy.has_mki() {
                return Err(Status::BAD_MKI);
            }
            if let Some(receiver) = &mut self.receiver {
                receiver.expect_mki(use_mki);
            }
            self.expects_mki = use_mki;
        }
        if kind == Kind::Rtcp && self.policy.refuses_encrypted_rtcp() {
            let trailer = self.trailer_len(kind, use_mki.then_some(0))?;
            let word = packet.len().checked_sub(trailer).filter(|&word| word >= 8);
            let first = word.and_then(|word| packet.get(word));
            if first.is_some_and(|first| first & E_FLAG != 0) {
                return Err(Status::CANT_CHECK);
            }
        }
        self.receiver.as_deref_mut().ok_or(Status::FAIL)
    }

    /// Unprotects a packet of `ssrc` in place; gives its new length.
    #[inline]
    pub(crate) fn unprotect(
        &mut self,
        kind: Kind,
        ssrc: u32,
        packet: &mut Packet<'_>,
        use_mki: bool,
        events: &mut Events,
    ) -> Result<usize, Status> {
        let receiver = self.ready_to_receive(kind, packet.as_slice(), use_mki)?;
        let buffer = packet.with_trailer(0);
        let result = match kind {
            Kind::Rtp => receiver.unprotect_rtp(buffer),
            Kind::Rtcp => receiver.unprotect_rtcp(buffer),
        };
        self.after_unprotect(kind, ssrc, packet.as_slice(), result, events)
    }

    /// What is to be told of a packet that was opened or dropped.
    #[inline]
    pub(crate) fn after_unprotect(
        &mut self,
        kind: Kind,
        ssrc: u32,
        packet: &[u8],
        result: Result<Unprotected, UnprotectError>,
        events: &mut Events,
    ) -> Result<usize, Status> {
        if let Some(receiver) = &mut self.receiver {
            while let Some(event) = receiver.poll_event() {
                events.push_from(ssrc, event);
            }
        }
        let unprotected = match result {
            Ok(unprotected) => unprotected,
            Err(error) => return Err(self.dropped(kind, ssrc, packet, error, events)),
        };
        let other_way = self.policy.selector == Selector::AnyOutbound;
        if other_way || (self.sender.is_some() && self.sends(ssrc)) {
            events.push(ssrc, EVENT_SSRC_COLLISION);
        }
        Ok(unprotected.len)
    }

    #[cold]
    fn dropped(
        &self,
        kind: Kind,
        ssrc: u32,
        packet: &[u8],
        error: UnprotectError,
        events: &mut Events,
    ) -> Status {
        match error {
            UnprotectError::KeyExhausted => events.push(ssrc, EVENT_KEY_HARD_LIMIT),
            UnprotectError::IndexExhausted => events.push(ssrc, EVENT_PACKET_INDEX_LIMIT),
            // Where the identifier should stand there is something else.
            UnprotectError::Truncated
                if self.expects_mki
                    && !self.policy.names_a_key(kind, packet)
                    && match kind {
                        Kind::Rtp => packet::has_whole_header(packet),
                        Kind::Rtcp => packet.len() >= 12,
                    } =>
            {
                return Status::BAD_MKI;
            }
            // libsrtp tells a header that is cut short from a tag that is.
            UnprotectError::Truncated if kind == Kind::Rtp && packet::has_whole_header(packet) => {
                let trailer = self.trailer_len(kind, self.expects_mki.then_some(0));
                return match trailer {
                    Ok(trailer) if self.policy.is_gcm() && packet.len() < trailer => {
                        Status::CIPHER_FAIL
                    }
                    // Where nothing is deciphered, it looks at the tag alone.
                    _ if !self.policy.encrypts_rtp() => Status::AUTH_FAIL,
                    _ => Status::PARSE_ERR,
                };
            }
            _ => {}
        }
        error.into()
    }

    /// Lends the sender, without identifiers. Not with Cryptex, where each packet is looked at by itself.
    pub(crate) fn lend_sender(&mut self) -> Result<Box<Sender>, Status> {
        if self.policy.cryptex {
            return Err(Status::FAIL);
        }
        if self.sender.is_none() {
            self.make_sender()?;
        }
        if self.selected.is_some() {
            self.select(None)?;
        }
        self.sender.take().ok_or(Status::FAIL)
    }

    /// Takes it back.
    pub(crate) fn take_back_sender(&mut self, sender: Box<Sender>) {
        self.sender = Some(sender);
    }

    /// Lends the receiver, likewise.
    pub(crate) fn lend_receiver(&mut self) -> Result<Box<Receiver>, Status> {
        self.ready_to_receive(Kind::Rtp, &[], false)?;
        self.receiver.take().ok_or(Status::FAIL)
    }

    /// Takes it back.
    pub(crate) fn take_back_receiver(&mut self, receiver: Box<Receiver>) {
        self.receiver = Some(receiver);
    }

    #[cold]
    fn select(&mut self, mki_index: MkiIndex) -> Result<(), Status> {
        let place = mki_index.unwrap_or(0) as usize;
        if let Some(sender) = &mut self.sender {
            sender
                .select(place, mki_index.is_some())
                .map_err(|_| Status::BAD_MKI)?;
        }
        self.selected = mki_index;
        Ok(())
    }

    #[cold]
    fn make_sender(&mut self) -> Result<(), Status> {
        let mut keys = self.policy.sender_keys()?.into_iter();
        let first = keys.next().ok_or(Status::BAD_PARAM)?;
        let mut sender =
            Sender::new(first, self.policy.sender_config()).map_err(|_| Status::BAD_PARAM)?;
        for key in keys {
            sender.add_keys(key).map_err(|_| Status::BAD_PARAM)?;
        }
        sender.select(0, false).map_err(|_| Status::FAIL)?;
        if let Some((ssrc, roc)) = self.pending_roc {
            sender.set_roc(ssrc, roc)?;
        }
        self.sender = Some(Box::new(sender));
        self.selected = None;
        Ok(())
    }

    #[cold]
    fn make_receiver(&mut self) -> Result<(), Status> {
        let mut receiver = match self.spare.take() {
            Some(spare) => spare,
            None => Box::new(make_receiver(&self.policy)?),
        };
        if let Some((ssrc, roc)) = self.pending_roc {
            receiver.set_roc(ssrc, roc)?;
        }
        self.receiver = Some(receiver);
        self.expects_mki = false;
        Ok(())
    }
}

fn make_receiver(policy: &Policy) -> Result<Receiver, Status> {
    let mut keys = policy.receiver_keys()?.into_iter();
    let first = keys.next().ok_or(Status::BAD_PARAM)?;
    let mut receiver =
        Receiver::new(first, policy.receiver_config()).map_err(|_| Status::BAD_PARAM)?;
    for key in keys {
        // A key without an identifier would take the place of the one before.
        if !policy.has_mki() {
            return Err(Status::BAD_PARAM);
        }
        receiver.rekey(key).map_err(|_| Status::BAD_PARAM)?;
    }
    receiver.expect_mki(false);
    Ok(receiver)
}
