//! Answering calls: many on one media port, by WHIP.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use portcullis::driver::Handle;
use portcullis::ice_lite::Candidate;
use portcullis::signalling::sdp::Description;
use portcullis::signalling::{Signalling, SignallingError};
use portcullis::{IceMode, SessionId};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::address::Public;
use crate::admission::Admission;
use crate::archive::Archive;
use crate::call::{Call, News, Plan, Until};
use crate::candidates::host_candidates;
use crate::cli;
use crate::console::Console;
use crate::error::Error;
use crate::http;
use crate::ice_server;
use crate::incoming::RecordTo;
use crate::metrics;
use crate::monitor::closed;
use crate::opus::Clip;
use crate::page;
use crate::player::Pace;
use crate::port::Ports;
use crate::recordings::{SECOND, clip, make_folder};
use crate::report::Report;
use crate::security::Offer;
use crate::sources::Place;
use crate::stop::Stop;
use crate::tls::acceptor;
use crate::token::Tokens;
use crate::whip::{self, Answer, Command, IceSession, PatchRefusal, Patched, Refusal, entity_tag};

/// What this side is called.
const NAME: &str = "host";

/// Calls at once. Each costs a file and some 50 packets a second each way.
const MAX_CALLS: usize = 1000;

/// Finished calls whose recordings a page may still request.
const MAX_PAST: usize = 64;

/// HTTP requests that may wait to be handled.
const MAX_WAITING: usize = 64;

/// How long calls may take to end after Ctrl-C or SIGTERM.
const FAREWELL: Duration = Duration::from_secs(3);

/// How long their recordings may then take to close. systemd waits for 90 seconds, docker for 10.
const CLOSING: Duration = Duration::from_secs(4);

/// The calls of this host.
struct Host {
    offer: Offer,
    admission: Admission,
    clip: Arc<Clip>,
    record: Option<(Archive, PathBuf)>,
    media: SocketAddr,
    public: Vec<Public>,
    /// Where connections of ICE-TCP are taken, if they are.
    media_tcp: Option<SocketAddr>,
    handle: Handle<Call>,
    news: mpsc::UnboundedSender<News>,
    /// Keyed by their WHIP session names.
    calls: HashMap<String, Entry>,
    /// How many calls there were.
    count: u64,
    /// Calls that are over, but whose recordings are not closed yet.
    closing: JoinSet<Past>,
    /// The most recent calls that are completely over.
    past: VecDeque<Past>,
    console: Console,
}

/// A call of this host.
#[derive(Debug)]
struct Entry {
    number: u64,
    id: SessionId,
    /// How often its ICE was restarted.
    restarts: u32,
    /// It has been hung up and is about to end.
    hung_up: bool,
    /// Among those of its source.
    _place: Place,
}

/// A call that is over.
#[derive(Clone, Debug)]
struct Past {
    name: String,
    report: Report,
    reason: Option<String>,
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(arguments: cli::Listen, console: &Console) -> Result<(), Error> {
    let cli::Listen {
        http,
        media,
        media_tcp,
        public_address: public,
        https_certificate,
        https_key,
        token_file,
        behind_proxy,
        ice_server,
        metrics,
        play,
        record,
        limits,
        security,
    } = arguments;
    let stop = Stop::new().map_err(Error::Signals)?;
    let offer = Offer::new(&security)?;
    let clip = clip(play.as_deref(), SECOND)?;
    let tls = https_certificate.zip(https_key);
    let tls = tls.map(|(chain, key)| acceptor(&chain, &key)).transpose()?;
    let tokens = Tokens::read(token_file.as_deref())?;
    let links = ice_server.iter().map(|server| {
        let unusable = || Error::IceServer(server.clone());
        ice_server::link(server).ok_or_else(unusable)
    });
    let links = links.collect::<Result<_, _>>()?;
    let mut ports = Ports::new()?;
    let driver = ports.bind_any(media)?;
    let (media, handle) = (driver.local_addr().map_err(Error::Socket)?, driver.handle());
    let media_tcp = media_tcp
        .map(|address| ports.listen_tcp(address))
        .transpose()?;
    let (listener, page) = bind_tcp(http).await?;
    let record = record.map(|dir| -> Result<_, Error> {
        make_folder(&dir)?;
        let archive = Archive::start(limits.into(), console.clone()).map_err(Error::Threads)?;
        Ok((archive, dir))
    });
    let record = record.transpose()?;
    let metrics = match metrics {
        Some(address) => Some(bind_tcp(address).await?),
        None => None,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    console.line(format_args!("page and WHIP endpoint  {scheme}://{page}/"));
    console.line(format_args!("media port              udp://{media}"));
    if let Some(address) = media_tcp {
        console.line(format_args!("media port              tcp://{address}"));
    }
    if let Some((_, address)) = &metrics {
        console.line(format_args!(
            "metrics                 http://{address}/metrics"
        ));
    }
    let admission = Admission::new(behind_proxy);
    let counted = metrics::routes(handle.clone(), admission.clone());
    let counters = serve_metrics(metrics.map(|(listener, _)| listener), counted);

    let (commands, asked) = mpsc::channel(MAX_WAITING);
    let (news, told) = mpsc::unbounded_channel();
    let mut host = Host {
        offer,
        admission: admission.clone(),
        clip,
        record,
        media,
        public,
        media_tcp,
        handle,
        news,
        calls: HashMap::new(),
        count: 0,
        closing: JoinSet::new(),
        past: VecDeque::new(),
        console: console.clone(),
    };
    let routes = page::routes().merge(whip::routes(whip::Endpoint::new(
        commands,
        console.clone(),
        tokens,
        links,
        admission.clone(),
    )));
    let serving = ports.serve()?;
    tokio::select! {
        () = http::serve(listener, routes, tls, admission) => Ok(()),
        result = serving => result.unwrap_or(Ok(())).map_err(Error::Socket),
        () = counters => Ok(()),
        () = host.serve(asked, told, stop) => Ok(()),
    }
}

/// A listener at this address, and the port that it got.
async fn bind_tcp(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    http::bind(address)
        .await
        .map_err(Error::bind("TCP", address))
}

/// Serves the metrics; without a listener, waits for ever.
async fn serve_metrics(listener: Option<TcpListener>, routes: Router) {
    match listener {
        Some(listener) => http::serve(listener, routes, None, Admission::new(false)).await,
        None => std::future::pending().await,
    }
}

impl Host {
    /// Handles HTTP requests and reports on calls, until it is asked to stop and has ended them all. A
    /// second request to stop does not wait for them.
    async fn serve(
        &mut self,
        mut asked: mpsc::Receiver<Command>,
        mut told: mpsc::UnboundedReceiver<News>,
        mut stop: Stop,
    ) {
        loop {
            tokio::select! {
                Some(command) = asked.recv() => self.command(command).await,
                Some(news) = told.recv() => self.tell(news),
                Some(Ok(past)) = self.closing.join_next() => self.remember(past),
                () = stop.asked() => break,
            }
        }
        self.console
            .line(format_args!("calls to end: {}", self.calls.len()));
        asked.close();
        tokio::select! {
            () = self.farewell(told) => {}
            () = stop.asked() => {}
        }
    }

    /// Ends the calls and closes their recordings, within a time.
    async fn farewell(&mut self, mut told: mpsc::UnboundedReceiver<News>) {
        for entry in self.calls.values() {
            hang_up(&self.handle, entry.id).await;
        }
        let end = tokio::time::Instant::now() + FAREWELL;
        while !self.calls.is_empty() {
            match tokio::time::timeout_at(end, told.recv()).await {
                Ok(Some(news)) => self.tell(news),
                _ => break,
            }
        }
        let end = tokio::time::Instant::now() + CLOSING;
        let closed = async { while self.closing.join_next().await.is_some() {} };
        if tokio::time::timeout_at(end, closed).await.is_err() {
            let left = self.closing.len();
            self.console.error(format_args!(
                "recordings of {left} calls are not closed: the disk does not answer"
            ));
        }
    }

    async fn command(&mut self, command: Command) {
        // The client may have closed the connection meanwhile; then nobody needs the reply.
        match command {
            Command::Answer {
                offer,
                caller,
                reply,
            } => {
                let _ = reply.send(self.answer(&offer, caller).await);
            }
            Command::Patch {
                call,
                session,
                fragment,
                reply,
            } => {
                let _ = reply.send(self.patch(&call, &session, fragment).await);
            }
            Command::Status { call, reply } => {
                let _ = reply.send(self.status(&call).await);
            }
            Command::Recording {
                call,
                number,
                reply,
            } => {
                let past = self.past.iter().find(|past| past.name == call);
                let recording = past.and_then(|past| past.report.recordings.get(number));
                let _ = reply.send(recording.map(|it| it.path.clone()));
            }
            Command::HangUp { call, reply } => {
                let found = self.calls.get_mut(&call).filter(|entry| !entry.hung_up);
                let id = found.map(|entry| {
                    entry.hung_up = true;
                    entry.id
                });
                if let Some(id) = id {
                    hang_up(&self.handle, id).await;
                }
                let _ = reply.send(id.is_some());
            }
        }
    }

    /// What is known of a call, and of one that is over.
    async fn status(&self, name: &str) -> Option<Value> {
        if let Some(entry) = self.calls.get(name) {
            let ask = self.handle.with(entry.id, |call, cx| call.status(cx));
            return ask.await.ok();
        }
        let past = self.past.iter().find(|past| past.name == name)?;
        let recordings = past.report.recordings.iter().enumerate();
        let recordings = recordings.map(|(number, recording)| {
            json!({
                "url": format!("calls/{name}/recordings/{number}"),
                "packets": recording.packets,
                "problem": recording.problem,
            })
        });
        Some(json!({
            "over": true,
            "reason": past.reason,
            "recordings": recordings.collect::<Vec<_>>(),
        }))
    }

    fn remember(&mut self, past: Past) {
        if self.past.len() == MAX_PAST {
            self.past.pop_front();
        }
        self.past.push_back(past);
    }

    /// Takes candidates that come later, or restarts the ICE of a call.
    async fn patch(
        &mut self,
        name: &str,
        session: &IceSession,
        fragment: String,
    ) -> Result<Patched, PatchRefusal> {
        let entry = self.calls.get(name).filter(|entry| !entry.hung_up);
        let entry = entry.ok_or(PatchRefusal::NoSuchCall)?;
        let restart = match session {
            IceSession::New => true,
            IceSession::Tagged(tag) if *tag == entity_tag(name, entry.restarts) => false,
            IceSession::Tagged(_) => return Err(PatchRefusal::OtherSession),
        };
        let ask = self.handle.with(entry.id, move |call, cx| {
            if restart {
                call.restart(cx, &fragment).map(Some)
            } else {
                call.trickle(&fragment).map(|()| None)
            }
        });
        let Some(fragment) = ask.await.map_err(|_| PatchRefusal::NoSuchCall)?? else {
            return Ok(Patched::Taken);
        };
        let entry = self.calls.get_mut(name).ok_or(PatchRefusal::NoSuchCall)?;
        entry.restarts += 1;
        let tag = entity_tag(name, entry.restarts);
        Ok(Patched::Restarted { fragment, tag })
    }

    async fn answer(&mut self, offer: &str, caller: IpAddr) -> Result<Answer, Refusal> {
        if self.calls.len() >= MAX_CALLS {
            return Err(Refusal::Full);
        }
        let place = self.admission.call(caller).ok_or(Refusal::Crowded)?;
        let candidates = self.candidates(caller).map_err(|_| Refusal::Internal)?;
        let plan = self.plan(self.count + 1, caller);
        let config = plan.session_config(IceMode::Lite, candidates);
        let now = Instant::now();
        let answered = Description::read(offer)
            .map_err(SignallingError::from)
            .and_then(|offer| Signalling::answer(config, now, &offer, plan.decide()));
        let (session, signalling, sdp) = answered.map_err(|error| match error {
            SignallingError::Session(_) => Refusal::Internal,
            error => Refusal::Offer(error),
        })?;
        if signalling.agreed().next().is_none() {
            return Err(Refusal::Empty);
        }
        self.count += 1;
        let call = Call::new(plan, signalling, self.news.clone(), now);
        let id = self
            .handle
            .insert(session, call)
            .await
            .map_err(|_| Refusal::Closing)?;
        let name = format!("{:032x}", rand::random::<u128>());
        let entry = Entry {
            number: self.count,
            id,
            restarts: 0,
            hung_up: false,
            _place: place,
        };
        self.calls.insert(name.clone(), entry);
        self.console
            .line(format_args!("call {} from {caller}", self.count));
        Ok(Answer {
            tag: entity_tag(&name, 0),
            call: name,
            sdp,
        })
    }

    /// Where the caller can reach the media ports.
    fn candidates(&self, caller: IpAddr) -> io::Result<Vec<Candidate>> {
        let udp = host_candidates(self.media, caller, &self.public)?;
        let tcp = match self.media_tcp {
            Some(address) => host_candidates(address, caller, &self.public)?,
            None => Vec::new(),
        };
        let udp = (0..).zip(udp).map(|(rank, it)| Candidate::host(it, rank));
        let tcp = (0..).zip(tcp);
        Ok(udp
            .chain(tcp.map(|(rank, it)| Candidate::host_tcp(it, rank)))
            .collect())
    }

    fn plan(&self, number: u64, caller: IpAddr) -> Plan {
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
            record: self.record.clone().map(|(archive, dir)| RecordTo {
                archive,
                dir,
                name,
                title: format!("Call {number}, from {caller}"),
            }),
            arrivals: None,
            ssrc: rand::random(),
            name: NAME,
            offer: self.offer.clone(),
        }
    }

    fn tell(&mut self, news: News) {
        match news {
            News::Connected { number, security } => self.console.line(format_args!(
                "call {number} connected: DTLS {}, {}, {}, {}",
                security.dtls_version, security.cipher_suite, security.group, security.srtp_profile
            )),
            News::Ended {
                number,
                report,
                result,
                recordings,
            } => {
                let is_it = |entry: &Entry| entry.number == number;
                let name = self.calls.iter().find(|(_, entry)| is_it(entry));
                let name = name.map_or_else(String::new, |(name, _)| name.clone());
                self.calls.remove(&name);
                let console = self.console.clone();
                self.closing.spawn(async move {
                    // What became of the recordings is printed by whoever writes them.
                    let (report, _) = closed(*report, Ok(()), recordings).await;
                    let counted = report.in_short();
                    console.line(match &result {
                        Ok(()) => format!("call {number} ended: {counted}"),
                        Err(error) if report.security.is_none() => {
                            format!("call {number} failed: {error}")
                        }
                        Err(error) => format!("call {number} failed: {error}; {counted}"),
                    });
                    let reason = result.err().map(|error| error.to_string());
                    Past {
                        name,
                        report,
                        reason,
                    }
                });
            }
        }
    }
}

/// Hangs up a call. If it has already ended, nothing is left to do.
async fn hang_up(handle: &Handle<Call>, id: SessionId) {
    let _ = handle.with(id, |call, cx| call.hang_up(cx)).await;
}
