//! The caller's side of WHIP (RFC 9725): two HTTP requests.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, HOST, LOCATION};
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::plain;

/// How long connecting may take, and then each request.
const LIMIT: Duration = Duration::from_secs(5);

/// The largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Why the host could not be called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WhipError {
    #[error("{host} can't be reached: {}", plain(source))]
    Connect { host: Authority, source: io::Error },
    #[error("{0} does not answer within {limit} seconds", limit = LIMIT.as_secs())]
    NoAnswer(Authority),
    #[error("{host} does not speak HTTP as expected: {source}")]
    Http {
        host: Authority,
        source: hyper::Error,
    },
    #[error("{host} refuses the call: {status}{}", colon(.reason))]
    Refused {
        host: Authority,
        status: StatusCode,
        reason: Line,
    },
    #[error("{0} does not answer with SDP and a Location, as RFC 9725 asks")]
    NotWhip(Authority),
}

/// The first line of a response that tells why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line(Box<str>);

/// A connection to a WHIP endpoint.
#[derive(Debug)]
pub(crate) struct WhipClient {
    endpoint: Uri,
    host: Authority,
    requests: SendRequest<Full<Bytes>>,
    local: IpAddr,
}

/// A call that the host has answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) sdp: String,
    /// Where the call is hung up.
    pub(crate) location: PathAndQuery,
}

impl WhipClient {
    /// Connects to the host that `endpoint`, an `http` URL, names.
    pub(crate) async fn connect(endpoint: Uri) -> Result<Self, WhipError> {
        let host = endpoint
            .authority()
            .cloned()
            .unwrap_or(Authority::from_static("localhost"));
        let name = host.host().trim_matches(['[', ']']);
        let address = (name, host.port_u16().unwrap_or(80));
        let stream = timeout(LIMIT, TcpStream::connect(address))
            .await
            .map_err(|_| WhipError::NoAnswer(host.clone()))?;
        let connected = stream.and_then(|stream| Ok((stream.local_addr()?.ip(), stream)));
        let (local, stream) = connected.map_err(|source| WhipError::Connect {
            host: host.clone(),
            source,
        })?;
        let (requests, connection) =
            handshake(TokioIo::new(stream))
                .await
                .map_err(|source| WhipError::Http {
                    host: host.clone(),
                    source,
                })?;
        // Its errors come back from the requests.
        tokio::spawn(connection);
        Ok(Self {
            endpoint,
            host,
            requests,
            local,
        })
    }

    /// The address of this host on the way to that one.
    pub(crate) fn local(&self) -> IpAddr {
        self.local
    }

    /// Sends an offer (RFC 9725 §4.2).
    pub(crate) async fn offer(&mut self, sdp: String) -> Result<Answered, WhipError> {
        let path = self.endpoint.path_and_query().cloned();
        let path = path.unwrap_or(PathAndQuery::from_static("/"));
        let response = self.request(Method::POST, &path, Some(sdp)).await?;
        let (head, body) = response.into_parts();
        let text = self.read(body).await?;
        if head.status != StatusCode::CREATED {
            let reason = Line::first_of(&text);
            return Err(WhipError::Refused {
                host: self.host.clone(),
                status: head.status,
                reason,
            });
        }
        let sdp = head
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(is_sdp)
            .then_some(text);
        let location = head
            .headers
            .get(LOCATION)
            .and_then(|to| resolve(to, path.path()));
        match (sdp, location) {
            (Some(sdp), Some(location)) => Ok(Answered { sdp, location }),
            _ => Err(WhipError::NotWhip(self.host.clone())),
        }
    }

    /// Hangs up (RFC 9725 §4.2), over a connection of its own: the first one is closed after a while.
    /// A host that has forgotten the call already has nothing against it.
    pub(crate) async fn hang_up(self, call: &PathAndQuery) -> Result<(), WhipError> {
        let mut connection = Self::connect(self.endpoint).await?;
        connection
            .request(Method::DELETE, call, None)
            .await
            .map(drop)
    }

    async fn request(
        &mut self,
        method: Method,
        path: &PathAndQuery,
        sdp: Option<String>,
    ) -> Result<Response<Incoming>, WhipError> {
        let mut request = Request::new(Full::new(Bytes::from(sdp.unwrap_or_default())));
        *request.method_mut() = method;
        *request.uri_mut() = path.clone().into();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/sdp"));
        if let Ok(host) = HeaderValue::from_str(self.host.as_str()) {
            headers.insert(HOST, host);
        }
        timeout(LIMIT, self.requests.send_request(request))
            .await
            .map_err(|_| WhipError::NoAnswer(self.host.clone()))?
            .map_err(|source| WhipError::Http {
                host: self.host.clone(),
                source,
            })
    }

    async fn read(&self, body: Incoming) -> Result<String, WhipError> {
        let body = timeout(LIMIT, Limited::new(body, MAX_ANSWER).collect())
            .await
            .map_err(|_| WhipError::NoAnswer(self.host.clone()))?
            .map_err(|_| WhipError::NotWhip(self.host.clone()))?;
        String::from_utf8(body.to_bytes().into()).map_err(|_| WhipError::NotWhip(self.host.clone()))
    }
}

impl Line {
    /// The first line of `text`, cut to a length that a terminal shows, without control characters.
    fn first_of(text: &str) -> Self {
        let line = text.lines().next().unwrap_or_default();
        Self(line.chars().filter(|c| !c.is_control()).take(200).collect())
    }
}

fn colon(Line(line): &Line) -> String {
    if line.is_empty() {
        String::new()
    } else {
        format!(": {line}")
    }
}

fn is_sdp(kind: &HeaderValue) -> bool {
    kind.to_str()
        .is_ok_and(|kind| kind.split(';').next() == Some("application/sdp"))
}

/// The path that a `Location` means, seen from the endpoint at `base` (RFC 3986 §5.2.3). Another
/// host's is followed on this connection: there is only one host that has the call.
fn resolve(location: &HeaderValue, base: &str) -> Option<PathAndQuery> {
    let location = location.to_str().ok()?;
    if location.contains("://") {
        return location.parse::<Uri>().ok()?.into_parts().path_and_query;
    }
    if location.starts_with('/') {
        return location.parse().ok();
    }
    let (folder, _) = base.rsplit_once('/')?;
    format!("{folder}/{location}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_may_be_absolute_or_relative() {
        let resolve = |location| resolve(&HeaderValue::from_static(location), "/live/whip");
        for (location, path) in [
            ("http://host:1/x/7?y", "/x/7?y"),
            ("/x/7", "/x/7"),
            ("whip/7", "/live/whip/7"),
        ] {
            assert_eq!(resolve(location).expect("it is a location"), path);
        }
        assert_eq!(resolve("/a b"), None);
    }

    #[test]
    fn a_reason_is_one_harmless_line() {
        assert_eq!(
            Line::first_of("no\u{1b}[31m way\nand more"),
            Line("no[31m way".into())
        );
        assert_eq!(Line::first_of(&"x".repeat(999)).0.len(), 200);
    }
}
