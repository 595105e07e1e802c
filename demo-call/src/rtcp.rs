//! RTCP (RFC 3550 §6): the reports a call sends, and reading the peer's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Room for the largest compound packet that [`write`] makes, without SRTCP's overhead.
pub(crate) const MAX_COMPOUND: usize = 256;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// The SDES item CNAME (RFC 3550 §6.5.1).
const CNAME: u8 = 1;

/// Seconds from 1900, where NTP begins, to 1970 (RFC 868).
const NTP_OFFSET: u64 = 2_208_988_800;

/// What a sender says of its stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SenderInfo {
    /// 64-bit NTP time: seconds since 1900 and their 2^32nds.
    pub(crate) ntp: u64,
    pub(crate) rtp_timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// What a receiver says of a stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportBlock {
    pub(crate) ssrc: u32,
    /// The share lost since the last report, in 256ths.
    pub(crate) fraction_lost: u8,
    /// All packets lost, less the duplicates; 24 bits.
    pub(crate) lost: i32,
    pub(crate) highest_sequence: u32,
    /// In units of the stream's clock.
    pub(crate) jitter: u32,
    /// The middle 32 bits of the NTP time in the last sender report, or 0.
    pub(crate) last_sr: u32,
    /// Since that report came, in 65536ths of a second.
    pub(crate) delay_since_sr: u32,
}

/// One compound packet to send (RFC 3550 §6.1).
#[derive(Debug)]
pub(crate) struct Compound<'a> {
    pub(crate) ssrc: u32,
    pub(crate) cname: &'a str,
    pub(crate) sender: Option<SenderInfo>,
    /// At most four blocks are written, what fits [`MAX_COMPOUND`].
    pub(crate) blocks: &'a [ReportBlock],
    pub(crate) goodbye: bool,
}

/// One part of a received compound packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Sender { ssrc: u32, info: SenderInfo },
    Block(ReportBlock),
    Goodbye { ssrc: u32 },
}

impl Compound<'_> {
    /// Writes the compound packet into `buf` and returns its length.
    pub(crate) fn write(&self, buf: &mut [u8; MAX_COMPOUND]) -> usize {
        let mut writer = Writer { buf, len: 0 };
        let blocks = &self.blocks[..self.blocks.len().min(4)];
        let count = u8::try_from(blocks.len()).unwrap_or(0);
        // RFC 3550 §6.1: a report comes first, even an empty one.
        let kind = if self.sender.is_some() {
            SENDER_REPORT
        } else {
            RECEIVER_REPORT
        };
        writer.packet(kind, count, |writer| {
            writer.u32(self.ssrc);
            if let Some(info) = &self.sender {
                writer.sender(info);
            }
            blocks.iter().for_each(|block| writer.block(block));
        });
        // RFC 3550 §6.1: and the CNAME goes into each compound packet.
        writer.packet(SOURCE_DESCRIPTION, 1, |writer| {
            let name = &self.cname.as_bytes()[..self.cname.len().min(64)];
            writer.u32(self.ssrc);
            writer.bytes(&[CNAME, u8::try_from(name.len()).unwrap_or(0)]);
            writer.bytes(name);
            writer.bytes(&[0]); // the end of the items
        });
        if self.goodbye {
            writer.packet(GOODBYE, 1, |writer| writer.u32(self.ssrc));
        }
        writer.len
    }
}

/// Reads a compound packet: all parts up to the first that is malformed.
pub(crate) fn read(mut compound: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    while let Some((body, kind, count, rest)) = split(compound) {
        match kind {
            SENDER_REPORT => read_sender_report(body, count, &mut items),
            RECEIVER_REPORT => read_blocks(body.get(4..).unwrap_or(&[]), count, &mut items),
            GOODBYE => {
                items.extend(
                    body.as_chunks()
                        .0
                        .iter()
                        .take(count)
                        .map(|&ssrc| Item::Goodbye {
                            ssrc: u32::from_be_bytes(ssrc),
                        }),
                )
            }
            _ => {}
        }
        compound = rest;
    }
    items
}

/// `time` as an NTP timestamp (RFC 3550 §4).
pub(crate) fn ntp(time: SystemTime) -> u64 {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
    (since_1970.as_secs() + NTP_OFFSET) << 32 | fraction
}

/// The middle 32 bits of an NTP timestamp, which reports refer to it by (RFC 3550 §6.4.1).
pub(crate) fn ntp_middle(ntp: u64) -> u32 {
    u32::try_from(ntp >> 16 & 0xffff_ffff).unwrap_or(0)
}

/// `duration` in the 65536ths of a second that reports count.
pub(crate) fn short_ntp(duration: Duration) -> u32 {
    u32::try_from((duration.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

/// The round-trip time that `block`, received at the NTP time `now`, tells (RFC 3550 §6.4.1).
pub(crate) fn round_trip(block: &ReportBlock, now: u64) -> Option<Duration> {
    let elapsed = ntp_middle(now)
        .wrapping_sub(block.last_sr)
        .checked_sub(block.delay_since_sr)?;
    (block.last_sr != 0).then(|| Duration::from_micros((u64::from(elapsed) * 1_000_000) >> 16))
}

struct Writer<'a> {
    buf: &'a mut [u8; MAX_COMPOUND],
    len: usize,
}

impl Writer<'_> {
    /// Writes one packet: the header, the body, and zeros up to a multiple of four bytes.
    fn packet(&mut self, kind: u8, count: u8, body: impl FnOnce(&mut Self)) {
        let start = self.len;
        self.bytes(&[0x80 | count, kind, 0, 0]);
        body(self);
        while !self.len.is_multiple_of(4) {
            self.bytes(&[0]);
        }
        // RFC 3550 §6.4.1: the length in 32-bit words minus one.
        let words = u16::try_from((self.len - start) / 4 - 1).unwrap_or(0);
        self.buf[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    fn sender(&mut self, info: &SenderInfo) {
        self.bytes(&info.ntp.to_be_bytes());
        self.words(&[info.rtp_timestamp, info.packets, info.octets]);
    }

    fn block(&mut self, block: &ReportBlock) {
        // RFC 3550 §6.4.1: 24 bits with a sign; what does not fit stays at the limit.
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        self.u32(block.ssrc);
        self.bytes(&[block.fraction_lost, lost[1], lost[2], lost[3]]);
        self.words(&[
            block.highest_sequence,
            block.jitter,
            block.last_sr,
            block.delay_since_sr,
        ]);
    }

    fn words(&mut self, words: &[u32]) {
        words.iter().for_each(|&word| self.u32(word));
    }

    fn u32(&mut self, word: u32) {
        self.bytes(&word.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.buf[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

/// Splits the first packet off: its body, type, count, and what follows.
fn split(compound: &[u8]) -> Option<(&[u8], u8, usize, &[u8])> {
    let (&[flags, kind, high, low], rest) = compound.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low])) * 4;
    let (body, rest) = rest.split_at_checked(length)?;
    (flags >> 6 == 2).then_some((body, kind, usize::from(flags & 0x1f), rest))
}

fn read_sender_report(body: &[u8], count: usize, items: &mut Vec<Item>) {
    let Some((words, blocks)) = body.split_first_chunk::<24>() else {
        return;
    };
    let word = |at: usize| word(words, at);
    let ntp = u64::from(word(1)) << 32 | u64::from(word(2));
    let info = SenderInfo {
        ntp,
        rtp_timestamp: word(3),
        packets: word(4),
        octets: word(5),
    };
    items.push(Item::Sender {
        ssrc: word(0),
        info,
    });
    read_blocks(blocks, count, items);
}

fn read_blocks(blocks: &[u8], count: usize, items: &mut Vec<Item>) {
    for block in blocks.as_chunks::<24>().0.iter().take(count) {
        let word = |at: usize| word(block, at);
        items.push(Item::Block(ReportBlock {
            ssrc: word(0),
            fraction_lost: block[4],
            // Shifting left and back again spreads the sign of the 24 bits.
            lost: (word(1) << 8).cast_signed() >> 8,
            highest_sequence: word(2),
            jitter: word(3),
            last_sr: word(4),
            delay_since_sr: word(5),
        }));
    }
}

/// The `at`th word of six.
fn word(words: &[u8; 24], at: usize) -> u32 {
    words
        .as_chunks()
        .0
        .get(at)
        .map_or(0, |&bytes| u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: SenderInfo = SenderInfo {
        ntp: 0x0102_0304_0506_0708,
        rtp_timestamp: 9,
        packets: 10,
        octets: 11,
    };
    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 20,
        fraction_lost: 21,
        lost: -2,
        highest_sequence: 22,
        jitter: 23,
        last_sr: 24,
        delay_since_sr: 25,
    };

    fn written(compound: &Compound<'_>) -> Vec<u8> {
        let mut buf = [0; MAX_COMPOUND];
        let length = compound.write(&mut buf);
        buf[..length].to_vec()
    }

    #[test]
    fn reports_survive_their_own_encoding() {
        for (sender, blocks, goodbye) in [
            (Some(INFO), &[BLOCK][..], true),
            (None, &[BLOCK, BLOCK], false),
            (None, &[], true),
        ] {
            let compound = Compound {
                ssrc: 1,
                cname: "someone",
                sender,
                blocks,
                goodbye,
            };
            let mut expected: Vec<_> = sender
                .map(|info| Item::Sender { ssrc: 1, info })
                .into_iter()
                .collect();
            expected.extend(blocks.iter().map(|&block| Item::Block(block)));
            expected.extend(goodbye.then_some(Item::Goodbye { ssrc: 1 }));
            assert_eq!(read(&written(&compound)), expected);
        }
    }

    #[test]
    fn the_largest_compound_fits_its_buffer() {
        let compound = Compound {
            ssrc: 1,
            cname: &"x".repeat(300),
            sender: Some(INFO),
            blocks: &[BLOCK; 9],
            goodbye: true,
        };
        assert_eq!(read(&written(&compound)).len(), 1 + 4 + 1);
    }

    #[test]
    fn truncated_packets_end_the_reading() {
        let blocks = &[BLOCK];
        let compound = Compound {
            ssrc: 1,
            cname: "a",
            sender: Some(INFO),
            blocks,
            goodbye: false,
        };
        let packet = written(&compound);
        for length in 0..52 {
            assert_eq!(read(&packet[..length]), [], "{length} bytes");
        }
    }

    #[test]
    fn the_round_trip_is_what_the_peer_did_not_keep() {
        let sent = ntp(UNIX_EPOCH + Duration::from_millis(1_700_000_000_250));
        let now = ntp(UNIX_EPOCH + Duration::from_millis(1_700_000_001_000));
        let block = ReportBlock {
            last_sr: ntp_middle(sent),
            delay_since_sr: short_ntp(Duration::from_millis(500)),
            ..BLOCK
        };
        let measured = round_trip(&block, now).expect("the peer has had a sender report");
        assert_eq!(measured, Duration::from_millis(250));
        assert_eq!(
            round_trip(
                &ReportBlock {
                    last_sr: 0,
                    ..block
                },
                now
            ),
            None
        );
    }
}
