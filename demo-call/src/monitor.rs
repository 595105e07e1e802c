//! Watching the calls of this process until they are over.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis::SessionId;
use portcullis::driver::Handle;
use tokio::sync::{mpsc, watch};

use crate::archive::Closed;
use crate::call::{Call, News};
use crate::console::Console;
use crate::error::Error;
use crate::media::Counters;
use crate::progress::{Live, Sample};
use crate::report::Report;
use crate::stop::Stop;

/// How long recordings may take to close; a disk that needs longer is taken to hang.
const CLOSING_LIMIT: Duration = Duration::from_secs(10);

/// How long calls may take to end once asked to.
const FAREWELL: Duration = Duration::from_secs(5);

/// One direction to show.
#[derive(Clone, Debug)]
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

/// Shows the lanes while the calls last, and waits for their recordings; Ctrl-C and SIGTERM hang them
/// up, and a second one ends the watching.
pub(crate) async fn watch(
    calls: &[Watched],
    lanes: &[Lane],
    mut news: mpsc::UnboundedReceiver<News>,
    stop: &mut Stop,
    console: &Console,
) -> Ends {
    let mut ends = Ends::new();
    let mut live = None;
    let mut farewell = None;
    while ends.len() < calls.len() {
        tokio::select! {
            some = news.recv() => match some {
                Some(News::Connected { .. }) => {
                    live.get_or_insert_with(|| Live::start(lanes.to_vec(), console.clone()));
                }
                Some(News::Ended { number, report, result, recordings }) => {
                    if result.is_err() {
                        hang_up(calls).await;
                    }
                    ends.insert(number, closed(*report, result, recordings).await);
                }
                None => break,
            },
            () = stop.asked() => {
                if farewell.is_some() {
                    break;
                }
                farewell = Some(tokio::time::Instant::now() + FAREWELL);
                hang_up(calls).await;
            }
            () = until(farewell) => break,
        }
    }
    if let Some(live) = live {
        live.end();
    }
    ends
}

/// Waits until this instant, or forever without one.
async fn until(end: Option<tokio::time::Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// Waits for the recordings of a finished call. An incomplete recording is a failure, but never takes
/// precedence over an earlier one.
pub(crate) async fn closed(
    mut report: Report,
    result: Result<(), Error>,
    recordings: Option<Closed>,
) -> (Report, Result<(), Error>) {
    let Some(recordings) = recordings else {
        return (report, result);
    };
    let recorded = match tokio::time::timeout(CLOSING_LIMIT, recordings).await {
        Ok(Ok(recordings)) => {
            report.recordings = recordings;
            let problem = |it: &crate::archive::Recording| {
                let reason = it.problem.clone()?;
                let path = it.path.clone();
                Some(Error::NotRecorded { path, reason })
            };
            report
                .recordings
                .iter()
                .find_map(problem)
                .map_or(Ok(()), Err)
        }
        _ => Err(Error::DiskHangs(CLOSING_LIMIT)),
    };
    (report, result.and(recorded))
}

/// Hangs up those that still last.
async fn hang_up(calls: &[Watched]) {
    for Watched { handle, id } in calls {
        // If it has already ended, nothing is left to do.
        let _ = handle.with(*id, |call, cx| call.hang_up(cx)).await;
    }
}

impl Lane {
    /// How far it has come.
    pub(crate) fn sample(&self) -> Sample {
        (self.sample)(&self.counters.borrow())
    }
}

/// What a side has received.
pub(crate) fn received(counters: &Counters) -> Sample {
    Sample {
        packets: counters.rtp_received,
        lost: counters.lost,
        bytes: counters.rtp_received_bytes,
        heard: counters.heard,
    }
}

/// What a side has sent.
pub(crate) fn sent(counters: &Counters) -> Sample {
    Sample {
        packets: counters.rtp_sent,
        lost: 0,
        bytes: counters.rtp_sent_bytes,
        heard: None,
    }
}
