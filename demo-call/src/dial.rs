//! Calling a host where `listen` runs, or another WHIP endpoint.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::http::Uri;
use portcullis::IceMode;
use portcullis::ice_lite::Candidate;
use portcullis::signalling::Signalling;
use tokio::sync::mpsc;

use crate::archive::Archive;
use crate::call::{Call, Plan, Until};
use crate::cli;
use crate::console::Console;
use crate::error::Error;
use crate::http_client::{Authorization, HttpClient};
use crate::incoming::RecordTo;
use crate::monitor::{Lane, Watched, received, sent, watch};
use crate::player::Pace;
use crate::port::Ports;
use crate::recordings::{FIRST, clip, make_folder};
use crate::security::Offer;
use crate::stop::Stop;
use crate::summary::One;
use crate::tls::connector;
use crate::token::Tokens;
use crate::whip_client::WhipClient;

/// What this side is called.
const NAME: &str = "caller";

/// Makes the call and prints its summary.
pub(crate) async fn run(arguments: cli::Dial, console: &Console) -> Result<(), Error> {
    let cli::Dial {
        url,
        https_roots,
        token_file,
        play,
        record,
        limits,
        json,
        security,
    } = arguments;
    let mut stop = Stop::new().map_err(Error::Signals)?;
    let archive = Archive::start(limits.into(), console.clone()).map_err(Error::Threads)?;
    let record_to = record.clone().map(|dir| record_to(archive, dir, &url));
    let plan = plan(play, record_to, Offer::new(&security)?)?;
    let total = plan.clip.packets().len() as u64;
    let http = http_client(&url, https_roots.as_deref(), token_file.as_deref())?;
    let whip = WhipClient::connect(http, url).await?;
    // The way by which HTTP reaches the host is the way for the media.
    let mut ports = Ports::new()?;
    let driver = ports.bind(SocketAddr::new(whip.local(), 0))?;
    let candidate = Candidate::host(driver.local_addr().map_err(Error::Socket)?, 0);
    let handle = driver.handle();
    let config = plan.session_config(IceMode::Controlling, vec![candidate]);
    let offered = Signalling::offer(config, Instant::now(), [plan.audio()]);
    let (session, signalling, offer) = offered.map_err(Error::answer)?;
    let answered = whip.offer(offer).await?;
    if let Some(dir) = &record {
        make_folder(dir)?;
    }

    let (news, told) = mpsc::unbounded_channel();
    let call = Call::new(plan, signalling, news, Instant::now());
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
    ports.serve()?;
    let id = handle
        .insert(session, call)
        .await
        .map_err(|_| Error::Incomplete)?;
    let sdp = answered.sdp.clone();
    let accepted = handle
        .with(id, move |call, cx| call.accept_answer(cx, &sdp))
        .await;
    let ends = match accepted {
        Ok(()) => watch(&[Watched { handle, id }], &lanes, told, &mut stop, console).await,
        Err(_) => return Err(Error::Incomplete),
    };
    let hung_up = answered.hang_up().await;
    let (report, result) = ends.into_values().next().ok_or(Error::Incomplete)?;
    let result = result.and(hung_up.map_err(Error::NotHungUp));
    if report.security.is_some() {
        let summary = One {
            report: &report,
            failure: result.as_ref().err(),
        };
        if json {
            console.line(summary.json());
        } else {
            console.line(summary.to_string().trim_end());
        }
    }
    result
}

/// How the host is spoken to.
fn http_client(url: &Uri, roots: Option<&Path>, token: Option<&Path>) -> Result<HttpClient, Error> {
    let is_https = url.scheme_str() == Some("https");
    let tls = is_https.then(|| connector(roots)).transpose()?;
    let value = Tokens::read(token)?.authorization();
    let host = url.clone();
    let authorization = value.map(|value| Authorization { value, host });
    Ok(HttpClient { tls, authorization })
}

/// What this side does.
fn plan(play: Option<PathBuf>, record: Option<RecordTo>, offer: Offer) -> Result<Plan, Error> {
    Ok(Plan {
        number: 0,
        clip: clip(play.as_deref(), FIRST)?,
        pace: Pace::Real,
        until: Until::Played,
        record,
        arrivals: None,
        ssrc: rand::random(),
        name: NAME,
        offer,
    })
}

/// Where the host's voice goes.
fn record_to(archive: Archive, dir: PathBuf, url: &Uri) -> RecordTo {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    RecordTo {
        archive,
        dir,
        // Two calls of one second into one folder are told apart by the process.
        name: format!("call-{seconds}-{}", std::process::id()),
        title: format!("The host {}", url.authority().map_or("", |it| it.as_str())),
    }
}
