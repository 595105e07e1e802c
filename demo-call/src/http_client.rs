//! The caller's HTTP: one request per connection, redirects followed, with or without TLS.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION};
use axum::http::response::Parts;
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use iri_string::types::{UriAbsoluteStr, UriReferenceStr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::error::plain;

/// How long connecting may take, and then each request.
const LIMIT: Duration = Duration::from_secs(5);

/// The largest body that is read. Answers of media servers have 1 to 8 KiB.
const MAX_BODY: usize = 64 * 1024;

/// Redirects that are followed at most; any more are taken for a loop.
const MAX_REDIRECTS: usize = 5;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum HttpError {
    #[error("{host} can't be reached: {}", plain(source))]
    Connect { host: Authority, source: io::Error },
    #[error("no secure connection to {host}: {source}")]
    Tls { host: Authority, source: io::Error },
    #[error("{0} does not answer within {limit} seconds", limit = LIMIT.as_secs())]
    NoAnswer(Authority),
    #[error("{host} does not speak HTTP as expected: {source}")]
    Http {
        host: Authority,
        source: hyper::Error,
    },
    #[error("{0} answers with more than 64 KiB, or not with text")]
    Body(Authority),
    #[error("{0} redirects without end")]
    TooManyRedirects(Authority),
    #[error("{0} redirects to nowhere that could be followed")]
    BadRedirect(Authority),
    #[error("{0} redirects from https to http")]
    Downgrade(Authority),
}

/// What every request has in common.
#[derive(Clone)]
pub(crate) struct HttpClient {
    /// Present only if there is an `https` URL.
    pub(crate) tls: Option<TlsConnector>,
    /// Sent only to the host that the user named, never to one it redirects to.
    pub(crate) authorization: Option<Authorization>,
}

/// What proves to a host that it may be called.
#[derive(Clone)]
pub(crate) struct Authorization {
    /// `Bearer ...`.
    pub(crate) value: HeaderValue,
    pub(crate) host: Uri,
}

/// A connection for a single request.
#[derive(Debug)]
pub(crate) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    /// This host's address on the path to the other.
    pub(crate) local: IpAddr,
}

/// A request, kept whole so that it can be sent again to where a redirect points.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// With its media type.
    pub(crate) body: Option<(&'static str, String)>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: Parts,
    pub(crate) text: String,
    /// The URL that answered, after all redirects.
    pub(crate) from: Uri,
}

impl HttpClient {
    /// Connects to the host that `url` names.
    pub(crate) async fn connect(&self, url: &Uri) -> Result<Connection, HttpError> {
        let host = host(url);
        let name = host.host().trim_matches(['[', ']']).to_owned();
        let port = host
            .port_u16()
            .unwrap_or(if is_https(url) { 443 } else { 80 });
        let stream = timeout(LIMIT, TcpStream::connect((name.as_str(), port)))
            .await
            .map_err(|_| HttpError::NoAnswer(host.clone()))?;
        let connected = stream.and_then(|stream| Ok((stream.local_addr()?.ip(), stream)));
        let (local, stream) = connected.map_err(|source| HttpError::Connect {
            host: host.clone(),
            source,
        })?;
        let requests = match &self.tls {
            Some(tls) if is_https(url) => {
                let refused = |source| HttpError::Tls {
                    host: host.clone(),
                    source,
                };
                let name =
                    ServerName::try_from(name).map_err(|it| refused(io::Error::other(it)))?;
                let secured = timeout(LIMIT, tls.connect(name, stream)).await;
                let secured = secured.map_err(|_| HttpError::NoAnswer(host.clone()))?;
                speak(secured.map_err(refused)?, &host).await?
            }
            _ => speak(stream, &host).await?,
        };
        let local = local.to_canonical();
        Ok(Connection { requests, local })
    }

    /// Sends `ask` to `url` over `connection`, and wherever that redirects it to (RFC 9110 §15.4.8,
    /// §15.4.9: with the method and the body as they are).
    pub(crate) async fn send(
        &self,
        mut connection: Connection,
        url: &Uri,
        ask: &Ask,
    ) -> Result<Reply, HttpError> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let token = self.authorization.as_ref();
            let token = token.filter(|it| origin(&it.host) == origin(&url));
            let token = token.map(|it| &it.value);
            let (head, text) = request(&mut connection, &url, ask, token).await?;
            let moved = [
                StatusCode::TEMPORARY_REDIRECT,
                StatusCode::PERMANENT_REDIRECT,
            ];
            if !moved.contains(&head.status) {
                let from = url;
                return Ok(Reply { head, text, from });
            }
            let location = head.headers.get(LOCATION);
            let next = location.and_then(|to| resolve(to, &url));
            let next = next.ok_or_else(|| HttpError::BadRedirect(host(&url)))?;
            if is_https(&url) && !is_https(&next) {
                return Err(HttpError::Downgrade(host(&url)));
            }
            connection = self.connect(&next).await?;
            url = next;
        }
        Err(HttpError::TooManyRedirects(host(&url)))
    }
}

/// Resolves `location` in a response from `base` (RFC 3986 §5), if HTTP can reach it.
pub(crate) fn resolve(location: &HeaderValue, base: &Uri) -> Option<Uri> {
    let base = base.to_string();
    let base = UriAbsoluteStr::new(&base).ok()?;
    let location = UriReferenceStr::new(location.to_str().ok()?).ok()?;
    let resolved: Uri = location.resolve_against(base).to_string().parse().ok()?;
    let reachable = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&resolved.scheme());
    (reachable && resolved.authority().is_some()).then_some(resolved)
}

/// Speaks HTTP over a stream.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &Authority,
) -> Result<SendRequest<Full<Bytes>>, HttpError> {
    let spoken = handshake(TokioIo::new(stream)).await;
    let (requests, connection) = spoken.map_err(|source| HttpError::Http {
        host: host.clone(),
        source,
    })?;
    // Its errors come back from the requests.
    tokio::spawn(connection);
    Ok(requests)
}

async fn request(
    connection: &mut Connection,
    url: &Uri,
    ask: &Ask,
    token: Option<&HeaderValue>,
) -> Result<(Parts, String), HttpError> {
    let host = host(url);
    let text = ask.body.as_ref().map_or("", |(_, text)| text);
    let mut request = Request::new(Full::new(Bytes::from(text.to_owned())));
    *request.method_mut() = ask.method.clone();
    let path = url.path_and_query().cloned();
    *request.uri_mut() = path.unwrap_or(PathAndQuery::from_static("/")).into();
    let headers = request.headers_mut();
    if let Some((kind, _)) = &ask.body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Ok(host) = HeaderValue::from_str(host.as_str()) {
        headers.insert(HOST, host);
    }
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, token.clone());
    }
    let response = timeout(LIMIT, connection.requests.send_request(request))
        .await
        .map_err(|_| HttpError::NoAnswer(host.clone()))?
        .map_err(|source| HttpError::Http {
            host: host.clone(),
            source,
        })?;
    let (head, body) = response.into_parts();
    Ok((head, read(body, host).await?))
}

async fn read(body: Incoming, host: Authority) -> Result<String, HttpError> {
    let body = match timeout(LIMIT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Err(HttpError::Body(host)),
        Err(_) => return Err(HttpError::NoAnswer(host)),
    };
    String::from_utf8(body.into()).map_err(|_| HttpError::Body(host))
}

fn is_https(url: &Uri) -> bool {
    url.scheme() == Some(&Scheme::HTTPS)
}

fn host(url: &Uri) -> Authority {
    let host = url.authority().cloned();
    host.unwrap_or(Authority::from_static("localhost"))
}

/// Scheme, host and port: the origin.
fn origin(url: &Uri) -> (bool, Authority) {
    (is_https(url), host(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_may_be_absolute_or_relative() {
        let base = Uri::from_static("https://host:1/live/whip?x");
        let resolve = |location| resolve(&HeaderValue::from_static(location), &base);
        for (location, url) in [
            ("http://other:1/x/7?y", "http://other:1/x/7?y"),
            ("//other/x", "https://other/x"),
            ("/x/7", "https://host:1/x/7"),
            ("whip/7", "https://host:1/live/whip/7"),
            ("../7", "https://host:1/7"),
            ("?z", "https://host:1/live/whip?z"),
        ] {
            assert_eq!(resolve(location).expect(location), url);
        }
        for location in ["/a b", "ftp://host/x", "file:///etc/passwd", "http://"] {
            assert_eq!(resolve(location), None, "{location}");
        }
    }
}
