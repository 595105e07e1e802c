//! The elements of header extensions (RFC 8285), read and rewritten where they stand.

use crate::extension::{Elements, ONE_BYTE, TWO_BYTE};
use crate::header::{EXTENSION_WORD_LEN, RtpHeader};

/// The elements of an RTP packet's header extension: the number and the value of each, in their order.
///
/// Of a packet without a header extension, or with one of another kind than RFC 8285's, there are
/// none. The first element that runs past the end of its block, and all behind it, are left out.
///
/// A server that forwards a packet gives its copy for each receiver what was agreed on with that
/// one: other numbers, the name of another section, a sequence number of its own.
///
/// ```
/// use srtp::HeaderExtension;
///
/// let packet = [
///     0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, // a header whose X bit is set
///     0xbe, 0xde, 0, 2, // two words of elements
///     0x10, b'0', 0x21, 0, 9, 0x30, b'h', 0, // mid, transport-wide sequence number, rid
///     1, 2, 3, // payload
/// ];
/// let mid = HeaderExtension::of(&packet).find(|&(id, _)| id == 1);
/// assert_eq!(mid, Some((1, &b"0"[..])));
///
/// let mut copy = packet;
/// let kept = HeaderExtension::of(&packet).filter_map(|(id, value)| match id {
///     1 => Some((4, &b"12"[..])),
///     2 => Some((5, value)),
///     _ => None,
/// });
/// HeaderExtension::rewrite(&mut copy, kept)?;
/// assert_eq!(copy[16..], [0x41, b'1', b'2', 0x51, 0, 9, 0, 0, 1, 2, 3]);
/// # Ok::<_, srtp::NoRoom>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeaderExtension<'a> {
    packet: &'a [u8],
    /// `None` behind the last.
    elements: Option<Elements>,
}

/// The elements need more room than the packet's header extension has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the elements need {needed} bytes, and the header extension has room for {room}")]
pub struct NoRoom {
    /// What they need, in the form that they can have.
    pub needed: usize,
    /// What there is: none, if the packet has no header extension of RFC 8285.
    pub room: usize,
}

impl<'a> HeaderExtension<'a> {
    /// Those of `packet`, which is in the clear.
    #[must_use]
    pub fn of(packet: &'a [u8]) -> Self {
        let header = RtpHeader::parse(packet).ok();
        Self {
            packet,
            elements: header.map(|header| Elements::of(&header)),
        }
    }

    /// Gives `packet` these elements, in the room that those before had. What is left becomes
    /// padding; elements with the number 0 are left out. `packet` keeps its length.
    ///
    /// They stay of the one-byte form or the two-byte form that the block has. One-byte ones become
    /// two-byte ones if they can't do: if a number is above 14, or a value empty or longer than 16
    /// bytes.
    ///
    /// # Errors
    /// [`NoRoom`]: `packet` is as before.
    pub fn rewrite<'v, E>(packet: &mut [u8], elements: E) -> Result<(), NoRoom>
    where
        E: IntoIterator<Item = (u8, &'v [u8])>,
        E::IntoIter: Clone,
    {
        let elements = elements.into_iter().filter(|&(id, _)| id != 0);
        let block = RtpHeader::parse(packet).ok().and_then(|header| {
            let profile = header.extension?;
            let known = profile == ONE_BYTE || profile & 0xfff0 == TWO_BYTE;
            let block = packet.get_mut(header.csrc_end..header.len);
            block.filter(|_| known)?.split_first_chunk_mut()
        });
        let [high, low] = ONE_BYTE.to_be_bytes();
        let mut none: ([u8; EXTENSION_WORD_LEN], [u8; 0]) = ([high, low, 0, 0], []);
        let (word, body) = match block {
            Some((word, body)) => (word, body),
            None => (&mut none.0, &mut none.1[..]),
        };
        let fits_one_byte = |(id, value): (u8, &[u8])| id < 15 && (1..=16).contains(&value.len());
        let one_byte = word[..2] == ONE_BYTE.to_be_bytes() && elements.clone().all(fits_one_byte);
        let header_len = if one_byte { 1 } else { 2 };
        let needed = elements.clone().map(|(_, value)| header_len + value.len());
        let (needed, room) = (needed.sum(), body.len());
        let longest = elements.clone().map(|(_, value)| value.len()).max();
        if needed > room || longest > Some(255) {
            return Err(NoRoom { needed, room });
        }
        if !one_byte && word[..2] == ONE_BYTE.to_be_bytes() {
            word[..2].copy_from_slice(&TWO_BYTE.to_be_bytes());
        }
        let mut rest = body;
        for (id, value) in elements {
            // A length below 256, and in the one-byte form an identifier below 15 and a length
            // from 1 to 16.
            let len = value.len() as u8;
            let header = match one_byte {
                true => [id << 4 | len.wrapping_sub(1), 0],
                false => [id, len],
            };
            let (element, behind) = rest.split_at_mut(header_len + value.len());
            element[..header_len].copy_from_slice(&header[..header_len]);
            element[header_len..].copy_from_slice(value);
            rest = behind;
        }
        rest.fill(0);
        Ok(())
    }
}

impl<'a> Iterator for HeaderExtension<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self.elements.as_mut()?.next(self.packet) {
            Ok(Some(element)) => {
                let value = self.packet.get(element.start..element.end);
                Some((element.id, value.unwrap_or_default()))
            }
            Ok(None) | Err(_) => {
                self.elements = None;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(profile: u16, body: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x91, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4];
        packet.extend(profile.to_be_bytes());
        packet.extend(((body.len() / 4) as u16).to_be_bytes());
        packet.extend(body);
        packet.extend(b"payload");
        packet
    }

    fn elements(packet: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let elements = HeaderExtension::of(packet);
        elements.map(|(id, value)| (id, value.to_vec())).collect()
    }

    fn given(elements: &[(u8, Vec<u8>)]) -> impl Iterator<Item = (u8, &[u8])> + Clone {
        elements.iter().map(|(id, value)| (*id, &value[..]))
    }

    /// RFC 8285 §4.2: what is malformed, and what stands behind it, is not there.
    #[test]
    fn elements_end_at_the_first_that_is_malformed() {
        let packet = packet(ONE_BYTE, &[0x10, 7, 0, 0x23, 1, 2, 3, 0]);
        assert_eq!(elements(&packet), [(1, vec![7]), (2, vec![1, 2, 3, 0])]);
        let mut cut = packet.clone();
        cut[23] = 0x2f;
        assert_eq!(elements(&cut), [(1, vec![7])]);
        for length in 0..28 {
            assert_eq!(elements(&packet[..length]), [], "{length} bytes");
        }
    }

    #[test]
    fn packets_without_room_are_left_as_they_are() {
        let plain = [0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3];
        let foreign = packet(0x1234, &[0; 8]);
        let full = packet(ONE_BYTE, &[0x12, 1, 2, 3]);
        for (before, room) in [(&plain[..], 0), (&foreign, 0), (&full, 4)] {
            let mut after = before.to_vec();
            let result = HeaderExtension::rewrite(&mut after, [(1, &[1, 2, 3, 4][..])]);
            assert_eq!(result, Err(NoRoom { needed: 5, room }));
            assert_eq!(after, before);
            assert_eq!(HeaderExtension::rewrite(&mut after, []), Ok(()));
        }
        let mut long = packet(TWO_BYTE, &[0; 400]);
        let result = HeaderExtension::rewrite(&mut long, [(1, &[0; 256][..])]);
        let (needed, room) = (258, 400);
        assert_eq!(
            result,
            Err(NoRoom { needed, room }),
            "a length has one byte"
        );
    }

    /// RFC 8285 §4.2: the number in the high bits, one less than the length in the low ones.
    #[test]
    fn what_one_byte_can_say_takes_one() {
        let mut packet = packet(ONE_BYTE, &[0xaa; 24]);
        let sixteen: Vec<u8> = (100..116).collect();
        let list = [(1, vec![7]), (14, sixteen.clone()), (2, vec![8, 9])];
        HeaderExtension::rewrite(&mut packet, given(&list)).expect("there is room");
        let written = [&[0x10, 7, 0xef][..], &sixteen, &[0x21, 8, 9, 0, 0]].concat();
        assert_eq!(packet[16..18], ONE_BYTE.to_be_bytes());
        assert_eq!(packet[20..44], written);
    }

    /// RFC 8285 §4.3: a length has one byte, and may be all that it can say.
    #[test]
    fn the_longest_value_has_255_bytes() {
        let mut packet = packet(TWO_BYTE, &[0; 260]);
        let longest = [(3, vec![5; 255])];
        assert_eq!(
            HeaderExtension::rewrite(&mut packet, given(&longest)),
            Ok(())
        );
        assert_eq!(elements(&packet), longest);
    }

    /// RFC 8285 §4.2, §4.3.
    #[test]
    fn what_one_byte_cannot_say_takes_two() {
        let mut packet = packet(ONE_BYTE, &[0; 8]);
        let two_bytes = [(1, vec![1]), (15, vec![2, 3])];
        HeaderExtension::rewrite(&mut packet, given(&two_bytes)).expect("there is room");
        assert_eq!(packet[16..18], TWO_BYTE.to_be_bytes());
        assert_eq!(elements(&packet), two_bytes);
        let back = [(1, vec![1])];
        HeaderExtension::rewrite(&mut packet, given(&back)).expect("there is room");
        assert_eq!(packet[16..18], TWO_BYTE.to_be_bytes(), "the form stays");
        assert_eq!(elements(&packet), back);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            two_bytes: bool,
            words in 0_usize..40,
            list in prop::collection::vec((1_u8.., prop::collection::vec(any::<u8>(), 0..20)), 0..8),
        ) {
            let profile = if two_bytes { TWO_BYTE | 5 } else { ONE_BYTE };
            let before = packet(profile, &vec![0xaa; words * 4]);
            let mut after = before.clone();
            match HeaderExtension::rewrite(&mut after, given(&list)) {
                Ok(()) => {
                    prop_assert_eq!(elements(&after), list);
                    let (head, tail) = (..16, 20 + words * 4..);
                    prop_assert_eq!(&after[head], &before[head]);
                    prop_assert_eq!(&after[18..20], &before[18..20]);
                    prop_assert_eq!(&after[tail.clone()], &before[tail]);
                }
                Err(NoRoom { needed, room }) => {
                    prop_assert!(needed > room);
                    prop_assert_eq!(room, words * 4);
                    prop_assert_eq!(after, before);
                }
            }
        }

        #[test]
        fn any_bytes_have_elements_within_them(packet: Vec<u8>, id: u8, value: Vec<u8>) {
            let count = HeaderExtension::of(&packet).count();
            prop_assert!(count <= packet.len());
            let mut rewritten = packet.clone();
            let _ = HeaderExtension::rewrite(&mut rewritten, [(id, &value[..])]);
            prop_assert_eq!(rewritten.len(), packet.len());
        }
    }
}
