//! Writing what a call received to an Ogg Opus file.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use ogg::{PacketWriteEndInfo, PacketWriter};

use super::head::{self, Head};
use super::packet::{CLOCK_HZ, gap_filler, is_stereo, samples};

/// Packets on one Ogg page: a second of 20 ms packets, as RFC 7845 §6 recommends.
const PACKETS_PER_PAGE: u64 = 50;

/// The longest gap that is filled with silence. What is longer is a sender that was switched off
/// (or a forged timestamp), and the recording goes on without it.
const MAX_GAP_SAMPLES: u64 = 60 * CLOCK_HZ as u64;

/// Samples that a player drops at the start. RFC 7845 §4.2 recommends 80 ms where a stream is joined, which a
/// call is: its first packet need not be the encoder's first.
const PRE_SKIP: u16 = 3840;

/// A recording that is being written.
///
/// Each page is handed to the system as soon as it is full, so that whatever ends the program, all but the last second can be
/// played.
pub(crate) struct Recorder {
    path: PathBuf,
    title: String,
    stream: u32,
    writer: PacketWriter<'static, BufWriter<File>>,
    /// The packet to write next: kept back because the last one must carry the end of the stream.
    held: Option<Vec<u8>>,
    packets: u64,
    /// Samples in the file, `held` included.
    samples: u64,
    /// What is on whole pages: bytes and packets.
    whole: (u64, u64),
}

impl Recorder {
    /// Starts a recording at `path`. `stream` is the serial number in the file.
    pub(crate) fn create(path: &Path, title: &str, stream: u32) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            title: title.to_owned(),
            stream,
            writer: PacketWriter::new(BufWriter::new(File::create(path)?)),
            held: None,
            packets: 0,
            samples: 0,
            whole: (0, 0),
        })
    }

    /// Adds one Opus packet. What is no Opus packet is left out.
    pub(crate) fn write(&mut self, packet: &[u8]) -> io::Result<()> {
        let Some(samples) = samples(packet) else {
            return Ok(());
        };
        match self.held.take() {
            None => self.write_headers(packet)?,
            Some(held) => self.write_held(held, false)?,
        }
        self.samples += u64::from(samples);
        self.packets += 1;
        self.held = Some(packet.to_owned());
        Ok(())
    }

    /// Fills a gap of `gap` samples with packets that a decoder conceals.
    pub(crate) fn write_gap(&mut self, gap: u64) -> io::Result<()> {
        let Some(filler) = self.held.as_deref().and_then(gap_filler) else {
            return Ok(());
        };
        let Some(step) = samples(&filler) else {
            return Ok(());
        };
        if gap <= MAX_GAP_SAMPLES {
            for _ in 0..gap / u64::from(step) {
                self.write(&filler)?;
            }
        }
        Ok(())
    }

    /// The packets of the recording.
    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    /// Its length in samples.
    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    /// The length of the file, up to its last whole page.
    pub(crate) fn bytes(&self) -> u64 {
        self.whole.0
    }

    /// Ends the recording. One without any packets leaves no file.
    ///
    /// # Errors
    /// What went wrong, and the packets that are on the disk nevertheless.
    pub(crate) fn finish(mut self) -> Result<(), (io::Error, u64)> {
        let Some(held) = self.held.take() else {
            self.abandon();
            return Ok(());
        };
        if let Err(error) = self.write_held(held, true) {
            return Err((error, self.abandon()));
        }
        let packets = self.whole.1;
        let file = self.writer.into_inner().into_parts().0;
        file.sync_all().map_err(|error| (error, packets))
    }

    /// Ends the recording with its last whole page; returns the packets that it keeps. One that has none leaves no
    /// file.
    pub(crate) fn abandon(self) -> u64 {
        // What the buffer holds is part of a page: it must not get to the disk.
        let (file, _) = self.writer.into_inner().into_parts();
        let (bytes, packets) = self.whole;
        // There is nothing left to do for a disk that does not even take this.
        if packets == 0 {
            let _ = fs::remove_file(&self.path);
        } else {
            let _ = file.set_len(bytes);
        }
        packets
    }

    fn write_headers(&mut self, first: &[u8]) -> io::Result<()> {
        let head = Head {
            channels: 1 + u8::from(is_stereo(first)),
            pre_skip: PRE_SKIP,
        };
        // RFC 7845 §3: each header ends its page.
        for packet in [head.write(), head::tags(&self.title)] {
            self.write_packet(packet, PacketWriteEndInfo::EndPage, 0)?;
        }
        Ok(())
    }

    fn write_held(&mut self, held: Vec<u8>, last: bool) -> io::Result<()> {
        let end = if last {
            PacketWriteEndInfo::EndStream
        } else if self.packets.is_multiple_of(PACKETS_PER_PAGE) {
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        // RFC 7845 §4: the granule position counts what a player drops at the start, too.
        self.write_packet(held, end, self.samples + u64::from(PRE_SKIP))?;
        if end != PacketWriteEndInfo::NormalPacket {
            // This hands all of it to the system.
            self.whole = (self.writer.get_current_offs()?, self.packets);
        }
        Ok(())
    }

    fn write_packet(&mut self, data: Vec<u8>, end: PacketWriteEndInfo, at: u64) -> io::Result<()> {
        self.writer.write_packet(data, self.stream, end, at)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opus::Clip;

    const PACKET: [u8; 4] = [31 << 3, 1, 2, 3];

    #[test]
    fn what_was_written_is_read_again() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("call.ogg");
        let mut recorder = Recorder::create(&path, "a call", 7).expect("the file is created");
        let packets: Vec<_> = (0..120_u8).map(|n| vec![31 << 3, n, 2, 3]).collect();
        for packet in &packets {
            recorder.write(packet).expect("it is written");
        }
        recorder.finish().expect("it is finished");
        let clip = Clip::open(&path).expect("it is Ogg Opus");
        assert!(clip.packets().iter().eq(&packets));
    }

    #[test]
    fn what_a_killed_program_leaves_can_be_played_but_for_the_last_second() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("call.ogg");
        let mut recorder = Recorder::create(&path, "a call", 7).expect("the file is created");
        for _ in 0..120 {
            recorder.write(&PACKET).expect("it is written");
        }
        // As it is found when nothing more is ever written.
        let copy = dir.path().join("copy.ogg");
        fs::copy(&path, &copy).expect("it is copied");
        let clip = Clip::open(&copy).expect("it is Ogg Opus");
        assert_eq!(clip.packets().len(), 100);
        assert_eq!(recorder.abandon(), 100);
        assert_eq!(fs::read(&path).ok(), fs::read(&copy).ok());
    }

    #[test]
    fn a_recording_of_nothing_leaves_no_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("call.ogg");
        let recorder = Recorder::create(&path, "a call", 7).expect("it is created");
        recorder.finish().expect("there is nothing to write");
        let mut recorder = Recorder::create(&path, "a call", 7).expect("it is created");
        recorder.write(&PACKET).expect("it is written");
        assert_eq!(recorder.abandon(), 0);
        assert_eq!(fs::read_dir(dir.path()).expect("the folder").count(), 0);
    }

    #[test]
    fn gaps_are_filled_up_to_a_limit() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("call.ogg");
        let mut recorder = Recorder::create(&path, "a call", 7).expect("it is created");
        recorder
            .write_gap(960)
            .expect("nothing to fill before the first packet");
        recorder.write(&PACKET).expect("it is written");
        recorder.write_gap(3 * 960).expect("it is filled");
        recorder.write(&PACKET).expect("it is written");
        recorder
            .write_gap(MAX_GAP_SAMPLES + 1)
            .expect("it is passed over");
        assert_eq!(recorder.packets(), 5);
        recorder.finish().expect("it is finished");
    }
}
