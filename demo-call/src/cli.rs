//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::Uri;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::address::{Public, any_address, local_address};
use crate::archive::Limits;

/// A secured call: ICE, DTLS and SRTP on one UDP port.
///
/// Without a command, two endpoints on this host call each other, each plays a recording to the
/// other, and the summary tells what passed. The exit status is 0 only if every packet sent
/// arrived, authenticated and decrypted, and both recordings came through unchanged.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) alone: Alone,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer calls: from `dial`, from a browser, from any WHIP client (RFC 9725)
    Listen(Listen),
    /// Call a host where `listen` runs
    Dial(Dial),
}

/// The call of two endpoints on this host.
#[derive(Debug, Args)]
pub(crate) struct Alone {
    /// Recording to play (Ogg Opus); given twice, the second is what the answering side plays
    #[arg(long, value_name = "FILE.ogg")]
    pub(crate) play: Vec<PathBuf>,
    /// Folder for the two recordings
    #[arg(long, value_name = "DIR", default_value = "recordings")]
    pub(crate) record: PathBuf,
    /// Play as fast as the packets arrive, not at their real pace
    #[arg(long)]
    pub(crate) fast: bool,
    /// Print the summary as one JSON object, the last line of stdout
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) security: Security,
}

/// `listen`.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Where the page and the WHIP endpoint are served: HOST:PORT, or a port of this host alone
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = local_address)]
    pub(crate) http: SocketAddr,
    /// The UDP port of all calls: HOST:PORT, or a port of all addresses, of IPv6 and IPv4
    #[arg(long, value_name = "ADDR", default_value = "3478", value_parser = any_address)]
    pub(crate) media: SocketAddr,
    /// A TCP port beside it, for callers whose UDP is blocked (ICE-TCP); none by default
    #[arg(long, value_name = "ADDR", value_parser = any_address)]
    pub(crate) media_tcp: Option<SocketAddr>,
    /// Address at which callers reach the media ports, if it is not one of this host: behind a 1:1
    /// NAT, in a container. Add the port if it differs too. May be given several times
    #[arg(long, value_name = "IP[:PORT]")]
    pub(crate) public_address: Vec<Public>,
    /// Certificate chain for https, leaf first (PEM); http without it
    #[arg(long, value_name = "FILE.pem", requires = "https_key")]
    pub(crate) https_certificate: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE.pem", requires = "https_certificate")]
    pub(crate) https_key: Option<PathBuf>,
    /// File with bearer tokens, one on each line. Callers without one of them are refused; without
    /// the file anybody may call
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A reverse proxy is in front of the endpoint, so all callers seem to have its address: turns
    /// off the limits for each address
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// STUN or TURN server to tell callers about; may be given several times
    #[arg(long, value_name = "URL[,USER,PASSWORD]")]
    pub(crate) ice_server: Vec<String>,
    /// Where to serve counters for Prometheus, under /metrics; nowhere by default
    #[arg(long, value_name = "ADDR", value_parser = local_address)]
    pub(crate) metrics: Option<SocketAddr>,
    /// Recording to play to each caller, over and over (Ogg Opus)
    #[arg(long, value_name = "FILE.ogg")]
    pub(crate) play: Option<PathBuf>,
    /// Folder for recordings of the callers; nothing is recorded without it
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: RecordLimits,
    #[command(flatten)]
    pub(crate) security: Security,
}

/// `dial`.
#[derive(Debug, Args)]
pub(crate) struct Dial {
    /// The host to call, or its WHIP endpoint
    #[arg(value_name = "http[s]://HOST:PORT", value_parser = http_url)]
    pub(crate) url: Uri,
    /// File with the certificates to trust for https (PEM) [default: those that this system trusts]
    #[arg(long, value_name = "FILE.pem")]
    pub(crate) https_roots: Option<PathBuf>,
    /// File with the bearer token for the host
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Recording to play, once; the call ends with it (Ogg Opus)
    #[arg(long, value_name = "FILE.ogg")]
    pub(crate) play: Option<PathBuf>,
    /// Folder for the recording of the host; nothing is recorded without it
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: RecordLimits,
    /// Print the summary as one JSON object, the last line of stdout
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) security: Security,
}

/// How long recordings may get.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct RecordLimits {
    /// Size at which a recording ends
    #[arg(long, value_name = "MEGABYTES", default_value_t = 1000)]
    pub(crate) record_megabytes: u32,
    /// Length at which a recording ends
    #[arg(long, value_name = "MINUTES", default_value_t = 240)]
    pub(crate) record_minutes: u32,
}

impl From<RecordLimits> for Limits {
    fn from(limits: RecordLimits) -> Self {
        Self::new(limits.record_megabytes, limits.record_minutes)
    }
}

/// What this side offers and accepts.
#[derive(Clone, Debug, Args)]
pub(crate) struct Security {
    /// DTLS version to allow; given twice, both [default: both]
    #[arg(long = "dtls", value_name = "VERSION")]
    pub(crate) versions: Vec<Version>,
    /// SRTP profile to allow, best first; may be given several times [default: all but
    /// aes128-cm-sha1-32]
    #[arg(long = "profile", value_name = "PROFILE")]
    pub(crate) profiles: Vec<Profile>,
    /// Key exchange group to allow, best first; may be given several times [default: all]
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<Group>,
    /// Role in the DTLS handshake when this side answers a call and may choose
    #[arg(long, value_name = "ROLE", default_value = "server")]
    pub(crate) dtls_role: Role,
    /// Certificate for all calls (PEM); by default each call makes its own
    #[arg(long, value_name = "FILE.pem", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// Its private key (PEM, PKCS#8)
    #[arg(long, value_name = "FILE.pem", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// File to which the DTLS secrets are appended, for Wireshark: whoever reads it can read the
    /// call
    #[arg(long, value_name = "FILE")]
    pub(crate) key_log: Option<PathBuf>,
    /// File with options (TOML): `http = "[::]:8080"` there is `--http [::]:8080` here. The command
    /// line takes precedence
    #[arg(long, value_name = "FILE.toml")]
    #[allow(
        dead_code,
        reason = "its options are in the arguments before they are read"
    )]
    pub(crate) config: Option<PathBuf>,
}

/// A version of DTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    #[value(name = "1.2")]
    V12,
    #[value(name = "1.3")]
    V13,
}

/// An SRTP profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    #[value(name = "aead-aes-128-gcm")]
    Gcm128,
    #[value(name = "aead-aes-256-gcm")]
    Gcm256,
    #[value(name = "aes128-cm-sha1-80")]
    CmSha1,
    /// Tags of 32 bits, only for those who ask for them
    #[value(name = "aes128-cm-sha1-32")]
    CmSha1Short,
}

impl Profile {
    /// All that are taken unasked, best first.
    pub(crate) const USUAL: [Self; 3] = [Self::Gcm128, Self::Gcm256, Self::CmSha1];
}

/// A key exchange group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    #[value(name = "x25519mlkem768")]
    X25519MlKem768,
    #[value(name = "x25519")]
    X25519,
    #[value(name = "p-256")]
    P256,
    #[value(name = "p-384")]
    P384,
}

/// A role in the DTLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Client,
    Server,
}

/// Reads the URL of `dial`; without a path it means the endpoint that `listen` serves.
fn http_url(text: &str) -> Result<Uri, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "not a URL")?;
    let scheme = uri.scheme_str();
    if ![Some("http"), Some("https")].contains(&scheme) || uri.host().is_none_or(str::is_empty) {
        return Err("must be http://HOST:PORT or https://HOST:PORT");
    }
    if uri.path() != "/" {
        return Ok(uri);
    }
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(axum::http::uri::PathAndQuery::from_static("/whip"));
    Uri::from_parts(parts).map_err(|_| "not a URL")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_url_without_a_path_means_the_endpoint() {
        assert_eq!(
            http_url("http://host:80").expect("a URL"),
            "http://host:80/whip"
        );
        assert_eq!(
            http_url("http://[::1]:80/x?y").expect("a URL"),
            "http://[::1]:80/x?y"
        );
        assert_eq!(
            http_url("https://host").expect("a URL"),
            "https://host/whip"
        );
        for text in ["ftp://host", "host:80", "http://", "/whip", "http://:80/"] {
            assert!(http_url(text).is_err(), "{text}");
        }
    }
}
