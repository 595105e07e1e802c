//! Output, written by threads of its own: a stopped terminal or an unread pipe never holds up a call,
//! and a closed one never ends a call.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for a slow reader; any more are dropped and counted. At some 100 bytes a line
/// that is a few hundred KiB at most.
const MAX_WAITING: usize = 4096;

/// How long the program waits at its end for the last lines to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How soon a full queue is tried again at the end of the program.
const RETRY: Duration = Duration::from_millis(10);

/// stdout and stderr.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    out: Output,
    err: Output,
}

/// One of the two.
#[derive(Clone, Debug)]
struct Output {
    queue: SyncSender<Message>,
    left_out: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Text(Vec<u8>),
    /// The sender is dropped once everything before this has been written.
    Barrier(SyncSender<()>),
}

impl Console {
    /// Starts the two threads.
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self {
            out: Output::start("stdout", io::stdout())?,
            err: Output::start("stderr", io::stderr())?,
        })
    }

    /// Prints a line on stdout.
    pub(crate) fn line(&self, text: impl std::fmt::Display) {
        self.out.print(format!("{text}\n").into_bytes());
    }

    /// Prints a line on stderr.
    pub(crate) fn error(&self, text: impl std::fmt::Display) {
        self.err.print(format!("{text}\n").into_bytes());
    }

    /// Waits until everything is printed, for a second at most.
    pub(crate) fn flush(&self) {
        let end = Instant::now() + LAST_WORDS;
        self.out.flush(end);
        self.err.flush(end);
    }
}

impl Output {
    fn start(name: &str, sink: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, messages) = sync_channel(MAX_WAITING);
        let left_out = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&left_out);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || print(&messages, &counter, sink))?;
        Ok(Self { queue, left_out })
    }

    fn print(&self, text: Vec<u8>) {
        if self.queue.try_send(Message::Text(text)).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self, end: Instant) {
        let (written, wait) = sync_channel(0);
        let mut barrier = Message::Barrier(written);
        while let Err(TrySendError::Full(unsent)) = self.queue.try_send(barrier) {
            if Instant::now() >= end {
                return;
            }
            barrier = unsent;
            thread::sleep(RETRY);
        }
        let _ = wait.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

/// Writes lines until the first error, which means that nobody reads any more.
fn print(messages: &Receiver<Message>, left_out: &AtomicU64, mut sink: impl Write) {
    let mut closed = false;
    for message in messages {
        let text = match message {
            Message::Text(text) if !closed => text,
            Message::Text(_) => continue,
            Message::Barrier(written) => {
                drop(written);
                continue;
            }
        };
        let missing = left_out.swap(0, Ordering::Relaxed);
        let written = if missing > 0 {
            writeln!(sink, "({missing} lines were left out: they were not read)")
        } else {
            Ok(())
        };
        closed = written
            .and_then(|()| sink.write_all(&text))
            .and_then(|()| sink.flush())
            .is_err();
    }
}

/// Events of `tracing`, for stderr.
#[derive(Debug)]
pub(crate) struct Events(Output);

impl<'a> MakeWriter<'a> for Console {
    type Writer = Events;

    fn make_writer(&'a self) -> Events {
        Events(self.err.clone())
    }
}

impl Write for Events {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.print(text.to_owned());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// A pipe whose reader takes a text whenever the test lets it.
    struct Slow(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)?;
            let _ = self.1.send(text.to_owned());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_reads_nothing_holds_nobody_up_and_learns_what_it_missed() {
        let (read, turns) = channel();
        let (texts, written) = channel();
        let output = Output::start("test", Slow(turns, texts)).expect("a thread");
        // More than the queue and the thread hold.
        for _ in 0..MAX_WAITING + 10 {
            output.print(b"a line\n".to_vec());
        }
        let missing = output.left_out.load(Ordering::Relaxed);
        assert!((9..=10).contains(&missing), "{missing}");
        for _ in 0..MAX_WAITING + 2 {
            read.send(()).expect("the thread runs");
        }
        let told = written.iter().take(3).any(|text| text.starts_with(b"("));
        assert!(told, "the next lines say what is missing");
        drop(read);
    }

    #[test]
    fn what_is_closed_is_written_to_no_more() {
        struct Closed(Sender<()>);
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                let _ = self.0.send(());
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (attempts, counted) = channel();
        let output = Output::start("test", Closed(attempts)).expect("a thread");
        for _ in 0..3 {
            output.print(b"a line\n".to_vec());
        }
        output.flush(Instant::now() + Duration::from_secs(60));
        assert_eq!(counted.try_iter().count(), 1);
    }
}
