//! The thread that writes recordings, so that a slow, full or missing disk never holds up a call.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;

use crate::console::Console;
use crate::error::plain;
use crate::opus::{CLOCK_HZ, Recorder, samples};

/// Packets that may wait for the disk; any more are left out of their recordings. 1000 calls of 50
/// packets a second fill it in five seconds, with 100 bytes each in some 40 MiB.
const MAX_WAITING: usize = 256 * 1024;

/// Where recordings are made, and how long they may get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a file.
    pub(crate) bytes: u64,
    /// Samples in it.
    pub(crate) samples: u64,
}

impl Limits {
    /// Limits of this many megabytes and minutes.
    pub(crate) fn new(megabytes: u32, minutes: u32) -> Self {
        Self {
            bytes: u64::from(megabytes) * 1_000_000,
            samples: u64::from(minutes) * 60 * u64::from(CLOCK_HZ),
        }
    }
}

/// What became of one recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recording {
    pub(crate) path: PathBuf,
    /// Opus packets in it.
    pub(crate) packets: u64,
    /// Why it lacks some of what was heard.
    pub(crate) problem: Option<String>,
    /// It ended at its limit.
    pub(crate) limited: bool,
}

/// The recordings of one call, once they are closed.
pub(crate) type Closed = oneshot::Receiver<Vec<Recording>>;

/// A handle to the thread.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Packets that wait for the disk.
    waiting: AtomicUsize,
    /// Names of tracks.
    next: AtomicUsize,
}

/// One stream that is being recorded.
#[derive(Debug)]
pub(crate) struct Track {
    name: usize,
    archive: Archive,
    /// Samples dropped because the disk was too slow, since the last packet sent to it.
    missing: u64,
    left_out: u64,
}

#[derive(Debug)]
enum Job {
    Open {
        track: usize,
        path: PathBuf,
        title: String,
        stream: u32,
    },
    Gap {
        track: usize,
        samples: u64,
    },
    Packet {
        track: usize,
        packet: Box<[u8]>,
    },
    Close {
        /// With the packets that were left out.
        tracks: Vec<(usize, u64)>,
        closed: oneshot::Sender<Vec<Recording>>,
    },
}

impl Archive {
    /// Starts the thread. Errors are printed on `console`, once for each recording.
    pub(crate) fn start(limits: Limits, console: Console) -> io::Result<Self> {
        let (jobs, queue) = channel();
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            limits,
            console,
            shared: Arc::clone(&shared),
            open: HashMap::new(),
        };
        thread::Builder::new()
            .name("recordings".to_owned())
            .spawn(move || writer.run(&queue))?;
        Ok(Self { jobs, shared })
    }

    /// Begins a recording at `path`. `stream` is its serial number in the file.
    pub(crate) fn open(&self, path: &Path, title: &str, stream: u32) -> Track {
        let track = self.shared.next.fetch_add(1, Ordering::Relaxed);
        // If the thread has died, closing the recording reports it.
        let _ = self.jobs.send(Job::Open {
            track,
            path: path.to_owned(),
            title: title.to_owned(),
            stream,
        });
        Track {
            name: track,
            archive: self.clone(),
            missing: 0,
            left_out: 0,
        }
    }

    /// Ends recordings. The answer arrives once they are closed, and never if they can't be.
    pub(crate) fn close(&self, tracks: impl IntoIterator<Item = Track>) -> Closed {
        let tracks = tracks.into_iter();
        let tracks = tracks.map(|it| (it.name, it.left_out)).collect();
        let (closed, answer) = oneshot::channel();
        let _ = self.jobs.send(Job::Close { tracks, closed });
        answer
    }
}

impl Track {
    /// Adds one Opus packet.
    pub(crate) fn write(&mut self, packet: &[u8]) {
        if self.archive.shared.waiting.load(Ordering::Relaxed) >= MAX_WAITING {
            self.missing += u64::from(samples(packet).unwrap_or(0));
            self.left_out += 1;
            return;
        }
        let missing = std::mem::take(&mut self.missing);
        self.write_gap(missing);
        self.archive.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let _ = self.archive.jobs.send(Job::Packet {
            track: self.name,
            packet: packet.into(),
        });
    }

    /// Fills a gap of this many samples with silence.
    pub(crate) fn write_gap(&mut self, samples: u64) {
        if samples > 0 {
            let _ = self.archive.jobs.send(Job::Gap {
                track: self.name,
                samples,
            });
        }
    }
}

/// The state of the thread.
struct Writer {
    limits: Limits,
    console: Console,
    shared: Arc<Shared>,
    open: HashMap<usize, File>,
}

/// One recording.
struct File {
    /// Present while the recording is being written.
    recorder: Option<Recorder>,
    outcome: Recording,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Job>) {
        for job in queue {
            match job {
                Job::Open {
                    track,
                    path,
                    title,
                    stream,
                } => self.begin(track, path, &title, stream),
                Job::Gap { track, samples } => {
                    self.write(track, |recorder| recorder.write_gap(samples));
                }
                Job::Packet { track, packet } => {
                    self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                    self.write(track, |recorder| recorder.write(&packet));
                }
                Job::Close { tracks, closed } => {
                    let tracks = tracks.into_iter();
                    let outcomes = tracks.filter_map(|(it, left_out)| self.end(it, left_out));
                    // The receiver may have gone away.
                    let _ = closed.send(outcomes.collect());
                }
            }
        }
    }

    fn begin(&mut self, track: usize, path: PathBuf, title: &str, stream: u32) {
        let mut file = File {
            recorder: None,
            outcome: Recording {
                path,
                ..Recording::default()
            },
        };
        match Recorder::create(&file.outcome.path, title, stream) {
            Ok(recorder) => file.recorder = Some(recorder),
            Err(error) => file.fail(&error, &self.console),
        }
        self.open.insert(track, file);
    }

    fn write(&mut self, track: usize, write: impl FnOnce(&mut Recorder) -> io::Result<()>) {
        let Some(file) = self.open.get_mut(&track) else {
            return;
        };
        let Some(recorder) = &mut file.recorder else {
            return;
        };
        match write(recorder) {
            Err(error) => file.fail(&error, &self.console),
            Ok(()) => {
                let full = recorder.bytes() >= self.limits.bytes
                    || recorder.samples() >= self.limits.samples;
                if full {
                    file.outcome.limited = true;
                    file.close(&self.console);
                    self.console.line(format_args!(
                        "recording {} has reached its limit and is closed",
                        file.outcome.path.display()
                    ));
                }
            }
        }
    }

    fn end(&mut self, track: usize, left_out: u64) -> Option<Recording> {
        let mut file = self.open.remove(&track)?;
        file.close(&self.console);
        if left_out > 0 {
            file.outcome.problem.get_or_insert_with(|| {
                format!("{left_out} packets are missing, the disk was too slow for them")
            });
        }
        Some(file.outcome)
    }
}

impl File {
    fn close(&mut self, console: &Console) {
        let Some(recorder) = self.recorder.take() else {
            return;
        };
        self.outcome.packets = recorder.packets();
        if let Err((error, packets)) = recorder.finish() {
            self.outcome.packets = packets;
            self.report(&error, console);
        }
    }

    /// Ends the recording with what is on the disk.
    fn fail(&mut self, error: &io::Error, console: &Console) {
        if let Some(recorder) = self.recorder.take() {
            self.outcome.packets = recorder.abandon();
        }
        self.report(error, console);
    }

    fn report(&mut self, error: &io::Error, console: &Console) {
        let reason = plain(error);
        let kept = self.outcome.packets;
        console.error(format_args!(
            "recording {}: {reason}; {kept} packets are kept, the call goes on",
            self.outcome.path.display()
        ));
        self.outcome.problem = Some(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opus::Clip;

    const PACKET: [u8; 4] = [31 << 3, 1, 2, 3];

    fn archive(limits: Limits) -> Archive {
        Archive::start(limits, Console::start().expect("threads")).expect("a thread")
    }

    #[test]
    fn a_recording_ends_at_its_limit_and_can_be_played() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("call.ogg");
        let limits = Limits {
            bytes: u64::MAX,
            samples: u64::from(CLOCK_HZ),
        };
        let archive = archive(limits);
        let mut track = archive.open(&path, "a call", 1);
        (0..1000).for_each(|_| track.write(&PACKET));
        let outcome = archive.close([track]).blocking_recv().expect("it closes");
        assert_eq!((outcome[0].limited, outcome[0].packets), (true, 50));
        assert_eq!(outcome[0].problem, None);
        assert_eq!(Clip::open(&path).expect("Ogg Opus").packets().len(), 50);

        let limits = Limits {
            bytes: 2000,
            samples: u64::MAX,
        };
        let archive = self::archive(limits);
        let mut track = archive.open(&path, "a call", 1);
        (0..1000).for_each(|_| track.write(&PACKET));
        let outcome = archive.close([track]).blocking_recv().expect("it closes");
        let length = std::fs::metadata(&path).expect("the file").len();
        assert!(
            outcome[0].limited && (2000..2500).contains(&length),
            "{length}"
        );
    }

    #[test]
    fn a_place_that_takes_no_recording_is_named_with_the_reason() {
        let archive = archive(Limits::new(1, 1));
        let mut track = archive.open(Path::new("/dev/null/call.ogg"), "a call", 1);
        track.write(&PACKET);
        let outcome = archive.close([track]).blocking_recv().expect("it closes");
        assert_eq!(outcome[0].problem.as_deref(), Some("is no folder"));
        assert_eq!(outcome[0].packets, 0);
    }
}
