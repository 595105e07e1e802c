//! Serving HTTP to whoever connects: nobody holds a connection by saying nothing, by saying it slowly, or by not listening.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::admission::Admission;

/// How long a request may take to arrive: its head from when the connection is free for it, then its body with the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection is good for more requests. Without an end, who never reads the answers would hold it for ever.
const LIFETIME: Duration = Duration::from_secs(20);

/// Connections at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 512;

/// How long to wait before the next attempt if a connection could not be accepted, for want of files mostly.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener at this address, and the port that it got.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Serves `routes` for ever, over TLS or not. They may ask who connected: [`ConnectInfo`] of a
/// [`SocketAddr`]. A connection of a host that has enough is closed at once.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    tls: Option<TlsAcceptor>,
    admission: Admission,
) {
    let routes = routes.layer(middleware::from_fn(in_time));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, caller)) => {
                let Some(seat) = admission.connection(caller.ip()) else {
                    continue;
                };
                let routes = routes.clone().layer(Extension(ConnectInfo(caller)));
                let tls = tls.clone();
                tokio::spawn(async move {
                    let _held = (place, seat);
                    match tls {
                        None => serve_connection(stream, routes).await,
                        Some(tls) => serve_secured(stream, routes, &tls).await,
                    }
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn serve_secured(stream: TcpStream, routes: Router, tls: &TlsAcceptor) {
    // Who does not speak TLS, or too slowly, is not served.
    if let Ok(Ok(stream)) = timeout(PATIENCE, tls.accept(stream)).await {
        serve_connection(stream, routes).await;
    }
}

/// Serves one connection to its end. Why it ended matters to nobody here.
async fn serve_connection(stream: impl AsyncRead + AsyncWrite + Unpin, routes: Router) {
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
    );
    if timeout(LIFETIME, connection.as_mut()).await.is_err() {
        // Who waits for an answer still gets it.
        connection.as_mut().graceful_shutdown();
        let _ = timeout(PATIENCE, connection).await;
    }
}

async fn in_time(request: Request, next: Next) -> Response {
    match timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}
