//! The two header packets of an Ogg Opus stream (RFC 7845 §5).

/// The identification header (RFC 7845 §5.1), as far as a call needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) channels: u8,
    /// Samples of 48 kHz that a player drops at the start.
    pub(crate) pre_skip: u16,
}

const HEAD_MAGIC: &[u8; 8] = b"OpusHead";
const TAGS_MAGIC: &[u8; 8] = b"OpusTags";

/// Who wrote the file, in the comment header.
const VENDOR: &str = concat!("demo-call ", env!("CARGO_PKG_VERSION"));

impl Head {
    /// Reads the identification header; `None` if `packet` is not one a call can carry.
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        let body = packet.strip_prefix(HEAD_MAGIC)?;
        let (&[version, channels, skip_low, skip_high], rest) = body.split_first_chunk()?;
        // RFC 7845 §5.1: versions up to 15 are compatible; mapping family 0 is mono or stereo,
        // the only one RTP carries.
        let family = *rest.get(6)?;
        let playable = version < 16 && family == 0 && (1..=2).contains(&channels);
        playable.then_some(Self {
            channels,
            pre_skip: u16::from_le_bytes([skip_low, skip_high]),
        })
    }

    /// The identification header as a packet.
    pub(crate) fn write(self) -> Vec<u8> {
        let mut packet = HEAD_MAGIC.to_vec();
        packet.extend([1, self.channels]);
        packet.extend(self.pre_skip.to_le_bytes());
        packet.extend(super::CLOCK_HZ.to_le_bytes());
        packet.extend([0, 0]); // output gain: none
        packet.push(0); // channel mapping family
        packet
    }
}

/// Whether `packet` is a comment header (RFC 7845 §5.2).
pub(crate) fn is_tags(packet: &[u8]) -> bool {
    packet.starts_with(TAGS_MAGIC)
}

/// A comment header with one comment, the title.
pub(crate) fn tags(title: &str) -> Vec<u8> {
    let comment = format!("TITLE={title}");
    let mut packet = TAGS_MAGIC.to_vec();
    write_text(&mut packet, VENDOR);
    packet.extend(1_u32.to_le_bytes()); // one comment follows
    write_text(&mut packet, &comment);
    packet
}

fn write_text(packet: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).expect("invariant: a comment is short");
    packet.extend(length.to_le_bytes());
    packet.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_its_own_encoding() {
        let head = Head {
            channels: 2,
            pre_skip: 312,
        };
        assert_eq!(head.write().len(), 19);
        assert_eq!(Head::read(&head.write()), Some(head));
    }

    #[test]
    fn truncated_and_foreign_heads_are_refused() {
        let whole = Head {
            channels: 1,
            pre_skip: 0,
        }
        .write();
        for length in 0..whole.len() {
            assert_eq!(Head::read(&whole[..length]), None, "{length} bytes");
        }
        let changed = |at: usize, to: u8| {
            let mut packet = whole.clone();
            packet[at] = to;
            Head::read(&packet)
        };
        assert_eq!(changed(8, 16), None, "an incompatible version");
        assert_eq!(changed(9, 3), None, "three channels");
        assert_eq!(changed(18, 1), None, "surround");
    }
}
