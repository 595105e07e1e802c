//! The live line of a call: a bar on a terminal, elsewhere an occasional plain line.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::call::SILENCE;
use crate::console::Console;
use crate::monitor;

/// How often the live lines are drawn.
const REFRESH: Duration = Duration::from_millis(100);

/// How long the end of a call waits for a stopped terminal.
const LAST_DRAWING: Duration = Duration::from_millis(500);

/// How often a plain line is printed where there is no terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// The time over which the bitrate is measured.
const RATE_INTERVAL: Duration = Duration::from_millis(500);

/// One direction of a call, as far as it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) packets: u64,
    pub(crate) lost: u64,
    /// Bytes of Opus.
    pub(crate) bytes: u64,
    /// When the sender was last heard from, where that is known.
    pub(crate) heard: Option<Instant>,
}

/// Live lines drawn by a thread of their own, so that a stopped terminal never holds up a call.
#[derive(Debug)]
pub(crate) struct Live {
    end: SyncSender<()>,
    ended: Receiver<()>,
}

impl Live {
    /// Starts drawing these lanes. If no thread can be started, there are no live lines.
    pub(crate) fn start(lanes: Vec<monitor::Lane>, console: Console) -> Self {
        let (end, asked) = sync_channel(1);
        let (done, ended) = sync_channel(1);
        let draw = move || {
            let labels: Vec<_> = lanes.iter().map(|lane| (lane.label, lane.total)).collect();
            let mut progress = Progress::new(&labels, Instant::now());
            while asked.recv_timeout(REFRESH) == Err(RecvTimeoutError::Timeout) {
                let samples: Vec<_> = lanes.iter().map(monitor::Lane::sample).collect();
                for line in progress.update(&samples, Instant::now()) {
                    console.error(line);
                }
            }
            progress.clear();
            let _ = done.send(());
        };
        let _ = thread::Builder::new().name("live".to_owned()).spawn(draw);
        Self { end, ended }
    }

    /// Takes them off the terminal.
    pub(crate) fn end(self) {
        let _ = self.end.send(());
        let _ = self.ended.recv_timeout(LAST_DRAWING);
    }
}

/// The live lines of a call, on stderr.
#[derive(Debug)]
pub(crate) struct Progress {
    lanes: Vec<Lane>,
    next_plain: Instant,
}

/// One live line.
#[derive(Debug)]
struct Lane {
    label: String,
    total: Option<u64>,
    bar: ProgressBar,
    /// Where the measuring of the bitrate began.
    since: (Instant, u64),
    bits_per_second: u64,
}

impl Progress {
    /// Lines for directions with these labels and, where it is known, the packets they will have.
    pub(crate) fn new(lanes: &[(&str, Option<u64>)], now: Instant) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let width = lanes
            .iter()
            .map(|(label, _)| label.chars().count())
            .max()
            .unwrap_or(0);
        let lane = |&(label, total): &(&str, Option<u64>)| {
            let label = format!("{label:width$}");
            let bar = ProgressBar::new(total.unwrap_or(0)).with_style(style(total.is_some()));
            Lane {
                bar: bars.add(bar.with_prefix(label.clone())),
                label,
                total,
                since: (now, 0),
                bits_per_second: 0,
            }
        };
        Self {
            lanes: lanes.iter().map(lane).collect(),
            next_plain: now + PLAIN_INTERVAL,
        }
    }

    /// Shows how far each direction has come; gives the lines to print where there is no terminal.
    pub(crate) fn update(&mut self, samples: &[Sample], now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        let plain = now >= self.next_plain;
        if plain {
            self.next_plain = now + PLAIN_INTERVAL;
        }
        for (lane, sample) in self.lanes.iter_mut().zip(samples) {
            lane.measure(sample, now);
            let text = lane.text(sample, now);
            if plain && lane.bar.is_hidden() {
                lines.push(format!("{} {text}", lane.label));
            }
            lane.bar.set_message(text);
            lane.bar.set_position(sample.packets);
        }
        lines
    }

    /// Takes the lines off the terminal: the summary says it all.
    pub(crate) fn clear(self) {
        self.lanes
            .iter()
            .for_each(|lane| lane.bar.finish_and_clear());
    }
}

impl Lane {
    fn measure(&mut self, sample: &Sample, now: Instant) {
        let (then, bytes) = self.since;
        let elapsed = now.saturating_duration_since(then);
        if elapsed >= RATE_INTERVAL {
            let bits = u128::from(sample.bytes.saturating_sub(bytes)) * 8;
            let rate = bits * 1_000_000 / elapsed.as_micros();
            self.bits_per_second = u64::try_from(rate).unwrap_or(u64::MAX);
            self.since = (now, sample.bytes);
        }
    }

    fn text(&self, sample: &Sample, now: Instant) -> String {
        let packets = match self.total {
            Some(total) => format!("{}/{total} packets", sample.packets),
            None => format!("{} packets", sample.packets),
        };
        let silent = sample
            .heard
            .map_or(Duration::ZERO, |heard| now.saturating_duration_since(heard));
        if silent >= SILENCE {
            // How much should have arrived is unknown, and so is the share that was lost.
            return format!("{packets}, NOTHING for {} s", silent.as_secs());
        }
        let kilobits = self.bits_per_second.div_ceil(1000);
        format!(
            "{packets}, loss {}, {kilobits} kbit/s",
            percent(sample.lost, sample.packets)
        )
    }
}

/// The share of `lost` in all packets, lost and arrived.
pub(crate) fn percent(lost: u64, arrived: u64) -> String {
    let thousandths = (lost * 1000).checked_div(lost + arrived).unwrap_or(0);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

fn style(has_total: bool) -> ProgressStyle {
    let template = if has_total {
        "{prefix} {bar:28.green/dim} {msg}"
    } else {
        "{prefix} {elapsed_precise} {msg}"
    };
    let style = ProgressStyle::with_template(template);
    style
        .expect("invariant: the templates above are valid")
        .progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_told_in_tenths_of_a_percent() {
        assert_eq!(percent(0, 0), "0.0 %");
        assert_eq!(percent(1, 999), "0.1 %");
        assert_eq!(percent(5, 0), "100.0 %");
    }

    #[test]
    fn the_bitrate_is_that_of_the_last_interval() {
        let start = Instant::now();
        let mut progress = Progress::new(&[("a", Some(100))], start);
        let lane = &mut progress.lanes[0];
        lane.measure(
            &Sample {
                bytes: 3000,
                ..Sample::default()
            },
            start + Duration::from_secs(1),
        );
        assert_eq!(lane.bits_per_second, 24_000);
        let sample = Sample {
            packets: 70,
            lost: 0,
            bytes: 4000,
            heard: Some(start),
        };
        lane.measure(&sample, start + Duration::from_secs(2));
        let text = lane.text(&sample, start + Duration::from_millis(1999));
        assert_eq!(text, "70/100 packets, loss 0.0 %, 8 kbit/s");
    }

    #[test]
    fn silence_shows_as_silence_within_two_seconds() {
        let start = Instant::now();
        let progress = Progress::new(&[("a", None)], start);
        let sample = Sample {
            packets: 70,
            heard: Some(start),
            ..Sample::default()
        };
        let text = progress.lanes[0].text(&sample, start + SILENCE);
        assert_eq!(text, "70 packets, NOTHING for 2 s");
    }
}
