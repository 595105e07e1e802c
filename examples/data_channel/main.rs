//! Data channels: a server that echoes each message from a browser.
//!
//! `cargo run --release --example data_channel --features tokio [HTTP [MEDIA [PUBLIC]]]`, then open
//! <http://127.0.0.1:8080/>. `HTTP` is where the page is served, by default 127.0.0.1:8080, `MEDIA` the
//! address of the gate, by default 127.0.0.1:3478, and `PUBLIC` the one at which browsers reach it, if
//! that differs. Firefox cannot reach loopback addresses.

mod channels;

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Router, serve};
use portcullis::driver::{Driver, Handle};
use portcullis::ice_lite::Candidate;
use portcullis::signalling::sdp::{DataChannels, Description};
use portcullis::signalling::{Capabilities, Signalling};
use portcullis::{Call, Context, SessionConfig, SessionEvent, dtls};

use channels::{Channels, Heard, MAX_MESSAGE};

/// One browser.
struct Echo {
    channels: Channels,
}

impl Call for Echo {
    fn handle_rtp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_event(&mut self, cx: &mut Context<'_>, event: SessionEvent) {
        match event {
            SessionEvent::ApplicationData(record) => {
                self.channels.handle_record(cx.now(), record);
                self.follow(cx);
            }
            SessionEvent::ApplicationDataDrained => self.channels.transmit(cx),
            _ => {}
        }
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        self.channels.handle_timeout(cx.now());
        self.follow(cx);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.channels.poll_timeout()
    }
}

impl Echo {
    fn follow(&mut self, cx: &mut Context<'_>) {
        while let Some(heard) = self.channels.poll() {
            match heard {
                Heard::Opened { channel, label } => println!("channel {channel} opened: {label}"),
                Heard::Message {
                    channel,
                    text,
                    data,
                } => {
                    if let Err(error) = self.channels.send(channel, text, &data) {
                        eprintln!("channel {channel}: {error}");
                    }
                }
            }
        }
        self.channels.transmit(cx);
    }
}

#[derive(Clone)]
struct Server {
    handle: Handle<Echo>,
    config: Arc<SessionConfig>,
    capabilities: Arc<Capabilities>,
}

/// Answers a browser's offer.
async fn answer(
    State(server): State<Server>,
    offer: String,
) -> Result<impl IntoResponse, (StatusCode, String)> {
    let refuse = |error: &dyn Error| (StatusCode::BAD_REQUEST, error.to_string());
    let offer = Description::read(&offer).map_err(|error| refuse(&error))?;
    let (session, _, answer) =
        Signalling::answer(server.config, Instant::now(), &offer, &*server.capabilities)
            .map_err(|error| refuse(&error))?;
    let channels = Channels::new();
    let inserted = server.handle.insert(session, Echo { channels }).await;
    inserted.map_err(|error| refuse(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/sdp")], answer))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let http = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let media = arguments.next().unwrap_or("127.0.0.1:3478".to_owned());
    let driver = Driver::bind(media.parse()?)?;
    let mut config = SessionConfig::new(Arc::new(dtls::Config::new(
        dtls::crypto::default_provider(),
    )?));
    let public = match arguments.next() {
        Some(public) => public.parse()?,
        None => driver.local_addr()?,
    };
    config.candidates = vec![Candidate::host(public, 0)];
    let server = Server {
        handle: driver.handle(),
        config: Arc::new(config),
        capabilities: Arc::new(
            Capabilities::new().data_channels(DataChannels::new(MAX_MESSAGE.into())),
        ),
    };
    let serving = tokio::spawn(driver.run());
    let page = get(|| async { Html(include_str!("page.html")) }).post(answer);
    let listener = tokio::net::TcpListener::bind(http).await?;
    println!("open http://{}/", listener.local_addr()?);
    serve(listener, Router::new().route("/", page).with_state(server)).await?;
    Ok(serving.await??)
}
