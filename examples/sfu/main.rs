//! An SFU: every viewer (WHEP) gets what browsers and others publish (WHIP, RFC 9725).
//!
//! `cargo run --release --example sfu --features tokio [HTTP [MEDIA]]`, then open
//! <http://127.0.0.1:8080/>. `HTTP` is where the page is served, by default 127.0.0.1:8080, and `MEDIA`
//! the address of the gate, by default 127.0.0.1:3478. Firefox cannot reach loopback addresses.
//!
//! Viewers learn of later publishers through offers on their session: `GET` on its resource waits
//! for the next offer, `PATCH` carries the answer, and `PUT` names the simulcast layer to send.

mod peer;
mod room;

use std::{error::Error, sync::Arc, time::Duration, time::Instant};

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use portcullis::driver::{Driver, Handle};
use portcullis::{Context, Gate, Session, SessionConfig, dtls, ice_lite::Candidate};

use peer::Peer;
use room::{SharedRoom, lock};

/// How long a request for the next offer is kept waiting.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Server {
    handle: Handle<Peer>,
    config: Arc<SessionConfig>,
    room: SharedRoom,
}

type Answer = Result<Response, (StatusCode, String)>;

fn refuse(error: impl Error) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, error.to_string())
}

fn sdp(sdp: String) -> Response {
    ([(header::CONTENT_TYPE, "application/sdp")], sdp).into_response()
}

async fn enter(State(server): State<Server>, offer: String) -> Answer {
    let (session, peer, answer) =
        Peer::answer(server.config, server.room, &offer).map_err(refuse)?;
    // The tls-id is random and known to this peer alone, so nobody else can name its session.
    let location = format!("/session/{}", session.local_parameters().tls_id);
    server.handle.insert(session, peer).await.map_err(refuse)?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        sdp(answer),
    )
        .into_response())
}

async fn session(
    State(server): State<Server>,
    Path(name): Path<String>,
    method: Method,
    body: String,
) -> Answer {
    let mut changes = lock(&server.room).changes.subscribe();
    loop {
        let (name, verb, body) = (name.clone(), method.clone(), body.clone());
        let act = move |peer: &mut Peer, cx: &mut Context<'_>| match verb.as_str() {
            "GET" => peer.offer(cx),
            "PATCH" => peer.answered(cx, &body).map(|()| None),
            "PUT" => {
                peer.want(cx.id(), body);
                Ok(None)
            }
            _ => {
                cx.close();
                Ok(None)
            }
        };
        let act = move |gate: &mut Gate<Peer>, now: Instant| {
            let is_named = |session: &Session| session.local_parameters().tls_id == name;
            let id = gate.calls().find(|(_, session, _)| is_named(session))?.0;
            gate.with(now, id, act)
        };
        let done = server.handle.gate(0, act).await.ok().flatten();
        match done
            .ok_or((StatusCode::NOT_FOUND, String::new()))?
            .map_err(refuse)?
        {
            Some(offer) => return Ok(sdp(offer)),
            None if method == Method::GET => {}
            None => return Ok(StatusCode::NO_CONTENT.into_response()),
        }
        if tokio::time::timeout(PATIENCE, changes.changed())
            .await
            .is_err()
        {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let http = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let media = arguments.next().unwrap_or("127.0.0.1:3478".to_owned());
    // One shard, because a call can only forward to calls on its own shard.
    let driver = Driver::bind(media.parse()?)?;
    let dtls = dtls::Config::new(dtls::crypto::default_provider())?;
    let mut config = SessionConfig::new(Arc::new(dtls));
    config.candidates = vec![Candidate::host(driver.local_addr()?, 0)];
    let (config, room, handle) = (Arc::new(config), SharedRoom::default(), driver.handle());
    let serving = tokio::spawn(driver.run());
    let routes = axum::Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/whip", post(enter))
        .route("/whep", post(enter))
        .route("/session/{name}", any(session))
        .with_state(Server {
            handle,
            config,
            room,
        });
    let listener = tokio::net::TcpListener::bind(http).await?;
    println!("open http://{}/", listener.local_addr()?);
    axum::serve(listener, routes).await?;
    Ok(serving.await??)
}
