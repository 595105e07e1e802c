//! The call of two endpoints on this host.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use portcullis::driver::Handle;
use portcullis::ice_lite::Candidate;
use portcullis::signalling::Signalling;
use portcullis::signalling::sdp::Description;
use portcullis::{IceMode, Session};
use tokio::sync::mpsc;

use crate::archive::{Archive, Limits};
use crate::call::{Call, News, Plan, Until};
use crate::cli;
use crate::console::Console;
use crate::error::Error;
use crate::incoming::RecordTo;
use crate::monitor::{Lane, Watched, received, watch};
use crate::opus::Clip;
use crate::player::Pace;
use crate::port::Ports;
use crate::recordings::{FIRST, SECOND, clip, is_identical, make_folder};
use crate::report::Report;
use crate::security::Offer;
use crate::stop::Stop;
use crate::summary::Both;

/// The side that calls, and the one that answers.
const NAMES: [&str; 2] = ["first-caller", "second-caller"];

/// What the recordings of the two are called.
const TITLES: [&str; 2] = ["The first caller", "The second caller"];

/// These recordings are as long as what is played.
const UNLIMITED: Limits = Limits {
    bytes: u64::MAX,
    samples: u64::MAX,
};

/// Where both sides are.
const HOST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Makes the call and prints its summary.
pub(crate) async fn run(arguments: cli::Alone, console: &Console) -> Result<(), Error> {
    let cli::Alone {
        play,
        record,
        fast,
        json,
        security,
    } = arguments;
    let offer = Offer::new(&security)?;
    let play = |number: usize| play.get(number).map(|path| path.as_path());
    let clips = [clip(play(0), FIRST)?, clip(play(1), SECOND)?];
    make_folder(&record)?;
    let mut stop = Stop::new().map_err(Error::Signals)?;
    let archive = Archive::start(UNLIMITED, console.clone()).map_err(Error::Threads)?;
    let plans = plans(&clips, &record, &archive, fast, &offer);
    let (news, told) = mpsc::unbounded_channel();
    let (calls, lanes) = connect(plans, news).await?;
    let mut ends = watch(&calls, &lanes, told, &mut stop, console).await;
    let mut reports = Vec::new();
    for number in 0..2 {
        let (report, result) = ends.remove(&number).ok_or(Error::Incomplete)?;
        result?;
        reports.push(report);
    }
    let [first, second] = reports.as_slice() else {
        return Err(Error::Incomplete);
    };
    // What one side played is in the other side's recording.
    let identical = [
        has_recorded(second, &clips[0]),
        has_recorded(first, &clips[1]),
    ];
    let summary = Both {
        sides: [first, second],
        identical,
    };
    if json {
        console.line(summary.json());
    } else {
        console.line(summary.to_string().trim_end());
    }
    if summary.is_ok() {
        Ok(())
    } else {
        Err(Error::Incomplete)
    }
}

/// What the two sides do.
fn plans(
    clips: &[Arc<Clip>; 2],
    record: &Path,
    archive: &Archive,
    fast: bool,
    offer: &Offer,
) -> [Plan; 2] {
    let arrivals = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
    [0, 1].map(|side| Plan {
        number: side as u64,
        clip: Arc::clone(&clips[side]),
        pace: if fast {
            Pace::Window(Arc::clone(&arrivals[1 - side]))
        } else {
            Pace::Real
        },
        until: Until::BothPlayed,
        record: Some(RecordTo {
            archive: archive.clone(),
            dir: record.to_owned(),
            name: NAMES[1 - side].to_owned(),
            title: TITLES[1 - side].to_owned(),
        }),
        arrivals: Some(Arc::clone(&arrivals[side])),
        ssrc: rand::random(),
        name: NAMES[side],
        offer: offer.clone(),
    })
}

/// Gives each side a port of its own and has the first call the second.
async fn connect(
    plans: [Plan; 2],
    news: mpsc::UnboundedSender<News>,
) -> Result<([Watched; 2], [Lane; 2]), Error> {
    let mut ports = Ports::new()?;
    let mut bind = || -> Result<_, Error> {
        let driver = ports.bind(HOST)?;
        let address = driver.local_addr().map_err(Error::Socket)?;
        Ok((driver.handle(), vec![Candidate::host(address, 0)]))
    };
    let ((calling, near), (answering, far)) = (bind()?, bind()?);
    let now = Instant::now();
    let config = plans[0].session_config(IceMode::Controlling, near);
    let offered = Signalling::offer(config, now, [plans[0].audio()]);
    let (mut first, mut calls, sdp) = offered.map_err(Error::answer)?;
    let read = |sdp: &str| Description::read(sdp).map_err(|error| Error::answer(error.into()));
    let config = plans[1].session_config(IceMode::Lite, far);
    let answered = Signalling::answer(config, now, &read(&sdp)?, plans[1].decide());
    let (second, answers, sdp) = answered.map_err(Error::answer)?;
    let accepted = calls.accept_answer(&mut first, now, &read(&sdp)?);
    accepted.map_err(Error::answer)?;
    let totals = [0, 1].map(|side| Some(plans[side].clip.packets().len() as u64));
    let [a, b] = plans;
    let a = Call::new(a, calls, news.clone(), now);
    let b = Call::new(b, answers, news, now);
    // What one side sends is shown as the other receives it.
    let lane = |label, total, call: &Call| Lane {
        label,
        total,
        counters: call.live(),
        sample: received,
    };
    let lanes = [
        lane("first to second", totals[0], &b),
        lane("second to first", totals[1], &a),
    ];
    ports.serve()?;
    let answering = start(answering, second, b).await?;
    let calling = start(calling, first, a).await?;
    Ok(([calling, answering], lanes))
}

/// Starts one side.
async fn start(handle: Handle<Call>, session: Session, call: Call) -> Result<Watched, Error> {
    let id = handle
        .insert(session, call)
        .await
        .map_err(|_| Error::Incomplete)?;
    Ok(Watched { handle, id })
}

/// Whether this side's one recording is what was played.
fn has_recorded(side: &Report, played: &Clip) -> bool {
    matches!(side.recordings.as_slice(), [one] if is_identical(&one.path, played))
}
