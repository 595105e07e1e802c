//! Calling a host where `listen` runs, or another WHIP endpoint.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use portcullis::driver::Driver;
use portcullis::ice_lite::Candidate;
use portcullis::{IceMode, Session};
use tokio::sync::mpsc;

use crate::call::{Call, Plan, Until};
use crate::cli;
use crate::error::Error;
use crate::incoming::RecordTo;
use crate::monitor::{Lane, Watched, received, sent, watch};
use crate::player::Pace;
use crate::recordings::{FIRST, clip, make_folder};
use crate::security::Offer;
use crate::summary::One;
use crate::whip_client::WhipClient;

/// What this side is called.
const NAME: &str = "caller";

/// Makes the call and prints its summary.
pub(crate) async fn run(arguments: cli::Dial) -> Result<(), Error> {
    let cli::Dial {
        url,
        play,
        record,
        json,
        security,
    } = arguments;
    let plan = plan(play, record.clone(), Offer::new(&security)?)?;
    let total = plan.clip.packets().len() as u64;
    let mut whip = WhipClient::connect(url).await?;
    // The way by which HTTP reaches the host is the way for the media.
    let address = SocketAddr::new(whip.local(), 0);
    let driver = Driver::bind(address).map_err(Error::bind("UDP", address))?;
    let candidate = Candidate::host(driver.local_addr().map_err(Error::Socket)?, 0);
    let config = plan.session_config(IceMode::Controlling, vec![candidate]);
    let (session, offer) = Session::offer(config, Instant::now()).map_err(Error::Session)?;
    let answered = whip.offer(offer).await?;
    if let Some(dir) = &record {
        make_folder(dir)?;
    }

    let (news, told) = mpsc::unbounded_channel();
    let call = Call::new(plan, news, Instant::now());
    let lane = |label, total, sample| Lane {
        label,
        total,
        counters: call.live(),
        sample,
    };
    let lanes = [
        lane("sent", Some(total), sent),
        lane("received", None, received),
    ];
    let handle = driver.handle();
    tokio::spawn(driver.run());
    let id = handle
        .insert(session, call)
        .await
        .map_err(|_| Error::Incomplete)?;
    let accepted = handle
        .with(id, move |call, cx| call.accept_answer(cx, &answered.sdp))
        .await;
    let ends = match accepted {
        Ok(()) => watch(&[Watched { handle, id }], &lanes, told).await,
        Err(_) => return Err(Error::Incomplete),
    };
    // The call is over on this side; a host that has noticed already has nothing against it.
    let _ = whip.hang_up(&answered.location).await;
    let (report, result) = ends.into_values().next().ok_or(Error::Incomplete)?;
    if report.security.is_some() {
        let ok = result.is_ok();
        print(
            One {
                report: &report,
                ok,
            },
            json,
        );
    }
    result
}

fn print(summary: One<'_>, json: bool) {
    if json {
        println!("{}", summary.json());
    } else {
        print!("{summary}");
    }
}

/// What this side does.
fn plan(play: Option<PathBuf>, record: Option<PathBuf>, offer: Offer) -> Result<Plan, Error> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    // Two calls of one second into one folder are told apart by the process.
    let name = format!("call-{seconds}-{}", std::process::id());
    Ok(Plan {
        number: 0,
        clip: clip(play.as_deref(), FIRST)?,
        pace: Pace::Real,
        until: Until::Played,
        record: record.map(|dir| RecordTo { dir, name }),
        arrivals: None,
        ssrc: rand::random(),
        name: NAME,
        offer,
    })
}
