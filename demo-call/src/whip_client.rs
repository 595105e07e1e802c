//! The caller's side of WHIP (RFC 9725): an offer, an answer, and the end.

use std::net::IpAddr;

use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, StatusCode, Uri};

use crate::http_client::{Ask, Connection, HttpClient, HttpError, resolve};

/// Why the host could not be called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WhipError {
    #[error("{0}")]
    Http(#[from] HttpError),
    #[error("{host} refuses the call: {status}{}", colon(.reason))]
    Refused {
        host: Authority,
        status: StatusCode,
        reason: Line,
    },
    #[error("{host} does not answer as RFC 9725 asks: {lack}")]
    NotWhip { host: Authority, lack: &'static str },
}

/// The first line of a response that gives a reason.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line(Box<str>);

/// A host that is about to be called.
pub(crate) struct WhipClient {
    http: HttpClient,
    endpoint: Uri,
    connection: Connection,
}

/// A call that the host has answered.
pub(crate) struct Answered {
    http: HttpClient,
    pub(crate) sdp: String,
    /// Where to hang up the call.
    location: Uri,
}

impl WhipClient {
    /// Connects to the host that `endpoint` names.
    pub(crate) async fn connect(http: HttpClient, endpoint: Uri) -> Result<Self, WhipError> {
        let connection = http.connect(&endpoint).await?;
        Ok(Self {
            http,
            endpoint,
            connection,
        })
    }

    /// The address of this host on the way to that one.
    pub(crate) fn local(&self) -> IpAddr {
        self.connection.local
    }

    /// Sends an offer (RFC 9725 §4.2).
    pub(crate) async fn offer(self, sdp: String) -> Result<Answered, WhipError> {
        let ask = Ask {
            method: Method::POST,
            body: Some(("application/sdp", sdp)),
        };
        let reply = self
            .http
            .send(self.connection, &self.endpoint, &ask)
            .await?;
        let host = host(&reply.from);
        if !reply.head.status.is_success() {
            return Err(WhipError::Refused {
                host,
                status: reply.head.status,
                reason: Line::first_of(&reply.text),
            });
        }
        let lack = |lack| WhipError::NotWhip {
            host: host.clone(),
            lack,
        };
        // RFC 9725 §4.2: 201, the answer as application/sdp, and where the session is.
        if reply.head.status != StatusCode::CREATED {
            return Err(lack("its status is not 201"));
        }
        let headers = &reply.head.headers;
        if !headers.get(CONTENT_TYPE).is_some_and(is_sdp) {
            return Err(lack("its answer is not application/sdp"));
        }
        let location = headers.get(LOCATION).ok_or(lack("there is no Location"))?;
        let location = resolve(location, &reply.from).ok_or(lack("its Location is no URL"))?;
        Ok(Answered {
            http: self.http,
            sdp: reply.text,
            location,
        })
    }
}

impl Answered {
    /// Hangs up (RFC 9725 §4.2), over a new connection, since idle ones get closed. It is no error if the
    /// host has already forgotten the call.
    pub(crate) async fn hang_up(self) -> Result<(), WhipError> {
        let ask = Ask {
            method: Method::DELETE,
            body: None,
        };
        let connection = self.http.connect(&self.location).await?;
        let reply = self.http.send(connection, &self.location, &ask).await?;
        let status = reply.head.status;
        let gone = [StatusCode::NOT_FOUND, StatusCode::GONE].contains(&status);
        if status.is_success() || gone {
            return Ok(());
        }
        Err(WhipError::Refused {
            host: host(&reply.from),
            status,
            reason: Line::first_of(&reply.text),
        })
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
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/sdp")
}

fn host(url: &Uri) -> Authority {
    let host = url.authority().cloned();
    host.unwrap_or(Authority::from_static("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_harmless_line() {
        assert_eq!(
            Line::first_of("no\u{1b}[31m way\nand more"),
            Line("no[31m way".into())
        );
        assert_eq!(Line::first_of(&"x".repeat(999)).0.len(), 200);
    }

    #[test]
    fn media_types_have_parameters_and_any_case() {
        for (kind, expected) in [
            ("application/sdp", true),
            ("Application/SDP; charset=utf-8", true),
            ("application/sdpx", false),
            ("text/html", false),
        ] {
            assert_eq!(is_sdp(&HeaderValue::from_static(kind)), expected, "{kind}");
        }
    }
}
