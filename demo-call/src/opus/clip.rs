//! A recording to play: the Opus packets of an Ogg file.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use bytes::Bytes;
use ogg::reading::{OggReadError, PacketReader};

use super::head::{self, Head};
use super::packet::samples;
use crate::error::plain;

/// The longest Opus packet a call sends. With the 12 bytes of an RTP header, the 16 of a GCM tag
/// and 28 of UDP over IPv4 it stays under the 1280 bytes that every IPv6 path carries.
const MAX_PACKET: usize = 1200;

/// The Opus packets of a recording, in order.
#[derive(Debug)]
pub(crate) struct Clip {
    packets: Vec<Bytes>,
}

/// Why a file can't be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ClipError {
    #[error("{}", plain(.0))]
    Io(#[from] io::Error),
    #[error("not an Ogg file")]
    NotOgg,
    #[error("damaged Ogg file: {0}")]
    Damaged(OggReadError),
    #[error("an Ogg file that is cut off in the middle of a page")]
    CutOff,
    #[error("an Ogg file, but not Ogg Opus in mono or stereo")]
    NotOpus,
    #[error("packet {0} of the recording is no Opus packet")]
    BadPacket(usize),
    #[error("packet {0} of the recording has more than {MAX_PACKET} bytes")]
    PacketTooLong(usize),
    #[error("the recording is empty")]
    Empty,
}

impl Clip {
    /// Reads the recording at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, ClipError> {
        Self::read(BufReader::new(File::open(path)?))
    }

    /// Reads a recording.
    pub(crate) fn read(source: impl Read + Seek) -> Result<Self, ClipError> {
        let mut reader = PacketReader::new(source);
        let head = next(&mut reader)?.ok_or(ClipError::NotOgg)?;
        Head::read(&head.data).ok_or(ClipError::NotOpus)?;
        let stream = head.stream_serial();
        let tags = next(&mut reader)?.ok_or(ClipError::NotOpus)?;
        if tags.stream_serial() != stream || !head::is_tags(&tags.data) {
            return Err(ClipError::NotOpus);
        }
        let mut clip = Self {
            packets: Vec::new(),
        };
        while let Some(packet) = next(&mut reader)? {
            if packet.stream_serial() == stream {
                clip.push(packet.data)?;
            }
        }
        if clip.packets.is_empty() {
            Err(ClipError::Empty)
        } else {
            Ok(clip)
        }
    }

    /// The Opus packets.
    pub(crate) fn packets(&self) -> &[Bytes] {
        &self.packets
    }

    fn push(&mut self, data: Vec<u8>) -> Result<(), ClipError> {
        let number = self.packets.len();
        if data.len() > MAX_PACKET {
            return Err(ClipError::PacketTooLong(number));
        }
        samples(&data).ok_or(ClipError::BadPacket(number))?;
        self.packets.push(data.into());
        Ok(())
    }
}

/// The next packet of any stream in the file.
fn next<R: Read + Seek>(reader: &mut PacketReader<R>) -> Result<Option<ogg::Packet>, ClipError> {
    reader.read_packet().map_err(|error| match error {
        OggReadError::ReadError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ClipError::CutOff
        }
        OggReadError::ReadError(error) => ClipError::Io(error),
        OggReadError::NoCapturePatternFound => ClipError::NotOgg,
        error => ClipError::Damaged(error),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const FIRST: &[u8] = include_bytes!("../../assets/first.ogg");

    #[test]
    fn the_shipped_recordings_are_speech_of_more_than_ten_seconds() {
        for asset in [FIRST, include_bytes!("../../assets/second.ogg")] {
            let clip = Clip::read(Cursor::new(asset)).expect("the asset is Ogg Opus");
            // At 20 ms each.
            assert!(clip.packets().len() > 500, "{}", clip.packets().len());
            assert!(
                clip.packets()
                    .iter()
                    .all(|packet| samples(packet) == Some(960))
            );
        }
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let read = |bytes: &[u8]| Clip::read(Cursor::new(bytes.to_vec()));
        assert!(matches!(read(b""), Err(ClipError::NotOgg)));
        assert!(matches!(read(&[b'x'; 4096]), Err(ClipError::NotOgg)));
        let mut vorbis = FIRST.to_vec();
        vorbis[40] ^= 1;
        assert!(
            matches!(read(&vorbis), Err(ClipError::Damaged(_))),
            "the page checksum fails"
        );
        let half = &FIRST[..FIRST.len() / 2];
        assert!(matches!(read(half), Err(ClipError::CutOff)));
    }
}
