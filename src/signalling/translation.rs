//! What packets of one section need in order to become packets of another.

use srtp::{HeaderExtension, NoRoom};

use super::Agreed;

/// The header extension that tells which section a packet is of (RFC 9143 §14).
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// How a forwarding server turns the packets of one peer into packets for another: each has its own numbers
/// for codecs and header extensions, and its own names for sections.
#[derive(Clone, Debug)]
pub struct Translation {
    /// What each payload type becomes.
    payload_types: [Option<u8>; 128],
    /// What each number of a header extension becomes; 0 if the receiver does not know it.
    extensions: [u8; 256],
    /// The number of the mid, and what it becomes.
    mid: (u8, Box<[u8]>),
}

impl Translation {
    /// From packets that come in the section `from` to those that go out in the section `to`, which is
    /// one of another session, or the same.
    #[must_use]
    pub fn new(from: &Agreed, to: &Agreed) -> Self {
        let (theirs, ours) = (&from.theirs, &to.theirs);
        let mut payload_types = [None; 128];
        let mut put = |from: u8, to: Option<u8>| {
            if let (Some(place), Some(to @ ..128)) = (payload_types.get_mut(usize::from(from)), to)
            {
                *place = Some(to);
            }
        };
        for codec in theirs
            .codecs
            .iter()
            .filter(|codec| codec.repeats().is_none())
        {
            let same = ours.codecs.iter().find(|it| it.is_compatible(codec));
            let to = same.map(|same| same.payload_type);
            put(codec.payload_type, to);
            // RFC 4588 §8.1: the retransmission format of a codec becomes that of its translation.
            let repeats = |of: u8| move |it: &&super::sdp::Codec| it.repeats() == Some(of);
            if let (Some(to), Some(from)) =
                (to, theirs.codecs.iter().find(repeats(codec.payload_type)))
            {
                let to = ours.codecs.iter().find(repeats(to));
                put(from.payload_type, to.map(|codec| codec.payload_type));
            }
        }
        let mut extensions = [0; 256];
        for extension in &theirs.extensions {
            let to = ours.extension_id(&extension.uri);
            if let (Some(place), Some(Ok(to))) = (
                extensions.get_mut(usize::from(extension.id)),
                to.map(u8::try_from),
            ) {
                *place = to;
            }
        }
        let number = theirs.extension_id(MID).and_then(|id| id.try_into().ok());
        let name = to.mid.as_deref().unwrap_or_default();
        Self {
            payload_types,
            extensions,
            mid: (number.unwrap_or(0), name.as_bytes().into()),
        }
    }

    /// What a payload type becomes; `None` if the receiver does not take that codec.
    #[must_use]
    pub fn payload_type(&self, from: u8) -> Option<u8> {
        *self.payload_types.get(usize::from(from))?
    }

    /// Gives `copy`, a copy of the RTP packet `packet`, the receiver's payload type, its numbers of
    /// header extensions, and in them its mid. What it does not know is left out, and all extensions
    /// are, if the new ones need more room.
    ///
    /// Returns whether the receiver takes that codec; if not, `copy` is not for it.
    pub fn apply(&self, packet: &[u8], copy: &mut [u8]) -> bool {
        let to = packet
            .get(1)
            .and_then(|byte| self.payload_type(byte & 0x7f));
        let (Some(to), Some(byte)) = (to, copy.get_mut(1)) else {
            return false;
        };
        *byte = *byte & 0x80 | to;
        let elements = HeaderExtension::of(packet).map(|(id, value)| {
            let is_mid = id == self.mid.0;
            let value = if is_mid { &self.mid.1 } else { value };
            (self.extensions[usize::from(id)], value)
        });
        if let Err(NoRoom { .. }) = HeaderExtension::rewrite(copy, elements) {
            // An empty value needs no room.
            let _ = HeaderExtension::rewrite(copy, []);
        }
        true
    }
}
