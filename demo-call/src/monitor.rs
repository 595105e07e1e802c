//! Watching the calls of this process until they are over.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use portcullis::SessionId;
use portcullis::driver::Handle;
use tokio::sync::{mpsc, watch};

use crate::call::{Call, News};
use crate::error::Error;
use crate::media::Counters;
use crate::progress::{Progress, Sample};
use crate::report::Report;

/// How often the live lines are drawn.
const REFRESH: Duration = Duration::from_millis(100);

/// One direction to show.
pub(crate) struct Lane {
    pub(crate) label: &'static str,
    /// The packets that it will have, if that is known.
    pub(crate) total: Option<u64>,
    pub(crate) counters: watch::Receiver<Counters>,
    pub(crate) sample: fn(&Counters) -> Sample,
}

/// A call that is watched, and how to reach it.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) handle: Handle<Call>,
    pub(crate) id: SessionId,
}

/// How each call ended, by its number.
pub(crate) type Ends = BTreeMap<u64, (Report, Result<(), Error>)>;

/// Shows the lanes while the calls last; Ctrl-C hangs them up.
pub(crate) async fn watch(
    calls: &[Watched],
    lanes: &[Lane],
    mut news: mpsc::UnboundedReceiver<News>,
) -> Ends {
    let mut ends = Ends::new();
    let mut progress = None;
    let mut refresh = tokio::time::interval(REFRESH);
    // One future for all turns: a Ctrl-C during one of them must not get lost.
    let mut interrupt = pin!(tokio::signal::ctrl_c());
    let mut interrupted = false;
    while ends.len() < calls.len() {
        tokio::select! {
            some = news.recv() => match some {
                Some(News::Connected { .. }) => {
                    progress.get_or_insert_with(|| begin(lanes));
                }
                Some(News::Ended { number, report, result }) => {
                    if result.is_err() {
                        hang_up(calls).await;
                    }
                    ends.insert(number, (*report, result));
                }
                None => break,
            },
            _ = &mut interrupt, if !interrupted => {
                interrupted = true;
                hang_up(calls).await;
            }
            _ = refresh.tick() => {
                if let Some(progress) = &mut progress {
                    let samples: Vec<_> = lanes.iter().map(Lane::sample).collect();
                    progress.update(&samples, Instant::now());
                }
            }
        }
    }
    if let Some(progress) = progress {
        progress.clear();
    }
    ends
}

/// Hangs up those that still last.
async fn hang_up(calls: &[Watched]) {
    for Watched { handle, id } in calls {
        // One that has ended is gone, which is what is wanted.
        let _ = handle.with(*id, |call, cx| call.hang_up(cx)).await;
    }
}

fn begin(lanes: &[Lane]) -> Progress {
    let labels: Vec<_> = lanes.iter().map(|lane| (lane.label, lane.total)).collect();
    Progress::new(&labels, Instant::now())
}

impl Lane {
    fn sample(&self) -> Sample {
        (self.sample)(&self.counters.borrow())
    }
}

/// What a side has received.
pub(crate) fn received(counters: &Counters) -> Sample {
    Sample {
        packets: counters.rtp_received,
        lost: counters.lost,
        bytes: counters.rtp_received_bytes,
    }
}

/// What a side has sent.
pub(crate) fn sent(counters: &Counters) -> Sample {
    Sample {
        packets: counters.rtp_sent,
        lost: 0,
        bytes: counters.rtp_sent_bytes,
    }
}
