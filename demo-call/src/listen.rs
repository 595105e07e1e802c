//! Answering calls: many on one media port, by WHIP.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portcullis::driver::{Driver, Handle, TcpLimits};
use portcullis::ice_lite::Candidate;
use portcullis::{IceMode, Session, SessionError, SessionId};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::call::{Call, News, Plan, Until};
use crate::candidates::host_candidates;
use crate::cli;
use crate::error::Error;
use crate::http;
use crate::incoming::RecordTo;
use crate::metrics;
use crate::opus::Clip;
use crate::page;
use crate::player::Pace;
use crate::recordings::{SECOND, clip, make_folder};
use crate::report::Report;
use crate::security::Offer;
use crate::whip::{self, Answer, Command, Refusal};

/// What this side is called.
const NAME: &str = "host";

/// Calls at once. Each costs a file and some 50 packets a second each way.
const MAX_CALLS: usize = 1000;

/// HTTP requests that wait for their turn.
const MAX_WAITING: usize = 64;

/// How long calls may take to end after Ctrl-C.
const FAREWELL: Duration = Duration::from_secs(3);

/// The calls of this host.
struct Host {
    offer: Offer,
    clip: Arc<Clip>,
    record: Option<PathBuf>,
    media: SocketAddr,
    /// Where connections of ICE-TCP are taken, if they are.
    media_tcp: Option<SocketAddr>,
    handle: Handle<Call>,
    news: mpsc::UnboundedSender<News>,
    /// By the names that WHIP knows them by.
    calls: HashMap<String, (u64, SessionId)>,
    /// How many calls there were.
    count: u64,
}

/// Serves until Ctrl-C.
pub(crate) async fn run(arguments: cli::Listen) -> Result<(), Error> {
    let cli::Listen {
        http,
        media,
        media_tcp,
        metrics,
        play,
        record,
        security,
    } = arguments;
    let offer = Offer::new(&security)?;
    let clip = clip(play.as_deref(), SECOND)?;
    let mut driver = Driver::bind(media).map_err(Error::bind("UDP", media))?;
    let media_tcp = media_tcp
        .map(|address| {
            let bound = driver.listen_tcp(address, TcpLimits::default());
            bound.map_err(Error::bind("TCP", address))
        })
        .transpose()?;
    let media = driver.local_addr().map_err(Error::Socket)?;
    let (listener, page) = bind_tcp(http).await?;
    if let Some(dir) = &record {
        make_folder(dir)?;
    }
    let metrics = match metrics {
        Some(address) => Some(bind_tcp(address).await?),
        None => None,
    };
    println!("page and WHIP endpoint  http://{page}/");
    println!("media port              udp://{media}");
    if let Some(address) = media_tcp {
        println!("media port              tcp://{address}");
    }
    if let Some((_, address)) = &metrics {
        println!("metrics                 http://{address}/metrics");
    }
    let handle = driver.handle();
    let counters = serve_metrics(metrics.map(|(listener, _)| listener), handle.clone());

    let (commands, asked) = mpsc::channel(MAX_WAITING);
    let (news, told) = mpsc::unbounded_channel();
    let calls = HashMap::new();
    let mut host = Host {
        offer,
        clip,
        record,
        media,
        media_tcp,
        handle,
        news,
        calls,
        count: 0,
    };
    let routes = page::routes().merge(whip::routes(commands));
    tokio::select! {
        () = http::serve(listener, routes) => Ok(()),
        result = driver.run() => result.map_err(Error::Socket),
        () = counters => Ok(()),
        () = host.serve(asked, told) => Ok(()),
    }
}

/// A listener at this address, and the port that it got.
async fn bind_tcp(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    http::bind(address)
        .await
        .map_err(Error::bind("TCP", address))
}

/// Serves the metrics; without a listener, waits for ever.
async fn serve_metrics(listener: Option<TcpListener>, handle: Handle<Call>) {
    match listener {
        Some(listener) => http::serve(listener, metrics::routes(handle)).await,
        None => std::future::pending().await,
    }
}

impl Host {
    /// Does what HTTP asks and tells what becomes of the calls, until Ctrl-C has ended them.
    async fn serve(
        &mut self,
        mut asked: mpsc::Receiver<Command>,
        mut told: mpsc::UnboundedReceiver<News>,
    ) {
        // One future for all turns: a Ctrl-C during one of them must not get lost.
        let mut interrupt = pin!(tokio::signal::ctrl_c());
        loop {
            tokio::select! {
                Some(command) = asked.recv() => self.command(command).await,
                Some(news) = told.recv() => self.tell(news),
                _ = &mut interrupt => break,
            }
        }
        println!("calls to end: {}", self.calls.len());
        asked.close();
        for (_, id) in self.calls.values() {
            hang_up(&self.handle, *id).await;
        }
        let end = tokio::time::Instant::now() + FAREWELL;
        while !self.calls.is_empty() {
            match tokio::time::timeout_at(end, told.recv()).await {
                Ok(Some(news)) => self.tell(news),
                _ => break,
            }
        }
    }

    async fn command(&mut self, command: Command) {
        // Who asked may have closed the connection meanwhile; then nobody wants the reply.
        match command {
            Command::Answer {
                offer,
                caller,
                reply,
            } => {
                let _ = reply.send(self.answer(&offer, caller).await);
            }
            Command::Find { call, reply } => {
                let _ = reply.send(self.calls.contains_key(&call));
            }
            Command::HangUp { call, reply } => {
                let found = self.calls.get(&call).copied();
                if let Some((_, id)) = found {
                    hang_up(&self.handle, id).await;
                }
                let _ = reply.send(self.calls.remove(&call).is_some());
            }
        }
    }

    async fn answer(&mut self, offer: &str, caller: IpAddr) -> Result<Answer, Refusal> {
        if self.calls.len() >= MAX_CALLS {
            return Err(Refusal::Full);
        }
        let candidates = self.candidates(caller).map_err(|_| Refusal::Internal)?;
        let plan = self.plan(self.count + 1);
        let config = plan.session_config(IceMode::Lite, candidates);
        let now = Instant::now();
        let (session, sdp) = Session::answer(config, now, offer).map_err(|error| match error {
            SessionError::Sdp(error) => Refusal::Offer(error),
            _ => Refusal::Internal,
        })?;
        self.count += 1;
        let call = Call::new(plan, self.news.clone(), now);
        let id = self
            .handle
            .insert(session, call)
            .await
            .map_err(|_| Refusal::Closing)?;
        let name = format!("{:032x}", rand::random::<u128>());
        self.calls.insert(name.clone(), (self.count, id));
        println!("call {} from {caller}", self.count);
        Ok(Answer { call: name, sdp })
    }

    /// Where the caller can reach the media ports.
    fn candidates(&self, caller: IpAddr) -> io::Result<Vec<Candidate>> {
        let udp = host_candidates(self.media, caller)?;
        let tcp = match self.media_tcp {
            Some(address) => host_candidates(address, caller)?,
            None => Vec::new(),
        };
        let udp = (0..).zip(udp).map(|(rank, it)| Candidate::host(it, rank));
        let tcp = (0..).zip(tcp);
        Ok(udp
            .chain(tcp.map(|(rank, it)| Candidate::host_tcp(it, rank)))
            .collect())
    }

    fn plan(&self, number: u64) -> Plan {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let name = format!("call-{seconds}-{number}");
        Plan {
            number,
            clip: Arc::clone(&self.clip),
            pace: Pace::Real,
            until: Until::PeerLeaves,
            record: self.record.clone().map(|dir| RecordTo { dir, name }),
            arrivals: None,
            ssrc: rand::random(),
            name: NAME,
            offer: self.offer.clone(),
        }
    }

    fn tell(&mut self, news: News) {
        match news {
            News::Connected { number, security } => println!(
                "call {number} connected: DTLS {}, {}, {}, {}",
                security.dtls_version, security.cipher_suite, security.group, security.srtp_profile
            ),
            News::Ended {
                number,
                report,
                result,
            } => {
                self.calls.retain(|_, (other, _)| *other != number);
                match result {
                    Ok(()) => println!("call {number} ended: {}", in_short(&report)),
                    Err(error) => println!("call {number} failed: {error}"),
                }
            }
        }
    }
}

/// A report in one line.
fn in_short(report: &Report) -> String {
    let counters = &report.counters;
    let mut line = format!(
        "{} packets received, {} lost, {} sent, {} discarded",
        counters.rtp_received,
        counters.lost,
        counters.rtp_sent,
        report.discards()
    );
    for path in &report.recordings {
        line += &format!(", recorded to {}", path.display());
    }
    line
}

/// Hangs a call up; one that has ended is gone, which is what is wanted.
async fn hang_up(handle: &Handle<Call>, id: SessionId) {
    let _ = handle.with(id, |call, cx| call.hang_up(cx)).await;
}
