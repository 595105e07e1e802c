//! The WHIP endpoint (RFC 9725): a call is an HTTP resource.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_TYPE, ETAG, IF_MATCH, LOCATION,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use tokio::sync::{mpsc, oneshot};

use crate::console::Console;
use crate::refusals::Refusals;

/// The path of the endpoint; its calls are below it.
const ENDPOINT: &str = "/whip";

/// The largest offer that is read. Those of browsers have 1 to 8 KiB.
const MAX_OFFER: usize = 64 * 1024;

const SDP: &str = "application/sdp";
const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// What HTTP asks of those who keep the calls.
#[derive(Debug)]
pub(crate) enum Command {
    /// Answer an offer.
    Answer {
        offer: String,
        caller: IpAddr,
        reply: oneshot::Sender<Result<Answer, Refusal>>,
    },
    /// Say whether a call is there.
    Find {
        call: String,
        reply: oneshot::Sender<bool>,
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
    pub(crate) sdp: String,
}

/// Why an offer is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Refusal {
    #[error("{0}")]
    Offer(portcullis::signalling::SignallingError),
    #[error("this host has as many calls as it takes")]
    Full,
    #[error("this host is shutting down")]
    Closing,
    #[error("this host could not make the answer")]
    Internal,
}

type Commands = mpsc::Sender<Command>;

/// What the requests share.
#[derive(Clone, Debug)]
struct Endpoint {
    commands: Commands,
    refusals: Arc<Refusals>,
}

/// The routes of the endpoint. What comes is sent to `commands`.
pub(crate) fn routes(commands: Commands, console: Console) -> Router {
    Router::new()
        .route(ENDPOINT, post(answer).options(options))
        .route(
            &format!("{ENDPOINT}/{{call}}"),
            delete(hang_up).patch(trickle).options(options),
        )
        .layer(middleware::map_response(allow_origins))
        .with_state(Endpoint {
            commands,
            refusals: Arc::new(Refusals::new(console, Instant::now())),
        })
}

async fn answer(
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
    let offer = match read_offer(request.into_body()).await {
        Ok(offer) => offer,
        Err(reason) => return refuse(StatusCode::BAD_REQUEST, reason),
    };
    let answer = ask(&endpoint.commands, |reply| Command::Answer {
        offer,
        caller,
        reply,
    })
    .await;
    match answer.unwrap_or(Err(Refusal::Closing)) {
        // RFC 9725 §4.2: 201, with where the session is, and the tag of its ICE session.
        Ok(Answer { call, sdp }) => {
            let headers = [
                (CONTENT_TYPE, SDP.to_owned()),
                (LOCATION, format!("{ENDPOINT}/{call}")),
                (ETAG, entity_tag(&call)),
            ];
            (StatusCode::CREATED, headers, sdp).into_response()
        }
        Err(refusal) => refuse(refusal.status(), &refusal.to_string()),
    }
}

async fn hang_up(State(endpoint): State<Endpoint>, Path(call): Path<String>) -> Response {
    match ask(&endpoint.commands, |reply| Command::HangUp { call, reply }).await {
        Some(true) => StatusCode::OK.into_response(),
        _ => no_such_call(),
    }
}

/// RFC 9725 §4.3.1: candidates that come later. An ICE-lite agent learns the address of its peer
/// from the peer's checks, so there is nothing to keep of them.
async fn trickle(
    State(endpoint): State<Endpoint>,
    Path(call): Path<String>,
    headers: HeaderMap,
) -> Response {
    let tag = entity_tag(&call);
    if ask(&endpoint.commands, |reply| Command::Find { call, reply }).await != Some(true) {
        return no_such_call();
    }
    if !has_type(&headers, SDP_FRAGMENT) {
        return line(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a fragment is trickle-ice-sdpfrag",
        );
    }
    // RFC 9725 §4.3.1: the tag says which ICE session is meant; "*" would restart it.
    match headers.get(IF_MATCH).map(HeaderValue::as_bytes) {
        None => line(StatusCode::PRECONDITION_REQUIRED, "If-Match is missing"),
        Some(b"*") => line(StatusCode::NOT_IMPLEMENTED, "ICE is not restarted here"),
        Some(given) if given == tag.as_bytes() => StatusCode::NO_CONTENT.into_response(),
        Some(_) => line(
            StatusCode::PRECONDITION_FAILED,
            "If-Match names another ICE session",
        ),
    }
}

/// RFC 9725 §4.2: what the endpoint takes, and leave for other origins' pages to use it.
async fn options() -> impl IntoResponse {
    let headers = [
        (ACCEPT_POST, SDP),
        (ACCESS_CONTROL_ALLOW_METHODS, "POST, PATCH, DELETE, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Content-Type, If-Match, Authorization",
        ),
    ];
    (StatusCode::NO_CONTENT, headers)
}

async fn allow_origins(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = HeaderValue::from_static("Location, ETag, Accept-Post");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    response
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Offer(_) => StatusCode::BAD_REQUEST,
            Self::Full | Self::Closing => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

async fn read_offer(body: Body) -> Result<String, &'static str> {
    let bytes: Bytes = to_bytes(body, MAX_OFFER)
        .await
        .map_err(|_| "the offer has more than 64 KiB")?;
    String::from_utf8(bytes.into()).map_err(|_| "the offer is not UTF-8")
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

fn entity_tag(call: &str) -> String {
    format!("\"{call}\"")
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

fn no_such_call() -> Response {
    line(StatusCode::NOT_FOUND, "no such call")
}

/// An error of one line.
fn line(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}
