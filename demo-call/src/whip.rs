//! The endpoints of WHIP (RFC 9725) and WHEP: a call is an HTTP resource.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, CACHE_CONTROL,
    CONTENT_TYPE, ETAG, IF_MATCH, LINK, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use tokio::sync::{mpsc, oneshot};

use crate::admission::Admission;
use crate::console::Console;
use crate::refusals::Refusals;
use crate::token::Tokens;

/// The paths of the endpoints; calls are below them.
const WHIP: &str = "/whip";
const WHEP: &str = "/whep";

/// What the host counts of a call is below this.
const CALLS: &str = "/calls";

/// The largest offer or fragment that is read. Offers of browsers have 1 to 8 KiB.
const MAX_BODY: usize = 64 * 1024;

/// The largest recording that is sent to a page: four hours of speech. It is held in memory meanwhile.
const MAX_RECORDING: u64 = 64 * 1024 * 1024;

const SDP: &str = "application/sdp";
const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// What HTTP asks of those who keep the calls.
#[derive(Debug)]
pub(crate) enum Command {
    /// Answer an offer.
    Answer {
        offer: String,
        caller: IpAddr,
        reply: oneshot::Sender<Result<Answer, Refusal>>,
    },
    /// Take candidates that come later, or restart ICE.
    Patch {
        call: String,
        session: IceSession,
        fragment: String,
        reply: oneshot::Sender<Result<Patched, PatchRefusal>>,
    },
    /// Say what was counted of a call.
    Status {
        call: String,
        reply: oneshot::Sender<Option<serde_json::Value>>,
    },
    /// Say where a recording of a call that is over stands.
    Recording {
        call: String,
        number: usize,
        reply: oneshot::Sender<Option<PathBuf>>,
    },
    /// End a call; the reply says whether it was there.
    HangUp {
        call: String,
        reply: oneshot::Sender<bool>,
    },
}

/// An answer to an offer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The call's name, unguessable: who knows it can end the call.
    pub(crate) call: String,
    pub(crate) tag: String,
    pub(crate) sdp: String,
}

/// The ICE session that a fragment is for, as `If-Match` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IceSession {
    /// `*`: one that begins with this fragment (RFC 9725 §4.3.3).
    New,
    /// The one with this entity tag.
    Tagged(String),
}

/// What became of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Patched {
    /// Its candidates were taken.
    Taken,
    /// ICE was restarted: our own fragment, and the tag of the new session.
    Restarted { fragment: String, tag: String },
}

/// Why a fragment is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum PatchRefusal {
    #[error("no such call")]
    NoSuchCall,
    #[error("If-Match names another ICE session")]
    OtherSession,
    #[error("the fragment can't be read: {0}")]
    Malformed(String),
    #[error("the fragment can't be taken: {0}")]
    Unprocessable(String),
}

/// Why an offer is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Refusal {
    #[error("{0}")]
    Offer(portcullis::signalling::SignallingError),
    /// RFC 3264 §5 has it for calls whose sections come later; here they don't.
    #[error("the offer has no m-line")]
    Empty,
    #[error("this host has as many calls as it takes")]
    Full,
    #[error("this host has as many calls from this address as it takes")]
    Crowded,
    #[error("this host is shutting down")]
    Closing,
    #[error("this host could not make the answer")]
    Internal,
}

type Commands = mpsc::Sender<Command>;

/// What the requests share.
#[derive(Clone)]
pub(crate) struct Endpoint {
    commands: Commands,
    refusals: Arc<Refusals>,
    tokens: Arc<Tokens>,
    /// STUN and TURN servers for callers.
    links: Arc<[HeaderValue]>,
    admission: Admission,
}

impl Endpoint {
    /// What comes is sent to `commands`, if `tokens` and `admission` allow it.
    pub(crate) fn new(
        commands: Commands,
        console: Console,
        tokens: Tokens,
        links: Vec<HeaderValue>,
        admission: Admission,
    ) -> Self {
        Self {
            commands,
            refusals: Arc::new(Refusals::new(console, Instant::now())),
            tokens: Arc::new(tokens),
            links: links.into(),
            admission,
        }
    }
}

/// The routes of the endpoints.
pub(crate) fn routes(endpoint: Endpoint) -> Router {
    let mut routes = Router::new()
        .route(&format!("{CALLS}/{{call}}"), get(status).options(options))
        .route(
            &format!("{CALLS}/{{call}}/recordings/{{number}}"),
            get(recording),
        );
    for path in [WHIP, WHEP] {
        let answer = move |state, caller, request| answer(path, state, caller, request);
        routes = routes.route(path, post(answer).options(options)).route(
            &format!("{path}/{{call}}"),
            delete(hang_up).patch(patch).options(options),
        );
    }
    let admit = middleware::from_fn_with_state(endpoint.clone(), admit);
    routes
        .layer(admit)
        .layer(middleware::map_response(allow_origins))
        .with_state(endpoint)
}

/// Lets only those in who have a token. RFC 9725 §4.5: not what a browser asks before it asks.
async fn admit(State(endpoint): State<Endpoint>, request: Request, next: Next) -> Response {
    let authorization = request.headers().get(AUTHORIZATION);
    if request.method() == Method::OPTIONS || endpoint.tokens.admit(authorization) {
        return next.run(request).await;
    }
    let challenge = [(WWW_AUTHENTICATE, "Bearer")];
    let reason = "this host asks for a bearer token";
    (challenge, line(StatusCode::UNAUTHORIZED, reason)).into_response()
}

async fn answer(
    path: &'static str,
    State(endpoint): State<Endpoint>,
    ConnectInfo(caller): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let caller = caller.ip().to_canonical();
    let refuse = |status, reason: &str| {
        endpoint.refusals.log(caller, reason, Instant::now());
        line(status, reason)
    };
    if !has_type(request.headers(), SDP) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let accept = [(ACCEPT_POST, SDP)];
        return (accept, refuse(status, "an offer is application/sdp")).into_response();
    }
    if !endpoint.admission.offer(caller, Instant::now()) {
        let refused = refuse(StatusCode::TOO_MANY_REQUESTS, "too many offers in a moment");
        return try_again(refused, "1");
    }
    let offer = match read_body(request.into_body()).await {
        Ok(offer) => offer,
        Err(reason) => return refuse(StatusCode::BAD_REQUEST, &format!("the offer {reason}")),
    };
    let answer = ask(&endpoint.commands, |reply| Command::Answer {
        offer,
        caller,
        reply,
    })
    .await;
    match answer.unwrap_or(Err(Refusal::Closing)) {
        // RFC 9725 §4.2: 201, with where the session is, and the tag of its ICE session.
        Ok(Answer { call, tag, sdp }) => {
            let headers = [
                (CONTENT_TYPE, SDP.to_owned()),
                (LOCATION, format!("{path}/{call}")),
                (ETAG, tag),
            ];
            let mut response = (StatusCode::CREATED, headers, sdp).into_response();
            for link in &*endpoint.links {
                response.headers_mut().append(LINK, link.clone());
            }
            response
        }
        Err(refusal) => {
            let response = refuse(refusal.status(), &refusal.to_string());
            match refusal {
                Refusal::Full | Refusal::Closing | Refusal::Crowded => try_again(response, "10"),
                _ => response,
            }
        }
    }
}

/// RFC 9725 §4.2: a refusal for now, and after how many seconds to try again.
fn try_again(mut response: Response, seconds: &'static str) -> Response {
    let seconds = HeaderValue::from_static(seconds);
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}

async fn hang_up(State(endpoint): State<Endpoint>, Path(call): Path<String>) -> Response {
    match ask(&endpoint.commands, |reply| Command::HangUp { call, reply }).await {
        Some(true) => StatusCode::OK.into_response(),
        _ => line(StatusCode::NOT_FOUND, "no such call"),
    }
}

/// What the host counts of a call, for the page.
async fn status(State(endpoint): State<Endpoint>, Path(call): Path<String>) -> Response {
    let known = ask(&endpoint.commands, |reply| Command::Status { call, reply }).await;
    match known.flatten() {
        Some(status) => ([(CACHE_CONTROL, "no-store")], Json(status)).into_response(),
        None => line(StatusCode::NOT_FOUND, "no such call"),
    }
}

/// A recording of a call that is over, to play and to keep.
async fn recording(
    State(endpoint): State<Endpoint>,
    Path((call, number)): Path<(String, usize)>,
) -> Response {
    let path = ask(&endpoint.commands, |reply| Command::Recording {
        call,
        number,
        reply,
    });
    let Some(path) = path.await.flatten() else {
        return line(StatusCode::NOT_FOUND, "no such recording");
    };
    // A disk that is slow holds up a thread of its own, and this request.
    let read = tokio::task::spawn_blocking(move || {
        let length = std::fs::metadata(&path)?.len();
        if length > MAX_RECORDING {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        std::fs::read(path)
    });
    match read.await {
        Ok(Ok(bytes)) => {
            let headers = [(CONTENT_TYPE, "audio/ogg"), (CACHE_CONTROL, "no-store")];
            (headers, bytes).into_response()
        }
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::FileTooLarge => line(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the recording is too large to be sent: it is on the host's disk",
        ),
        _ => line(StatusCode::NOT_FOUND, "the recording is gone"),
    }
}

/// RFC 9725 §4.3: candidates that come later, and ICE restarts.
async fn patch(
    State(endpoint): State<Endpoint>,
    Path(call): Path<String>,
    request: Request,
) -> Response {
    if !has_type(request.headers(), SDP_FRAGMENT) {
        let accept = [(ACCEPT_PATCH, SDP_FRAGMENT)];
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let reason = "a fragment is application/trickle-ice-sdpfrag";
        return (accept, line(status, reason)).into_response();
    }
    // RFC 9725 §4.3.1: without the tag of an ICE session nobody knows which one is meant.
    let Some(session) = ice_session(request.headers()) else {
        return line(StatusCode::PRECONDITION_REQUIRED, "If-Match is missing");
    };
    let fragment = match read_body(request.into_body()).await {
        Ok(fragment) => fragment,
        Err(reason) => return line(StatusCode::BAD_REQUEST, &format!("the fragment {reason}")),
    };
    let patched = ask(&endpoint.commands, |reply| Command::Patch {
        call,
        session,
        fragment,
        reply,
    })
    .await;
    match patched.unwrap_or(Err(PatchRefusal::NoSuchCall)) {
        Ok(Patched::Taken) => StatusCode::NO_CONTENT.into_response(),
        Ok(Patched::Restarted { fragment, tag }) => {
            let headers = [(CONTENT_TYPE, SDP_FRAGMENT.to_owned()), (ETAG, tag)];
            (StatusCode::OK, headers, fragment).into_response()
        }
        Err(refusal) => line(refusal.status(), &refusal.to_string()),
    }
}

/// Which ICE session a request is for. The star of RFC 9110 §13.1.1 has no quotes; examples of RFC 9725
/// give it some.
fn ice_session(headers: &HeaderMap) -> Option<IceSession> {
    let tag = headers.get(IF_MATCH)?.to_str().ok()?.trim();
    Some(match tag {
        "*" | "\"*\"" => IceSession::New,
        tag => IceSession::Tagged(tag.to_owned()),
    })
}

/// RFC 9725 §4.2: what the endpoint takes, and leave for other origins' pages to use it.
async fn options(State(endpoint): State<Endpoint>) -> Response {
    let headers = [
        (ACCEPT_POST, SDP),
        (ACCEPT_PATCH, SDP_FRAGMENT),
        (
            ACCESS_CONTROL_ALLOW_METHODS,
            "GET, POST, PATCH, DELETE, OPTIONS",
        ),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Content-Type, If-Match, Authorization",
        ),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    let mut response = (StatusCode::NO_CONTENT, headers).into_response();
    for link in &*endpoint.links {
        response.headers_mut().append(LINK, link.clone());
    }
    response
}

async fn allow_origins(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = "Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After, WWW-Authenticate";
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(exposed),
    );
    response
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Offer(_) | Self::Empty => StatusCode::BAD_REQUEST,
            Self::Crowded => StatusCode::TOO_MANY_REQUESTS,
            Self::Full | Self::Closing => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl PatchRefusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchCall => StatusCode::NOT_FOUND,
            Self::OtherSession => StatusCode::PRECONDITION_FAILED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

/// The tag of the ICE session of the call with this name. RFC 9725 §4.3.1: another one after each
/// restart.
pub(crate) fn entity_tag(call: &str, restarts: u32) -> String {
    format!("\"{call}-{restarts}\"")
}

/// The body as text, or what is wrong with it.
async fn read_body(body: Body) -> Result<String, &'static str> {
    let bytes: Bytes = to_bytes(body, MAX_BODY)
        .await
        .map_err(|_| "has more than 64 KiB")?;
    String::from_utf8(bytes.into()).map_err(|_| "is not UTF-8")
}

/// Sends a command and waits for its reply; `None` if nobody is there any more.
async fn ask<T>(
    commands: &Commands,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    commands.send(command(reply)).await.ok()?;
    answer.await.ok()
}

/// Whether the body has this media type, whatever its parameters.
fn has_type(headers: &HeaderMap, expected: &str) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(expected))
}

/// An error of one line.
fn line(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}
