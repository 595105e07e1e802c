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

/// A recording that is being written.
///
/// The file has a name of its own until [`Recorder::finish`] gives it the right one, and is removed
/// if that never happens: nobody finds half a recording.
pub(crate) struct Recorder {
    path: PathBuf,
    partial: Partial,
    title: String,
    stream: u32,
    writer: PacketWriter<'static, BufWriter<File>>,
    /// The packet to write next: kept back because the last one must carry the end of the stream.
    held: Option<Vec<u8>>,
    packets: u64,
    /// Samples in the file, `held` included (RFC 7845 §4: the granule position).
    position: u64,
}

/// A file that is removed when dropped.
#[derive(Debug)]
struct Partial(PathBuf);

impl Recorder {
    /// Starts a recording that will stand at `path`. `stream` is the serial number in the file.
    pub(crate) fn create(path: &Path, title: &str, stream: u32) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        let partial = Partial(name.into());
        let file = File::create(&partial.0)?;
        Ok(Self {
            path: path.to_owned(),
            partial,
            title: title.to_owned(),
            stream,
            writer: PacketWriter::new(BufWriter::new(file)),
            held: None,
            packets: 0,
            position: 0,
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
        self.position += u64::from(samples);
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

    /// Ends the recording and gives the file its name. Returns the packets written; a recording
    /// without any leaves no file.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        let Some(held) = self.held.take() else {
            return Ok(0);
        };
        self.write_held(held, true)?;
        let file = self
            .writer
            .into_inner()
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&self.partial.0, &self.path)?;
        Ok(self.packets)
    }

    fn write_headers(&mut self, first: &[u8]) -> io::Result<()> {
        let head = Head {
            channels: 1 + u8::from(is_stereo(first)),
            pre_skip: 0,
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
        self.write_packet(held, end, self.position)
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

impl Drop for Partial {
    fn drop(&mut self) {
        // The file is gone already when the recording was finished.
        let _ = fs::remove_file(&self.0);
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
        assert!(
            !path.exists(),
            "the name appears when the recording is complete"
        );
        assert_eq!(recorder.finish().expect("it is finished"), 120);
        let clip = Clip::open(&path).expect("it is Ogg Opus");
        assert!(clip.packets().iter().eq(&packets));
        assert_eq!(fs::read_dir(dir.path()).expect("the folder").count(), 1);
    }

    #[test]
    fn an_abandoned_recording_leaves_no_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut recorder =
            Recorder::create(&dir.path().join("call.ogg"), "a call", 7).expect("it is created");
        recorder.write(&PACKET).expect("it is written");
        drop(recorder);
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
        assert_eq!(recorder.finish().expect("it is finished"), 5);
    }
}
